// What comes back from the store: read at the start, fetched for delivery; and what is given up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/store.h"
#include "unit/store/scripted_plugin.h"

namespace ym::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A batch of the plugin with a record for each message.
ScriptedPlugin::Append batch_of(std::uint64_t number, const std::vector<std::uint64_t>& messages) {
    Buffer octets;
    BatchWriter writer(octets);
    for (const std::uint64_t message : messages) writer.add(settled(message));
    writer.finish(1, number);
    return {1, number, 0, std::string(as_text(octets.octets()))};
}
ScriptedPlugin::Append gone(std::uint64_t number) {
    return {1, number, 0, ""};
}

std::string words_of(std::uint64_t batch, std::span<const StoreRecord> records) {
    std::string words = std::to_string(batch) + ":";
    for (const StoreRecord& record : records) words += " " + std::to_string(record.message.value);
    return words;
}

/// What poll() told, in words.
std::vector<std::string> told(Store& store, Instant now = {}) {
    std::vector<Event> events;
    store.poll(now, events);
    std::vector<std::string> words;
    for (const Event& event : events) {
        if (const auto* completed = std::get_if<StoreCompleted>(&event)) {
            constexpr std::array names{"ok", "full", "unknown", "fenced", "failed"};
            words.push_back(std::to_string(completed->batch) + " " +
                            names.at(static_cast<std::size_t>(completed->status)));
        } else if (const auto* acquired = std::get_if<StoreAcquired>(&event)) {
            words.push_back("acquired through " + std::to_string(acquired->through));
        } else if (const auto* replayed = std::get_if<StoreReplayed>(&event)) {
            words.push_back("replayed " + words_of(replayed->batch, replayed->records));
        } else if (const auto* fetched = std::get_if<BatchFetched>(&event)) {
            words.push_back("fetched " + words_of(fetched->batch, fetched->records));
        }
    }
    return words;
}

/// A store over a plugin that was filled before.
struct ReadingTest : ::testing::Test {
    explicit ReadingTest(std::uint64_t batch_bytes_max = 1U << 20U) : plugin(YM_DURABLE_DISK, batch_bytes_max) {
        plugin.reads_nothing = false;
    }
    void acquire(std::uint64_t through) {
        store.acquire();
        plugin.answer_acquire(YM_OK, 2, through);
    }
    /// Nothing was kept before.
    void acquire_empty() {
        acquire(0);
        (void)told(store);
    }
    /// Answers appends in their order.
    void answer(std::initializer_list<ym_status> statuses) {
        for (const ym_status status : statuses) plugin.answer_append(status);
        (void)told(store);
    }
    void expect_failed(const std::string& why) {
        (void)told(store);
        EXPECT_EQ(store.ended(), StoreStatus::failed);
        EXPECT_THAT(store.why(), HasSubstr(why));
    }

    ScriptedPlugin plugin;
    Store store{plugin.persistence(), {.again = 1s, .read_bytes = 1000}};
};

TEST_F(ReadingTest, TellsOfEveryBatchInOrderBeforeTheShardIsOurs) {
    acquire(4);
    EXPECT_THAT(told(store), IsEmpty());
    ASSERT_EQ(plugin.reads.size(), 1U);
    EXPECT_EQ(plugin.reads[0].from, 1U);
    EXPECT_EQ(plugin.reads[0].bytes_max, 1000U);
    plugin.answer_read(YM_OK, {batch_of(1, {10, 11}), batch_of(2, {})}, 2);
    EXPECT_THAT(told(store), ElementsAre("replayed 1: 10 11", "replayed 2:"));
    ASSERT_EQ(plugin.reads.size(), 1U);
    EXPECT_EQ(plugin.reads[0].from, 3U);
    plugin.answer_read(YM_OK, {batch_of(3, {12}), batch_of(4, {13})}, 4);
    EXPECT_THAT(told(store), ElementsAre("replayed 3: 12", "replayed 4: 13", "acquired through 4"));
    EXPECT_THAT(plugin.reads, IsEmpty());
    EXPECT_EQ(store.replay().batches, 4U);
    EXPECT_EQ(store.replay().records, 4U);
    append(store, 5);
    ASSERT_EQ(plugin.under_way.size(), 1U);
    EXPECT_EQ(plugin.under_way[0].number, 5U);
    plugin.answer_append(YM_OK);
    EXPECT_THAT(told(store), ElementsAre("5 ok"));
}

TEST_F(ReadingTest, ReadsOneAnswerAheadAndNoMore) {
    acquire(3);
    (void)told(store);
    const std::vector<std::uint64_t> many(3000, 7);
    plugin.answer_read(YM_OK, {batch_of(1, many), batch_of(2, many)}, 2);
    EXPECT_EQ(told(store).size(), 1U) << "so many records are enough for one turn";
    ASSERT_EQ(plugin.reads.size(), 1U) << "while the first is told of";
    plugin.answer_read(YM_OK, {batch_of(3, {1})}, 3);
    EXPECT_TRUE(store.answered());
    EXPECT_EQ(told(store).size(), 1U);
    EXPECT_THAT(told(store), ElementsAre("replayed 3: 1", "acquired through 3"));
    EXPECT_FALSE(store.answered());
}

TEST_F(ReadingTest, HoldsAtMostTwoAnswers) {
    acquire(100);
    (void)told(store);
    const std::vector<std::uint64_t> many(3000, 7);
    plugin.answer_read(YM_OK, {batch_of(1, many), batch_of(2, many), batch_of(3, many)}, 3);
    (void)told(store);
    plugin.answer_read(YM_OK, {batch_of(4, many)}, 4);
    (void)told(store);
    EXPECT_THAT(plugin.reads, IsEmpty()) << "two answers are held already";
    (void)told(store);
    EXPECT_EQ(plugin.reads.size(), 1U) << "the first is at its end";
}

TEST_F(ReadingTest, StartsAtTheOldestBatchThatIsLeft) {
    acquire(12);
    (void)told(store);
    plugin.answer_read(YM_OK, {batch_of(11, {1}), batch_of(12, {2})}, 12);
    EXPECT_THAT(told(store), ElementsAre("replayed 11: 1", "replayed 12: 2", "acquired through 12"));
    EXPECT_EQ(store.replay().missing_count, 0U);
}

TEST_F(ReadingTest, NeedsNoBatchWhenAllWereReclaimed) {
    acquire(12);
    (void)told(store);
    plugin.answer_read(YM_OK, {}, 12);
    EXPECT_THAT(told(store), ElementsAre("acquired through 12"));
}

TEST_F(ReadingTest, TellsWhichBatchesAreMissing) {
    acquire(12);
    (void)told(store);
    plugin.answer_read(YM_OK, {batch_of(3, {}), batch_of(6, {}), batch_of(7, {}), batch_of(9, {})}, 12);
    EXPECT_EQ(told(store).back(), "acquired through 12");
    EXPECT_EQ(store.replay().missing_count, 6U);
    ASSERT_EQ(store.replay().missing.size(), 3U);
    EXPECT_EQ(store.replay().missing[0].first, 4U);
    EXPECT_EQ(store.replay().missing[0].last, 5U);
    EXPECT_EQ(store.replay().missing[2].first, 10U);
    EXPECT_EQ(store.replay().missing[2].last, 12U);
}

TEST_F(ReadingTest, EndsWithTheBatchThatCannotBeRead) {
    acquire(2);
    (void)told(store);
    auto broken = batch_of(2, {5});
    broken.octets[batch_head_bytes + 4] = '\x63';
    plugin.answer_read(YM_OK, {batch_of(1, {1}), broken}, 2);
    expect_failed("batch 2 of the store cannot be read: record 1 of batch 2: a layout that is unknown");
    EXPECT_THAT(told(store), ElementsAre("2 failed"));
    EXPECT_THAT(told(store), IsEmpty());
}

TEST_F(ReadingTest, EndsWithABatchThatSaysItIsAnother) {
    acquire(2);
    (void)told(store);
    auto other = batch_of(1, {5});
    other.number = 2;
    plugin.answer_read(YM_OK, {other}, 2);
    expect_failed("batch 2 of the store says that it is number 1");
}

TEST_F(ReadingTest, EndsWithAPluginThatGivesBatchesOutOfOrder) {
    acquire(9);
    (void)told(store);
    plugin.answer_read(YM_OK, {batch_of(4, {}), batch_of(3, {})}, 9);
    expect_failed("the plugin gave batch 3 behind batch 4 of 9");
}

TEST_F(ReadingTest, EndsWithAPluginThatComesNoFurther) {
    acquire(9);
    (void)told(store);
    plugin.answer_read(YM_OK, {}, 0);
    expect_failed("the plugin read nothing from batch 1 on, though batches up to 9 are there");
}

TEST_F(ReadingTest, EndsWhenAReadFails) {
    acquire(9);
    (void)told(store);
    plugin.answer_read(YM_FAILED);
    EXPECT_THAT(told(store), ElementsAre("9 failed"));
}

TEST_F(ReadingTest, GoesOnWhereItWasWhenTheConnectionWasLost) {
    acquire(2);
    (void)told(store, Instant{5s});
    plugin.answer_read(YM_OK, {batch_of(1, {1})}, 1);
    EXPECT_THAT(told(store, Instant{5s}), ElementsAre("replayed 1: 1"));
    plugin.answer_read(YM_UNKNOWN);
    EXPECT_THAT(told(store, Instant{5s}), IsEmpty());
    EXPECT_EQ(store.next_deadline(), Instant{6s});
    EXPECT_THAT(told(store, Instant{6s}), IsEmpty());
    ASSERT_EQ(plugin.acquires.size(), 2U);
    plugin.answer_acquire(YM_OK, 3, 3);  // another owner was there in between
    EXPECT_THAT(told(store, Instant{6s}), IsEmpty());
    ASSERT_EQ(plugin.reads.size(), 1U);
    EXPECT_EQ(plugin.reads[0].from, 2U);
    plugin.answer_read(YM_OK, {batch_of(2, {2}), batch_of(3, {3})}, 3);
    EXPECT_THAT(told(store, Instant{6s}), ElementsAre("replayed 2: 2", "replayed 3: 3", "acquired through 3"));
}

TEST_F(ReadingTest, CanCloseInItsMiddle) {
    acquire(2);
    (void)told(store);
    EXPECT_TRUE(store.close(1s));
    EXPECT_EQ(plugin.releases, 1);
}

TEST_F(ReadingTest, FetchesSeveralBatchesAtOnce) {
    acquire_empty();
    for (const auto batch : std::initializer_list<std::uint64_t>{1, 2, 3}) append(store, batch);
    answer({YM_OK, YM_OK, YM_OK});
    store.fetch(3);
    store.fetch(1);
    ASSERT_EQ(plugin.fetches.size(), 2U);
    EXPECT_THAT(plugin.fetches[0].numbers, ElementsAre(3));
    EXPECT_THAT(plugin.fetches[1].numbers, ElementsAre(1));
    plugin.answer_fetch(YM_OK, {batch_of(1, {1})}, 1);
    EXPECT_THAT(told(store), ElementsAre("fetched 1: 1"));
    plugin.answer_fetch(YM_OK, {batch_of(3, {3})});
    EXPECT_THAT(told(store), ElementsAre("fetched 3: 3"));
}

TEST_F(ReadingTest, FetchesWhatWasReadBackByItsNumber) {
    acquire(7);
    (void)told(store);
    plugin.answer_read(YM_OK, {batch_of(6, {1}), batch_of(7, {2})}, 7);
    (void)told(store);
    store.fetch(6);
    ASSERT_EQ(plugin.fetches.size(), 1U);
    EXPECT_THAT(plugin.fetches[0].numbers, ElementsAre(6));
}

struct CutBatches : ReadingTest {
    CutBatches() : ReadingTest(70) {}  // the head and two settled records
};

TEST_F(CutBatches, AreFetchedAsAWhole) {
    acquire_empty();
    append(store, 1);
    append(store, 2, 5);
    append(store, 3);
    answer({YM_OK, YM_OK, YM_OK, YM_OK, YM_OK});
    store.fetch(2);
    store.fetch(3);
    store.fetch(1);
    ASSERT_EQ(plugin.fetches.size(), 3U);
    EXPECT_THAT(plugin.fetches[0].numbers, ElementsAre(2, 3, 4));
    EXPECT_THAT(plugin.fetches[1].numbers, ElementsAre(5));
    EXPECT_THAT(plugin.fetches[2].numbers, ElementsAre(1));
    plugin.answer_fetch(YM_OK, {batch_of(2, {20, 21}), batch_of(3, {22, 23}), batch_of(4, {24})});
    EXPECT_THAT(told(store), ElementsAre("fetched 2: 20 21 22 23 24"));
}

TEST_F(CutBatches, KnowTheirNumbersAfterAFullStore) {
    acquire_empty();
    append(store, 1, 3);  // 1 and 2
    append(store, 2, 3);
    append(store, 3);
    answer({YM_OK, YM_OK, YM_FULL, YM_FULL, YM_FULL});
    append(store, 4);     // 3
    append(store, 5, 3);  // 4 and 5
    append(store, 6);     // 6
    answer({YM_OK, YM_OK, YM_OK, YM_OK});
    for (const auto batch : std::initializer_list<std::uint64_t>{1, 4, 5, 6}) store.fetch(batch);
    ASSERT_EQ(plugin.fetches.size(), 4U);
    EXPECT_THAT(plugin.fetches[0].numbers, ElementsAre(1, 2));
    EXPECT_THAT(plugin.fetches[1].numbers, ElementsAre(3));
    EXPECT_THAT(plugin.fetches[2].numbers, ElementsAre(4, 5));
    EXPECT_THAT(plugin.fetches[3].numbers, ElementsAre(6));
    store.reclaim(1);
    store.reclaim(3);
    plugin.answer_reclaim(YM_OK);
    store.reclaim(5);
    (void)told(store);
    ASSERT_EQ(plugin.reclaims.size(), 1U);
    EXPECT_EQ(plugin.reclaims[0].first, 3U);
    EXPECT_EQ(plugin.reclaims[0].last, 5U);
    store.fetch(2);
    expect_failed("batch 2 is wanted, but it is none that the store keeps");
}

TEST_F(CutBatches, KnowTheirNumbersAfterAConnectionWasLostInTheirMiddle) {
    acquire_empty();
    append(store, 1, 5);
    append(store, 2);
    answer({YM_OK, YM_UNKNOWN, YM_UNKNOWN, YM_UNKNOWN});
    store.acquire();
    plugin.answer_acquire(YM_OK, 3, 2);
    EXPECT_THAT(told(store), ElementsAre("acquired through 0"));
    answer({YM_OK, YM_OK});
    store.fetch(1);
    store.fetch(2);
    ASSERT_EQ(plugin.fetches.size(), 2U);
    EXPECT_THAT(plugin.fetches[0].numbers, ElementsAre(1, 2, 3));
    EXPECT_THAT(plugin.fetches[1].numbers, ElementsAre(4));
}

TEST_F(ReadingTest, EndsWhenABatchThatIsNeededIsGone) {
    acquire_empty();
    append(store, 1);
    answer({YM_OK});
    store.fetch(1);
    plugin.answer_fetch(YM_OK, {gone(1)});
    expect_failed("batch 1 of the store is needed, but it is gone");
}

TEST_F(ReadingTest, EndsWhenAFetchFailsOrGivesTooFew) {
    acquire_empty();
    append(store, 1);
    answer({YM_OK});
    store.fetch(1);
    plugin.answer_fetch(YM_OK, {});
    expect_failed("the plugin gave 0 batches");
}

TEST_F(ReadingTest, FetchesAgainWhenTheConnectionWasLost) {
    acquire_empty();
    append(store, 1);
    answer({YM_OK});
    store.fetch(1);
    plugin.answer_fetch(YM_UNKNOWN);
    EXPECT_THAT(told(store, Instant{1s}), IsEmpty());
    store.fetch(1);
    EXPECT_THAT(plugin.fetches, IsEmpty()) << "the shard may not be ours";
    EXPECT_THAT(told(store, Instant{2s}), IsEmpty());
    ASSERT_EQ(plugin.acquires.size(), 2U);
    plugin.answer_acquire(YM_OK, 3, 1);
    EXPECT_THAT(told(store, Instant{2s}), ElementsAre("acquired through 1"));
    EXPECT_EQ(plugin.fetches.size(), 2U);
}

TEST_F(ReadingTest, ReclaimsWhatIsOldestOneCallAtATime) {
    acquire_empty();
    for (const auto batch : std::initializer_list<std::uint64_t>{1, 2, 3, 4}) append(store, batch);
    answer({YM_OK, YM_OK, YM_OK, YM_OK});
    store.reclaim(1);
    store.reclaim(2);
    store.reclaim(3);
    ASSERT_EQ(plugin.reclaims.size(), 1U);
    EXPECT_EQ(plugin.reclaims[0].first, 1U);
    EXPECT_EQ(plugin.reclaims[0].last, 1U);
    plugin.answer_reclaim(YM_OK);
    EXPECT_THAT(told(store), IsEmpty());
    ASSERT_EQ(plugin.reclaims.size(), 1U);
    EXPECT_EQ(plugin.reclaims[0].first, 2U);
    EXPECT_EQ(plugin.reclaims[0].last, 3U);
    plugin.answer_reclaim(YM_FENCED);
    EXPECT_THAT(told(store), ElementsAre("4 fenced"));
}

TEST_F(ReadingTest, ReclaimsAgainWhenTheConnectionWasLost) {
    acquire_empty();
    append(store, 1);
    append(store, 2);
    answer({YM_OK, YM_OK});
    store.reclaim(1);
    plugin.answer_reclaim(YM_UNKNOWN);
    EXPECT_THAT(told(store, Instant{1s}), IsEmpty());
    store.reclaim(2);
    EXPECT_THAT(plugin.reclaims, IsEmpty());
    (void)told(store, Instant{2s});
    plugin.answer_acquire(YM_OK, 3, 2);
    EXPECT_THAT(told(store, Instant{2s}), ElementsAre("acquired through 2"));
    ASSERT_EQ(plugin.reclaims.size(), 1U);
    EXPECT_EQ(plugin.reclaims[0].first, 1U);
    EXPECT_EQ(plugin.reclaims[0].last, 2U);
    plugin.answer_reclaim(YM_FAILED);
    EXPECT_THAT(told(store), ElementsAre("2 failed"));
}

}  // namespace
}  // namespace ym::store
