// Broken files and exactly what is said about each: broken/NNN-name.yaml and broken/NNN-name.expected.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <set>
#include <sstream>

#include "settings/table.h"
#include "settings/yaml_reader.h"
#include "unit/settings/reading.h"

namespace ym::settings {
namespace {

namespace fs = std::filesystem;

const fs::path source = YM_SOURCE;
const fs::path broken = source / "tests/unit/settings/broken";

std::string text_of(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
}

std::vector<std::string> lines_in(const fs::path& file) {
    std::vector<std::string> lines;
    std::istringstream text(text_of(file));
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
}

std::vector<fs::path> expected_files() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(broken))
        if (entry.path().extension() == ".expected") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

/// Files are read by their bare names, so that places look the same wherever the sources lie.
class InTheCorpus {
  public:
    InTheCorpus() : before_(fs::current_path()) { fs::current_path(broken); }
    ~InTheCorpus() { fs::current_path(before_); }
    InTheCorpus(const InTheCorpus&) = delete;
    InTheCorpus& operator=(const InTheCorpus&) = delete;

  private:
    fs::path before_;
};

Problems problems_of(const std::string& text) {
    Problems problems;
    static_cast<void>(read_text(text, "broker.yaml", test::variable, problems));
    return problems;
}

/// Files that are too large to be kept, by the id that they lead to.
Problems of_a_large_file() {
    return problems_of(std::string(yaml_octets_max + 1, '\n'));
}

Problems of_many_values() {
    std::string text = "yardmaster: 1\nstore: [";
    for (std::size_t i = 0; i < yaml_nodes_max; ++i) text += "1,";
    return problems_of(text + "1]\n");
}

Problems of_large_variables() {
    static const std::string megabyte(std::size_t{1} << 20U, 'x');
    Problems problems;
    const auto variable = [](const char*) { return megabyte.c_str(); };
    static_cast<void>(read_text("a: ${A}${A}${A}${A}${A}\n", "broker.yaml", variable, problems));
    return problems;
}

const std::vector<std::pair<std::string, Problems (*)()>> made{
    {"file.size", of_a_large_file}, {"yaml.nodes", of_many_values}, {"variable.size", of_large_variables}};

/// The parts that an expected line ends and begins with: `file:line:column: path: found ... [id]`.
std::string id_of(const std::string& line) {
    const std::size_t bracket = line.rfind('[');
    return bracket == std::string::npos ? "" : line.substr(bracket + 1, line.size() - bracket - 2);
}

std::set<std::string> ids_of_the_corpus() {
    std::set<std::string> ids;
    for (const fs::path& file : expected_files())
        for (const std::string& line : lines_in(file)) ids.insert(id_of(line));
    return ids;
}

TEST(Corpus, EachBrokenFileHasExactlyTheExpectedProblems) {
    const InTheCorpus here;
    ASSERT_GT(expected_files().size(), 40U);
    for (const fs::path& file : expected_files()) {
        const std::string name = file.stem().string() + ".yaml";
        Problems problems;
        static_cast<void>(read(name, test::variable, problems));
        EXPECT_EQ(test::lines_of(problems), lines_in(file)) << name;
        EXPECT_FALSE(problems.empty()) << name;
    }
}

TEST(Corpus, EveryBrokenFileSaysWhatIsExpected) {
    for (const auto& entry : fs::directory_iterator(broken)) {
        fs::path expected = entry.path();
        EXPECT_TRUE(fs::exists(expected.replace_extension(".expected"))) << entry.path();
    }
}

TEST(Corpus, FilesTooLargeToBeKeptHaveTheirProblems) {
    for (const auto& [id, problems] : made) {
        EXPECT_THAT(problems().sorted(), testing::Contains(testing::Field(&Problem::id, id)));
    }
}

TEST(Corpus, EveryIdInTheSourcesIsInTheCorpus) {
    std::set<std::string> known = ids_of_the_corpus();
    EXPECT_GE(known.size(), 40U);
    for (const auto& [id, problems] : made) known.insert(id);
    known.insert("retries.default");  // a path that looks like an id
    const std::regex id(R"re("([a-z]+\.[a-z_]+)")re");
    std::size_t found = 0;
    for (const auto& entry : fs::directory_iterator(source / "core/settings")) {
        const std::string text = text_of(entry.path());
        for (std::sregex_iterator match(text.begin(), text.end(), id), end; match != end; ++match, ++found)
            EXPECT_THAT(known, testing::Contains((*match)[1].str())) << entry.path();
    }
    EXPECT_GT(found, known.size());
}

/// `queues.*.lease` for every key of the table, as an expression for the paths of problems.
void for_each_key(std::span<const Setting> settings, const std::string& path,
                  const std::function<void(const std::string&)>& call) {
    for (const Setting& setting : settings) {
        if (setting.key == "[]") continue;
        const bool is_name = setting.key == "*";
        std::string here = path;
        if (!here.empty()) here += "\\.";
        here += is_name ? R"re(("[^"]*"|[^." ]+))re" : std::string(setting.key);
        call(here);
        for_each_key(setting.inside, here, call);
    }
}

TEST(Corpus, EveryKeyIsWrongInSomeFile) {
    std::string lines;
    for (const fs::path& file : expected_files()) lines += text_of(file);
    std::size_t keys = 0;
    for_each_key(table(), {}, [&](const std::string& path) {
        ++keys;
        const std::regex line("(^|\n)[^ \n]+: " + path + "(\\[[0-9]+\\])?(\\.plugin)?: found");
        EXPECT_TRUE(std::regex_search(lines, line)) << path;
    });
    EXPECT_GT(keys, 60U);
}

}  // namespace
}  // namespace ym::settings
