// A run of many inputs in an ordinary program: seeds, a fence behind each input, and what to say when it breaks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/prng.h"

namespace ym::fuzz {

/// usage: fuzz_X [COUNT [SEED [FIRST]]]. Input number i depends on the seed and i alone, so that `1 SEED i` replays it.
struct Run {
    std::uint64_t count = 0;
    std::uint64_t seed = 1;
    std::uint64_t first = 0;

    Run(int argc, char** argv, std::uint64_t count_default);
    /// The randomness of input `index`.
    [[nodiscard]] Prng randomness(std::uint64_t index) const { return Prng(mix64(seed) ^ mix64(index + 1)); }
};

/// Holds an input so that its last octet is the last one of its page, and the next page cannot be read: a decoder that
/// reads one octet too far dies in every build, not only under AddressSanitizer.
class FencedInput {
  public:
    FencedInput();
    ~FencedInput();
    FencedInput(const FencedInput&) = delete;
    FencedInput& operator=(const FencedInput&) = delete;

    /// The octets of `input`, which are at most size_max, until the next call.
    const std::uint8_t* put(const std::string& input);

    static constexpr std::size_t size_max = std::size_t{1} << 20U;

  private:
    std::uint8_t* memory_;
};

/// From here on a crash or a hang of 20 s says which input it was: call it before each one.
void now_at(const Run& run, std::uint64_t index);

/// Says which rule broke for which input, and how to run it again. Returns the exit code.
int report(const Run& run, std::uint64_t index, const std::string& input, const char* broken);

}  // namespace ym::fuzz
