// Values with their units, as a settings file writes them, and back. Pure text; nothing is rounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace ym::settings {

/// The largest number of octets, messages or the like that a file can name: what a plugin's int64_t holds.
inline constexpr std::uint64_t number_max = 0x7fffffffffffffffULL;

/// `500ms`, `30s`, `5m`, `1h30m`, `1d`: whole numbers with ms, s, m, h or d, the larger unit first. `0s` is allowed.
/// Nothing where the text is something else, or longer than 292 years.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);

/// `100B`, `64KiB`, `16MiB`, `1GiB`: octets, at most number_max.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// `2000`, `10k` (thousand), `1M` (million), at most number_max.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text);

/// `10/s`, `5k/s`: a count in each second.
[[nodiscard]] std::optional<std::uint64_t> parse_rate(std::string_view text);

/// `5%`, `0.5%`: a share from 0% to 100%, as 0 to 1.
[[nodiscard]] std::optional<double> parse_share(std::string_view text);

/// The inverse functions: the largest unit that needs no fraction, so `90s` for a minute and a half. Reading the text
/// again gives the same value; of a duration, whole milliseconds are shown.
[[nodiscard]] std::string format_duration(Duration value);
[[nodiscard]] std::string format_bytes(std::uint64_t value);
[[nodiscard]] std::string format_count(std::uint64_t value);
[[nodiscard]] std::string format_rate(std::uint64_t value);
[[nodiscard]] std::string format_share(double value);

}  // namespace ym::settings
