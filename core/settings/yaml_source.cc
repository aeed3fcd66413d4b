#include "settings/yaml_source.h"

#include <algorithm>
#include <optional>

namespace ym::settings {
namespace {

/// The length of the UTF-8 sequence at the front of `text`; 0 where there is none. Source: RFC 3629, section 4.
std::size_t sequence_size(std::string_view text) {
    // First octets from..to have their second within low..high; any further one is within 0x80..0xbf.
    struct Form {
        unsigned from, to, low, high;
        std::size_t size;
    };
    constexpr Form forms[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
                              {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                              {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    const auto octet = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto in = [&](std::size_t i, unsigned low, unsigned high) { return octet(i) >= low && octet(i) <= high; };
    if (octet(0) < 0x80) return 1;
    const auto* const form =
        std::find_if(std::begin(forms), std::end(forms), [&](const Form& f) { return in(0, f.from, f.to); });
    if (form == std::end(forms) || !in(1, form->low, form->high)) return 0;
    for (std::size_t i = 2; i < form->size; ++i) {
        if (!in(i, 0x80, 0xbf)) return 0;
    }
    return form->size;
}

std::string octet_name(char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto octet = static_cast<unsigned char>(c);
    return std::string("the octet 0x") + digits[octet >> 4U] + digits[octet & 15U];
}

bool is_control(const Source& source, std::size_t offset) {
    const char c = source.at(offset);
    if (c == '\n' || c == '\t') return false;
    if (c == '\r') return source.at(offset + 1) != '\n';
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

struct Explanation {
    std::string_view words;  // of yaml-cpp
    std::string_view id;
    std::string_view expected;
    std::string_view hint;
};

// What yaml-cpp says, and what it means for a settings file. The order matters: the first that is contained wins.
constexpr Explanation explanations[] = {
    {"end of map flow", "yaml.flow", "`,` or `}`",
     "each `{` needs its `}`, and a text with special characters needs quotes"},
    {"end of sequence flow", "yaml.flow", "`,` or `]`",
     "each `[` needs its `]`, and a text with special characters needs quotes"},
    {"illegal flow end", "yaml.flow_end", "no closing bracket here",
     "it closes nothing: take it away, or quote the text"},
    {"illegal map value", "yaml.colon", "no second `: ` in this line",
     "quote a text that holds `: `, and begin each key on a line of its own"},
    {"illegal map key", "yaml.key_mark", "no `?` here", "quote a text that begins with `?`"},
    {"illegal block entry", "yaml.dash", "no `- ` here",
     "begin a list on the next line, or write [a, b]; quote a text that is or begins with a dash"},
    {"end of map", "yaml.indent", "a key in the same column as its neighbours",
     "indent keys of one map by the same number of blanks"},
    {"end of sequence", "yaml.indent", "`- ` in the same column as its neighbours",
     "indent the items of one list by the same number of blanks"},
    {"illegal tab", "yaml.tab", "blanks in front of the first word of a line", "indent by two blanks"},
    {"escape", "yaml.escape", "an escape that YAML knows, such as \\n or \\\"",
     "in 'single quotes' a backslash is a backslash"},
    {"hex number", "yaml.escape", "hexadecimal digits after \\x, \\u or \\U",
     "in 'single quotes' a backslash is a backslash"},
    {"invalid unicode", "yaml.escape", "a character that Unicode has", "in 'single quotes' a backslash is a backslash"},
    {"multiple tags", "yaml.tag", "a value without a tag", "quote a text that begins with `!`"},
    {"tag", "yaml.tag", "a value without a tag", "quote a text that begins with `!`"},
    {"directive", "yaml.directive", "no line that begins with `%`", "take the line away"},
    {"YAML version", "yaml.directive", "no line that begins with `%`", "take the line away"},
    {"YAML major version", "yaml.directive", "no line that begins with `%`", "take the line away"},
};

Problem make(const Source& source, std::size_t offset, std::string_view id, std::string found,
             std::string_view expected, std::string_view hint) {
    return {std::string(id), source.place(offset), {}, std::move(found), std::string(expected), std::string(hint)};
}

/// The plain word at `offset`: up to a blank, a comma, a bracket or the end of the line.
std::string word_at(const Source& source, std::size_t offset) {
    std::size_t end = offset;
    while (end < source.text().size() && std::string_view(" \t\r\n,[]{}").find(source.at(end)) == Source::npos) ++end;
    return std::string(source.text().substr(offset, std::min<std::size_t>(end - offset, 40)));
}

/// Where the value begins in which yaml-cpp gave up: behind the last `: `, `- `, `, ` or bracket of the line.
std::size_t value_start(const Source& source, std::size_t offset) {
    std::size_t at = std::min(offset, source.text().size());
    while (at > 0 && source.at(at - 1) != '\n') {
        const char before = source.at(at - 1);
        if (before == '[' || before == '{') break;
        if (before == ' ' && at > 1 && std::string_view(":-,").find(source.at(at - 2)) != Source::npos) break;
        --at;
    }
    return source.skip_blanks(at);
}

/// The first quote from `offset` that its line does not close; npos if there is none.
std::size_t open_quote(const Source& source, std::size_t offset) {
    for (std::size_t i = offset; i < source.text().size(); ++i) {
        const char c = source.at(i);
        const bool begins_word = i == 0 || std::string_view(" \t\n,[{:").find(source.at(i - 1)) != Source::npos;
        if (begins_word && c == '#') {
            i = source.text().find('\n', i);
            if (i == Source::npos) break;
        } else if (begins_word && (c == '"' || c == '\'')) {
            const std::size_t end = source.quote_end(i);
            if (end == Source::npos) return i;
            i = end - 1;
        }
    }
    return Source::npos;
}

struct LineBefore {
    std::size_t start = 0;
    bool contains_colon = false;
};

/// The line of `offset`, up to there.
LineBefore line_before(const Source& source, std::size_t offset) {
    const std::string_view before = source.text().substr(0, offset);
    const std::size_t end = before.rfind('\n');
    const std::size_t start = end == Source::npos ? 0 : end + 1;
    return {source.skip_blanks(start), before.substr(start).find(": ") != Source::npos};
}

/// What a text in YAML must not begin with.
std::optional<Problem> explain_first_character(const Source& source, std::size_t offset, std::string_view message) {
    const auto says = [&](std::string_view words) { return message.find(words) != Source::npos; };
    const char here = source.at(offset);
    if (says("alias") || says("anchor")) {
        // yaml-cpp stands at the star, or behind it.
        const std::size_t start = here == '*' || here == '&' || offset == 0 ? offset : value_start(source, offset);
        const std::string word = word_at(source, start);
        if (source.at(start) == '&')
            return make(source, start, "yaml.anchor", word, "a value without an anchor",
                        "quote a text that begins with `&`; queues share settings with `like: TEMPLATE`");
        return make(source, start, "yaml.alias", word, "a text in quotes, as `*` begins an alias in YAML",
                    "write \"" + word + "\"");
    }
    if (says("block scalar") || (says("unknown token") && (here == '>' || here == '|'))) {
        const std::size_t start = value_start(source, offset);
        const std::string text = source.rest_of_line(start);
        return make(source, start, "yaml.block", text, "a text in quotes, as `>` and `|` begin a text of several lines",
                    "quote it: \"...\"");
    }
    if (says("unknown token"))
        return make(source, offset, "yaml.reserved", source.rest_of_line(offset),
                    "a text that does not begin with @, ` or %", "quote it");
    return std::nullopt;
}

}  // namespace

Source::Source(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {
    lines_.push_back(0);
    for (std::size_t i = 0; i < text_.size(); ++i)
        if (text_[i] == '\n') lines_.push_back(i + 1);
}

Place Source::place(std::size_t offset) const {
    offset = std::min(offset, text_.size());
    const auto after = std::upper_bound(lines_.begin(), lines_.end(), offset);
    const auto line = static_cast<std::size_t>(after - lines_.begin());
    if (line != counted_line_ || offset < counted_to_) {
        counted_line_ = line;
        counted_to_ = lines_[line - 1];
        counted_ = 0;
    }
    // A column is what an editor counts: characters, not octets.
    for (; counted_to_ < offset; ++counted_to_)
        if ((text_[counted_to_] & 0xc0) != 0x80) ++counted_;
    return {file_, static_cast<std::uint32_t>(line), counted_ + 1};
}

std::string Source::rest_of_line(std::size_t offset) const {
    if (offset >= text_.size()) return {};
    std::string_view rest = text_.substr(offset, text_.find('\n', offset) - offset);
    constexpr std::size_t longest = 40;
    if (rest.size() > longest) {
        std::size_t size = longest;
        while (size > 0 && (rest[size] & 0xc0) == 0x80) --size;
        return std::string(rest.substr(0, size)) + "...";
    }
    const std::size_t last = rest.find_last_not_of(" \t\r");
    return std::string(rest.substr(0, last == npos ? 0 : last + 1));
}

std::size_t Source::skip_blanks(std::size_t offset) const {
    while (at(offset) == ' ' || at(offset) == '\t') ++offset;
    return offset;
}

std::size_t Source::quote_end(std::size_t offset) const {
    const char quote = at(offset);
    for (std::size_t i = offset + 1; i < text_.size() && text_[i] != '\n'; ++i) {
        if (quote == '"' && text_[i] == '\\') {
            ++i;
        } else if (text_[i] == quote) {
            if (quote == '"' || at(i + 1) != quote) return i + 1;
            ++i;  // two single quotes stand for one
        }
    }
    return npos;
}

bool check_text(const Source& source, Problems& problems) {
    const std::string_view text = source.text();
    bool indentation = true;
    bool tabs = false;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t size = sequence_size(text.substr(i));
        if (size == 0 || is_control(source, i)) {
            problems.add(make(source, i, "yaml.encoding", octet_name(text[i]),
                              "text in UTF-8 without control characters", "save the file as UTF-8"));
            return false;
        }
        if (indentation && text[i] == '\t') {
            const char next = source.at(source.skip_blanks(i));
            const bool harmless = next == '#' || next == '\n' || next == '\r' || next == '\0';
            if (!harmless)
                problems.add(make(source, i, "yaml.tab", "a tab", "blanks in front of the first word of a line",
                                  "indent by two blanks"));
            tabs = tabs || !harmless;
            indentation = false;
        }
        indentation = text[i] == '\n' || (indentation && text[i] == ' ');
        i += size;
    }
    return !tabs;
}

std::size_t comment_in_line(const Source& source, std::size_t offset) {
    for (std::size_t i = offset + 1; i < source.text().size() && source.at(i) != '\n'; ++i) {
        const std::size_t end = source.at(i) == '"' || source.at(i) == '\'' ? source.quote_end(i) : i;
        if (end == Source::npos) break;
        if (end != i) i = end - 1;
        if (source.at(i) == '#' && std::string_view(" \t,[{").find(source.at(i - 1)) != Source::npos) return i;
    }
    return Source::npos;
}

Problem explain(const Source& source, std::size_t offset, std::size_t understood, std::string_view message) {
    const auto says = [&](std::string_view words) { return message.find(words) != Source::npos; };
    if (source.at(offset) == '{' && offset > 0 && source.at(offset - 1) == '$') {
        const std::string variable = source.rest_of_line(offset - 1);
        const std::string whole = variable.substr(0, variable.find('}') + 1);
        return make(source, offset - 1, "yaml.variable", variable, "a variable in quotes inside { } or [ ]",
                    "write \"" + whole + "\"");
    }
    if (says("scalar") && !says("block")) {
        const std::size_t quote = open_quote(source, understood);
        if (quote != Source::npos)
            return make(source, quote, "yaml.quote", source.rest_of_line(quote), "the closing quote in the same line",
                        "close the quote, or quote the text with the other kind");
    }
    if (says("flow")) {
        const std::size_t comment = comment_in_line(source, understood);
        if (comment < offset)
            return make(source, comment, "yaml.comment", "a comment that hides the rest of the line", "a value",
                        "quote a text that begins with #, as in \"#\"");
    }
    if (auto problem = explain_first_character(source, offset, message)) return *problem;
    const std::size_t last = source.text().substr(0, offset).find_last_not_of(" \t");
    if (says("end of") && last != Source::npos && (source.at(last) == '"' || source.at(last) == '\''))
        return make(source, offset, "yaml.behind_quote", source.rest_of_line(offset),
                    "nothing behind the closing quote", "quote the whole text");
    if (says("illegal map value") && !line_before(source, offset).contains_colon)
        return make(source, offset, "yaml.line_above", source.rest_of_line(line_before(source, offset).start),
                    "`:` behind the key in the line above", "a key has `:` behind it, or look at the indentation");
    if (says("escape") || says("hex number") || says("unicode")) {
        const std::size_t backslash = source.text().substr(0, offset).rfind('\\');
        if (backslash != Source::npos) offset = backslash;
    }
    const std::string found = offset >= source.text().size() ? "the end of the file" : source.rest_of_line(offset);
    for (const Explanation& known : explanations)
        if (says(known.words)) return make(source, offset, known.id, found, known.expected, known.hint);
    return make(source, offset, "yaml.syntax", found, "YAML", "the YAML parser says: " + std::string(message));
}

}  // namespace ym::settings
