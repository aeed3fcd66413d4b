// Several middles measured in turns, so that what else the machine does falls on all of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/job.h"

namespace ym::bench {

/// What is measured once in each round.
struct Contestant {
    std::vector<std::string> labels;  // what it is, in words
    Job job;
    Roles roles;
    /// Called with each run, in order.
    std::function<void(const Run&)> take;
    unsigned timeout_s = 120;
    /// What is no job of processes measures itself.
    std::function<Run()> alone = {};
};

/// Runs all of them once, and again, and says on stdout how far it is. `say` puts a run in few words. False: a run was
/// incomplete, which was said, too.
[[nodiscard]] bool run_rounds(const std::vector<Contestant>& contestants, unsigned rounds,
                              const std::function<std::string(const Run&)>& say);

}  // namespace ym::bench
