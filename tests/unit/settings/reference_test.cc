// config/reference.yaml says of every key what the key table says, and its defaults are the real ones.
#include <gmock/gmock.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "settings/table.h"
#include "settings/yaml_reader.h"
#include "unit/settings/reading.h"

namespace ym::settings {
namespace {

std::string config_text(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(std::string(YM_SOURCE "/config/") + file).rdbuf();
    return text.str();
}

/// Lines that begin with `#:` show what has no default.
std::string uncommented(const std::string& text) {
    return std::regex_replace(text, std::regex("(^|\n)#:"), "$1");
}

std::vector<std::string> lines_of_text(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

/// What must stand behind a key.
std::string note_of(const Setting& setting) {
    const std::string doc = std::string(setting.doc) + ".";
    const bool is_container = setting.kind == Kind::map || setting.kind == Kind::names || setting.key == "*";
    if (is_container) return "# " + doc;
    std::string note = "# required. ";
    if (setting.otherwise != required)
        note = "# [" + std::string(setting.otherwise.empty() ? none : setting.otherwise) + "] ";
    if (!setting.range.empty() && setting.kind != Kind::version) note += std::string(setting.range) + ". ";
    return note + doc;
}

/// Collects the keys that `node` shows, with the comment that the table asks for.
void collect(std::span<const Setting> settings, const Node& node, const std::vector<std::string>& lines,
             std::set<const Setting*>& shown) {
    for (const Entry& entry : node.entries) {
        const Setting* setting = find(settings, entry.key);
        if (setting == nullptr) setting = find(settings, "*");
        if (setting == nullptr) continue;
        const std::string& line = lines.at(entry.key_place.line - 1);
        if (line.ends_with(note_of(*setting))) shown.insert(setting);
        collect(setting->inside, entry.value, lines, shown);
    }
}

void check_shown(std::span<const Setting> settings, const std::string& path, const std::set<const Setting*>& shown) {
    for (const Setting& setting : settings) {
        if (setting.key == "[]") continue;
        const std::string here = path + "." + std::string(setting.key);
        const bool is_templates_twin = here == ".queues.*";
        EXPECT_TRUE(is_templates_twin || shown.contains(&setting)) << here << " with " << note_of(setting);
        check_shown(setting.inside, here, shown);
    }
}

TEST(Reference, ShowsEveryKeyWithItsDefaultItsRangeAndWhatItDoes) {
    const std::string text = uncommented(config_text("reference.yaml"));
    Problems problems;
    const std::optional<Node> root = read_yaml(text, "reference.yaml", test::variable, problems);
    ASSERT_THAT(test::lines_of(problems), testing::IsEmpty());
    std::set<const Setting*> shown;
    collect(table(), *root, lines_of_text(text), shown);
    check_shown(table(), {}, shown);
}

TEST(Reference, HasNoProblem) {
    test::read_good(config_text("reference.yaml"));
    const std::string whole = std::regex_replace(uncommented(config_text("reference.yaml")),
                                                 std::regex("like: default  .*The template that gives.*"), "");
    EXPECT_EQ(test::read_good(whole).plugins.size(), 1U);
    EXPECT_TRUE(test::read_good(whole).create.has_value());
}

TEST(Reference, ItsDefaultsAreWhatTheSmallestFileComesTo) {
    const std::string reference = test::describe(test::read_good(config_text("reference.yaml")));
    const std::vector<std::string> shown = lines_of_text(reference);
    const std::string smallest = test::describe(test::read_good(test::small_file("queues: {hello: ~}\n")));
    for (const std::string& line : lines_of_text(smallest))
        EXPECT_THAT(shown, testing::Contains(testing::StartsWith(line)));
}

TEST(Ppp, HasNoProblem) {
    const Config config = test::read_good(config_text("ppp.yaml"));
    ASSERT_EQ(config.listeners.size(), 2U);
    EXPECT_TRUE(config.listeners[0].pirate || config.listeners[1].pirate);
}

TEST(Quickstart, HasNoProblem) {
    const Config config = test::read_good(config_text("quickstart.yaml"));
    ASSERT_EQ(config.listeners.size(), 1U);
    EXPECT_THAT(config.listeners[0].bind, testing::ElementsAre("tcp://127.0.0.1:5555"));
    EXPECT_EQ(config.store.plugin, "log");
    ASSERT_TRUE(config.create.has_value());
    EXPECT_EQ(config.create->settings.match, "*");
}

}  // namespace
}  // namespace ym::settings
