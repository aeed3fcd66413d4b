// YAML text -> Node tree. yaml-cpp is used in one file and its exceptions end there; the traps of YAML that it lets
// pass (repeated keys, a second document, quotes that swallow lines) are problems here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "settings/node.h"

namespace ym::settings {

inline constexpr std::size_t yaml_octets_max = std::size_t{4} << 20U;
inline constexpr std::size_t yaml_depth_max = 64;
inline constexpr std::size_t yaml_nodes_max = 500'000;
inline constexpr std::size_t yaml_key_max = 255;

using Variable = const char* (*)(const char* name);

/// The tree of `text`, a map, with `${VAR}` replaced; nothing when the text cannot be understood as a whole. Problems
/// of single values leave them in the tree as `broken`.
[[nodiscard]] std::optional<Node> read_yaml(std::string_view text, const std::string& file, Variable variable,
                                            Problems& problems);

/// `path` and one more key: `queues.thumbs`, `plugins.load."example.com/by-country"`. Long paths lose their middle.
[[nodiscard]] std::string join_path(std::string_view path, std::string_view key);

}  // namespace ym::settings
