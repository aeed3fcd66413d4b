#include "settings/report.h"

#include <nlohmann/json.hpp>

namespace ym::settings {
namespace {

constexpr const char* red = "\x1b[31m";
constexpr const char* bold = "\x1b[1m";
constexpr const char* plain = "\x1b[0m";

nlohmann::ordered_json as_json(const Problem& problem) {
    return {{"id", problem.id},
            {"file", problem.place.file},
            {"line", problem.place.line},
            {"column", problem.place.column},
            {"path", problem.path},
            {"found", problem.found},
            {"expected", problem.expected},
            {"hint", problem.hint}};
}

nlohmann::ordered_json as_json(const Problems& problems) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Problem& problem : problems.sorted()) list.push_back(as_json(problem));
    return list;
}

/// Names may hold octets that a path has cut in two: those are replaced, as JSON is UTF-8.
std::string dump(const nlohmann::ordered_json& json) {
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

std::string problems_as_text(const Problems& problems, Colour colour) {
    if (problems.empty()) return {};
    const bool coloured = colour == Colour::on;
    std::string out;
    const std::vector<Problem> sorted = problems.sorted();
    for (const Problem& problem : sorted) {
        std::string line = to_line(problem);
        const std::size_t place_end = line.find(": ");
        if (coloured && place_end != std::string::npos)
            line = bold + line.substr(0, place_end + 1) + plain + line.substr(place_end + 1);
        out += line + "\n";
    }
    std::string sum = std::to_string(problems.count()) + (problems.count() == 1 ? " problem" : " problems");
    if (problems.count() > sorted.size()) sum += ", of which the first " + std::to_string(sorted.size()) + " are shown";
    return out + (coloured ? red + sum + plain : sum) + "\n";
}

std::string problems_as_json(const Problems& problems) {
    return dump(as_json(problems));
}

std::string report_as_json(const Config& config, const Problems& problems, bool values,
                           const PluginDefaults& defaults) {
    nlohmann::ordered_json report{{"ok", problems.empty()}, {"file", config.file}, {"count", problems.count()}};
    report["problems"] = as_json(problems);
    if (values && config.tree != nullptr) {
        nlohmann::ordered_json lines = nlohmann::ordered_json::array();
        for_each_line(config, defaults, [&](const PrintedLine& line) {
            if (line.kind == LineKind::opens) return;
            nlohmann::ordered_json value = line.text;
            if (line.kind == LineKind::empty_map) value = nlohmann::ordered_json::object();
            if (line.kind == LineKind::empty_list) value = nlohmann::ordered_json::array();
            if (line.is_null) value = nullptr;
            lines.push_back({{"path", line.path}, {"value", std::move(value)}, {"from", line.from}});
        });
        report["values"] = std::move(lines);
    }
    return dump(report) + "\n";
}

CheckOutput check_output(const Config& config, const Problems& problems, const CheckOptions& options) {
    CheckOutput output;
    output.exit_code = problems.empty() ? exit_ok : exit_config;
    if (options.json) {
        output.out = report_as_json(config, problems, options.print, options.defaults);
        return output;
    }
    output.err = problems_as_text(problems, options.colour);
    if (!problems.empty()) return output;
    output.out = options.print ? print(config, options.defaults) : config.file + ": no problems\n";
    return output;
}

}  // namespace ym::settings
