// The effective values of a Config, one after the other, in the order of the key table.
#pragma once

#include <functional>
#include <string>

#include "settings/config.h"
#include "settings/table.h"

namespace ym::settings {

enum class LineKind : std::uint8_t { value, opens, empty_map, empty_list };  // `opens`: the next lines stand inside

/// A line of the printed file.
struct PrintedLine {
    LineKind kind{};
    std::size_t depth = 0;
    bool is_item = false;  // of a list: it has no key
    std::string key;
    std::string path;      // of the thing that has the value, not of its template
    std::string text;      // the value
    bool is_null = false;  // the value is `~`
    std::string from;  // "broker.yaml:14", "template fast (broker.yaml:9)", "default", "default of topic"; empty where
                       // there is no value
};

enum class PluginKind : std::uint8_t { routing, balance, retry, persistence };

/// Gives a map with `plugin` the keys of the plugin's schema that it lacks, with their defaults. These stand in no
/// file, and say with `inherited` whose defaults they are.
using PluginDefaults = std::function<Node(PluginKind kind, const Node& map)>;

/// Calls `line` for each. Without `defaults` plugins have the keys that are written.
void for_each_line(const Config& config, const PluginDefaults& defaults,
                   const std::function<void(const PrintedLine&)>& line);

/// Every effective value and, as a comment, where it came from: `# broker.yaml:14`, `# template fast (broker.yaml:9)`,
/// `# default` or `# default of backoff`. YAML that reads back to the same Config.
[[nodiscard]] std::string print(const Config& config, const PluginDefaults& defaults = {});

/// `text` as a YAML scalar on one line that reads back as itself: with quotes where it needs them, `$` doubled.
[[nodiscard]] std::string yaml_scalar(std::string_view text);

}  // namespace ym::settings
