#include "settings/value.h"

#include <algorithm>
#include <vector>

#include "settings/endpoint.h"
#include "settings/units.h"

namespace ym::settings {
namespace {

bool is_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool in_range(const Setting& setting, std::uint64_t value) {
    const std::size_t dots = setting.range.find("..");
    if (dots == std::string_view::npos) return true;
    const auto low = number_of(setting.kind, setting.range.substr(0, dots));
    const auto high = number_of(setting.kind, setting.range.substr(dots + 2));
    return low && high && value >= *low && value <= *high;
}

std::optional<Fault> check_duration(const Setting& setting, const std::string& text) {
    const auto value = number_of(setting.kind, text);
    if (value && in_range(setting, *value)) return std::nullopt;
    if (value) return Fault{"duration.range", {}};
    if (is_digits(text)) return Fault{"duration.unit", "write " + text + "s or " + text + "ms"};
    return Fault{"duration.syntax", "write whole numbers with ms, s, m, h or d, as in 1h30m"};
}

std::optional<Fault> check_bytes(const Setting& setting, const std::string& text) {
    const auto value = number_of(setting.kind, text);
    if (value && in_range(setting, *value)) return std::nullopt;
    if (value) return Fault{"bytes.range", {}};
    if (is_digits(text)) return Fault{"bytes.unit", "write " + text + "B or " + text + "MiB"};
    return Fault{"bytes.syntax", "write a whole number with B, KiB, MiB or GiB, as in 64MiB"};
}

std::optional<Fault> check_count(const Setting& setting, const std::string& text) {
    const auto value = number_of(setting.kind, text);
    if (value && in_range(setting, *value)) return std::nullopt;
    if (value) return Fault{"count.range", {}};
    return Fault{"count.syntax", "write a whole number, as in 2000, 10k (thousand) or 1M (million)"};
}

std::optional<Fault> check_rate(const Setting& setting, const std::string& text) {
    const auto value = number_of(setting.kind, text);
    if (value && in_range(setting, *value)) return std::nullopt;
    if (value) return Fault{"rate.range", {}};
    if (parse_count(text)) return Fault{"rate.unit", "write " + text + "/s"};
    return Fault{"rate.syntax", "write a whole number in a second, as in 10/s or 5k/s"};
}

std::optional<Fault> check_boolean(const std::string& text) {
    if (text == "true" || text == "false") return std::nullopt;
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const auto is_one_of = [&](std::initializer_list<const char*> words) {
        return std::find(words.begin(), words.end(), lower) != words.end();
    };
    if (is_one_of({"true", "yes", "on", "y", "1"})) return Fault{"bool.syntax", "write true"};
    if (is_one_of({"false", "no", "off", "n", "0"})) return Fault{"bool.syntax", "write false"};
    return Fault{"bool.syntax", {}};
}

std::optional<Fault> check_choice(const Setting& setting, const std::string& text) {
    const std::vector<std::string> words = words_of(setting.range);
    if (std::find(words.begin(), words.end(), text) != words.end()) return std::nullopt;
    const std::string near = nearest(text, words);
    return Fault{"choice.unknown", near.empty() ? "" : "did you mean " + near + "?"};
}

}  // namespace

std::vector<std::string> words_of(std::string_view range) {
    std::vector<std::string> words;
    while (!range.empty()) {
        const std::size_t bar = range.find('|');
        words.emplace_back(range.substr(0, bar));
        range.remove_prefix(bar == std::string_view::npos ? range.size() : bar + 1);
    }
    return words;
}

std::optional<std::uint64_t> number_of(Kind kind, std::string_view text) {
    switch (kind) {
        case Kind::duration:
            if (const auto value = parse_duration(text)) return to_ms(*value);
            return std::nullopt;
        case Kind::bytes: return parse_bytes(text);
        case Kind::rate: return parse_rate(text);
        default: return parse_count(text);
    }
}

std::optional<Fault> check_text_value(std::string_view text, std::size_t size_max) {
    if (text.empty()) return Fault{"text.empty", {}};
    if (text.size() > size_max)
        return Fault{"text.length", "it has " + std::to_string(text.size()) + " octets, the longest may have " +
                                        std::to_string(size_max)};
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto octet = static_cast<unsigned char>(text[i]);
        // U+0080 to U+009F, C2 and one more octet in UTF-8, are control characters as well.
        const bool c1 = octet == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (octet < 0x20 || octet == 0x7f || c1) return Fault{"text.characters", "take the control character out"};
    }
    return std::nullopt;
}

std::optional<Fault> check_name(NameKind kind, std::string_view name) {
    if (auto fault = check_text_value(name, name_octets_max)) return fault;
    if (name.front() == ' ' || name.back() == ' ')
        return Fault{"name.blank", "a name neither begins nor ends with a blank"};
    if (kind == NameKind::address) {
        if (name.starts_with("mmi.")) return Fault{"name.reserved", "names that begin with mmi. belong to Majordomo"};
        if (name == "reject" || name == "drop" || name == none)
            return Fault{"name.reserved", "this is a word of the settings, use another name"};
    }
    if (kind == NameKind::plugin_id) {
        const std::size_t slash = name.find('/');
        if (slash == 0 || slash == std::string_view::npos || slash + 1 == name.size())
            return Fault{"name.plugin", "write DOMAIN/NAME, as in example.com/by-country"};
    }
    return std::nullopt;
}

std::optional<Fault> check_value(const Setting& setting, const std::string& text) {
    if (setting.otherwise == none && text == none) return std::nullopt;
    switch (setting.kind) {
        case Kind::duration: return check_duration(setting, text);
        case Kind::bytes: return check_bytes(setting, text);
        case Kind::count: return check_count(setting, text);
        case Kind::rate: return check_rate(setting, text);
        case Kind::boolean: return check_boolean(text);
        case Kind::choice: return check_choice(setting, text);
        case Kind::version:
            if (text == "1") return std::nullopt;
            return Fault{"format.version", "this program cannot read another format"};
        case Kind::endpoint: return check_endpoint(text);
        case Kind::admin_endpoint: return check_admin_endpoint(text);
        case Kind::pattern: return check_text_value(text, name_octets_max);
        default: return check_text_value(text, text_octets_max);
    }
}

}  // namespace ym::settings
