// The rows of a schema as a plugin publishes them: what all that read one need.
#pragma once

#include <yardmaster/common.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace ym::host {

/// A schema whose rows nest without end is a fault of the plugin, not a reason to run out of stack.
inline constexpr int schema_depth_max = 32;

/// One row, whose step is the plugin's own.
[[nodiscard]] inline const ym_setting& row_at(const ym_setting* rows, std::uint32_t size, std::size_t index) {
    return *reinterpret_cast<const ym_setting*>(reinterpret_cast<const char*>(rows) + index * size);
}

[[nodiscard]] inline std::string_view view(const char* text) {
    return text == nullptr ? std::string_view() : std::string_view(text);
}

/// A row for keys that the schema does not name.
[[nodiscard]] inline bool is_free(const ym_setting& row) {
    return view(row.key) == "*" || view(row.key) == "@";
}

/// The items of a list that stands as a default: `[1s, 10s]`.
[[nodiscard]] inline std::vector<std::string_view> items_of(std::string_view list) {
    std::vector<std::string_view> items;
    list = list.substr(1, list.size() - 2);
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        std::string_view item = list.substr(0, comma);
        while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
        while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
        items.push_back(item);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return items;
}

}  // namespace ym::host
