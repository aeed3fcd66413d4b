#include "host/scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "host/value.h"
#include "settings/node.h"
#include "settings/units.h"

namespace ym::host {
namespace {

std::optional<std::int64_t> parse_integer(std::string_view text) {
    const bool negative = !text.empty() && text.front() == '-';
    const auto size = settings::parse_count(negative ? text.substr(1) : text);
    if (!size || *size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    const auto value = static_cast<std::int64_t>(*size);
    return negative ? -value : value;
}

std::optional<double> parse_number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

std::optional<ScalarValue> parse(std::int32_t kind, std::string_view text) {
    ScalarValue out;
    const auto with_integer = [&](auto parsed) -> std::optional<ScalarValue> {
        if (!parsed) return std::nullopt;
        out.integer = static_cast<std::int64_t>(*parsed);
        out.number = static_cast<double>(*parsed);
        return out;
    };
    const auto with_number = [&](std::optional<double> parsed) -> std::optional<ScalarValue> {
        if (!parsed) return std::nullopt;
        out.number = *parsed;
        return out;
    };
    switch (kind) {
        case YM_INTEGER: return with_integer(parse_integer(text));
        case YM_NUMBER: return with_number(parse_number(text));
        case YM_BOOL:
            if (text != "true" && text != "false") return std::nullopt;
            return with_integer(std::optional<std::int64_t>(text == "true" ? 1 : 0));
        case YM_DURATION_NS: {
            const auto duration = settings::parse_duration(text);
            return with_integer(duration ? std::optional<std::int64_t>(duration->count()) : std::nullopt);
        }
        case YM_BYTES: return with_integer(settings::parse_bytes(text));
        case YM_SHARE: return with_number(settings::parse_share(text));
        default: return out;
    }
}

/// The two ends of "1..10"; an empty end is open.
struct Range {
    std::string_view first;
    std::string_view last;
};
Range split_range(std::string_view range) {
    const std::size_t dots = range.find("..");
    if (dots == std::string_view::npos) return {range, range};
    return {range.substr(0, dots), range.substr(dots + 2)};
}

bool within(std::int32_t kind, const ScalarValue& value, std::string_view range) {
    if (range.empty()) return true;
    const bool is_number = kind == YM_NUMBER || kind == YM_SHARE;
    const auto below = [&](const ScalarValue& a, const ScalarValue& b) {
        return is_number ? a.number < b.number : a.integer < b.integer;
    };
    const Range ends = split_range(range);
    const auto first = parse(kind, ends.first);
    const auto last = parse(kind, ends.last);
    return !(first && below(value, *first)) && !(last && below(*last, value));
}

std::vector<std::string> words_of(std::string_view range) {
    std::vector<std::string> words;
    while (!range.empty()) {
        const std::size_t end = std::min(range.find('|'), range.size());
        words.emplace_back(range.substr(0, end));
        range.remove_prefix(std::min(end + 1, range.size()));
    }
    return words;
}

bool is_digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// What to do about a text that is no value of its kind.
std::string how_to_write(std::int32_t kind) {
    switch (kind) {
        case YM_INTEGER: return "write a whole number, as in 2000, 10k (thousand) or 1M (million)";
        case YM_NUMBER: return "write a number, as in 2 or 2.5";
        case YM_DURATION_NS: return "write whole numbers with ms, s, m, h or d, as in 1h30m";
        case YM_BYTES: return "write a whole number with B, KiB, MiB or GiB, as in 64MiB";
        case YM_SHARE: return "write a number from 0 to 100 with %, as in 5%";
        default: return {};
    }
}

/// The first part of the ids of a kind's problems.
std::string_view noun_of(std::int32_t kind) {
    switch (kind) {
        case YM_TEXT: return "text";
        case YM_INTEGER: return "count";
        case YM_NUMBER: return "number";
        case YM_BOOL: return "bool";
        case YM_DURATION_NS: return "duration";
        case YM_BYTES: return "bytes";
        case YM_SHARE: return "share";
        case YM_CHOICE: return "choice";
        case YM_FIELD: return "field";
        default: return "value";
    }
}

ScalarError error_of(std::int32_t kind, std::string_view what, std::string_view range, std::string hint = {}) {
    return {std::string(noun_of(kind)) + "." + std::string(what), describe(kind, range), std::move(hint)};
}

}  // namespace

bool is_choice(std::string_view text, std::string_view range) {
    const std::vector<std::string> words = words_of(range);
    return std::find(words.begin(), words.end(), text) != words.end();
}

bool is_within(std::uint64_t count, std::string_view range) {
    ScalarValue value;
    value.integer = static_cast<std::int64_t>(count);
    return within(YM_INTEGER, value, range);
}

std::string describe(std::int32_t kind, std::string_view range) {
    const auto in_range = [&](std::string text, std::string_view unit = {}) {
        if (range.empty()) return text;
        const Range ends = split_range(range);
        if (!ends.first.empty()) text.append(" from ").append(ends.first);
        if (!ends.last.empty()) text.append(ends.first.empty() ? " up to " : " to ").append(ends.last);
        return text.append(unit);
    };
    switch (kind) {
        case YM_TEXT: return in_range("a text", range.empty() ? "" : " octets long");
        case YM_INTEGER: return in_range("a count");
        case YM_NUMBER: return in_range("a number");
        case YM_BOOL: return "true or false";
        case YM_DURATION_NS: return in_range("a duration");
        case YM_BYTES: return in_range("a size");
        case YM_SHARE: return in_range("a share");
        case YM_CHOICE: {
            std::string text;
            for (const std::string& word : words_of(range)) text.append(text.empty() ? "" : " or ").append(word);
            return text;
        }
        case YM_TARGET: return "the name of a queue or pipeline";
        case YM_FIELD: return "a field: topic, type, key or header.NAME";
        case YM_LIST: return "a list";
        case YM_MAP: return range.empty() ? "a map" : "a map, or " + describe(YM_CHOICE, range);
        default: return "a value";
    }
}

std::optional<ScalarError> read_scalar(std::int32_t kind, std::string_view text, std::string_view range,
                                       ScalarValue& out) {
    if (kind == YM_CHOICE) {
        if (is_choice(text, range)) return std::nullopt;
        const std::string near = settings::nearest(text, words_of(range));
        return error_of(kind, "unknown", range, near.empty() ? "" : "did you mean " + near + "?");
    }
    if (kind == YM_FIELD) {
        if (is_field(text)) return std::nullopt;
        const std::string near = settings::nearest(text, {"topic", "type", "key"});
        return error_of(kind, "unknown", range, near.empty() ? "" : "did you mean " + near + "?");
    }
    if (kind == YM_TEXT) {
        if (is_within(text.size(), range)) return std::nullopt;
        return error_of(kind, "range", range);
    }
    const auto value = parse(kind, text);
    if (!value) {
        const std::string number(text);
        if (!is_digits(text)) return error_of(kind, "syntax", range, how_to_write(kind));
        if (kind == YM_DURATION_NS) return error_of(kind, "unit", range, "write " + number + "s or " + number + "ms");
        if (kind == YM_BYTES) return error_of(kind, "unit", range, "write " + number + "B or " + number + "MiB");
        if (kind == YM_SHARE) return error_of(kind, "unit", range, "write " + number + "%");
        return error_of(kind, "syntax", range, how_to_write(kind));
    }
    if (!within(kind, *value, range)) return error_of(kind, "range", range);
    out = *value;
    return std::nullopt;
}

}  // namespace ym::host
