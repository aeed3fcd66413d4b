// persistence/1: every store, through the handle that core/store uses.
#include <map>
#include <mutex>

#include "conformance/kit.h"
#include "host/persistence.h"

namespace ym::conformance {
namespace {

using host::Persistence;
using host::StoreCompletion;

/// What a completion said; what it lent is copied.
struct Told {
    StoreStatus status = StoreStatus::failed;
    std::uint64_t epoch = 0;
    std::uint64_t through = 0;
    std::uint32_t batches = 0;
    std::size_t order = 0;
};

class AnyStore : public ::testing::TestWithParam<std::string> {
  protected:
    void SetUp() override {
        settings::Problems problems;
        store =
            registry().persistence(use_of(GetParam(), schema_of(YM_PERSISTENCE_1, GetParam()).sample(false)), problems);
        ASSERT_TRUE(problems.empty()) << lines_of(problems).front();
        store->on_complete([this](const StoreCompletion& completion) {
            const std::lock_guard lock(mutex);
            const Told one{completion.status, completion.epoch, completion.through, completion.count, told.size()};
            EXPECT_TRUE(told.emplace(completion.ticket, one).second) << "ticket " << completion.ticket << " twice";
        });
    }
    void TearDown() override {
        store->close(1s, 999);
        EXPECT_EQ(wait(999).status, StoreStatus::ok);
    }

    /// The answer to a ticket. The bundled stores that this suite runs on complete inside the call.
    Told wait(std::uint64_t ticket) {
        const std::lock_guard lock(mutex);
        EXPECT_EQ(told.count(ticket), 1U) << "no completion of ticket " << ticket;
        return told[ticket];
    }
    std::uint64_t acquire(std::uint32_t shard, std::uint64_t ticket) {
        store->acquire(shard, "tester", 10s, ticket);
        EXPECT_EQ(wait(ticket).status, StoreStatus::ok);
        return wait(ticket).epoch;
    }

    std::unique_ptr<Persistence> store;
    std::mutex mutex;
    std::map<std::uint64_t, Told> told;
    const std::string batch = std::string(1000, 'x');
};

TEST_P(AnyStore, TakesBatchesOfAMebibyteAtLeast) {
    EXPECT_GE(store->caps().batch_bytes_max, std::uint64_t{1} << 20U);
}

TEST_P(AnyStore, GivesAHigherEpochWithEachAcquire) {
    const std::uint64_t first = acquire(0, 1);
    EXPECT_GT(first, 0U);
    EXPECT_GT(acquire(0, 2), first);
}

TEST_P(AnyStore, CompletesAppendsInTheirOrder) {
    const std::uint64_t epoch = acquire(0, 1);
    const std::uint64_t through = wait(1).through;
    for (std::uint64_t i = 1; i <= 50; ++i)
        store->append(0, epoch, through + i, as_octets(batch), Duration{0}, 100 + i);
    for (std::uint64_t i = 1; i <= 50; ++i) {
        EXPECT_EQ(wait(100 + i).status, StoreStatus::ok);
        if (i == 1) continue;
        EXPECT_GT(wait(100 + i).order, wait(99 + i).order);
    }
    acquire(0, 2);
    EXPECT_EQ(wait(2).through, through + 50);
}

TEST_P(AnyStore, FencesAnOldEpoch) {
    const std::uint64_t old_epoch = acquire(0, 1);
    const std::uint64_t through = wait(1).through;
    const std::uint64_t epoch = acquire(0, 2);
    store->append(0, old_epoch, through + 1, as_octets(batch), Duration{0}, 3);
    EXPECT_EQ(wait(3).status, StoreStatus::fenced);
    store->renew(0, old_epoch, 10s, 4);
    EXPECT_EQ(wait(4).status, StoreStatus::fenced);
    store->reclaim(0, old_epoch, 1, 1, 5);
    EXPECT_EQ(wait(5).status, StoreStatus::fenced);
    store->append(0, epoch, through + 1, as_octets(batch), Duration{0}, 6);
    EXPECT_EQ(wait(6).status, StoreStatus::ok);
}

TEST_P(AnyStore, TakesNothingAfterRelease) {
    const std::uint64_t epoch = acquire(0, 1);
    store->renew(0, epoch, 10s, 2);
    EXPECT_EQ(wait(2).status, StoreStatus::ok);
    store->release(0, epoch, 3);
    EXPECT_EQ(wait(3).status, StoreStatus::ok);
    store->append(0, epoch, wait(1).through + 1, as_octets(batch), Duration{0}, 4);
    EXPECT_EQ(wait(4).status, StoreStatus::fenced);
}

TEST_P(AnyStore, KeepsShardsApart) {
    const std::uint64_t zero = acquire(0, 1);
    const std::uint64_t one = acquire(1, 2);
    store->append(0, zero, wait(1).through + 1, as_octets(batch), Duration{0}, 3);
    acquire(1, 4);
    EXPECT_EQ(wait(4).through, wait(2).through);
    store->append(0, zero, wait(1).through + 2, as_octets(batch), Duration{0}, 5);
    EXPECT_EQ(wait(5).status, StoreStatus::ok) << "another shard's acquire took this one's epoch";
    store->append(1, one, wait(2).through + 1, as_octets(batch), Duration{0}, 6);
    EXPECT_EQ(wait(6).status, StoreStatus::fenced);
}

TEST_P(AnyStore, ReadsToItsEndAndFetchesWhatItHas) {
    const std::uint64_t epoch = acquire(0, 1);
    const std::uint64_t first = wait(1).through + 1;
    store->append(0, epoch, first, as_octets(batch), Duration{0}, 2);
    store->read(0, first, 1 << 20, 3);
    EXPECT_EQ(wait(3).status, StoreStatus::ok);
    EXPECT_EQ(wait(3).through, first);
    const std::uint64_t numbers[] = {first, first + 100};
    store->fetch(0, numbers, 4);
    EXPECT_EQ(wait(4).status, StoreStatus::ok);
    EXPECT_EQ(wait(4).batches, 2U);
    store->reclaim(0, epoch, first, first, 5);
    EXPECT_EQ(wait(5).status, StoreStatus::ok);
}

/// Those that complete inside the call, as wait() expects. `log` answers from threads; see tests/unit/log.
std::vector<std::string> synchronous_stores() {
    std::vector<std::string> ids = ids_with(YM_PERSISTENCE_1);
    std::erase(ids, "log");
    return ids;
}

INSTANTIATE_TEST_SUITE_P(Bundled, AnyStore, ::testing::ValuesIn(synchronous_stores()), test_name);

TEST(Memory, SaysThatItKeepsNothing) {
    settings::Problems problems;
    const auto store = registry().persistence(use_of("memory", "{}"), problems);
    EXPECT_EQ(store->caps().durability, host::Durability::none);
    EXPECT_FALSE(store->caps().fenced);
}

}  // namespace
}  // namespace ym::conformance
