// Scalars of plugin settings: text and a kind with its range make a value, or a reason why not.
#pragma once

#include <yardmaster/common.h>

#include <optional>
#include <string>
#include <string_view>

namespace ym::host {

/// Why a text is no value of its kind, in the words of a settings::Problem.
struct ScalarError {
    std::string id;
    std::string expected;
    std::string hint;
};

struct ScalarValue {
    std::int64_t integer = 0;
    double number = 0;
};

/// Reads `text` as `kind`, which is one of the scalar kinds, and within `range` (empty: any). YM_TARGET and YM_FIELD
/// are taken as they are but for their form.
[[nodiscard]] std::optional<ScalarError> read_scalar(std::int32_t kind, std::string_view text, std::string_view range,
                                                     ScalarValue& out);

/// Whether `text` is one of the words of `range`, "all|first".
[[nodiscard]] bool is_choice(std::string_view text, std::string_view range);

/// Whether `count` lies in `range`, "1..10".
[[nodiscard]] bool is_within(std::uint64_t count, std::string_view range);

/// What a value of this kind looks like: "a duration from 1ms to 12h".
[[nodiscard]] std::string describe(std::int32_t kind, std::string_view range);

}  // namespace ym::host
