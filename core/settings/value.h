// Single values: is this text what the key wants, and what does it mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "settings/node.h"
#include "settings/table.h"

namespace ym::settings {

/// What is wrong with a value: the problem's id and hint.
struct Fault {
    std::string id;
    std::string hint;
};

/// Nothing if `text` is a value that `setting` takes. Names of other things are not looked up here.
[[nodiscard]] std::optional<Fault> check_value(const Setting& setting, const std::string& text);

/// "reject|drop" as its words.
[[nodiscard]] std::vector<std::string> words_of(std::string_view range);

/// `text` of a kind that is a number: milliseconds, octets, a count, a count each second.
[[nodiscard]] std::optional<std::uint64_t> number_of(Kind kind, std::string_view text);

/// A printable text of 1 to `size_max` octets?
[[nodiscard]] std::optional<Fault> check_text_value(std::string_view text, std::size_t size_max);

/// A name of this kind? Names of addresses must not look like the service names of Majordomo's management interface.
[[nodiscard]] std::optional<Fault> check_name(NameKind kind, std::string_view name);

inline constexpr std::size_t name_octets_max = 255;
inline constexpr std::size_t text_octets_max = 1024;

}  // namespace ym::settings
