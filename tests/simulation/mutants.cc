#include "mutants.h"

#ifdef YM_MUTANTS

#include <sys/wait.h>
#include <unistd.h>

#include <iomanip>
#include <iostream>

#include "broker/mutants.h"
#include "world.h"

namespace ym::simulation {
namespace {

struct Mutant {
    const char* name;
    const char* text;
};
constexpr Mutant mutants_known[] = {
#define YM_MUTANT_LINE(name, text) {#name, text},
    YM_MUTANT_LIST(YM_MUTANT_LINE)
#undef YM_MUTANT_LINE
};

enum class Caught : int { by_checker = 0, by_nobody = 10 };

/// Looks for a violation in seeds 1 to `seeds`, and tells the first.
Caught search(const std::string& name, std::uint64_t seeds) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const Options options = expand(seed);
        Coverage coverage;
        World world(options, coverage, nullptr);
        const RunOutcome outcome = world.run();
        if (outcome.violations.empty()) continue;
        const Violation& first = outcome.violations.front();
        std::cout << std::left << std::setw(31) << name << "seed " << std::setw(5) << seed << std::setw(12)
                  << first.checker << first.text << std::endl;
        return Caught::by_checker;
    }
    std::cout << std::left << std::setw(31) << name << "found by nobody in " << seeds << " seeds" << std::endl;
    return Caught::by_nobody;
}

/// In a process of its own: a planted bug may also break what the broker checks itself, and end it.
bool is_caught(const std::string& name, std::uint64_t seeds) {
    std::cout.flush();
    const pid_t child = fork();
    if (child == 0) {
        if (!switch_on(name)) _exit(2);
        _exit(static_cast<int>(search(name, seeds)));
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) return WEXITSTATUS(status) == static_cast<int>(Caught::by_checker);
    std::cout << name << ": the broker's own checks ended it before a checker saw anything" << std::endl;
    return false;
}

}  // namespace

bool switch_on(const std::string& name) {
    for (std::size_t i = 0; i < std::size(mutants_known); ++i) {
        if (name != mutants_known[i].name) continue;
        mutants::active = static_cast<mutants::Name>(i + 1);
        return true;
    }
    std::cerr << "no mutant '" << name << "'; see --list-mutants\n";
    return false;
}

void list_mutants() {
    for (const Mutant& mutant : mutants_known) std::cout << mutant.name << ": the broker " << mutant.text << "\n";
}

int catch_mutants(std::uint64_t seeds) {
    std::size_t missed = 0;
    for (const Mutant& mutant : mutants_known) missed += is_caught(mutant.name, seeds) ? 0 : 1;
    std::cout << std::size(mutants_known) - missed << " of " << std::size(mutants_known) << " caught" << std::endl;
    // A checker that finds fault with everything would catch them all: the same seeds without a bug must pass.
    mutants::active = mutants::Name::none;
    const bool clean = search("none", seeds) == Caught::by_nobody;
    return missed == 0 && clean ? 0 : 1;
}

}  // namespace ym::simulation

#endif
