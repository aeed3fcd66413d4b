// Runs seeds of the simulation. A failure prints its seed, options and what was violated; the same seed replays it.
#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "mutants.h"
#include "world.h"

namespace ym::simulation {
namespace {

/// A set of so many seeds must meet everything that can happen.
constexpr std::uint64_t complete_set = 500;

struct Arguments {
    std::uint64_t seed = 1;
    std::uint64_t seeds = 1;
    bool trace = false;
    bool cut = false;  // events cut into steps elsewhere
    bool list_mutants = false;
    bool all_mutants = false;
    std::string mutant;
};

struct Totals {
    Coverage coverage;
    std::vector<std::uint64_t> messages;
    std::uint64_t frames = 0;
    std::uint64_t steps = 0;
    Duration time{0};
    std::uint64_t failures = 0;
};

void print(const Options& options, const RunOutcome& outcome) {
    std::cout << "FAILED\n" << to_text(options);
    for (const Violation& violation : outcome.violations) {
        std::cout << "violation of " << violation.checker << ": " << violation.text << "\n";
    }
    std::cout << "again with: simulate --seed " << options.seed << " --trace" << std::endl;
}

RunOutcome run_once(const Options& options, Coverage& coverage, std::ostream* trace) {
    World world(options, coverage, trace);
    return world.run();
}

std::string describe(const Ledger& ledger) {
    std::string text = "in " + std::to_string(ledger.accepted) + " + " + std::to_string(ledger.moved_in) + ", acked " +
                       std::to_string(ledger.acked) + ", dead " + std::to_string(ledger.dead) + ", dropped";
    for (const std::uint64_t dropped : ledger.dropped) text += " " + std::to_string(dropped);
    return text;
}

/// Every tenth seed again with events cut into steps elsewhere: another run, and the same books in the end.
void compare_cuts(const Options& options, RunOutcome& outcome, Coverage& coverage) {
    Options other = options;
    other.cut = options.cut == Cut::together ? Cut::one_by_one : Cut::together;
    Coverage ignored;
    const RunOutcome again = run_once(other, ignored, nullptr);
    coverage.count(Fault::cut_elsewhere);
    for (const Violation& violation : again.violations) {
        outcome.violations.push_back({violation.checker, "cut elsewhere: " + violation.text});
    }
    for (const auto& [name, ledger] : outcome.ledgers) {
        const auto found = again.ledgers.find(name);
        if (!again.violations.empty() || (found != again.ledgers.end() && found->second == ledger)) continue;
        std::string text =
            "the books of queue " + name + " depend on where events are cut into steps: " + describe(ledger);
        if (found != again.ledgers.end()) text += ", or " + describe(found->second);
        outcome.violations.push_back({"cut", text});
    }
}

void run_seed(std::uint64_t seed, const Arguments& arguments, Totals& totals) {
    Options options = expand(seed);
    if (arguments.cut) options.cut = options.cut == Cut::together ? Cut::one_by_one : Cut::together;
    if (arguments.trace) std::cout << to_text(options);
    RunOutcome outcome = run_once(options, totals.coverage, arguments.trace ? &std::cout : nullptr);
    if (outcome.violations.empty() && options.recut) compare_cuts(options, outcome, totals.coverage);
    if (outcome.violations.empty() && seed % 50 == 7) {
        Coverage ignored;
        totals.coverage.count(Fault::replayed);
        if (run_once(options, ignored, nullptr).hash != outcome.hash) {
            outcome.violations.push_back({"replay", "the same seed gave another run"});
        }
    }
    totals.messages.push_back(outcome.messages);
    totals.frames += outcome.frames;
    totals.steps += outcome.steps;
    totals.time += outcome.time;
    if (outcome.violations.empty()) return;
    ++totals.failures;
    print(options, outcome);
}

bool read(int count, char** values, Arguments& arguments) {
    static const option options[] = {
        {"seed", required_argument, nullptr, 's'},   {"seeds", required_argument, nullptr, 'n'},
        {"trace", no_argument, nullptr, 't'},        {"cut", no_argument, nullptr, 'c'},
        {"mutant", required_argument, nullptr, 'm'}, {"list-mutants", no_argument, nullptr, 'l'},
        {"all-mutants", no_argument, nullptr, 'a'},  {nullptr, 0, nullptr, 0}};
    for (;;) {
        switch (getopt_long(count, values, "", options, nullptr)) {
            case -1: return optind == count;
            case 's': arguments.seed = std::strtoull(optarg, nullptr, 10); break;
            case 'n': arguments.seeds = std::strtoull(optarg, nullptr, 10); break;
            case 't': arguments.trace = true; break;
            case 'c': arguments.cut = true; break;
            case 'm': arguments.mutant = optarg; break;
            case 'l': arguments.list_mutants = true; break;
            case 'a': arguments.all_mutants = true; break;
            default: return false;
        }
    }
}

#ifndef YM_MUTANTS
/// The product knows no mutants: the program that has them lies beside this one.
[[noreturn]] void run_mutants(char** values) {
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
    const std::string other = (self.parent_path() / "simulate_mutants").string();
    execv(other.c_str(), values);
    std::cerr << "cannot run " << other << "; build the target simulate_mutants\n";
    std::exit(2);
}
#endif

int summary(Totals& totals, const Arguments& arguments) {
    std::sort(totals.messages.begin(), totals.messages.end());
    const std::uint64_t median = totals.messages[totals.messages.size() / 2];
    bool complete = true;
    const std::string table = totals.coverage.table(complete);
    if (arguments.seeds >= complete_set) std::cout << table;
    std::cout << "seeds " << totals.messages.size() << ", failed " << totals.failures
              << ", messages (median of a seed) " << median << ", frames " << totals.frames << ", steps "
              << totals.steps << ", simulated " << std::chrono::duration_cast<std::chrono::hours>(totals.time).count()
              << " hours" << std::endl;
    if (totals.failures > 0) return 1;
    if (arguments.seeds < complete_set) return 0;
    if (!complete) std::cout << "FAILED: something in the table never happened\n";
    if (median < 500) std::cout << "FAILED: the median of messages is below 500\n";
    return complete && median >= 500 ? 0 : 1;
}

int main_of(int count, char** values) {
    Arguments arguments;
    if (!read(count, values, arguments)) {
        std::cerr << "usage: simulate [--seed N] [--seeds COUNT] [--trace] [--cut] [--mutant NAME] [--list-mutants] "
                     "[--all-mutants]\n";
        return 2;
    }
#ifdef YM_MUTANTS
    if (arguments.list_mutants) {
        list_mutants();
        return 0;
    }
    if (arguments.all_mutants) return catch_mutants(arguments.seeds);
    if (!arguments.mutant.empty() && !switch_on(arguments.mutant)) return 2;
#else
    if (arguments.list_mutants || arguments.all_mutants || !arguments.mutant.empty()) run_mutants(values);
#endif
    Totals totals;
    for (std::uint64_t seed = arguments.seed; seed < arguments.seed + arguments.seeds; ++seed) {
        run_seed(seed, arguments, totals);
        if (totals.failures >= 5) break;
    }
    return summary(totals, arguments);
}

}  // namespace
}  // namespace ym::simulation

int main(int count, char** values) {
    return ym::simulation::main_of(count, values);
}
