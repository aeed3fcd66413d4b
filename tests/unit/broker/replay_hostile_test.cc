// What a store kept of one life, in the hands of a state machine that must not be too quick or too strict.
#include "kept.h"

namespace ym::test {
namespace {

using testing::ElementsAre;
using wire::SettleCode;
using wire::Verb;

TEST(HostileReplay, AsksTheStoreForNothingUntilAllIsReadBack) {
    constexpr BrokerOptions small{.store_keeps = true, .store_slack = 1};
    KeptStore store;
    {
        Life b(store, durable({"orders"}), {.store_keeps = true, .store_slack = std::uint64_t{1} << 30U});
        b.hello(producer, "p");
        b.hello(worker, "w", 99, {"orders"});
        for (std::uint64_t i = 1; i <= 50; ++i) {
            b.publish(producer, "orders", i, std::string(5000, 'x'));
            b.settle_down();
            if (i > 1) b.settle(worker, SettleCode::ack, i, 99);
            b.settle_down();
        }
    }
    Bench b(small, durable({"orders"}), Life::start);
    bool asked = false;
    b.on_step = [&asked](const Effects& done) {
        asked = asked || !done.records.empty() || !done.fetch.empty() || done.reclaim != 0;
    };
    for (const auto& [number, batch] : store.batches) {
        b.events.emplace_back(StoreReplayed{number, batch->records()});
        b.step();
    }
    EXPECT_FALSE(asked);
    b.events.emplace_back(StoreAcquired{2, store.through()});
    b.step();
    b.step();
    EXPECT_TRUE(asked) << "this test proves nothing";
}

/// A message that only a queue in memory still holds has nothing to say in the store.
TEST(HostileReplay, FindsNoRecordThatContradictsAnotherAfterRelocation) {
    const auto settings = [] {
        auto t = durable({"kept", "quick"});
        t->queues[1].durable = false;
        t->pipelines.push_back(fanout("all", {"kept", "quick"}));
        return t;
    };
    constexpr BrokerOptions small{.store_keeps = true, .store_slack = 64U << 10U};
    KeptStore store;
    {
        Life b(store, settings(), small);
        b.hello(producer, "p");
        b.hello(worker, "w", 999, {"kept"});
        for (std::uint64_t i = 1; i <= 200; ++i) {
            b.publish(producer, i % 20 == 0 ? "all" : "kept", i, std::string(5000, 'x'));
            b.settle_down();
            b.settle(worker, SettleCode::ack, i, 999);
            b.settle_down();
        }
        EXPECT_EQ(b.queue("quick").live, 10U);
        EXPECT_GT(store.fetches, 0U) << "this test proves nothing";
    }
    Life b(store, settings(), small);
    EXPECT_EQ(b.finish, Finish::no);
    EXPECT_EQ(b.queue("kept").ledger.acked, 200U);
    EXPECT_EQ(b.queue("kept").live, 0U);
}

TEST(HostileReplay, BringsMessagesBackThoughTheNameOfTheirQueueIsLost) {
    KeptStore store;
    {
        Life b(store, durable({"orders"}));
        b.hello(producer, "p");
        for (std::uint64_t i = 1; i <= 3; ++i) {
            b.publish(producer, "orders", i, std::to_string(i));
            b.settle_down();
        }
    }
    store.batches.erase(store.batches.begin());  // damaged, with the name, and the loss was accepted
    {
        Life b(store, durable({"orders"}));
        EXPECT_EQ(b.finish, Finish::no);
        EXPECT_EQ(b.queue("orders").live, 0U);
        EXPECT_EQ(b.queue("unnamed-0").live, 2U);
        EXPECT_TRUE(b.queue("unnamed-0").orphan);
        b.hello(producer, "p");
        b.publish(producer, "orders", 4, "4");
        b.settle_down();
        b.hello(worker, "w", 1, {"unnamed-0"});
        b.settle_down();
        EXPECT_THAT(b.bodies(worker), ElementsAre("2"));
        b.settle(worker, SettleCode::ack, 1, 1);
        b.settle_down();
    }
    Life b(store, durable({"orders"}));
    EXPECT_EQ(b.queue("orders").live, 1U);
    b.hello(worker, "w", 9, {"unnamed-0"});
    b.settle_down();
    EXPECT_THAT(b.bodies(worker), ElementsAre("3"));
}

/// Its first messages were refused, so they are fresh, however far the others went.
TEST(HostileReplay, RecognisesAllThatAProducerMaySendAgain) {
    const auto settings = [] {
        auto t = durable({"orders"});
        t->listeners[0].unconfirmed = 20'000;
        return t;
    };
    constexpr std::uint64_t first = 3;
    constexpr std::uint64_t last = 19'000;
    KeptStore store;
    {
        Life b(store, settings());
        b.hello(producer, "p");
        for (std::uint64_t i = first; i <= last; ++i) b.publish(producer, "orders", i, std::string(200, 'x'));
        b.settle_down();
    }
    const auto expect_known = [](Life& b) {
        b.hello(producer, "p");
        for (const std::uint64_t again : {first, std::uint64_t{9000}, last}) b.publish(producer, "orders", again, "x");
        b.settle_down();
        EXPECT_EQ(b.broker.status(b.now.monotonic).duplicates, 3U);
    };
    {
        Life b(store, settings());
        expect_known(b);
    }
    {
        Life b(store, settings(), {.store_keeps = true, .store_slack = 64U << 10U});
        b.hello(worker, "w", 99'999, {"orders"});
        b.settle_down();
        for (const Got& got : b.got(worker, Verb::deliver)) {
            if (got.id > 0 && got.id < 18'000) b.settle(worker, SettleCode::ack, got.id, 99'999);
        }
        b.settle_down();
    }
    EXPECT_GT(store.reclaimed, 10'000U) << "this test proves nothing";
    Life b(store, settings());
    expect_known(b);
    const std::uint64_t live = b.queue("orders").live;
    b.publish(producer, "orders", first - 1, "fresh");
    b.settle_down();
    EXPECT_EQ(b.queue("orders").live, live + 1);
}

/// A broker whose store answers when the test says so.
struct Slow : Bench {
    explicit Slow(std::unique_ptr<Topology> t)
        : Bench({.store_keeps = true, .store_slack = 64U << 10U}, std::move(t), Life::start) {
        on_step = [this](const Effects& done) {
            if (!done.records.empty()) {
                kept.emplace(done.batch, std::make_shared<KeptBatch>(done.records));
                appended.push_back(done.batch);
            }
            fetches.insert(fetches.end(), done.fetch.begin(), done.fetch.end());
            if (done.reclaim != 0) kept.erase(kept.begin(), kept.upper_bound(done.reclaim));
        };
        events.emplace_back(StoreAcquired{1, 0});
        step();
        hello(producer, "p");
        hello(worker, "w", 999, {"orders"});
    }
    void complete_all() {
        while (!appended.empty()) {
            const std::uint64_t batch = appended.front();
            appended.pop_front();
            complete(batch, StoreStatus::ok);
        }
    }
    /// Many messages that come and go, until the store is asked for an old batch.
    void make_waste(std::uint64_t sequence, std::uint64_t tag) {
        for (int left = 500; left > 0 && fetches.empty(); --left) {
            publish(producer, "orders", sequence++, std::string(3000, 'w'));
            complete_all();
            settle(worker, SettleCode::ack, tag++, 999);
            complete_all();
        }
        ASSERT_FALSE(fetches.empty()) << "this test proves nothing";
    }
    /// Puts all that was asked for into the next step.
    void give() {
        for (const std::uint64_t batch : std::exchange(fetches, {})) {
            given.push_back(kept.at(batch));
            events.emplace_back(BatchFetched{batch, given.back()->records()});
        }
    }

    std::map<std::uint64_t, std::shared_ptr<KeptBatch>> kept;
    std::deque<std::uint64_t> appended;
    std::deque<std::uint64_t> fetches;
    std::vector<std::shared_ptr<KeptBatch>> given;
};

/// What a step appends must still be there at its end.
TEST(HostileRelocation, OutlivesAnAckInTheSameStep) {
    Slow b(durable({"orders"}));
    const std::string large(400'000, 'L');  // which has memory of its own, given back at once
    b.publish(producer, "orders", 1, large);
    b.complete_all();
    b.make_waste(2, 2);
    b.give();
    b.settle(worker, SettleCode::ack, 1, 999);
    for (const StoreRecord& r : b.effects.records) {
        if (r.kind == RecordKind::relocated) {
            EXPECT_EQ(as_text(r.body), large);
        }
    }
    b.complete_all();
    EXPECT_EQ(b.queue("orders").live, 0U);
}

/// Nothing of what was fetched is written again; something else is under way meanwhile.
TEST(HostileRelocation, FreesBatchesOfWhichNothingCountsWhileOthersAreUnderWay) {
    auto t = durable({"orders", "quick"});
    t->queues[1].durable = false;
    t->pipelines.push_back(fanout("all", {"orders", "quick"}));
    Slow b(std::move(t));
    b.publish(producer, "all", 1, std::string(100, 'm'));  // quick keeps it, and is in memory alone
    b.complete_all();
    b.settle(worker, SettleCode::ack, 1, 999);
    b.complete_all();
    const std::uint64_t oldest = b.kept.begin()->first;
    std::uint64_t sequence = 2;
    std::uint64_t tag = 2;
    for (int rounds = 0; rounds < 20; ++rounds) {
        for (int left = 200; left > 0 && b.fetches.empty(); --left) {
            b.publish(producer, "orders", sequence++, std::string(3000, 'w'));
            b.complete_all();
            b.settle(worker, SettleCode::ack, tag++, 9999);
            b.complete_all();
        }
        b.publish(producer, "orders", sequence++, "under way");  // its batch is not stored yet
        b.give();
        b.step();
        b.complete_all();
        b.settle(worker, SettleCode::ack, tag++, 9999);
        b.complete_all();
    }
    EXPECT_NE(b.kept.begin()->first, oldest) << "one message in memory keeps the whole store";
    EXPECT_LT(b.kept.size(), 500U);
}

}  // namespace
}  // namespace ym::test
