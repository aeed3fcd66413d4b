// A fixed script of calls, which can end behind each of its steps: by a close, a close at once, or a kill. The process
// that plays it says on a descriptor what it was told, so that another can judge what is left.
#pragma once

#include <map>
#include <string>

#include "conformance/store_kit.h"

namespace ym::conformance {

inline constexpr int script_steps = 20;

enum class Ending { closed, cut, killed };

/// What is known of the shards, by their numbers.
using Known = std::map<std::uint32_t, Kept>;

/// Plays the steps 0..last, then begins a burst of appends and ends: `closed` and `cut` in this process, `killed` in a
/// child that does not live on.
[[nodiscard]] Known play(const Subject& subject, const std::string& folder, int last, Ending ending);

/// The words that this process was started with: a child gets them too.
std::vector<std::string>& words_of_this_process();

/// What the child does: never returns. main() calls it when it is asked to.
[[noreturn]] void play_as_child(const Subject& subject, const std::string& folder, int last);

}  // namespace ym::conformance
