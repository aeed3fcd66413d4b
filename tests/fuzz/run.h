// A run of many inputs in an ordinary program: seeds, a fence behind each input, and what to say when it breaks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
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

/// Makes an input; looks at one, and gives the rule that it broke or nullptr.
using MakeInput = std::function<std::string(Prng&)>;
using LookAtInput = std::function<const char*(const std::uint8_t* data, std::size_t size)>;

/// Makes and looks at each input of the run, fenced if it fits. False after the first that broke a rule: it is told,
/// and how to run it again. A crash or a hang of 20 s says which input it was.
[[nodiscard]] bool feed(const Run& run, const MakeInput& make, const LookAtInput& look);

/// The whole program: `fuzz` gives the exit code.
int program(int argc, char** argv, std::uint64_t count_default, int (*fuzz)(const Run&));

}  // namespace ym::fuzz
