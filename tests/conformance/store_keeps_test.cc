// persistence/1: what holds for stores that keep something: reading, reclaiming, owners.
#include <chrono>

#include "conformance/store_kit.h"

namespace ym::conformance {
namespace {

using Ticket = Instance::Ticket;

class KeepingStore : public StoreCase {
  protected:
    void SetUp() override {
        open(GetParam());
        kept.acquired(store->acquire(0));
    }

    void reclaim(std::uint64_t first, std::uint64_t last) {
        const Told told = store->reclaim(0, kept.epoch, first, last);
        ASSERT_EQ(told.status, StoreStatus::ok) << told.why;
        kept.reclaimed = last;
    }
    void reopen() {
        open(GetParam());
        kept.acquired(store->acquire(0));
    }

    Kept kept;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(KeepingStore);
INSTANTIATE_TEST_SUITE_P(Stores, KeepingStore, ::testing::ValuesIn(keeping_subjects()), subject_name);

TEST_P(KeepingStore, GivesBackEachBatchAsItWas) {
    append_all(*store, 0, kept, {1, 2, 3, 511, 512, 513, 4000, 4095, 4096, 4097, 8192, 65'535, 65'536, 100'000, 1});
    kept.check_read(*store, 0, 1 << 20);
    kept.check_fetch(*store, 0, {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1});
    reopen();
    kept.check_read(*store, 0, 1 << 20);
    kept.check_fetch(*store, 0, {7, 8, 9});
}

TEST_P(KeepingStore, KeepsOctetsThatLookLikeAnything) {
    const std::string zeros(10'000, '\0'), ones(10'000, '\xff');
    for (const std::string& octets : {zeros, ones, std::string("\0", 1), zeros}) {
        const std::uint64_t number = ++kept.through;
        ASSERT_EQ(store->append(0, kept.epoch, number, octets).status, StoreStatus::ok);
        kept.batches[number] = octets;
    }
    reopen();
    kept.check_read(*store, 0, 1 << 20);
}

TEST_P(KeepingStore, KeepsTheLargestBatchThatItPromises) {
    const std::uint64_t largest = std::min<std::uint64_t>(store->caps().batch_bytes_max, 8U << 20U);
    append_all(*store, 0, kept, {10, largest, 10});
    reopen();
    kept.check_read(*store, 0, 1 << 10);
    kept.check_fetch(*store, 0, {2});
}

/// How many octets a read asks for.
class Reading : public ::testing::WithParamInterface<std::tuple<Subject, std::uint64_t>>, public ::testing::Test {};
std::string reading_name(const ::testing::TestParamInfo<std::tuple<Subject, std::uint64_t>>& info) {
    return std::get<0>(info.param).name + "_" + std::to_string(std::get<1>(info.param));
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Reading);
INSTANTIATE_TEST_SUITE_P(Stores, Reading,
                         ::testing::Combine(::testing::ValuesIn(keeping_subjects()),
                                            ::testing::Values(0, 1, 99, 100, 250, 4096, 10'000, 1 << 20, UINT64_MAX)),
                         reading_name);

TEST_P(Reading, GivesAsManyAsWereAskedForAndOneAtLeast) {
    const auto& [subject, bytes_max] = GetParam();
    const Ground ground;
    Instance store(subject.plugin, subject.settings, ground.folder());
    Kept kept;
    kept.acquired(store.acquire(0));
    append_all(store, 0, kept, {100, 100, 100, 5000, 1, 1, 1, 1, 1, 1, 20'000, 100, 100, 100});
    kept.check_read(store, 0, bytes_max);
    ASSERT_EQ(store.reclaim(0, kept.epoch, 1, 3).status, StoreStatus::ok);
    kept.reclaimed = 3;
    kept.check_read(store, 0, bytes_max);
}

TEST_P(KeepingStore, ReadsFromAnyNumberOn) {
    append_all(*store, 0, kept, std::vector<std::size_t>(20, 1000));
    for (std::uint64_t from = 1; from <= 20; ++from) {
        const Told told = store->read(0, from, 1 << 20);
        ASSERT_EQ(told.batches.size(), 21 - from);
        EXPECT_EQ(told.batches.front().first, from);
        EXPECT_EQ(told.through, 20U);
    }
    for (const std::uint64_t from : {std::uint64_t{21}, std::uint64_t{1000}, std::uint64_t{1} << 62U}) {
        const Told told = store->read(0, from, 1 << 20);
        EXPECT_EQ(told.status, StoreStatus::ok);
        EXPECT_TRUE(told.batches.empty());
        EXPECT_GE(told.through, 20U) << "nothing more is there to be read";
    }
}

TEST_P(KeepingStore, FetchesWhatIsThereAndSaysWhatIsNot) {
    append_all(*store, 0, kept, {10, 5000, 20, 70'000});
    kept.check_fetch(*store, 0, {4, 2, 2, 9, 1, 0, 3, 1'000'000});
    kept.check_fetch(*store, 0, {});
    kept.check_fetch(*store, 0, {5});
    std::vector<std::uint64_t> many;
    for (std::uint64_t i = 0; i < 1000; ++i) many.push_back(i % 7);
    kept.check_fetch(*store, 0, many);
}

TEST_P(KeepingStore, SeesEachAppendThatHasCompleted) {
    for (std::uint64_t number = 1; number <= 50; ++number) {
        append_all(*store, 0, kept, {static_cast<std::size_t>(number) * 37});
        kept.check_fetch(*store, 0, {number});
        const Told told = store->read(0, number, 1);
        ASSERT_EQ(told.batches.size(), 1U);
        EXPECT_EQ(told.through, number);
    }
}

TEST_P(KeepingStore, KeepsWhatIsNotReclaimed) {
    append_all(*store, 0, kept, std::vector<std::size_t>(30, 3000));
    for (const std::uint64_t last : {1U, 2U, 10U, 29U}) {
        reclaim(kept.reclaimed + 1, last);
        kept.check_read(*store, 0, 1 << 20);
        kept.check_fetch(*store, 0, {1, last, last + 1, 30});
    }
    append_all(*store, 0, kept, {100, 100});
    reopen();
    kept.check_read(*store, 0, 10'000);
}

TEST_P(KeepingStore, GoesOnBehindTheLastNumberWhenAllIsReclaimed) {
    append_all(*store, 0, kept, {1000, 1000, 1000});
    reclaim(1, 3);
    reopen();
    EXPECT_EQ(kept.through, 3U);
    kept.check_read(*store, 0, 1 << 20);
    append_all(*store, 0, kept, {1000});
    reopen();
    kept.check_read(*store, 0, 1 << 20);
}

TEST_P(KeepingStore, BearsAReclaimOfWhatIsGoneAlready) {
    append_all(*store, 0, kept, std::vector<std::size_t>(10, 3000));
    reclaim(1, 4);
    reclaim(1, 4);
    reclaim(1, 6);
    kept.check_read(*store, 0, 1 << 20);
    append_all(*store, 0, kept, {100});
    reopen();
    kept.check_read(*store, 0, 1 << 20);
}

TEST_P(KeepingStore, ReclaimsNothingOfAnotherShard) {
    Kept other;
    other.acquired(store->acquire(5));
    for (int i = 0; i < 10; ++i) {
        append_all(*store, 0, kept, {3000});
        append_all(*store, 5, other, {2000});
    }
    reclaim(1, 10);
    other.check_read(*store, 5, 1 << 20);
    reopen();
    other.acquired(store->acquire(5));
    other.check_read(*store, 5, 1 << 20);
}

TEST_P(KeepingStore, ReadsTheSameUnderManyAppendsAndReclaims) {
    std::vector<Ticket> tickets;
    for (std::uint64_t round = 0; round < 8; ++round) {
        for (int i = 0; i < 50; ++i) {
            const std::uint64_t number = ++kept.through;
            kept.batches[number] = octets_of(0, number, 20'000);
            tickets.push_back(store->begin_append(0, kept.epoch, number, kept.batches[number]));
        }
        for (const Ticket ticket : tickets) ASSERT_EQ(store->wait(ticket).status, StoreStatus::ok);
        reclaim(kept.reclaimed + 1, kept.through - 20);
    }
    kept.check_read(*store, 0, 100'000);
    reopen();
    kept.check_read(*store, 0, 100'000);
}

/// Two instances on the same ground, as two processes would have them. A store may refuse to be opened twice.
TEST_P(KeepingStore, HasOneOwnerAtATime) {
    append_all(*store, 0, kept, {100, 100});
    Instance second(GetParam().plugin, GetParam().settings, ground.folder());
    if (second.made()) {
        EXPECT_EQ(second.acquire(0, "another").status, StoreStatus::fenced);
    } else {
        EXPECT_FALSE(second.problem().empty());
    }
    append_all(*store, 0, kept, {100});
    EXPECT_EQ(store->release(0, kept.epoch).status, StoreStatus::ok);
    store->close();
    Instance third(GetParam().plugin, GetParam().settings, ground.folder());
    ASSERT_TRUE(third.made()) << third.problem();
    kept.acquired(third.acquire(0, "another"));
    kept.check_read(third, 0, 1 << 20);
}

TEST_P(KeepingStore, FencesTheOwnerWhoseTimeIsOverWhenAnotherCame) {
    if (!store->caps().fenced) GTEST_SKIP() << "no other owner can take a shard while this one has it open";
    kept.acquired(store->acquire(0, "tester", 50ms));
    append_all(*store, 0, kept, {100, 100});
    Instance second(GetParam().plugin, GetParam().settings, ground.folder());
    ASSERT_TRUE(second.made()) << second.problem();
    Told told = second.acquire(0, "another");
    const auto begin = std::chrono::steady_clock::now();
    while (told.status == StoreStatus::fenced && std::chrono::steady_clock::now() - begin < 20s) {
        told = second.acquire(0, "another");
    }
    const std::uint64_t old_epoch = kept.epoch;
    kept.acquired(told);
    EXPECT_EQ(store->append(0, old_epoch, 3, "stale").status, StoreStatus::fenced);
    EXPECT_EQ(store->renew(0, old_epoch).status, StoreStatus::fenced);
    append_all(second, 0, kept, {100});
    kept.check_read(second, 0, 1 << 20);
}

}  // namespace
}  // namespace ym::conformance
