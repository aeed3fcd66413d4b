// What is told of attempts that failed: kept within limits, stored with the copy, and there after a restart.
#include "broker/history.h"

#include "kept.h"

namespace ym::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::SettleCode;

constexpr MessageId one{1};
constexpr AddressId orders{3};

/// "1 nack by w: bad"
std::vector<std::string> words(Octets history) {
    std::vector<std::string> all;
    HistoryCursor cursor(history);
    PastAttempt past;
    while (cursor.next(past)) {
        all.push_back(std::to_string(past.attempt) + " " + std::string(name_of(past.reason)) + " by " +
                      std::string(past.worker) + ": " + std::string(past.error));
    }
    EXPECT_TRUE(cursor.whole());
    return all;
}

PastAttempt nacked(std::uint32_t attempt, std::string_view error) {
    return {WallTime{1700ms}, attempt, FailureReason::nack, "w", error};
}

TEST(Histories, KeepTheLastAttempts) {
    Histories histories;
    for (std::uint32_t i = 1; i <= 20; ++i) histories.add(one, orders, nacked(i, std::to_string(i)));
    const auto kept = words(histories.of(one, orders));
    ASSERT_THAT(kept, SizeIs(Histories::attempts_max));
    EXPECT_EQ(kept.front(), "13 nack by w: 13");
    EXPECT_EQ(kept.back(), "20 nack by w: 20");
}

TEST(Histories, CutLongTextsBetweenCharacters) {
    Histories histories;
    const std::string long_error = std::string(255, 'e') + "\u00e9 and more";
    const std::string long_name(100, 'n');
    histories.add(one, orders, {{}, 1, FailureReason::nack, long_name, long_error});
    HistoryCursor cursor(histories.of(one, orders));
    PastAttempt past;
    ASSERT_TRUE(cursor.next(past));
    EXPECT_EQ(past.error, std::string(255, 'e')) << "no half of a character";
    EXPECT_EQ(past.worker, std::string(64, 'n'));
    const std::string no_text(300, '\x80');
    histories.add(one, orders, {{}, 2, FailureReason::nack, {}, no_text});
    HistoryCursor again(histories.of(one, orders));
    ASSERT_TRUE(again.next(past) && again.next(past));
    EXPECT_THAT(past.error, SizeIs(256)) << "what is no UTF-8 is cut anywhere";
}

TEST(Histories, ForgetTheOldestMessagesBeyondTheirRoom) {
    Histories histories;
    for (std::uint64_t i = 1; i <= 10; ++i) histories.add({i}, orders, nacked(1, "error"));
    const std::uint64_t each = histories.memory() / 10;
    histories.keep_within(4 * each);
    EXPECT_EQ(histories.lost(), 6U);
    EXPECT_EQ(histories.memory(), 4 * each);
    EXPECT_THAT(histories.of({6}, orders), IsEmpty());
    EXPECT_THAT(words(histories.of({7}, orders)), ElementsAre("1 nack by w: error"));
    for (std::uint64_t i = 1; i <= 10; ++i) histories.forget({i}, orders);
    EXPECT_EQ(histories.memory(), 0U);
}

TEST(Histories, OfBrokenOctetsAreNone) {
    Histories histories;
    histories.add(one, orders, nacked(1, "error"));
    histories.add(one, orders, nacked(2, "error"));
    const std::string good(as_text(histories.of(one, orders)));
    EXPECT_TRUE(is_history({}));
    EXPECT_TRUE(is_history(as_octets(good)));
    for (std::size_t size = 1; size < good.size(); ++size) {
        EXPECT_EQ(is_history(as_octets(good).first(size)), size == good.size() / 2) << size;
    }
    std::string reason = good;
    reason[12] = 5;
    EXPECT_FALSE(is_history(as_octets(reason))) << "a reason that no attempt fails for";
}

/// Settles tag `tag` with a text of the worker.
void fail(Bench& b, PeerId peer, SettleCode code, std::uint64_t tag, const std::string& error, std::uint64_t window) {
    b.from(peer, [&](wire::FrameWriter& w) {
        w.begin(wire::Verb::settle, 0, "", window);
        w.begin_record(static_cast<std::uint16_t>(code), tag);
        if (!error.empty()) w.field(wire::Field::text, error);
    });
    b.step();
}

std::vector<std::string> history_of(Bench& b, const std::string& queue) {
    for (const CopyStatus& copy : b.broker.copies()) {
        if (copy.queue == queue) return words(as_octets(copy.history));
    }
    return {"no copy"};
}

TEST(History, TellsWhoFailedAndWhy) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"orders"});
    b.publish(producer, "orders", 1, "body");
    EXPECT_THAT(history_of(b, "orders"), IsEmpty());
    fail(b, worker, SettleCode::nack, 1, "no such city", 2);
    fail(b, worker, SettleCode::throttled, 2, "later", 3);
    EXPECT_THAT(history_of(b, "orders"), ElementsAre("1 nack by peer: no such city", "2 throttled by peer: later"));
    b.advance(30s);
    EXPECT_THAT(history_of(b, "orders"),
                ElementsAre("1 nack by peer: no such city", "2 throttled by peer: later", "3 lease_expired by peer: "))
        << "a dead letter has its history";
    EXPECT_EQ(b.queue("orders").dead_letters.live, 1U);
}

TEST(History, GoesWithItsMessage) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"orders"});
    b.publish(producer, "orders", 1, "body");
    const auto memory = [&] { return b.broker.status(b.now.monotonic).memory; };
    const std::uint64_t before = memory();
    fail(b, worker, SettleCode::nack, 1, "once", 2);
    EXPECT_GT(memory(), before);
    b.publish(producer, "orders", 2, "another");
    b.settle(worker, SettleCode::ack, 2, 3);
    EXPECT_THAT(history_of(b, "orders"), IsEmpty()) << "of the message behind it";
    b.settle(worker, SettleCode::ack, 3, 3);
    EXPECT_EQ(memory(), before) << "nothing is left of it";
}

TEST(History, OfOneQueueIsNotThatOfAnother) {
    auto t = topology({"a", "b"});
    t->pipelines.push_back(fanout("both", {"a", "b"}));
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"a"});
    b.publish(producer, "both", 1, "body");
    fail(b, worker, SettleCode::nack, 1, "mine", 1);
    EXPECT_THAT(history_of(b, "a"), ElementsAre("1 nack by peer: mine"));
    EXPECT_THAT(history_of(b, "b"), IsEmpty());
}

TEST(History, OutlastsARestart) {
    KeptStore store;
    {
        Life b(store, durable({"orders"}));
        b.hello(producer, "p");
        b.hello(worker, "w", 1, {"orders"});
        b.publish(producer, "orders", 1, "body");
        b.settle_down();
        fail(b, worker, SettleCode::nack, 1, "first", 2);
        b.settle_down();
    }
    {
        Life b(store, durable({"orders"}));
        EXPECT_THAT(history_of(b, "orders"), ElementsAre("1 nack by peer: first"));
        b.hello(worker, "w", 1, {"orders"});
        b.settle_down();
        fail(b, worker, SettleCode::reject, 1, "second", 1);
        b.settle_down();
    }
    Life b(store, durable({"orders"}), {.store_keeps = true}, Life::start, 2);
    EXPECT_EQ(b.queue("orders").dead_letters.live, 1U);
    EXPECT_THAT(history_of(b, "orders"), ElementsAre("1 nack by peer: first", "2 reject by peer: second"));
}

TEST(History, OutlastsTheBatchThatToldIt) {
    KeptStore store;
    const BrokerOptions tight{.store_keeps = true, .store_slack = 64U << 10U};
    {
        Life b(store, durable({"orders", "busy"}), tight);
        b.hello(producer, "p");
        b.hello(worker, "w", 1, {"orders"});
        b.publish(producer, "orders", 1, "body");
        b.settle_down();
        fail(b, worker, SettleCode::reject, 1, "never", 1);
        b.settle_down();
        b.hello(other, "o", 1000, {"busy"});
        for (std::uint64_t i = 2; i <= 200; ++i) {
            b.publish(producer, "busy", i, std::string(4000, 'b'));
            b.settle_down();
            b.settle(other, SettleCode::ack, i - 1, 1000);
            b.settle_down();
        }
        EXPECT_GT(store.reclaimed, 10U);
    }
    Life b(store, durable({"orders", "busy"}), tight);
    EXPECT_THAT(history_of(b, "orders"), ElementsAre("1 reject by peer: never"));
}

TEST(History, IsToldAgainByARecordThatTheStoreHadNoRoomFor) {
    KeptStore store;
    {
        Bench b(keeps, durable({"orders"}), Life::start);
        b.events.emplace_back(StoreAcquired{1, 0});
        b.step();
        const auto keep = [&](const Effects& done) {
            if (!done.records.empty()) store.batches.emplace(done.batch, std::make_shared<KeptBatch>(done.records));
        };
        b.hello(producer, "p");
        b.hello(worker, "w", 1, {"orders"});
        b.on_step = keep;
        b.publish(producer, "orders", 1, "body");
        b.complete(1, StoreStatus::ok);
        b.on_step = nullptr;
        fail(b, worker, SettleCode::reject, 1, "full", 1);
        b.complete(2, StoreStatus::full);
        b.on_step = keep;
        b.advance(1s);
        EXPECT_EQ(store.count(RecordKind::dead), 1U);
    }
    Life b(store, durable({"orders"}));
    EXPECT_THAT(history_of(b, "orders"), ElementsAre("1 reject by peer: full"));
}

TEST(History, BeyondItsShareOfMemoryIsCountedAsLost) {
    auto t = topology({"orders"});
    t->memory_max = 512U << 10U;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"orders"});
    for (std::uint64_t i = 1; i <= 300; ++i) {
        b.publish(producer, "orders", i, "body");
        fail(b, worker, SettleCode::reject, i, std::string(300, 'e'), i + 1);
    }
    const StatusReport status = b.broker.status(b.now.monotonic);
    EXPECT_EQ(b.queue("orders").dead_letters.live, 300U);
    EXPECT_GT(status.histories_lost, 10U);
    EXPECT_LT(status.histories_lost, 200U);
    EXPECT_THAT(history_of(b, "orders"), IsEmpty()) << "the oldest has lost its own";
}

}  // namespace
}  // namespace ym::test
