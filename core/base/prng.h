// Deterministic randomness from a seed. Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom
// Number Generators" (2014), the SplitMix64 generator.
#pragma once

#include <cstdint>

namespace ym {

/// Mixes a word so that each output bit depends on each input bit.
constexpr std::uint64_t mix64(std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
}

/// A stream of words from a seed: the same seed gives the same stream. Not for secrets.
class Prng {
  public:
    explicit constexpr Prng(std::uint64_t seed) : state_(seed) {}

    constexpr std::uint64_t next() { return mix64(state_ += 0x9e3779b97f4a7c15ULL); }
    /// Uniform in [0, bound); bound > 0. The bias is below bound / 2^64.
    constexpr std::uint64_t below(std::uint64_t bound) {
        __extension__ using Wide = unsigned __int128;
        return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64U);
    }
    /// True in `numerator` of `denominator` cases.
    constexpr bool chance(std::uint64_t numerator, std::uint64_t denominator) { return below(denominator) < numerator; }

  private:
    std::uint64_t state_;
};

}  // namespace ym
