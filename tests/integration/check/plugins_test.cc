// The keys of bundled plugins: broken files with exactly what is said about them, and config/reference.yaml.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <sstream>

#include "host/host.h"
#include "host/registry.h"
#include "settings/print.h"
#include "unit/settings/reading.h"

namespace ym::host {
namespace {

namespace fs = std::filesystem;
using settings::test::lines_of;

const fs::path source = YM_SOURCE;
const fs::path broken = source / "tests/unit/settings/broken_plugins";

std::string text_of(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

/// All that `yardmaster check` says about a text, with PLUGINS for the folder of the bundled ones.
std::vector<std::string> said_about(const std::string& text, const std::string& name) {
    settings::Problems problems;
    const settings::Config config = settings::read_text(text, name, settings::test::variable, problems);
    Host host;
    EXPECT_TRUE(host.load_bundled(YM_PLUGINS).ok());
    if (config.tree != nullptr) {
        static_cast<void>(host.build(config, problems));
        static_cast<void>(host.make_store(config.store, problems));
    }
    std::vector<std::string> lines = lines_of(problems);
    for (std::string& line : lines) {
        const std::size_t folder = line.find(YM_PLUGINS);
        if (folder != std::string::npos) line.replace(folder, std::string(YM_PLUGINS).size(), "PLUGINS");
    }
    return lines;
}

std::vector<fs::path> files(const std::string& extension) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(broken))
        if (entry.path().extension() == extension) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

TEST(BrokenPluginKeys, HaveExactlyTheExpectedProblems) {
    ASSERT_FALSE(files(".yaml").empty());
    for (fs::path file : files(".yaml")) {
        const std::vector<std::string> said = said_about(text_of(file), file.filename().string());
        EXPECT_EQ(said, split(text_of(fs::path(file).replace_extension(".expected")))) << file.filename();
        EXPECT_FALSE(said.empty()) << file.filename();
    }
}

/// The settings of a plugin for one interface; null if it has none.
const ym_setting* settings_of(const ym_plugin& plugin, const std::string& interface_id) {
    const void* table = plugin.get(interface_id.c_str());
    if (interface_id == "routing/1") return static_cast<const ym_routing*>(table)->settings;
    if (interface_id == "balance/1") return static_cast<const ym_balance*>(table)->settings;
    if (interface_id == "retry/1") return static_cast<const ym_retry*>(table)->settings;
    return static_cast<const ym_persistence*>(table)->settings;
}

/// Calls `call` with the path of every key of every bundled plugin: `direct: to`, `topic: bindings\[[0-9]+\].match`.
void for_each_key(const std::function<void(const std::string&, const std::string&, const ym_setting&)>& call) {
    const std::function<void(const std::string&, const std::string&, const ym_setting*)> walk =
        [&](const std::string& plugin, const std::string& path, const ym_setting* rows) {
            for (; rows != nullptr && rows->key != nullptr; ++rows) {
                const bool is_item = std::string(rows->key) == "*" || std::string(rows->key) == "@";
                std::string here = path;
                if (is_item) {
                    here += "\\[[0-9]+\\]";
                } else {
                    if (!here.empty()) here += "\\.";
                    here += rows->key;
                    call(plugin, here, *rows);
                }
                walk(plugin, here, rows->inside);
            }
        };
    Registry registry;
    for (const auto& entry : fs::directory_iterator(YM_PLUGINS)) {
        if (entry.path().extension() != ".so") continue;
        ASSERT_FALSE(registry.load(entry.path().string(), {})) << entry.path();
    }
    for (const char* interface_id : {"routing/1", "balance/1", "retry/1", "persistence/1"})
        for (const ym_plugin* plugin : registry.with(interface_id))
            walk(plugin->id, {}, settings_of(*plugin, interface_id));
}

/// The paths of values at which `plugin` stands in a file, as the lines of problems show them.
std::vector<std::string> uses_of(const std::string& plugin, const settings::Config& config) {
    std::vector<std::string> paths;
    const auto add = [&](const settings::PluginUse& use) {
        if (use.plugin == plugin) paths.push_back(use.path);
    };
    add(config.store);
    for (const auto& retry : config.retries) add(retry.use);
    for (const auto& queue : config.queues) add(queue.balance);
    for (const auto& pipeline : config.pipelines) add(pipeline.route);
    return paths;
}

TEST(BrokenPluginKeys, EveryKeyOfEveryBundledPluginIsWrongInSomeFile) {
    std::size_t keys = 0;
    for_each_key([&](const std::string& plugin, const std::string& path, const ym_setting&) {
        ++keys;
        bool found = false;
        for (const fs::path& file : files(".yaml")) {
            settings::Problems ignored;
            const auto config =
                settings::read_text(text_of(file), file.filename().string(), settings::test::variable, ignored);
            const std::string expected = text_of(fs::path(file).replace_extension(".expected"));
            for (const std::string& use : uses_of(plugin, config)) {
                const std::regex line(": " + use + "\\." + path + "(\\[[0-9]+\\])?: ");
                found = found || std::regex_search(expected, line);
            }
        }
        EXPECT_TRUE(found) << plugin << ": " << path;
    });
    EXPECT_GT(keys, 20U);
}

TEST(ReferenceFile, HasNoProblemWithItsPlugins) {
    for (const char* name : {"reference.yaml", "quickstart.yaml"})
        EXPECT_THAT(said_about(text_of(source / "config" / name), name), testing::IsEmpty());
}

/// Whether the values inside `node`, which is at the end of `path`, have a line that ends with `note`.
bool is_shown(const settings::Node& node, std::string path, const std::string& note,
              const std::vector<std::string>& lines) {
    if (node.kind == settings::NodeKind::list) {
        constexpr std::string_view item = "\\[[0-9]+\\]\\.";
        if (!path.starts_with(item)) return false;
        return std::any_of(node.items.begin(), node.items.end(), [&](const settings::Node& inside) {
            return is_shown(inside, path.substr(item.size()), note, lines);
        });
    }
    for (const settings::Entry& entry : node.entries) {
        if (path == entry.key && lines.at(entry.key_place.line - 1).ends_with(note)) return true;
        if (path.starts_with(entry.key + "\\.") &&
            is_shown(entry.value, path.substr(entry.key.size() + 2), note, lines))
            return true;
        if (path.starts_with(entry.key + "\\[") && is_shown(entry.value, path.substr(entry.key.size()), note, lines))
            return true;
    }
    return false;
}

/// What must stand behind a plugin's key.
std::string note_of(const ym_setting& setting) {
    std::string doc = setting.doc;
    doc[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(doc[0])));
    const std::string otherwise = setting.otherwise == nullptr ? "" : setting.otherwise;
    if (otherwise == "{}") return "# " + doc + ".";
    std::string note = otherwise.empty() ? "# required. " : "# [" + (otherwise == "~" ? "none" : otherwise) + "] ";
    const bool is_told =
        setting.range != nullptr && setting.kind != YM_LIST && setting.kind != YM_TEXT && setting.kind != YM_MAP;
    if (is_told) note += std::string(setting.range) + ". ";
    return note + doc + ".";
}

TEST(ReferenceFile, ShowsEveryKeyOfEveryBundledPlugin) {
    const std::string text = text_of(source / "config/reference.yaml");
    settings::Problems problems;
    const settings::Config config = settings::read_text(text, "reference.yaml", settings::test::variable, problems);
    const std::vector<std::string> lines = split(text);
    for_each_key([&](const std::string& plugin, const std::string& path, const ym_setting& setting) {
        bool shown = false;
        const auto look = [&](const settings::PluginUse& use) {
            shown = shown || (use.plugin == plugin && is_shown(use.settings, path, note_of(setting), lines));
        };
        look(config.store);
        for (const auto& retry : config.retries) look(retry.use);
        for (const auto& queue : config.queues) look(queue.balance);
        for (const auto& pipeline : config.pipelines) look(pipeline.route);
        EXPECT_TRUE(shown) << plugin << ": " << path << " with " << note_of(setting);
    });
}

/// What `check --print` shows of a text.
std::string printed(const std::string& text) {
    settings::Problems problems;
    const settings::Config config = settings::read_text(text, "broker.yaml", settings::test::variable, problems);
    Host host;
    EXPECT_TRUE(host.load_bundled(YM_PLUGINS).ok());
    EXPECT_NE(host.build(config, problems), nullptr);
    EXPECT_THAT(lines_of(problems), testing::IsEmpty());
    return settings::print(
        config, [&](settings::PluginKind kind, const settings::Node& map) { return host.with_defaults(kind, map); });
}

constexpr const char* sample = R"(yardmaster: 1
listeners: {main: {bind: ["tcp://127.0.0.1:5555"]}}
retries: {steps: {plugin: backoff, jitter: 5%, reasons: {nack: {delay: 1s}, reject: {}}}}
queues: {hello: ~}
pipelines: {in: {route: {plugin: topic, bindings: [{match: "#", to: hello}]}}}
)";

TEST(Print, ShowsTheDefaultsOfPluginsAndWhoseTheyAre) {
    const std::string text = printed(sample);
    const std::string squeezed = std::regex_replace(text, std::regex(" {2,}#"), " #");
    const auto has = [&](const char* lines) { EXPECT_THAT(squeezed, testing::HasSubstr(lines)); };
    has("      take: all # default of topic\n");
    has("          match: \"#\" # broker.yaml:5\n");
    has("    jitter: 5% # broker.yaml:3\n");
    has("    factor: 2 # default of backoff\n");
    has("    delays: ~ # default of backoff\n");
    has("      nack:\n        delay: 1s # broker.yaml:3\n      reject:\n        delay: ~ # default of backoff\n");
    has("      worker_lost:\n        delay: 0s # default of backoff\n");
    has("      lease_expired:\n        delay: ~ # default of backoff\n");
}

TEST(Print, WithTheDefaultsOfPluginsReadsBackToTheSame) {
    const auto values = [](const std::string& text) { return std::regex_replace(text, std::regex(" +#[^\n]*"), ""); };
    for (const std::string& text : {std::string(sample), text_of(source / "config/reference.yaml")}) {
        const std::string once = printed(text);
        EXPECT_EQ(values(printed(once)), values(once));
    }
}

}  // namespace
}  // namespace ym::host
