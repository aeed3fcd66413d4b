// One hash for all routing by a field: xxHash (XXH3, 64 bits, Debian's libxxhash-dev), whose values never change. Its
// code is compiled in: a plugin links against nothing.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <cstdint>
#include <string_view>

namespace routing {

inline std::uint64_t hash(std::string_view text, std::uint64_t seed = 0) {
    return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

/// A number from 0 to below 1, of the 53 bits that a double holds.
inline double unit(std::uint64_t value) {
    return static_cast<double>(value >> 11U) * 0x1p-53;
}

}  // namespace routing
