// persistence/1: what holds when something is wrong, for stores that can be told to have trouble.
#include "conformance/store_kit.h"

namespace ym::conformance {
namespace {

using Ticket = Instance::Ticket;

constexpr std::size_t batch_bytes = 16'000;
constexpr std::uint64_t appends_max = 1000;

/// The store refused `count` appends from `number` on: checks what it said, that nothing of them is kept, and that it
/// takes the refused number again when there is room.
class FullStore : public StoreCase {
  protected:
    void SetUp() override {
        open(GetParam(), GetParam().full);
        kept.acquired(store->acquire(0));
    }

    /// Appends until one is refused; all of a burst are under way at once.
    void fill(std::size_t burst) {
        for (bool full = false; !full;) {
            ASSERT_LT(kept.through, appends_max) << "it is never full";
            std::vector<Ticket> tickets;
            for (std::uint64_t i = 1; i <= burst; ++i) {
                const std::uint64_t number = kept.through + i;
                // Those behind are smaller, and might fit.
                const std::size_t size = i % 2 == 1 ? batch_bytes : 1;
                tickets.push_back(store->begin_append(0, kept.epoch, number, octets_of(0, number, size)));
            }
            const std::uint64_t first = kept.through + 1;
            for (std::uint64_t i = 0; i < burst; ++i) {
                const Told told = store->wait(tickets[i]);
                ASSERT_TRUE(told.status == StoreStatus::full || told.status == StoreStatus::ok) << told.why;
                if (told.status == StoreStatus::full) full = true;
                ASSERT_EQ(told.status == StoreStatus::full, full) << "behind a full one all are full";
                if (full) continue;
                kept.through = first + i;
                kept.batches[first + i] = octets_of(0, first + i, i % 2 == 0 ? batch_bytes : 1);
            }
        }
    }
    /// Gives up all but the last batch, and appends until the store takes one.
    void make_room() {
        ASSERT_EQ(store->reclaim(0, kept.epoch, 1, kept.through - 1).status, StoreStatus::ok);
        kept.reclaimed = kept.through - 1;
        const std::uint64_t number = kept.through + 1;
        for (int i = 0; i < 1000; ++i) {
            const Told told = store->append(0, kept.epoch, number, octets_of(0, number, 100));
            if (told.status == StoreStatus::full) continue;  // room comes now or later
            ASSERT_EQ(told.status, StoreStatus::ok) << told.why;
            kept.batches[number] = octets_of(0, number, 100);
            kept.through = number;
            return;
        }
        FAIL() << "it stays full though nearly all is reclaimed";
    }

    Kept kept;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FullStore);
INSTANTIATE_TEST_SUITE_P(Stores, FullStore, ::testing::ValuesIn(subjects_with(&Subject::full)), subject_name);

TEST_P(FullStore, KeepsWhatItHasAndTakesMoreWhenThereIsRoom) {
    for (int round = 0; round < 3; ++round) {
        fill(1);
        kept.check_read(*store, 0, 1 << 20);
        make_room();
    }
    open(GetParam());
    kept.acquired(store->acquire(0));
    kept.check_read(*store, 0, 1 << 20);
}

TEST_P(FullStore, RefusesAllThatIsUnderWayBehindARefusedAppend) {
    for (int round = 0; round < 3; ++round) {
        fill(50);
        kept.check_read(*store, 0, 1 << 20);
        make_room();
    }
    open(GetParam());
    kept.acquired(store->acquire(0));
    kept.check_read(*store, 0, 1 << 20);
}

TEST_P(FullStore, RefusesTheSameNumberAsOftenAsItIsTried) {
    fill(5);
    for (int i = 0; i < 5; ++i) {
        const std::uint64_t number = kept.through + 1;
        EXPECT_EQ(store->append(0, kept.epoch, number, octets_of(0, number, 4U << 20U)).status, StoreStatus::full);
    }
    open(GetParam(), GetParam().full);
    kept.acquired(store->acquire(0));
    kept.check_read(*store, 0, 1 << 20);
    make_room();
}

TEST_P(FullStore, DoesAllButAppendWhileItIsFull) {
    fill(5);
    EXPECT_EQ(store->renew(0, kept.epoch).status, StoreStatus::ok);
    kept.check_read(*store, 0, 1000);
    kept.check_fetch(*store, 0, {1, kept.through, kept.through + 1});
    kept.acquired(store->acquire(0));
    EXPECT_EQ(store->release(0, kept.epoch).status, StoreStatus::ok);
}

/// Answers get lost.
class UnknownStore : public StoreCase {
  protected:
    /// Acquires until it is known to be done.
    void acquire() {
        for (int i = 0; i < 1000; ++i) {
            const Told told = store->acquire(0);
            if (told.status == StoreStatus::unknown) continue;
            return kept.acquired(told);
        }
        FAIL() << "an acquire is never answered";
    }
    /// True if an answer was lost.
    bool append(std::uint64_t count, std::uint64_t version) {
        std::vector<Ticket> tickets;
        const std::uint64_t first = kept.through + 1;
        for (std::uint64_t number = first; number < first + count; ++number) {
            tickets.push_back(store->begin_append(0, kept.epoch, number, octets_of(0, number, 500, version)));
        }
        bool lost = false;
        for (std::uint64_t number = first; number < first + count; ++number) {
            const Told told = store->wait(tickets[number - first]);
            lost = lost || told.status == StoreStatus::unknown;
            EXPECT_EQ(told.status, lost ? StoreStatus::unknown : StoreStatus::ok)
                << "behind an unknown one all are unknown: " << told.why;
            (lost ? kept.unknown : kept.batches)[number] = octets_of(0, number, 500, version);
            if (!lost) kept.through = number;
        }
        return lost;
    }

    Kept kept;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(UnknownStore);
INSTANTIATE_TEST_SUITE_P(Stores, UnknownStore, ::testing::ValuesIn(subjects_with(&Subject::unknown)), subject_name);

TEST_P(UnknownStore, SaysAtTheNextAcquireWhatIsKept) {
    open(GetParam(), GetParam().unknown);
    acquire();
    int lost = 0;
    for (std::uint64_t round = 0; round < appends_max && lost < 20; ++round) {
        if (!append(1 + round % 7, round)) continue;
        ++lost;
        acquire();
        kept.check_read(*store, 0, 1 << 20);
    }
    EXPECT_EQ(lost, 20) << "no answer is ever lost";
    open(GetParam());
    kept.acquired(store->acquire(0));
    kept.check_read(*store, 0, 1 << 20);
}

TEST_P(UnknownStore, TakesNothingBeforeTheNextAcquire) {
    open(GetParam(), GetParam().unknown);
    acquire();
    std::uint64_t round = 0;
    while (!append(3, ++round)) ASSERT_LT(round, appends_max);
    for (std::uint64_t i = 0; i < 5; ++i) {
        const std::uint64_t number = kept.through + kept.unknown.size() + 1;
        EXPECT_NE(store->append(0, kept.epoch, number, octets_of(0, number, 10)).status, StoreStatus::ok);
        EXPECT_NE(store->append(0, kept.epoch, kept.through + 1, "again").status, StoreStatus::ok);
    }
    acquire();
    kept.check_read(*store, 0, 1 << 20);
}

/// Another owner comes.
class FencedStore : public StoreCase {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FencedStore);
INSTANTIATE_TEST_SUITE_P(Stores, FencedStore, ::testing::ValuesIn(subjects_with(&Subject::fenced)), subject_name);

TEST_P(FencedStore, TakesNothingMoreWhenAnotherOwnerHasTheShard) {
    open(GetParam(), GetParam().fenced);
    Kept kept;
    kept.acquired(store->acquire(0));
    StoreStatus status = StoreStatus::ok;
    for (std::uint64_t number = 1; status == StoreStatus::ok; ++number) {
        ASSERT_LT(number, appends_max) << "no other owner ever comes";
        std::string octets = octets_of(0, number, 100);
        status = store->append(0, kept.epoch, number, octets).status;
        if (status != StoreStatus::ok) continue;
        kept.batches[number] = std::move(octets);
        kept.through = number;
    }
    EXPECT_EQ(status, StoreStatus::fenced);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(store->append(0, kept.epoch, kept.through + 1, "stale").status, StoreStatus::fenced);
        EXPECT_EQ(store->renew(0, kept.epoch).status, StoreStatus::fenced);
        EXPECT_EQ(store->reclaim(0, kept.epoch, 1, 1).status, StoreStatus::fenced);
    }
    kept.check_read(*store, 0, 1 << 20);
}

TEST_P(FencedStore, FencesAllThatIsUnderWay) {
    open(GetParam(), GetParam().fenced);
    const std::uint64_t epoch = store->acquire(0).epoch;
    std::vector<Ticket> tickets;
    for (std::uint64_t number = 1; number <= appends_max; ++number) {
        tickets.push_back(store->begin_append(0, epoch, number, octets_of(0, number, 100)));
    }
    bool fenced = false;
    for (const Ticket ticket : tickets) {
        const StoreStatus status = store->wait(ticket).status;
        fenced = fenced || status == StoreStatus::fenced;
        EXPECT_EQ(status, fenced ? StoreStatus::fenced : StoreStatus::ok);
    }
    EXPECT_TRUE(fenced) << "no other owner ever comes";
}

/// The store breaks.
class FailedStore : public StoreCase {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FailedStore);
INSTANTIATE_TEST_SUITE_P(Stores, FailedStore, ::testing::ValuesIn(subjects_with(&Subject::failed)), subject_name);

TEST_P(FailedStore, TellsNothingGoodAfterItBroke) {
    open(GetParam(), GetParam().failed);
    Kept kept;
    kept.acquired(store->acquire(0));
    bool failed = false;
    while (!failed) {
        ASSERT_LT(kept.through, appends_max) << "it never breaks";
        std::vector<Ticket> tickets;
        const std::uint64_t first = kept.through + 1;
        for (std::uint64_t number = first; number < first + 7; ++number) {
            tickets.push_back(store->begin_append(0, kept.epoch, number, octets_of(0, number, 100)));
        }
        for (std::uint64_t number = first; number < first + 7; ++number) {
            const StoreStatus status = store->wait(tickets[number - first]).status;
            failed = failed || status != StoreStatus::ok;
            if (failed) {
                // What a broken store had begun to write may be found there later.
                EXPECT_TRUE(status == StoreStatus::failed || status == StoreStatus::unknown);
                kept.unknown[number] = octets_of(0, number, 100);
            } else {
                kept.batches[number] = octets_of(0, number, 100);
                kept.through = number;
            }
        }
    }
    EXPECT_NE(store->append(0, kept.epoch, kept.through + 1, "again").status, StoreStatus::ok);
    EXPECT_NE(store->acquire(0).status, StoreStatus::ok);
    EXPECT_NE(store->renew(0, kept.epoch).status, StoreStatus::ok);
    EXPECT_NE(store->reclaim(0, kept.epoch, 1, 1).status, StoreStatus::ok);
    EXPECT_NE(store->acquire(1).status, StoreStatus::ok);
    open(GetParam());
    kept.acquired(store->acquire(0));
    kept.check_read(*store, 0, 1 << 20);
}

}  // namespace
}  // namespace ym::conformance
