#include "settings/node.h"

#include <algorithm>
#include <tuple>

#include "base/nearest.h"

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
    constexpr std::size_t longest = 64;  // longer names are not typed by hand, and comparing them takes time
    if (name.size() > longest) return {};
    Nearest nearest(name);
    for (const std::string& candidate : names)
        if (candidate.size() <= longest) nearest.offer(candidate);
    const std::string_view best = nearest.best();
    return edit_distance(name, best, name.size()) < name.size() ? std::string(best) : std::string();
}

}  // namespace ym::settings
