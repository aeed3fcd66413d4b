#include "scenario/line.h"

#include <algorithm>
#include <charconv>

namespace ym::scenario {
namespace {

std::uint64_t to_number(const std::string& text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || at != end) throw ScriptError("'" + text + "' is no number");
    return number;
}

}  // namespace

Line::Line(std::string_view text) {
    std::size_t at = 0;
    while ((at = text.find_first_not_of(' ', at)) != std::string_view::npos) {
        const bool quoted = text[at] == '"';
        if (quoted) ++at;
        std::size_t end = text.find(quoted ? '"' : ' ', at);
        if (quoted && end == std::string_view::npos) throw ScriptError("a quote is open");
        end = std::min(end, text.size());
        words_.push_back({std::string(text.substr(at, end - at)), quoted});
        at = quoted ? end + 1 : end;
    }
}

std::string Line::take(std::string_view what) {
    if (words_.empty() || words_.front().quoted) throw ScriptError("no " + std::string(what) + " given");
    std::string word = std::move(words_.front().text);
    words_.erase(words_.begin());
    return word;
}

std::uint64_t Line::take_number(std::string_view what) {
    return to_number(take(what));
}

bool Line::has(std::string_view word) {
    const auto found =
        std::find_if(words_.begin(), words_.end(), [&](const Word& w) { return !w.quoted && w.text == word; });
    if (found == words_.end()) return false;
    words_.erase(found);
    return true;
}

std::optional<std::string> Line::after(std::string_view word) {
    const auto found =
        std::find_if(words_.begin(), words_.end(), [&](const Word& w) { return !w.quoted && w.text == word; });
    if (found == words_.end()) return std::nullopt;
    if (found + 1 == words_.end()) throw ScriptError("nothing follows '" + std::string(word) + "'");
    std::string value = std::move((found + 1)->text);
    words_.erase(found, found + 2);
    return value;
}

std::optional<std::uint64_t> Line::number_after(std::string_view word) {
    const auto text = after(word);
    if (!text) return std::nullopt;
    return to_number(*text);
}

std::vector<std::string> Line::take_all(bool quoted) {
    std::vector<std::string> out;
    for (const Word& w : words_) {
        if (w.quoted == quoted) out.push_back(w.text);
    }
    std::erase_if(words_, [&](const Word& w) { return w.quoted == quoted; });
    return out;
}

std::vector<std::string> Line::words() {
    return take_all(false);
}

std::vector<std::string> Line::texts() {
    return take_all(true);
}

void Line::expect_end() const {
    if (!words_.empty()) throw ScriptError("'" + words_.front().text + "' is not understood here");
}

}  // namespace ym::scenario
