// Messages of Majordomo and Paranoid Pirate, many of them wrong, as `u32 length, octets` repeated.
#pragma once

#include <string>

#include "base/prng.h"

namespace ym::fuzz {

/// A message that follows the RFCs more or less: frames are left out, doubled, swapped or replaced now and then.
[[nodiscard]] std::string majordomo_message(Prng& prng);

}  // namespace ym::fuzz
