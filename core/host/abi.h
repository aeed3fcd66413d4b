// Values of ours in the shapes that the ABI of plugins has for them.
#pragma once

#include <yardmaster/common.h>

#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace ym::host {

[[nodiscard]] inline ym_text as_ym_text(std::string_view text) {
    return {text.data(), text.size()};
}

[[nodiscard]] inline std::uint64_t as_ns(Duration duration) {
    return duration.count() < 0 ? 0 : static_cast<std::uint64_t>(duration.count());
}

}  // namespace ym::host
