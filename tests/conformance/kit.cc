#include "conformance/kit.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "settings/yaml_reader.h"

namespace ym::conformance {
namespace {

std::string first_word(const char* range, const std::string& otherwise) {
    if (range == nullptr) return otherwise;
    const std::string_view text = range;
    const std::string word(text.substr(0, std::min(text.find('|'), text.find(".."))));
    return word.empty() ? otherwise : word;
}

std::string map_of(const ym_setting* settings, bool every_key);

std::string value_of(const ym_setting& setting, bool every_key) {
    switch (setting.kind) {
        case YM_TEXT: return "x";
        case YM_INTEGER: return first_word(setting.range, "1");
        case YM_NUMBER: return first_word(setting.range, "1");
        case YM_BOOL: return "true";
        case YM_DURATION_NS: return first_word(setting.range, "1s");
        case YM_BYTES: return first_word(setting.range, "1KiB");
        case YM_SHARE: return "100%";
        case YM_CHOICE: return first_word(setting.range, "x");
        case YM_TARGET: return "somewhere";
        case YM_FIELD: return "key";
        case YM_LIST: return "[" + value_of(setting.inside[0], every_key) + "]";
        case YM_MAP: return map_of(setting.inside, every_key);
        default: ADD_FAILURE() << setting.key << " is of the unknown kind " << setting.kind; return "";
    }
}

std::string map_of(const ym_setting* settings, bool every_key) {
    std::string text = "{";
    for (; settings->key != nullptr; ++settings) {
        const bool has_default = settings->otherwise != nullptr;
        if (has_default && (!every_key || std::string_view(settings->otherwise) == "~")) continue;
        text += text.size() > 1 ? ", " : "";
        const std::string_view key = settings->key;
        text += key == "*" ? "any" : key == "@" ? "somewhere" : key;
        text += ": " + (has_default ? settings->otherwise : value_of(*settings, every_key));
    }
    return text + "}";
}

const ym_setting* settings_of(const std::string& interface_id, const void* table) {
    if (interface_id == YM_ROUTING_1) return static_cast<const ym_routing*>(table)->settings;
    if (interface_id == YM_BALANCE_1) return static_cast<const ym_balance*>(table)->settings;
    if (interface_id == YM_RETRY_1) return static_cast<const ym_retry*>(table)->settings;
    return static_cast<const ym_persistence*>(table)->settings;
}

}  // namespace

host::Registry& registry() {
    static host::Registry all = [] {
        host::Registry loaded;
        std::vector<std::string> paths;
        for (const auto& file : std::filesystem::directory_iterator(YM_PLUGINS)) {
            if (file.path().extension() == ".so") paths.push_back(file.path().string());
        }
        std::sort(paths.begin(), paths.end());
        for (const std::string& path : paths) {
            if (const auto failed = loaded.load(path, "")) ADD_FAILURE() << failed->to_line();
        }
        return loaded;
    }();
    return all;
}

std::vector<std::string> ids_with(const std::string& interface_id) {
    std::vector<std::string> ids;
    for (const ym_plugin* plugin : registry().with(interface_id)) ids.emplace_back(plugin->id);
    return ids;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
    return info.param;
}

std::string Schema::sample(bool every_key) const {
    return map_of(settings, every_key);
}

Schema schema_of(const std::string& interface_id, const std::string& plugin) {
    for (const ym_plugin* entry : registry().with(interface_id)) {
        if (plugin == entry->id) return {settings_of(interface_id, entry->get(interface_id.c_str()))};
    }
    ADD_FAILURE() << "no " << plugin << " with " << interface_id;
    return {};
}

settings::PluginUse use_of(const std::string& plugin, const std::string& yaml) {
    settings::Problems problems;
    const auto none = [](const char*) -> const char* { return nullptr; };
    const auto tree = settings::read_yaml("use: " + yaml, "test.yaml", none, problems);
    EXPECT_TRUE(problems.empty()) << to_line(problems.sorted().front());
    settings::PluginUse use;
    use.plugin = plugin;
    if (tree) use.settings = *tree->find("use");
    use.place = use.settings.place;
    use.path = use.settings.path;
    return use;
}

RoutingInstance make_routing(const settings::PluginUse& use, settings::Problems& problems) {
    settings::Config config;
    config.create.emplace();
    config.create->settings.match = "*";
    host::Addresses addresses(config);
    host::PipelineTargets targets(addresses, "pipeline");
    RoutingInstance instance;
    instance.policy = registry().routing(use, targets, problems);
    instance.targets = targets.take();
    return instance;
}

std::vector<std::string> lines_of(const settings::Problems& problems) {
    std::vector<std::string> lines;
    for (const settings::Problem& problem : problems.sorted()) lines.push_back(to_line(problem));
    return lines;
}

}  // namespace ym::conformance
