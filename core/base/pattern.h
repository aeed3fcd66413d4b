// Names with `*`, as in `create: {match: "orders-*"}`.
#pragma once

#include <string_view>

namespace ym {

/// Whether `*` in `pattern`, each of which stands for any run of octets, can make it `text`. After a mismatch the last
/// `*` takes one octet more, so the time is at most the product of both lengths.
[[nodiscard]] constexpr bool fits_pattern(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace ym
