// Makes new inputs out of good ones. Knows where YMP keeps its lengths, so that mutations reach behind the first check.
#pragma once

#include <string>
#include <vector>

#include "base/prng.h"

namespace ym::fuzz {

/// One to six mutations of a random member of `corpus`: flips, cuts, splices, lengths that lie by little or by much,
/// records and fields that move, and now and then none. The same state of `prng` gives the same input.
[[nodiscard]] std::string mutated_frame(const std::vector<std::string>& corpus, Prng& prng);

/// The same for texts: octets and lines are flipped, cut, doubled, moved; and pieces of `words` put in.
[[nodiscard]] std::string mutated_text(const std::vector<std::string>& corpus, const std::vector<std::string>& words,
                                       Prng& prng);

}  // namespace ym::fuzz
