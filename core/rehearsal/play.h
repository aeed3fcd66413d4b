// Plays a scenario.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/topology.h"
#include "rehearsal/script.h"

namespace ym::rehearsal {

/// An expectation that does not hold.
struct Unmet {
    settings::Place place;
    std::string path;
    std::string expected;
    std::string found;
};

struct Outcome {
    std::vector<Unmet> unmet;
    std::vector<std::string> timeline;  // what happened, each line with its time
    std::size_t expectations = 0;       // single comparisons
    Duration played{};                  // virtual time
    std::uint64_t steps = 0;            // of the broker
};

/// Makes what a broker of these settings runs with; null after a problem.
using Build = std::function<std::unique_ptr<Topology>(const settings::Config& config)>;

/// `build` gave a topology for each of the script's settings before. The script's play ends at the first step that
/// cannot be done, which is an Unmet.
[[nodiscard]] Outcome play(const Script& script, const Build& build);

}  // namespace ym::rehearsal
