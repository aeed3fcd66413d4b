#include "rehearsal/reader.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "settings/units.h"

namespace ym::rehearsal {

using settings::Node;
using settings::NodeKind;

namespace {

std::string found_in(const Node& node) {
    switch (node.kind) {
        case NodeKind::null: return "nothing";
        case NodeKind::list: return "a list";
        case NodeKind::map: return "a map";
        default: return node.scalar;
    }
}

std::string listed(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
}

}  // namespace

void Reader::problem(const Node& at, std::string id, std::string expected, std::string hint) {
    if (at.broken) return;
    problems_.add(std::move(id), at, found_in(at), std::move(expected), std::move(hint));
}

bool Reader::map(const Node& node, std::initializer_list<std::string_view> keys,
                 const std::function<void(const std::string& key, const Node& value)>& each) {
    if (node.kind != NodeKind::map) {
        problem(node, "kind.map", "a map");
        return false;
    }
    const std::vector<std::string> known(keys.begin(), keys.end());
    for (const settings::Entry& entry : node.entries) {
        if (known.empty() || std::find(known.begin(), known.end(), entry.key) != known.end()) {
            each(entry.key, entry.value);
            continue;
        }
        const std::string near = settings::nearest(entry.key, known);
        problems_.add({"key.unknown", entry.key_place, entry.value.path, entry.key, "one of " + listed(known),
                       near.empty() ? "" : "did you mean " + near + "?"});
    }
    return true;
}

std::vector<const Node*> Reader::items(const Node& node) {
    std::vector<const Node*> all;
    if (node.kind == NodeKind::null) return all;
    if (node.kind != NodeKind::list) return {&node};
    for (const Node& item : node.items) all.push_back(&item);
    return all;
}

std::string Reader::text(const Node& node) {
    if (node.kind != NodeKind::scalar) problem(node, "kind.scalar", "a text");
    return node.scalar;
}

std::uint64_t Reader::count(const Node& node) {
    const auto value = settings::parse_count(node.scalar);
    if (!value) problem(node, "count.syntax", "a whole number");
    return value.value_or(0);
}

Duration Reader::duration(const Node& node) {
    const auto value = settings::parse_duration(node.scalar);
    if (!value)
        problem(node, "duration.syntax", "a duration", "write whole numbers with ms, s, m, h or d, as in 1h30m");
    return value.value_or(Duration{0});
}

bool Reader::boolean(const Node& node) {
    if (node.scalar != "true" && node.scalar != "false") problem(node, "bool.syntax", "true or false");
    return node.scalar == "true";
}

std::size_t Reader::word(const Node& node, const std::vector<std::string>& words) {
    const auto found = std::find(words.begin(), words.end(), node.scalar);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    const std::string near = settings::nearest(node.scalar, words);
    problem(node, "choice.unknown", "one of " + listed(words), near.empty() ? "" : "did you mean " + near + "?");
    return 0;
}

std::vector<std::string> Reader::texts(const Node& node) {
    std::vector<std::string> all;
    for (const Node* item : items(node)) all.push_back(text(*item));
    return all;
}

WallTime Reader::time(const Node& node) {
    // year - month - day T hour : minute : second Z
    constexpr std::string_view form = "dddd-dd-ddTdd:dd:ddZ";
    const std::string& text = node.scalar;
    bool fits = text.size() == form.size();
    std::array<int, 6> numbers{};
    std::size_t at = 0;
    for (std::size_t i = 0; fits && i < form.size(); ++i) {
        const bool is_digit = text[i] >= '0' && text[i] <= '9';
        fits = form[i] == 'd' ? is_digit : text[i] == form[i];
        if (form[i] == 'd') {
            numbers[at] = numbers[at] * 10 + (text[i] - '0');
        } else {
            ++at;
        }
    }
    using namespace std::chrono;
    const year_month_day day{year{numbers[0]}, month{static_cast<unsigned>(numbers[1])},
                             std::chrono::day{static_cast<unsigned>(numbers[2])}};
    if (!fits || !day.ok() || numbers[3] > 23 || numbers[4] > 59 || numbers[5] > 59) {
        problem(node, "time.syntax", "a time such as 2026-03-01T02:00:00Z");
        return {};
    }
    const auto since = sys_days{day} + hours{numbers[3]} + minutes{numbers[4]} + seconds{numbers[5]};
    return {duration_cast<milliseconds>(since.time_since_epoch())};
}

}  // namespace ym::rehearsal
