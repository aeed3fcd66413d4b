#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "fuzz/one_input.h"
#include "settings/config.h"
#include "settings/print.h"
#include "settings/report.h"

namespace ym::fuzz {
namespace {

using settings::Config;
using settings::Problem;
using settings::Problems;

const char* variable(const char* name) {
    return std::string_view(name) == "PORT" ? "5555" : nullptr;
}

/// Every effective value, without where it came from.
std::vector<std::string> values_of(const Config& config) {
    std::vector<std::string> values;
    settings::for_each_line(config, {}, [&values](const settings::PrintedLine& line) {
        values.push_back(line.path + (line.is_null ? " ~" : " = ") + line.text);
    });
    return values;
}

const char* check_problems(const Problems& problems, std::size_t lines, SettingsCounts& counts) {
    for (const Problem& problem : problems.sorted()) {
        ++counts.by_id[problem.id];
        if (problem.id.empty() || problem.expected.empty()) return "a problem has an id and says what was expected";
        if (problem.place.file != "fuzz.yaml") return "a problem stands in the file";
        if (problem.place.line > lines + 1) return "a problem stands in a line of the file";
        const std::string line = to_line(problem);
        const bool printable =
            std::all_of(line.begin(), line.end(), [](char c) { return c < 0 || (c >= ' ' && c != 127); });
        if (!printable) return "a problem is one printable line";
    }
    return nullptr;
}

const char* fuzz(const std::string& text, SettingsCounts& counts) {
    Problems problems;
    const Config config = settings::read_text(text, "fuzz.yaml", variable, problems);
    const auto lines = static_cast<std::size_t>(1 + std::count(text.begin(), text.end(), '\n'));
    if (const char* broken = check_problems(problems, lines, counts)) return broken;
    // Texts of the file, octets that are no UTF-8 included, go into a report for machines.
    const std::string json = settings::report_as_json(config, problems, problems.empty());
    if (json.find('\n') != json.size() - 1) return "a report for machines is one line";
    if (!problems.empty()) {
        ++counts.bad;
        counts.problems += problems.count();
        return nullptr;
    }
    ++counts.good;
    Problems again;
    const std::string printed = settings::print(config);
    const Config reread = settings::read_text(printed, "printed.yaml", variable, again);
    if (!again.empty()) {
        std::printf("%s\n%s", to_line(again.sorted().front()).c_str(), printed.c_str());
        return "what is printed is read without a problem";
    }
    return values_of(reread) == values_of(config) ? nullptr : "what is printed means the same";
}

}  // namespace

const char* fuzz_one_settings(const std::uint8_t* data, std::size_t size, SettingsCounts& counts) {
    try {
        return fuzz({reinterpret_cast<const char*>(data), size}, counts);
    } catch (const std::exception& error) {
        std::printf("%s\n", error.what());
        return "no exception leaves the reader";
    }
}

}  // namespace ym::fuzz
