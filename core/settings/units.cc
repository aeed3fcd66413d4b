#include "settings/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <span>

namespace ym::settings {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t size;
};

// Each table goes from the smallest unit to the largest. Durations are measured in milliseconds.
constexpr std::array<Unit, 5> duration_units{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 4> byte_units{
    {{"B", 1}, {"KiB", std::uint64_t{1} << 10U}, {"MiB", std::uint64_t{1} << 20U}, {"GiB", std::uint64_t{1} << 30U}}};
constexpr std::array<Unit, 3> count_units{{{"", 1}, {"k", 1000}, {"M", 1'000'000}}};

constexpr std::uint64_t ms_max = number_max / 1'000'000;  // a Duration counts nanoseconds

/// Takes the digits at the front of `text`, as a number of at most number_max.
std::optional<std::uint64_t> take_digits(std::string_view& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || value > number_max) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

/// Takes the letters at the front of `text`.
std::string_view take_letters(std::string_view& text) {
    std::size_t size = 0;
    while (size < text.size() && ((text[size] >= 'a' && text[size] <= 'z') || (text[size] >= 'A' && text[size] <= 'Z')))
        ++size;
    const std::string_view letters = text.substr(0, size);
    text.remove_prefix(size);
    return letters;
}

std::optional<std::uint64_t> times(std::uint64_t value, std::uint64_t size, std::uint64_t max) {
    if (value > max / size) return std::nullopt;
    return value * size;
}

/// One number and one unit of `units`, and nothing behind.
std::optional<std::uint64_t> parse_one(std::string_view text, std::span<const Unit> units) {
    const auto value = take_digits(text);
    if (!value) return std::nullopt;
    for (const Unit& unit : units)
        if (text == unit.name) return times(*value, unit.size, number_max);
    return std::nullopt;
}

/// With the largest unit that divides it; zero gets the unit `zero`.
std::string format(std::uint64_t value, std::span<const Unit> units, std::string_view zero) {
    if (value == 0) return "0" + std::string(zero);
    for (std::size_t i = units.size(); i-- > 0;)
        if (value % units[i].size == 0) return std::to_string(value / units[i].size) + std::string(units[i].name);
    return {};
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    std::uint64_t total = 0;
    std::size_t above = duration_units.size();  // the unit must be smaller than this one
    while (!text.empty()) {
        const auto value = take_digits(text);
        if (!value) return std::nullopt;
        const std::string_view name = take_letters(text);
        std::size_t unit = 0;
        while (unit < above && duration_units[unit].name != name) ++unit;
        if (unit == above) return std::nullopt;
        const auto part = times(*value, duration_units[unit].size, ms_max);
        if (!part || *part > ms_max - total) return std::nullopt;
        total += *part;
        above = unit;
    }
    return std::chrono::milliseconds(total);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
    return parse_one(text, byte_units);
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
    return parse_one(text, count_units);
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
    constexpr std::string_view each_second = "/s";
    if (!text.ends_with(each_second)) return std::nullopt;
    return parse_count(text.substr(0, text.size() - each_second.size()));
}

std::optional<double> parse_share(std::string_view text) {
    if (!text.ends_with('%')) return std::nullopt;
    text.remove_suffix(1);
    // A sign, an exponent or `inf` is no share, although from_chars would read it.
    if (text.empty() || text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
    double percent = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), percent, std::chars_format::fixed);
    if (error != std::errc{} || end != text.data() + text.size() || percent > 100) return std::nullopt;
    return percent / 100;
}

std::string format_duration(Duration value) {
    return format(to_ms(value), duration_units, "s");
}

std::string format_bytes(std::uint64_t value) {
    return format(value, byte_units, "B");
}

std::string format_count(std::uint64_t value) {
    return format(value, count_units, "");
}

std::string format_rate(std::uint64_t value) {
    return format_count(value) + "/s";
}

std::string format_share(double value) {
    // Fifteen digits hide that 0.07 * 100 is not 7 in binary, and still tell apart all shares that a person writes.
    std::array<char, 64> text{};
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), std::round(value * 1e14) / 1e12,
                                            std::chars_format::fixed);
    if (error != std::errc{}) return "0%";
    return std::string(text.data(), end) + "%";
}

}  // namespace ym::settings
