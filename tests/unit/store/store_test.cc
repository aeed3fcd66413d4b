#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "unit/store/scripted_plugin.h"

namespace ym::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// What poll() told, in words.
std::vector<std::string> told_with_epochs(Store& store, Instant now = {}) {
    std::vector<Event> events;
    store.poll(now, events);
    std::vector<std::string> words;
    for (const Event& event : events) {
        if (const auto* completed = std::get_if<StoreCompleted>(&event)) {
            constexpr std::array names{"ok", "full", "unknown", "fenced", "failed"};
            words.push_back(std::to_string(completed->batch) + " " +
                            names.at(static_cast<std::size_t>(completed->status)));
        } else if (const auto* acquired = std::get_if<StoreAcquired>(&event)) {
            words.push_back("epoch " + std::to_string(acquired->epoch) + " through " +
                            std::to_string(acquired->through));
        }
    }
    return words;
}

std::vector<std::uint64_t> numbers(const std::vector<ScriptedPlugin::Append>& appends) {
    std::vector<std::uint64_t> all;
    for (const auto& append : appends) all.push_back(append.number);
    return all;
}

void acquire(Store& store, ScriptedPlugin& plugin) {
    store.acquire();
    plugin.answer_acquire(YM_OK, 1);
    (void)told_with_epochs(store);
}

/// The messages of all records that the plugin keeps, in order.
std::vector<std::uint64_t> kept_messages(const ScriptedPlugin& plugin) {
    std::vector<std::uint64_t> messages;
    for (const auto& append : plugin.kept) {
        Result<BatchReader> reader = BatchReader::open(as_octets(append.octets));
        EXPECT_TRUE(reader.ok());
        EXPECT_EQ(reader->head().number, append.number);
        EXPECT_EQ(reader->head().epoch, append.epoch);
        StoreRecord record;
        while (reader->next(record).value()) messages.push_back(record.message.value);
    }
    return messages;
}

TEST(Store, ThatKeepsNothingCompletesABatchAtOnceAndNeverAsksThePlugin) {
    ScriptedPlugin plugin(YM_DURABLE_NONE);
    Store store(plugin.persistence(), {});
    store.acquire();
    plugin.answer_acquire(YM_OK, 1);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("epoch 1 through 0"));
    append(store, 1);
    EXPECT_TRUE(store.answered());
    EXPECT_THAT(told_with_epochs(store), ElementsAre("1 ok"));
    EXPECT_THAT(plugin.under_way, IsEmpty());
}

TEST(Store, SendsManyBatchesAndTellsOfEachWhenItIsKept) {
    ScriptedPlugin plugin(YM_DURABLE_DISK);
    Store store(plugin.persistence(), {});
    store.acquire();
    EXPECT_THAT(told_with_epochs(store), IsEmpty());
    plugin.answer_acquire(YM_OK, 3, 40);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("epoch 3 through 40"));
    for (const auto batch : std::initializer_list<std::uint64_t>{41, 42, 43}) append(store, batch);
    EXPECT_THAT(numbers(plugin.under_way), ElementsAre(41, 42, 43));
    EXPECT_THAT(told_with_epochs(store), IsEmpty());
    plugin.answer_append(YM_OK);
    plugin.answer_append(YM_OK);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("41 ok", "42 ok"));
    plugin.answer_append(YM_OK);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("43 ok"));
    EXPECT_THAT(kept_messages(plugin), ElementsAre(41, 42, 43));
}

TEST(Store, AppendsAgainWhatIsNotKeptAfterAnUnknownAnswer) {
    ScriptedPlugin plugin(YM_DURABLE_DISK);
    Store store(plugin.persistence(), {});
    acquire(store, plugin);
    for (const auto batch : std::initializer_list<std::uint64_t>{1, 2, 3, 4}) append(store, batch);
    plugin.answer_append(YM_OK);
    plugin.kept.push_back(plugin.under_way.at(0));  // kept, but the answer is lost
    plugin.answer_append(YM_UNKNOWN);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("1 ok", "2 unknown"));
    store.acquire();
    EXPECT_EQ(plugin.acquires.size(), 1U) << "not before all that is under way is answered";
    plugin.answer_append(YM_UNKNOWN);
    plugin.answer_append(YM_UNKNOWN);
    append(store, 5);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("3 unknown", "4 unknown"));
    ASSERT_EQ(plugin.acquires.size(), 2U);
    EXPECT_THAT(plugin.under_way, IsEmpty());
    plugin.answer_acquire(YM_OK, 2, 2);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("epoch 2 through 2"));
    EXPECT_THAT(numbers(plugin.under_way), ElementsAre(3, 4, 5));
    for (int count = 0; count < 3; ++count) plugin.answer_append(YM_OK);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("3 ok", "4 ok", "5 ok"));
    EXPECT_THAT(kept_messages(plugin), ElementsAre(1, 2, 3, 4, 5));
}

TEST(Store, RefusesAllThatWasAppendedBeforeAFullStoreWasKnown) {
    ScriptedPlugin plugin(YM_DURABLE_DISK);
    Store store(plugin.persistence(), {});
    acquire(store, plugin);
    for (const auto batch : std::initializer_list<std::uint64_t>{1, 2, 3}) append(store, batch);
    plugin.answer_append(YM_OK);
    plugin.answer_append(YM_FULL);
    append(store, 4);  // the broker does not know of it yet
    EXPECT_THAT(told_with_epochs(store), ElementsAre("1 ok", "2 full", "3 full", "4 full"));
    append(store, 5);
    EXPECT_THAT(numbers(plugin.under_way), ElementsAre(3, 4)) << "held until what was refused is answered";
    plugin.answer_append(YM_FULL);
    EXPECT_THAT(told_with_epochs(store), IsEmpty());
    plugin.answer_append(YM_FULL);
    EXPECT_THAT(told_with_epochs(store), IsEmpty());
    append(store, 6);
    EXPECT_THAT(numbers(plugin.under_way), ElementsAre(2, 3)) << "numbers have no gap";
    plugin.answer_append(YM_OK);
    plugin.answer_append(YM_OK);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("5 ok", "6 ok"));
    EXPECT_THAT(kept_messages(plugin), ElementsAre(1, 5, 6));
}

TEST(Store, CallsAPluginThatKeepsABatchBehindARefusedOneBroken) {
    for (const bool known : {false, true}) {
        ScriptedPlugin plugin(YM_DURABLE_DISK);
        Store store(plugin.persistence(), {});
        acquire(store, plugin);
        append(store, 1);
        append(store, 2);
        plugin.answer_append(YM_FULL);
        if (known) (void)told_with_epochs(store);
        plugin.answer_append(YM_OK);
        (void)told_with_epochs(store);
        EXPECT_EQ(store.ended(), StoreStatus::failed);
        EXPECT_THAT(store.why(), HasSubstr("behind one that it had refused"));
    }
}

TEST(Store, AcquiresAgainWhenTheConnectionIsLostBehindARefusedBatch) {
    ScriptedPlugin plugin(YM_DURABLE_DISK);
    Store store(plugin.persistence(), {});
    acquire(store, plugin);
    for (const auto batch : std::initializer_list<std::uint64_t>{1, 2, 3}) append(store, batch);
    plugin.answer_append(YM_OK);
    plugin.answer_append(YM_FULL);
    plugin.answer_append(YM_UNKNOWN);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("1 ok", "2 full", "3 full"));
    append(store, 4);
    EXPECT_THAT(plugin.under_way, IsEmpty());
    ASSERT_EQ(plugin.acquires.size(), 2U);
    plugin.answer_acquire(YM_OK, 2, 1);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("epoch 2 through 1"));
    EXPECT_THAT(numbers(plugin.under_way), ElementsAre(2));
}

TEST(Store, CallsAStoreThatLostOrInventedBatchesBroken) {
    for (const std::uint64_t through : std::initializer_list<std::uint64_t>{0, 3}) {
        ScriptedPlugin plugin(YM_DURABLE_DISK);
        Store store(plugin.persistence(), {});
        acquire(store, plugin);
        append(store, 1);
        append(store, 2);
        plugin.answer_append(YM_OK);
        plugin.answer_append(YM_UNKNOWN);
        (void)told_with_epochs(store);
        store.acquire();
        plugin.answer_acquire(YM_OK, 2, through);
        EXPECT_THAT(told_with_epochs(store), ElementsAre("2 failed"));
        EXPECT_THAT(store.why(), HasSubstr("the store's last batch is " + std::to_string(through)));
    }
}

TEST(Store, CutsABatchThatIsTooLargeAndTellsOfItOnce) {
    ScriptedPlugin plugin(YM_DURABLE_DISK, 70);  // the head and two settled records
    Store store(plugin.persistence(), {});
    acquire(store, plugin);
    append(store, 1, 5);
    append(store, 2, 1);
    EXPECT_THAT(numbers(plugin.under_way), ElementsAre(1, 2, 3, 4));
    for (int part = 0; part < 3; ++part) {
        EXPECT_LE(plugin.under_way[0].octets.size(), 70U);
        EXPECT_THAT(told_with_epochs(store), IsEmpty());
        plugin.answer_append(YM_OK);
    }
    EXPECT_THAT(told_with_epochs(store), ElementsAre("1 ok"));
    plugin.answer_append(YM_OK);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("2 ok"));
    EXPECT_THAT(kept_messages(plugin), ElementsAre(1, 1, 1, 1, 1, 2));
}

TEST(Store, CutsARunOfMessagesThatIsTooLarge) {
    constexpr std::size_t largest = 150;
    ScriptedPlugin plugin(YM_DURABLE_DISK, largest);
    Store store(plugin.persistence(), {});
    acquire(store, plugin);
    const std::string body(30, 'x');
    std::vector<Content> more(9, Content{as_octets(body).data(), 10, 20});
    StoreRecord run;
    run.kind = RecordKind::accepted;
    run.message = MessageId{100};
    run.sequence = 7;
    run.fields = as_octets(body).first(10);
    run.body = as_octets(body).subspan(10);
    run.more = more;
    store.append(1, std::vector<StoreRecord>{settled(1), run, settled(2)});
    while (!plugin.under_way.empty()) {
        EXPECT_LE(plugin.under_way[0].octets.size(), largest);
        plugin.answer_append(YM_OK);
    }
    EXPECT_THAT(told(store), ElementsAre("1 ok"));
    std::uint64_t next = 0;
    for (const auto& append : plugin.kept) {
        BatchRecords records;
        ASSERT_TRUE(records.add(as_octets(append.octets)).ok());
        for (const StoreRecord& record : records.records()) {
            if (record.kind != RecordKind::accepted) continue;
            for (std::size_t i = 0; i < messages_of(record); ++i, ++next) {
                const StoreRecord one = one_of(record, i);
                EXPECT_EQ(one.message.value, 100 + next);
                EXPECT_EQ(one.sequence, 7 + next);
                EXPECT_EQ(one.fields.size(), 10U);
                EXPECT_EQ(one.body.size(), 20U);
            }
        }
    }
    EXPECT_EQ(next, 10U);
}

TEST(Store, RefusesACutBatchAsAWholeWhenItsFirstPartFindsNoRoom) {
    ScriptedPlugin plugin(YM_DURABLE_DISK, 70);
    Store store(plugin.persistence(), {});
    acquire(store, plugin);
    append(store, 1, 5);
    append(store, 2, 1);
    for (int part = 0; part < 4; ++part) plugin.answer_append(YM_FULL);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("1 full", "2 full"));
    append(store, 3, 1);
    plugin.answer_append(YM_OK);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("3 ok"));
    EXPECT_THAT(kept_messages(plugin), ElementsAre(3));
}

TEST(Store, WaitsForRoomWhenItEndsInsideABatch) {
    ScriptedPlugin plugin(YM_DURABLE_DISK, 70);
    Store store(plugin.persistence(), {.room_again = 100ms});
    acquire(store, plugin);
    append(store, 1, 5);
    append(store, 2, 1);
    plugin.answer_append(YM_OK);
    for (int part = 0; part < 3; ++part) plugin.answer_append(YM_FULL);
    EXPECT_THAT(told_with_epochs(store, Instant{1s}), IsEmpty()) << "a part of it is kept, so it cannot be refused";
    append(store, 3, 1);
    EXPECT_THAT(told_with_epochs(store, Instant{1050ms}), IsEmpty());
    EXPECT_THAT(plugin.under_way, IsEmpty());
    EXPECT_EQ(store.next_deadline(), Instant{1100ms});
    EXPECT_THAT(told_with_epochs(store, Instant{1100ms}), IsEmpty());
    EXPECT_THAT(numbers(plugin.under_way), ElementsAre(2, 3, 4, 5));
    for (int part = 0; part < 4; ++part) plugin.answer_append(YM_OK);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("1 ok", "2 ok", "3 ok"));
    EXPECT_THAT(kept_messages(plugin), ElementsAre(1, 1, 1, 1, 1, 2, 3));
}

TEST(Store, SaysNothingMoreOnceItIsFenced) {
    ScriptedPlugin plugin(YM_DURABLE_DISK);
    Store store(plugin.persistence(), {});
    acquire(store, plugin);
    append(store, 1);
    append(store, 2);
    plugin.answer_append(YM_FENCED);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("1 fenced"));
    plugin.answer_append(YM_OK);
    append(store, 3);
    EXPECT_THAT(told_with_epochs(store), IsEmpty());
    EXPECT_THAT(plugin.under_way, IsEmpty());
}

TEST(Store, TriesAnAcquisitionOfUnknownOutcomeAgain) {
    ScriptedPlugin plugin(YM_DURABLE_DISK);
    Store store(plugin.persistence(), {.again = 1s});
    store.acquire();
    plugin.answer_acquire(YM_UNKNOWN);
    EXPECT_THAT(told_with_epochs(store, Instant{10s}), IsEmpty());
    EXPECT_EQ(store.next_deadline(), Instant{11s});
    EXPECT_THAT(told_with_epochs(store, Instant{10900ms}), IsEmpty());
    EXPECT_EQ(plugin.acquires.size(), 1U);
    EXPECT_THAT(told_with_epochs(store, Instant{11s}), IsEmpty());
    ASSERT_EQ(plugin.acquires.size(), 2U);
    plugin.answer_acquire(YM_OK, 5, 9);
    EXPECT_THAT(told_with_epochs(store, Instant{11s}), ElementsAre("epoch 5 through 9"));
}

TEST(Store, RenewsItsHoldWhenThePluginFences) {
    ScriptedPlugin plugin(YM_DURABLE_REPLICATED, 1U << 20U, true);
    Store store(plugin.persistence(), {.ttl = 9s});
    store.acquire();
    plugin.answer_acquire(YM_OK, 1);
    (void)told_with_epochs(store, Instant{1s});
    EXPECT_EQ(store.next_deadline(), Instant{4s});
    EXPECT_THAT(told_with_epochs(store, Instant{4s}), IsEmpty());
    EXPECT_EQ(plugin.renews.size(), 1U);
    plugin.answer_renew(YM_OK);
    EXPECT_THAT(told_with_epochs(store, Instant{7s}), IsEmpty());
    EXPECT_EQ(plugin.renews.size(), 2U);
    plugin.answer_renew(YM_FENCED);
    EXPECT_THAT(told_with_epochs(store, Instant{7s}), ElementsAre("0 fenced"));
}

TEST(Store, CallsAPluginThatAnswersOutOfOrderBroken) {
    ScriptedPlugin plugin(YM_DURABLE_DISK);
    Store store(plugin.persistence(), {});
    acquire(store, plugin);
    append(store, 1);
    append(store, 2);
    std::swap(plugin.under_way[0], plugin.under_way[1]);
    plugin.answer_append(YM_OK);
    EXPECT_THAT(told_with_epochs(store), ElementsAre("1 failed"));
}

TEST(Store, WakesItsShardFromAnotherThread) {
    ScriptedPlugin plugin(YM_DURABLE_DISK);
    int wakes = 0;
    Store store(plugin.persistence(), {.wake = [&wakes] { ++wakes; }});
    store.acquire();
    std::thread([&plugin] { plugin.answer_acquire(YM_OK, 1); }).join();
    EXPECT_EQ(wakes, 1);
    EXPECT_TRUE(store.answered());
    EXPECT_THAT(told_with_epochs(store), ElementsAre("epoch 1 through 0"));
    EXPECT_FALSE(store.answered());
}

TEST(Store, GivesTheShardUpWhenItCloses) {
    ScriptedPlugin plugin(YM_DURABLE_DISK);
    Store store(plugin.persistence(), {});
    acquire(store, plugin);
    EXPECT_TRUE(store.close(1s));
    EXPECT_EQ(plugin.releases, 1);
    EXPECT_FALSE(store.failed_at_close());
}

TEST(Store, TellsThatThePluginFailedInItsLastWork) {
    ScriptedPlugin plugin(YM_DURABLE_DISK);
    Store store(plugin.persistence(), {});
    acquire(store, plugin);
    plugin.releases_well = false;
    EXPECT_TRUE(store.close(1s));
    EXPECT_TRUE(store.failed_at_close());
}

}  // namespace
}  // namespace ym::store
