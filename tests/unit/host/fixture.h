// A Host with the bundled plugins, and settings written as YAML.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/host.h"
#include "settings/yaml_reader.h"

namespace ym::host {

/// The tree of `text`, a map, which stands in test.yaml. `keep` owns it.
inline settings::Node tree(const std::string& text) {
    settings::Problems problems;
    auto node = settings::read_yaml(
        text, "test.yaml", [](const char*) -> const char* { return nullptr; }, problems);
    EXPECT_TRUE(problems.empty()) << to_line(problems.sorted().front());
    return node ? std::move(*node) : settings::Node{};
}

inline std::vector<std::string> lines_of(const settings::Problems& problems) {
    std::vector<std::string> lines;
    for (const settings::Problem& problem : problems.sorted()) lines.push_back(to_line(problem));
    return lines;
}

/// `{plugin: NAME, ...}` as core/settings gives it.
inline settings::PluginUse use_of(const settings::Node& map) {
    settings::PluginUse use;
    use.settings = map;
    use.path = map.path;
    use.place = map.place;
    for (auto entry = use.settings.entries.begin(); entry != use.settings.entries.end(); ++entry) {
        if (entry->key != "plugin") continue;
        use.plugin = entry->value.scalar;
        use.place = entry->value.place;
        use.settings.entries.erase(entry);
        break;
    }
    return use;
}

inline settings::PluginUse use_of(const std::string& plugin) {
    settings::PluginUse use;
    use.plugin = plugin;
    use.settings.kind = settings::NodeKind::map;
    return use;
}

inline std::unique_ptr<Host> bundled() {
    auto host = std::make_unique<Host>();
    const auto loaded = host->load_bundled(YM_PLUGINS);
    EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().text);
    return host;
}

}  // namespace ym::host
