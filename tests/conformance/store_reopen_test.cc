// persistence/1: a store that is opened again has what it kept, whenever and however it ended.
#include <array>

#include "conformance/store_script.h"

namespace ym::conformance {
namespace {

using Point = std::tuple<Subject, Ending, int>;

std::string point_name(const ::testing::TestParamInfo<Point>& info) {
    constexpr const char* endings[] = {"Closed", "Cut", "Killed"};
    const auto& [subject, ending, step] = info.param;
    return subject.name + "_" + endings[static_cast<int>(ending)] + "_" + std::to_string(step);
}

/// Opens the store, and sees that what it has is what it has to have.
std::unique_ptr<Instance> open_and_check(const Subject& subject, const std::string& folder, Known& known) {
    auto store = std::make_unique<Instance>(subject.plugin, subject.settings, folder);
    EXPECT_TRUE(store->made()) << store->problem();
    if (!store->made()) return store;
    for (auto& [shard, kept] : known) {
        kept.acquired(store->acquire(shard));
        kept.check_read(*store, shard, 30'000);
        std::vector<std::uint64_t> numbers;
        for (std::uint64_t number = 1; number <= kept.through + 1; ++number) numbers.push_back(number);
        kept.check_fetch(*store, shard, numbers);
    }
    return store;
}

class Reopened : public ::testing::TestWithParam<Point> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Reopened);
INSTANTIATE_TEST_SUITE_P(Stores, Reopened,
                         ::testing::Combine(::testing::ValuesIn(subjects_to_reopen()),
                                            ::testing::Values(Ending::closed, Ending::cut, Ending::killed),
                                            ::testing::Range(0, script_steps)),
                         point_name);

TEST_P(Reopened, HasAllThatWasToldToBeKept) {
    const auto& [subject, ending, step] = GetParam();
    const Ground ground;
    Known known = play(subject, ground.folder(), step, ending);
    ASSERT_FALSE(known.empty());
    for (int again = 0; again < 2; ++again) {
        const auto store = open_and_check(subject, ground.folder(), known);
        for (auto& [shard, kept] : known) append_all(*store, shard, kept, {3000, 10});
    }
    open_and_check(subject, ground.folder(), known);
}

/// A random script against a model; what is under way when the store is closed is unknown until it is acquired again.
class Random {
  public:
    Random(const Subject& subject, std::uint64_t seed) : subject_(subject), random_(seed) { open(); }

    void step() {
        const auto shard = static_cast<std::uint32_t>(random_.below(3));
        Kept& kept = known_[shard];
        switch (random_.below(12)) {
            case 0: return kept.acquired(store_->acquire(shard, owners_[shard]));
            case 1: EXPECT_EQ(store_->renew(shard, kept.epoch).status, StoreStatus::ok); return;
            case 2: return release(shard);
            case 3:
            case 4: return reclaim(shard);
            case 5: return kept.check_read(*store_, shard, random_.below(50'000));
            case 6: return fetch(shard);
            case 7: return reopen();
            default: return append(shard);
        }
    }
    void check_all() {
        reopen();
        for (const auto& [shard, kept] : known_) kept.check_read(*store_, shard, 1 << 20);
    }

  private:
    void open() {
        store_.reset();
        store_ = std::make_unique<Instance>(subject_.plugin, subject_.settings, ground_.folder());
        ASSERT_TRUE(store_->made()) << store_->problem();
        for (std::uint32_t shard = 0; shard < 3; ++shard)
            known_[shard].acquired(store_->acquire(shard, owners_[shard]));
    }
    std::size_t size() {
        switch (random_.below(8)) {
            case 0: return 1 + random_.below(10);
            case 1: return 4000 + random_.below(200);
            case 2: return 1 + random_.below(100'000);
            default: return 1 + random_.below(2000);
        }
    }
    /// Begins a burst; gives the tickets, and notes the batches as unknown.
    std::vector<Instance::Ticket> begin(std::uint32_t shard) {
        Kept& kept = known_[shard];
        std::vector<Instance::Ticket> tickets;
        const std::uint64_t count = 1 + random_.below(12);
        ++version_;
        for (std::uint64_t number = kept.through + 1; number <= kept.through + count; ++number) {
            std::string octets = octets_of(shard, number, size(), version_);
            const bool waits = number < kept.through + count && random_.chance(1, 3);
            kept.unknown[number] = octets;
            tickets.push_back(store_->begin_append(shard, kept.epoch, number, std::move(octets), waits ? 1h : 0s));
        }
        return tickets;
    }
    void append(std::uint32_t shard) {
        Kept& kept = known_[shard];
        for (const Instance::Ticket ticket : begin(shard)) {
            const Told told = store_->wait(ticket);
            ASSERT_EQ(told.status, StoreStatus::ok) << told.why;
            kept.batches.insert(kept.unknown.extract(++kept.through));
        }
    }
    void reclaim(std::uint32_t shard) {
        Kept& kept = known_[shard];
        const std::uint64_t left = kept.through - kept.reclaimed;
        if (left == 0) return;
        kept.reclaimed += 1 + random_.below(left);
        const Told told = store_->reclaim(shard, kept.epoch, 1, kept.reclaimed);
        ASSERT_EQ(told.status, StoreStatus::ok) << told.why;
    }
    void release(std::uint32_t shard) {
        Kept& kept = known_[shard];
        EXPECT_EQ(store_->release(shard, kept.epoch).status, StoreStatus::ok);
        EXPECT_EQ(store_->append(shard, kept.epoch, kept.through + 1, "late").status, StoreStatus::fenced);
        owners_[shard] = random_.chance(1, 2) ? "tester" : "another";
        kept.acquired(store_->acquire(shard, owners_[shard]));
    }
    void fetch(std::uint32_t shard) {
        std::vector<std::uint64_t> numbers;
        for (std::uint64_t i = random_.below(20); i > 0; --i) {
            numbers.push_back(random_.below(known_[shard].through + 3));
        }
        known_[shard].check_fetch(*store_, shard, numbers);
    }
    void reopen() {
        if (random_.chance(1, 2)) {
            std::map<std::uint32_t, std::vector<Instance::Ticket>> under_way;
            for (std::uint32_t shard = 0; shard < 3; ++shard) under_way[shard] = begin(shard);
            store_->close(random_.chance(1, 2) ? 0s : 1ms);
            for (const auto& [shard, tickets] : under_way) settle(shard, tickets);
        }
        open();
    }
    void settle(std::uint32_t shard, const std::vector<Instance::Ticket>& tickets) {
        Kept& kept = known_[shard];
        for (const Instance::Ticket ticket : tickets) {
            const StoreStatus status = store_->wait(ticket).status;
            if (status != StoreStatus::ok) {
                EXPECT_EQ(status, StoreStatus::unknown);
                return;
            }
            kept.batches.insert(kept.unknown.extract(++kept.through));
        }
    }

    const Subject& subject_;
    Ground ground_;
    Prng random_;
    Known known_;
    std::array<std::string, 3> owners_{"tester", "tester", "tester"};
    std::uint64_t version_ = 0;
    std::unique_ptr<Instance> store_;
};

class RandomScripts : public ::testing::TestWithParam<std::tuple<Subject, std::uint64_t>> {};
std::string seed_name(const ::testing::TestParamInfo<std::tuple<Subject, std::uint64_t>>& info) {
    return std::get<0>(info.param).name + "_" + std::to_string(std::get<1>(info.param));
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RandomScripts);
INSTANTIATE_TEST_SUITE_P(Stores, RandomScripts,
                         ::testing::Combine(::testing::ValuesIn(keeping_subjects()),
                                            ::testing::Range<std::uint64_t>(1, 13)),
                         seed_name);

TEST_P(RandomScripts, LeaveWhatTheModelSays) {
    const auto& [subject, seed] = GetParam();
    Random script(subject, seed);
    if (HasFatalFailure()) return;
    for (int i = 0; i < 100 && !HasFailure(); ++i) script.step();
    script.check_all();
}

}  // namespace
}  // namespace ym::conformance
