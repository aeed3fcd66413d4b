// Makes new inputs out of good ones. Knows where YMP keeps its lengths, so that mutations reach behind the first check.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/prng.h"

namespace ym::fuzz {

/// Mutates `frame` `times` times: flips, cuts, splices with a member of `corpus`, lengths that lie by little or by
/// much, records and fields that move, fields that are long. Cuts to `size_max`. The same state of `prng` does the
/// same.
void mutate_frame(std::string& frame, const std::vector<std::string>& corpus, std::uint64_t times, std::size_t size_max,
                  Prng& prng);

/// A member of `corpus` with up to six mutations, now and then none.
[[nodiscard]] std::string mutated_frame(const std::vector<std::string>& corpus, Prng& prng);

/// The same for octets of any layout: flips, cuts, splices, and words of 32 bits that are wrong by little or by much.
[[nodiscard]] std::string mutated_octets(const std::vector<std::string>& corpus, Prng& prng);

/// The same for texts: octets and lines are flipped, cut, doubled, moved; and pieces of `words` put in.
[[nodiscard]] std::string mutated_text(const std::vector<std::string>& corpus, const std::vector<std::string>& words,
                                       Prng& prng);

}  // namespace ym::fuzz
