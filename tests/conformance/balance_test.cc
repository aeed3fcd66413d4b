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

    /// Hands out `count` messages, in as many calls as `cut` says (0: one), and gives the worker of each. As in the
    /// broker, nobody takes what stands behind a message that nobody takes.
    std::vector<std::uint32_t> hand_out(BalancePolicy& policy, std::size_t count, Prng* cut = nullptr) {
        std::vector<std::string> keys;
        for (std::size_t m = 0; m < count; ++m) keys.push_back("key " + std::to_string(m * m % 7));
        return hand_out(policy, keys, cut);
    }
    std::vector<std::uint32_t> hand_out(BalancePolicy& policy, const std::vector<std::string>& keys,
                                        Prng* cut = nullptr) {
        std::vector<std::uint32_t> all;
        while (all.size() < keys.size()) {
            const std::size_t left = keys.size() - all.size();
            const std::size_t some = cut == nullptr ? left : std::min<std::size_t>(1 + cut->below(3), left);
            const auto picks = call(policy, {keys.data() + all.size(), some});
            all.insert(all.end(), picks.begin(), picks.end());
            if (all.back() == nobody) all.resize(keys.size(), nobody);
        }
        return all;
    }
    void leave(BalancePolicy& policy, std::size_t worker) {
        all_[worker].credit = 0;
        policy.gone(sessions_[worker]);
    }
    void settle(std::size_t worker, std::uint64_t credit) { all_[worker].credit += credit; }

  private:
    std::vector<std::uint32_t> call(BalancePolicy& policy, std::span<const std::string> keys) {
        std::vector<WorkerView> views;
        std::vector<std::uint32_t> numbers;
        for (std::size_t i = 0; i < all_.size(); ++i) {
            const std::size_t w = (next_ + i) % all_.size();
            if (all_[w].credit == 0 || views.size() == BalancePolicy::candidates_max) continue;
            views.push_back({all_[w].credit, all_[w].in_flight, Duration(w), sessions_[w], names_[w]});
            numbers.push_back(static_cast<std::uint32_t>(w));
        }
        std::vector<std::string_view> texts;
        for (const std::string& key : keys) texts.push_back(key.empty() ? std::string_view() : key);
        const std::vector<const std::string_view*> columns(policy.columns().size(), texts.data());
        policy.show(columns);
        std::vector<std::uint32_t> picks(keys.size(), 0);
        policy.pick(views, picks);
        bool waits = false;
        for (std::uint32_t& pick : picks) {
            waits = waits || pick == nobody;
            if (waits) {
                pick = nobody;
                continue;
            }
            EXPECT_LT(pick, views.size());
            pick = numbers.at(pick);
            EXPECT_GT(all_[pick].credit, 0U) << "more than the worker's credit";
            --all_[pick].credit;
            ++all_[pick].in_flight;
            next_ = pick + 1U;
        }
        return picks;
    }

    std::vector<Worker> all_;
    std::vector<std::string> sessions_;
    std::vector<std::string> names_;
    std::size_t next_ = 0;
};

std::unique_ptr<BalancePolicy> make_balance(const std::string& id, const std::string& yaml) {
    settings::Problems problems;
    auto made = registry().balance(use_of(id, yaml), problems);
    EXPECT_TRUE(problems.empty());
    return made;
}
std::unique_ptr<BalancePolicy> make_balance(const std::string& id) {
    return make_balance(id, schema_of(YM_BALANCE_1, id).sample(true));
}

std::vector<Workers::Worker> random_workers(Prng& prng) {
    std::vector<Workers::Worker> workers(prng.below(12));
    for (auto& worker : workers) worker = {prng.below(6), prng.below(4)};
    return workers;
}

class AnyBalance : public ::testing::TestWithParam<std::string> {};

TEST_P(AnyBalance, HandsOutSomethingToWorkersThatItSeesForTheFirstTime) {
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        const auto policy = make_balance(GetParam());
        Prng prng(seed);
        const auto all = random_workers(prng);
        std::uint64_t credit = 0;
        for (const auto& worker : all) credit += worker.credit;
        Workers workers(all);
        const std::uint64_t count = prng.below(40);
        const auto picks = workers.hand_out(*policy, count);
        const auto given = std::count_if(picks.begin(), picks.end(), [](std::uint32_t pick) { return pick != nobody; });
        // One that knows nothing of its workers has no reason to wait for one of them.
        if (!policy->follows_workers()) {
            ASSERT_EQ(static_cast<std::uint64_t>(given), std::min(count, credit)) << "seed " << seed;
        } else {
            ASSERT_GE(static_cast<std::uint64_t>(given), std::min({count, credit, std::uint64_t{1}}));
        }
    }
}

TEST_P(AnyBalance, GivesTheSameAnswersHoweverBatchesAreCut) {
    const auto whole = make_balance(GetParam());
    const auto cut = make_balance(GetParam());
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        Prng prng(seed);
        const auto all = random_workers(prng);
        Workers one(all);
        Workers other(all);
        const std::size_t count = prng.below(40);
        ASSERT_EQ(other.hand_out(*cut, count, &prng), one.hand_out(*whole, count)) << "seed " << seed;
        for (std::size_t w = 0; w < all.size(); ++w) {
            if (!prng.chance(1, 3)) continue;
            one.leave(*whole, w);
            other.leave(*cut, w);
        }
    }
}

TEST_P(AnyBalance, TakesTheMostWorkersAndManyMessages) {
    const auto policy = make_balance(GetParam());
    Workers workers(std::vector<Workers::Worker>(BalancePolicy::candidates_max, {1'000'000, 0}));
    const auto picks = workers.hand_out(*policy, 10'000);
    EXPECT_EQ(std::count(picks.begin(), picks.end(), nobody), 0);
}

INSTANTIATE_TEST_SUITE_P(Bundled, AnyBalance, ::testing::ValuesIn(ids_with(YM_BALANCE_1)), test_name);

TEST(RoundRobin, ServesTheWorkersInTurn) {
    const auto policy = make_balance("round_robin");
    Workers workers({{3, 9}, {1, 0}, {2, 0}});
    EXPECT_THAT(workers.hand_out(*policy, 2), ElementsAre(0, 1));
    EXPECT_THAT(workers.hand_out(*policy, 6), ElementsAre(2, 0, 2, 0, nobody, nobody));
}

TEST(LeastLoaded, ServesTheWorkerWithTheFewestInFlight) {
    const auto policy = make_balance("least_loaded");
    Workers workers({{9, 3}, {9, 1}, {9, 2}});
    EXPECT_THAT(workers.hand_out(*policy, 6), ElementsAre(1, 2, 1, 2, 0, 1));
}

TEST(SingleActive, ServesOneWorkerUntilItIsGone) {
    const auto policy = make_balance("single_active");
    Workers workers({{2, 0}, {9, 0}, {9, 0}});
    EXPECT_THAT(workers.hand_out(*policy, 3), ElementsAre(0, 0, nobody)) << "the others stand by";
    EXPECT_THAT(workers.hand_out(*policy, 1), ElementsAre(nobody)) << "it lives, but has no credit";
    workers.settle(0, 1);
    EXPECT_THAT(workers.hand_out(*policy, 2), ElementsAre(0, nobody));
    workers.leave(*policy, 2);
    EXPECT_THAT(workers.hand_out(*policy, 1), ElementsAre(nobody)) << "another one left";
    workers.leave(*policy, 0);
    EXPECT_THAT(workers.hand_out(*policy, 2), ElementsAre(1, 1));
}

TEST(Sticky, ServesAKeyByTheSameWorkerWhileItLives) {
    const auto policy = make_balance("sticky");
    Workers workers({{5, 0}, {5, 0}});
    EXPECT_THAT(workers.hand_out(*policy, {"a", "b", "a", "a", "b"}), ElementsAre(0, 1, 0, 0, 1));
    workers.leave(*policy, 0);
    EXPECT_THAT(workers.hand_out(*policy, {"a", "b"}), ElementsAre(1, 1));
}

TEST(Sticky, WaitsForTheWorkerOfTheKeyOrMovesTheKey) {
    for (const std::string& mode : {std::string("wait"), std::string("move")}) {
        const auto policy = make_balance("sticky", "{when_busy: " + mode + "}");
        Workers workers({{1, 0}, {5, 0}});
        EXPECT_THAT(workers.hand_out(*policy, {"a"}), ElementsAre(0));
        if (mode == "wait") {
            EXPECT_THAT(workers.hand_out(*policy, {"a", "b"}), ElementsAre(nobody, nobody));
            workers.settle(0, 1);
            EXPECT_THAT(workers.hand_out(*policy, {"a", "b"}), ElementsAre(0, 1));
        } else {
            EXPECT_THAT(workers.hand_out(*policy, {"a", "b"}), ElementsAre(1, 1));
            workers.settle(0, 9);
            EXPECT_THAT(workers.hand_out(*policy, {"a"}), ElementsAre(1)) << "it has moved";
        }
    }
}

TEST(Sticky, GivesMessagesWithoutAKeyToTheWorkersInTurn) {
    const auto policy = make_balance("sticky");
    Workers workers({{5, 0}, {5, 0}, {5, 0}});
    EXPECT_THAT(workers.hand_out(*policy, {"", "", "", ""}), ElementsAre(0, 1, 2, 0));
}

TEST(Sticky, ForgetsTheKeyThatWasUnusedLongest) {
    const auto policy = make_balance("sticky", "{keys: 2}");
    Workers workers({{9, 0}, {9, 0}, {9, 0}});
    EXPECT_THAT(workers.hand_out(*policy, {"a", "b", "a", "c"}), ElementsAre(0, 1, 0, 1)) << "c takes the place of b";
    EXPECT_THAT(workers.hand_out(*policy, {"a", "b"}), ElementsAre(0, 1)) << "b is new, and takes the place of c";
    EXPECT_THAT(workers.hand_out(*policy, {"b", "a", "c"}), ElementsAre(1, 0, 1));
}

}  // namespace
}  // namespace ym::conformance
