#include "bench/rounds.h"

#include <cstdio>

namespace ym::bench {
namespace {

void say_what_is_missing(const Job& job, const Run& run) {
    std::printf("    INCOMPLETE: of %llu messages, %llu were confirmed and %llu settled%s\n",
                static_cast<unsigned long long>(job.messages), static_cast<unsigned long long>(run.confirmed),
                static_cast<unsigned long long>(run.settled),
                run.settled == job.messages ? ", but not each once, or the broker ended badly" : "");
}

}  // namespace

bool run_rounds(const std::vector<Contestant>& contestants, unsigned rounds,
                const std::function<std::string(const Run&)>& say) {
    bool complete = true;
    for (unsigned round = 1; round <= rounds; ++round) {
        for (std::size_t i = 0; i < contestants.size(); ++i) {
            const Contestant& one = contestants[i];
            const Run run = one.alone ? one.alone() : measure(one.job, one.roles, one.timeout_s);
            std::string name;
            for (const std::string& label : one.labels) name += (name.empty() ? "" : ", ") + label;
            std::printf("round %u of %u, %2zu of %zu  %-40s %s\n", round, rounds, i + 1, contestants.size(),
                        name.c_str(), say(run).c_str());
            if (!run.complete) say_what_is_missing(one.job, run);
            std::fflush(stdout);
            complete = complete && run.complete;
            one.take(run);
        }
    }
    return complete;
}

}  // namespace ym::bench
