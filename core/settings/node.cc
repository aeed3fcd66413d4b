#include "settings/node.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace ym::settings {
namespace {

/// Text that cannot break out of its line or drive a terminal.
std::string printable(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto octet = static_cast<unsigned char>(c);
        // U+0080 to U+009F are control characters too, as C2 and one more octet in UTF-8.
        const bool begins_c1 = octet == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (begins_c1) {
            out += "\\xc2\\x";
            const auto next = static_cast<unsigned char>(text[++i]);
            out += digits[next >> 4U];
            out += digits[next & 15U];
        } else if (octet >= 0x20 && octet != 0x7f) {
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else {
            out += "\\x";
            out += digits[octet >> 4U];
            out += digits[octet & 15U];
        }
    }
    return out;
}

/// How many letters must be added, taken away, changed or swapped with their neighbour; `limit` + 1 stands for "more
/// than `limit`". Source: optimal string alignment, three rows at a time.
std::size_t distance(std::string_view a, std::string_view b, std::size_t limit) {
    std::array<std::vector<std::size_t>, 3> rows;
    for (auto& row : rows) row.assign(b.size() + 1, 0);
    for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        auto& row = rows[i % 3];
        const auto& before = rows[(i + 2) % 3];
        const auto& two_before = rows[(i + 1) % 3];
        row[0] = i;
        std::size_t least = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = std::min({before[j] + 1, row[j - 1] + 1, before[j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], two_before[j - 2] + 1);
            least = std::min(least, row[j]);
        }
        if (least > limit) return limit + 1;
    }
    return rows[a.size() % 3][b.size()];
}

}  // namespace

const Node* Node::find(std::string_view key) const {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
    return found == entries.end() ? nullptr : &found->value;
}

std::vector<Problem> Problems::sorted() const {
    std::vector<Problem> sorted = list_;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
        return std::tie(a.place.file, a.place.line, a.place.column) <
               std::tie(b.place.file, b.place.line, b.place.column);
    });
    return sorted;
}

std::string to_line(const Problem& problem) {
    std::string line = problem.place.file;
    if (problem.place.line > 0)
        line += ":" + std::to_string(problem.place.line) + ":" + std::to_string(problem.place.column);
    line += ": ";
    if (!problem.path.empty()) line += problem.path + ": ";
    line += "found " + problem.found + "; expected " + problem.expected;
    if (!problem.hint.empty()) line += "; " + problem.hint;
    line += " [" + problem.id + "]";
    return printable(line);
}

std::string nearest(std::string_view name, const std::vector<std::string>& names) {
    constexpr std::size_t longest = 64;  // longer names are not typed by hand
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(1, name.size() / 3) + 1;
    if (name.empty() || name.size() > longest) return best;
    for (const std::string& candidate : names) {
        if (candidate.size() > longest || candidate.size() + best_distance <= name.size() ||
            name.size() + best_distance <= candidate.size())
            continue;
        const std::size_t d = distance(name, candidate, best_distance - 1);
        if (d < best_distance && d < name.size()) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}

}  // namespace ym::settings
