// persistence/1: what holds for every store, those that keep nothing among them.
#include "conformance/store_kit.h"

namespace ym::conformance {
namespace {

using Ticket = Instance::Ticket;

class AnyStore : public StoreCase {
  protected:
    void SetUp() override { open(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Stores, AnyStore, ::testing::ValuesIn(subjects()), subject_name);

TEST_P(AnyStore, TakesBatchesOfAMebibyteAtLeast) {
    ASSERT_GE(store->caps().batch_bytes_max, std::uint64_t{1} << 20U);
    const Told owned = store->acquire(0);
    const Told told = store->append(0, owned.epoch, owned.through + 1, octets_of(0, 1, 1U << 20U));
    EXPECT_EQ(told.status, StoreStatus::ok) << told.why;
}

TEST_P(AnyStore, SaysWhatItPromisesAtAnyTime) {
    const host::StoreCaps before = store->caps();
    store->acquire(0);
    EXPECT_EQ(store->caps().durability, before.durability);
    EXPECT_EQ(store->caps().batch_bytes_max, before.batch_bytes_max);
    EXPECT_EQ(store->caps().fenced, before.fenced);
}

TEST_P(AnyStore, EndsWithoutAnyCall) {
    EXPECT_EQ(store->close(), StoreStatus::ok);
}

TEST_P(AnyStore, BeginsWithNothing) {
    const Told owned = store->acquire(7);
    EXPECT_EQ(owned.status, StoreStatus::ok);
    EXPECT_EQ(owned.through, 0U);
    EXPECT_GT(owned.epoch, 0U);
    const Told told = store->read(7, 1, 1 << 20);
    EXPECT_EQ(told.status, StoreStatus::ok);
    EXPECT_TRUE(told.batches.empty());
    EXPECT_EQ(told.through, 0U);
}

TEST_P(AnyStore, GivesAHigherEpochWithEachAcquire) {
    std::uint64_t last = 0;
    for (int i = 0; i < 5; ++i) {
        const Told told = store->acquire(0);
        ASSERT_EQ(told.status, StoreStatus::ok) << told.why;
        EXPECT_GT(told.epoch, last);
        last = told.epoch;
    }
}

TEST_P(AnyStore, CompletesManyAppendsInTheirOrder) {
    const std::uint64_t epoch = store->acquire(0).epoch;
    std::vector<Ticket> tickets;
    for (std::uint64_t number = 1; number <= 2000; ++number) {
        tickets.push_back(store->begin_append(0, epoch, number, octets_of(0, number, 200)));
    }
    for (const Ticket ticket : tickets) ASSERT_EQ(store->wait(ticket).status, StoreStatus::ok);
    for (std::size_t i = 1; i < tickets.size(); ++i) {
        ASSERT_GT(store->wait(tickets[i]).order, store->wait(tickets[i - 1]).order);
    }
    EXPECT_EQ(store->acquire(0).through, 2000U);
}

TEST_P(AnyStore, CompletesAppendsOfManyShards) {
    std::vector<std::uint64_t> epochs;
    for (std::uint32_t shard = 0; shard < 10; ++shard) epochs.push_back(store->acquire(shard * 1000).epoch);
    std::vector<Ticket> tickets;
    for (std::uint64_t number = 1; number <= 50; ++number) {
        for (std::uint32_t shard = 0; shard < 10; ++shard) {
            tickets.push_back(
                store->begin_append(shard * 1000, epochs[shard], number, octets_of(shard * 1000, number, 300)));
        }
    }
    for (const Ticket ticket : tickets) ASSERT_EQ(store->wait(ticket).status, StoreStatus::ok);
    for (std::uint32_t shard = 0; shard < 10; ++shard) EXPECT_EQ(store->acquire(shard * 1000).through, 50U);
}

TEST_P(AnyStore, CompletesAnAppendThatMayWait) {
    const std::uint64_t epoch = store->acquire(0).epoch;
    EXPECT_EQ(store->append(0, epoch, 1, octets_of(0, 1, 100), 20ms).status, StoreStatus::ok);
    EXPECT_EQ(store->append(0, epoch, 2, octets_of(0, 2, 100), 1ms).status, StoreStatus::ok);
}

TEST_P(AnyStore, LetsAnAppendThatMayNotWaitTakeAllThatDo) {
    const std::uint64_t epoch = store->acquire(0).epoch;
    std::vector<Ticket> tickets;
    for (std::uint64_t number = 1; number <= 10; ++number) {
        tickets.push_back(store->begin_append(0, epoch, number, octets_of(0, number, 100), number < 10 ? 1h : 0s));
    }
    for (const Ticket ticket : tickets) EXPECT_EQ(store->wait(ticket).status, StoreStatus::ok);
}

TEST_P(AnyStore, LetsOneThatWaitsShorterTakeThoseThatWaitLonger) {
    const std::uint64_t epoch = store->acquire(0).epoch;
    const Ticket patient = store->begin_append(0, epoch, 1, octets_of(0, 1, 100), 1h);
    const Ticket other = store->begin_append(0, epoch, 2, octets_of(0, 2, 100), 5ms);
    EXPECT_EQ(store->wait(other).status, StoreStatus::ok);
    EXPECT_EQ(store->wait(patient).status, StoreStatus::ok);
}

TEST_P(AnyStore, RefusesANumberThatIsNotTheNext) {
    Kept kept;
    kept.acquired(store->acquire(0));
    append_all(*store, 0, kept, {10, 20, 30});
    for (const std::uint64_t number : {0U, 1U, 3U, 5U, 1000U}) {
        EXPECT_EQ(store->append(0, kept.epoch, number, octets_of(0, number, 10)).status, StoreStatus::failed) << number;
    }
    EXPECT_EQ(store->acquire(0).through, 3U);
}

TEST_P(AnyStore, FencesAnOldEpoch) {
    const std::uint64_t old_epoch = store->acquire(0).epoch;
    const std::uint64_t epoch = store->acquire(0).epoch;
    EXPECT_EQ(store->append(0, old_epoch, 1, "late").status, StoreStatus::fenced);
    EXPECT_EQ(store->renew(0, old_epoch).status, StoreStatus::fenced);
    EXPECT_EQ(store->reclaim(0, old_epoch, 1, 1).status, StoreStatus::fenced);
    EXPECT_EQ(store->release(0, old_epoch).status, StoreStatus::fenced);
    EXPECT_EQ(store->append(0, epoch, 1, "in time").status, StoreStatus::ok);
}

TEST_P(AnyStore, FencesAnEpochThatNeverWas) {
    EXPECT_EQ(store->append(3, 1, 1, "nobody's").status, StoreStatus::fenced);
    const std::uint64_t epoch = store->acquire(0).epoch;
    EXPECT_EQ(store->append(0, epoch + 1, 1, "not yet").status, StoreStatus::fenced);
    EXPECT_EQ(store->renew(0, epoch + 1).status, StoreStatus::fenced);
}

TEST_P(AnyStore, StaysTheOwnersAfterRenewals) {
    const std::uint64_t epoch = store->acquire(0, "tester", 1ms).epoch;
    for (std::uint64_t number = 1; number <= 5; ++number) {
        EXPECT_EQ(store->renew(0, epoch).status, StoreStatus::ok);
        EXPECT_EQ(store->append(0, epoch, number, "mine").status, StoreStatus::ok);
    }
}

TEST_P(AnyStore, TakesNothingAfterARelease) {
    const std::uint64_t epoch = store->acquire(0).epoch;
    EXPECT_EQ(store->release(0, epoch).status, StoreStatus::ok);
    EXPECT_EQ(store->append(0, epoch, 1, "too late").status, StoreStatus::fenced);
    EXPECT_EQ(store->renew(0, epoch).status, StoreStatus::fenced);
    EXPECT_EQ(store->release(0, epoch).status, StoreStatus::fenced);
    const Told again = store->acquire(0, "another");
    EXPECT_EQ(again.status, StoreStatus::ok) << again.why;
    EXPECT_GT(again.epoch, epoch);
}

TEST_P(AnyStore, ReleasesBehindTheAppendsThatAreUnderWay) {
    const std::uint64_t epoch = store->acquire(0).epoch;
    std::vector<Ticket> tickets;
    for (std::uint64_t number = 1; number <= 100; ++number) {
        tickets.push_back(store->begin_append(0, epoch, number, octets_of(0, number, 5000)));
    }
    const Told released = store->wait(store->begin_release(0, epoch));
    EXPECT_EQ(released.status, StoreStatus::ok);
    for (const Ticket ticket : tickets) {
        const Told told = store->wait(ticket);
        EXPECT_EQ(told.status, StoreStatus::ok);
        EXPECT_LT(told.order, released.order);
    }
}

TEST_P(AnyStore, KeepsShardsApart) {
    Kept zero, one;
    zero.acquired(store->acquire(0));
    one.acquired(store->acquire(1));
    append_all(*store, 0, zero, {100, 200});
    append_all(*store, 1, one, {300});
    one.acquired(store->acquire(1));
    EXPECT_EQ(one.through, 1U);
    append_all(*store, 0, zero, {100});  // the other's acquire took nothing from it
    EXPECT_EQ(store->release(1, one.epoch).status, StoreStatus::ok);
    append_all(*store, 0, zero, {100});  // nor did its release
    one.acquired(store->acquire(1));
    zero.acquired(store->acquire(0));
    EXPECT_EQ(zero.through, 4U);
    if (store->keeps()) {
        zero.check_read(*store, 0, 1 << 20);
        one.check_read(*store, 1, 1 << 20);
        zero.check_fetch(*store, 0, {1, 2, 3, 4});
        one.check_fetch(*store, 1, {1, 2});
    }
}

TEST_P(AnyStore, AnswersAllThatIsUnderWayBeforeItIsClosed) {
    const std::uint64_t epoch = store->acquire(0).epoch;
    std::vector<Ticket> tickets;
    for (std::uint64_t number = 1; number <= 200; ++number) {
        tickets.push_back(store->begin_append(0, epoch, number, octets_of(0, number, 20'000), number % 2 ? 1h : 0s));
    }
    tickets.push_back(store->begin_append(0, epoch, 201, "it may wait for long", 1h));
    store->close(0s);  // sees that each has its answer
    bool ended = false;
    for (const Ticket ticket : tickets) {
        const StoreStatus status = store->wait(ticket).status;
        EXPECT_TRUE(status == StoreStatus::ok || status == StoreStatus::unknown);
        EXPECT_TRUE(!ended || status == StoreStatus::unknown) << "what is kept is kept in order";
        ended = status == StoreStatus::unknown;
    }
}

TEST_P(AnyStore, EndsItsWorkBeforeADeadlineThatIsFarOff) {
    const std::uint64_t epoch = store->acquire(0).epoch;
    std::vector<Ticket> tickets;
    for (std::uint64_t number = 1; number <= 50; ++number) {
        tickets.push_back(store->begin_append(0, epoch, number, octets_of(0, number, 1000), 1h));
    }
    EXPECT_EQ(store->close(60s), StoreStatus::ok);
    for (const Ticket ticket : tickets) EXPECT_EQ(store->wait(ticket).status, StoreStatus::ok);
}

TEST_P(AnyStore, CanBeMadeAndEndedManyTimes) {
    std::uint64_t last = 0;
    for (int i = 0; i < 10; ++i) {
        const Told told = store->acquire(0);
        ASSERT_EQ(told.status, StoreStatus::ok) << told.why;
        EXPECT_TRUE(!store->keeps() || told.epoch > last);
        last = told.epoch;
        open(GetParam());
    }
}

}  // namespace
}  // namespace ym::conformance
