#include "base/nearest.h"

#include <algorithm>
#include <array>

namespace ym {

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t most) {
    constexpr std::size_t longest = 256;
    const std::size_t difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
    if (difference > most || a.size() >= longest || b.size() >= longest) return most + 1;
    std::array<std::size_t, longest> row{};
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        std::size_t least = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
            least = std::min(least, row[j]);
        }
        if (least > most) return most + 1;
    }
    return std::min(row[b.size()], most + 1);
}

void Nearest::offer(std::string_view name) {
    if (!best_.empty() && best_ == wanted_) return;
    const std::size_t distance = edit_distance(wanted_, name, most_);
    if (distance > most_) return;
    best_ = name;
    if (distance == 0) return;
    most_ = distance - 1;
}

}  // namespace ym
