// balance/1: every balance plugin, with the workers shown in the order in which the broker shows them.
#include <algorithm>

#include "conformance/kit.h"

namespace ym::conformance {
namespace {

using ::testing::ElementsAre;
constexpr std::uint32_t nobody = BalancePolicy::nobody;

/// Workers of a queue. What they are shown as follows the broker: those with credit, from the one after the last used.
class Workers {
  public:
    struct Worker {
        std::uint64_t credit = 0;
        std::uint64_t in_flight = 0;
    };

    explicit Workers(std::vector<Worker> all) : all_(std::move(all)) {
        for (std::size_t i = 0; i < all_.size(); ++i) {
            sessions_.push_back("session-" + std::to_string(10'000'000 + i));
            names_.push_back("worker " + std::to_string(i));
        }
    }

    /// Hands out `count` messages with one call and gives the worker of each.
    std::vector<std::uint32_t> hand_out(BalancePolicy& policy, std::size_t count) {
        std::vector<WorkerView> views;
        std::vector<std::uint32_t> numbers;
        for (std::size_t i = 0; i < all_.size(); ++i) {
            const std::size_t w = (next_ + i) % all_.size();
            if (all_[w].credit == 0 || views.size() == BalancePolicy::candidates_max) continue;
            views.push_back({all_[w].credit, all_[w].in_flight, Duration(w), sessions_[w], names_[w]});
            numbers.push_back(static_cast<std::uint32_t>(w));
        }
        std::vector<std::uint32_t> picks(count, 0);
        policy.pick(views, picks);
        for (std::uint32_t& pick : picks) {
            if (pick == nobody) continue;
            EXPECT_LT(pick, views.size());
            pick = numbers.at(pick);
            EXPECT_GT(all_[pick].credit, 0U) << "more than the worker's credit";
            --all_[pick].credit;
            ++all_[pick].in_flight;
            next_ = pick + 1U;
        }
        return picks;
    }

  private:
    std::vector<Worker> all_;
    std::vector<std::string> sessions_;
    std::vector<std::string> names_;
    std::size_t next_ = 0;
};

std::unique_ptr<BalancePolicy> make(const std::string& id) {
    settings::Problems problems;
    auto made = registry().balance(use_of(id, schema_of(YM_BALANCE_1, id).sample(true)), problems);
    EXPECT_TRUE(problems.empty());
    return made;
}

std::vector<Workers::Worker> random_workers(Prng& prng) {
    std::vector<Workers::Worker> workers(prng.below(12));
    for (auto& worker : workers) worker = {prng.below(6), prng.below(4)};
    return workers;
}

class AnyBalance : public ::testing::TestWithParam<std::string> {};

TEST_P(AnyBalance, HandsOutAllThatTheWorkersHaveCreditFor) {
    const auto policy = make(GetParam());
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        Prng prng(seed);
        const auto all = random_workers(prng);
        std::uint64_t credit = 0;
        for (const auto& worker : all) credit += worker.credit;
        Workers workers(all);
        const std::uint64_t count = prng.below(40);
        const auto picks = workers.hand_out(*policy, count);
        const auto given = std::count_if(picks.begin(), picks.end(), [](std::uint32_t pick) { return pick != nobody; });
        ASSERT_EQ(static_cast<std::uint64_t>(given), std::min(count, credit)) << "seed " << seed;
    }
}

TEST_P(AnyBalance, GivesTheSameAnswersHoweverBatchesAreCut) {
    const auto whole = make(GetParam());
    const auto cut = make(GetParam());
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        Prng prng(seed);
        const auto all = random_workers(prng);
        Workers one(all);
        Workers other(all);
        const std::size_t count = prng.below(40);
        const auto expected = one.hand_out(*whole, count);
        std::vector<std::uint32_t> found;
        while (found.size() < count) {
            const std::size_t some = std::min<std::size_t>(1 + prng.below(3), count - found.size());
            const auto picks = other.hand_out(*cut, some);
            found.insert(found.end(), picks.begin(), picks.end());
        }
        ASSERT_EQ(found, expected) << "seed " << seed;
    }
}

TEST_P(AnyBalance, TakesTheMostWorkersAndManyMessages) {
    const auto policy = make(GetParam());
    Workers workers(std::vector<Workers::Worker>(BalancePolicy::candidates_max, {1'000'000, 0}));
    const auto picks = workers.hand_out(*policy, 10'000);
    EXPECT_EQ(std::count(picks.begin(), picks.end(), nobody), 0);
}

INSTANTIATE_TEST_SUITE_P(Bundled, AnyBalance, ::testing::ValuesIn(ids_with(YM_BALANCE_1)), test_name);

TEST(RoundRobin, ServesTheWorkersInTurn) {
    const auto policy = make("round_robin");
    Workers workers({{3, 9}, {1, 0}, {2, 0}});
    EXPECT_THAT(workers.hand_out(*policy, 2), ElementsAre(0, 1));
    EXPECT_THAT(workers.hand_out(*policy, 6), ElementsAre(2, 0, 2, 0, nobody, nobody));
}

TEST(LeastLoaded, ServesTheWorkerWithTheFewestInFlight) {
    const auto policy = make("least_loaded");
    Workers workers({{9, 3}, {9, 1}, {9, 2}});
    EXPECT_THAT(workers.hand_out(*policy, 6), ElementsAre(1, 2, 1, 2, 0, 1));
}

}  // namespace
}  // namespace ym::conformance
