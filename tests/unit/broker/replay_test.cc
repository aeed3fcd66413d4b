// What a store kept of one life is there in the next.
#include "kept.h"

namespace ym::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using wire::SettleCode;
using wire::Verb;

void fill(Life& b, const std::string& to, std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t i = first; i <= last; ++i) b.publish(producer, to, i, to + std::to_string(i));
    b.settle_down();
}

std::vector<std::string> drain(Life& b, PeerId peer) {
    b.settle_down();
    return b.bodies(peer);
}

TEST(Replay, BringsMessagesBackInTheirOrder) {
    KeptStore store;
    {
        Life b(store, durable({"orders"}));
        b.hello(producer, "p");
        fill(b, "orders", 1, 3);
        b.publish(producer, "orders", 4, "urgent", {}, false, 31);
        b.settle_down();
    }
    Life b(store, durable({"orders"}));
    EXPECT_EQ(b.queue("orders").live, 4U);
    EXPECT_EQ(b.queue("orders").ledger.accepted, 4U);
    b.hello(worker, "w", 10, {"orders"});
    EXPECT_THAT(drain(b, worker), ElementsAre("urgent", "orders1", "orders2", "orders3"));
    Bench::balanced(b.queue("orders"));
}

TEST(Replay, LeavesOutWhatWasSettled) {
    KeptStore store;
    {
        Life b(store, durable({"orders"}));
        b.hello(producer, "p");
        b.hello(worker, "w", 2, {"orders"});
        fill(b, "orders", 1, 3);
        b.settle(worker, SettleCode::ack, 1, 2);
        b.settle_down();
    }
    Life b(store, durable({"orders"}));
    EXPECT_EQ(b.queue("orders").ledger.acked, 1U);
    b.hello(worker, "w", 10, {"orders"});
    EXPECT_THAT(drain(b, worker), ElementsAre("orders2", "orders3")) << "the lease of the second has ended";
    EXPECT_EQ(b.queue("orders").redelivered, 0U) << "and used up no attempt";
}

TEST(Replay, GivesNothingUpBeforeAllIsRead) {
    KeptStore store;
    {
        Life b(store, durable({"orders"}));
        b.hello(producer, "p");
        b.hello(worker, "w", 100, {"orders"});
        for (std::uint64_t i = 1; i <= 50; ++i) {
            fill(b, "orders", i, i);
            b.settle(worker, SettleCode::ack, i, 100);
            b.settle_down();
        }
    }
    // So little room that the dead are too many after a few batches.
    Bench b({.store_keeps = true, .store_slack = 100}, durable({"orders"}), Life::start);
    for (const auto& [number, batch] : store.batches) {
        b.events.emplace_back(StoreReplayed{number, batch->records()});
        b.step();
        EXPECT_THAT(b.effects.records, IsEmpty());
        EXPECT_THAT(b.effects.fetch, IsEmpty());
        EXPECT_EQ(b.effects.reclaim, 0U);
    }
    b.events.emplace_back(StoreAcquired{2, store.through()});
    b.step();
    EXPECT_FALSE(b.effects.records.empty()) << "now it writes what the old batches told, to give them up";
}

TEST(Replay, RemembersAttemptsAndTheirWait) {
    KeptStore store;
    const auto settings = [] {
        auto t = durable({"orders"});
        t->retries[0].policy = std::make_unique<Wait>(10s, 9);
        return t;
    };
    Now at = Life::start;
    {
        Life b(store, settings());
        b.hello(producer, "p");
        b.hello(worker, "w", 1, {"orders"});
        fill(b, "orders", 1, 2);
        b.settle(worker, SettleCode::nack, 1, 1);
        b.settle_down();
        at = b.now;
    }
    at.monotonic = Instant{5s};  // another start of the machine: only wall time goes on
    at.wall.since_epoch += 4s;
    Life b(store, settings(), {.store_keeps = true}, at);
    b.hello(worker, "w", 10, {"orders"});
    EXPECT_THAT(drain(b, worker), ElementsAre("orders2"));
    EXPECT_EQ(b.queue("orders").waiting, 1U);
    b.advance(5900ms);
    EXPECT_THAT(drain(b, worker), IsEmpty());
    b.advance(200ms);
    b.settle_down();
    const std::vector<Got> got = b.got(worker, Verb::deliver);
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].body, "orders1");
    EXPECT_EQ(got[0].code, 2U) << "the second attempt";
}

TEST(Replay, RecognisesWhatWasAcceptedBefore) {
    KeptStore store;
    {
        Life b(store, durable({"orders"}));
        b.hello(producer, "p");
        fill(b, "orders", 1, 3);
    }
    Life b(store, durable({"orders"}));
    b.hello(producer, "p");
    EXPECT_EQ(b.got(producer, Verb::welcome).front().number, 3U) << "the highest that was accepted";
    b.publish(producer, "orders", 2, "again");
    fill(b, "orders", 4, 4);
    EXPECT_EQ(b.queue("orders").live, 4U);
    EXPECT_EQ(b.broker.status(b.now.monotonic).duplicates, 1U);
}

TEST(Replay, BringsDeadLettersBackWithTheirReason) {
    KeptStore store;
    {
        Life b(store, durable({"orders"}));
        b.hello(producer, "p");
        b.hello(worker, "w", 9, {"orders"});
        fill(b, "orders", 1, 1);
        b.settle(worker, SettleCode::reject, 1, 9);
        b.settle_down();
        EXPECT_EQ(store.count(RecordKind::dead), 1U);
    }
    auto t = durable({"orders"});
    t->queues[0].dead_keep = 1min;
    Life b(store, std::move(t));
    EXPECT_EQ(b.queue("orders").dead_letters.live, 1U);
    EXPECT_EQ(b.queue("orders").ledger.dead, 1U);
    b.advance(2min);
    b.settle_down();
    EXPECT_EQ(b.queue("orders").dead_letters.live, 0U);
    Life c(store, durable({"orders"}));
    EXPECT_EQ(c.queue("orders").dead_letters.live, 0U);
    EXPECT_EQ(c.queue("orders").dead_letters.dropped, 1U);
}

TEST(Replay, FollowsDeadLettersThatWentOn) {
    KeptStore store;
    const auto settings = [] {
        auto t = durable({"orders", "graves"});
        t->queues[0].dead_to = "graves";
        return t;
    };
    {
        Life b(store, settings());
        b.hello(producer, "p");
        b.hello(worker, "w", 9, {"orders"});
        fill(b, "orders", 1, 2);
        b.settle(worker, SettleCode::reject, 1, 9);
        b.settle_down();
    }
    Life b(store, settings());
    EXPECT_EQ(b.queue("orders").live, 1U);
    EXPECT_EQ(b.queue("graves").live, 1U);
    EXPECT_EQ(b.queue("graves").ledger.moved_in, 1U);
    Bench::balanced(b.queue("orders"));
    Bench::balanced(b.queue("graves"));
    b.hello(worker, "w", 9, {"graves"});
    EXPECT_THAT(drain(b, worker), ElementsAre("orders1"));
}

TEST(Replay, MakesOrphansOfQueuesThatLeftTheSettings) {
    KeptStore store;
    {
        Life b(store, durable({"orders", "empty"}));
        b.hello(producer, "p");
        fill(b, "orders", 1, 2);
    }
    {
        Life b(store, durable({"others"}));
        EXPECT_TRUE(b.queue("orders").orphan);
        b.hello(worker, "w", 1, {"orders"});
        EXPECT_THAT(drain(b, worker), ElementsAre("orders1"));
        b.settle(worker, SettleCode::ack, 1, 1);
        b.settle_down();
    }
    Life b(store, durable({"orders"}));
    b.hello(worker, "w", 9, {"orders"});
    EXPECT_THAT(drain(b, worker), ElementsAre("orders2"));
    Bench::balanced(b.queue("orders"));
}

TEST(Replay, BringsQueuesOnDemandBackUntilTheyWereRemoved) {
    KeptStore store;
    const auto settings = [] {
        auto t = durable({"orders"});
        t->create = CreateSettings{"*", 9, 1min, [](const std::string& name) {
                                       QueueSettings q = queue_settings(name);
                                       q.durable = true;
                                       return q;
                                   }};
        return t;
    };
    {
        Life b(store, settings());
        b.hello(producer, "p");
        b.hello(worker, "w", 9, {"mine", "yours"});
        b.publish(producer, "mine", 1, "x");
        b.publish(producer, "yours", 2, "y");
        b.settle_down();
        b.settle(worker, SettleCode::ack, 1, 9, {}, 2);
        b.settle_down();
    }
    {
        Life b(store, settings());
        EXPECT_EQ(b.queue("mine").ledger.acked, 1U);
        b.advance(2min);
        b.settle_down();
    }
    Life b(store, settings());
    for (const QueueStatus& q : b.broker.status(b.now.monotonic).queues) EXPECT_EQ(q.name, "orders");
}

TEST(Replay, KeepsTheQueuesOfAFanoutApart) {
    KeptStore store;
    const auto settings = [] {
        auto t = durable({"left", "right", "quick"});
        t->queues[2].durable = false;
        t->pipelines.push_back(fanout("all", {"left", "right", "quick"}));
        return t;
    };
    {
        Life b(store, settings());
        b.hello(producer, "p");
        b.hello(worker, "w", 9, {"left"});
        fill(b, "all", 1, 2);
        b.settle(worker, SettleCode::ack, 1, 9);
        b.settle_down();
    }
    Life b(store, settings());
    EXPECT_EQ(b.queue("left").live, 1U);
    EXPECT_EQ(b.queue("right").live, 2U);
    EXPECT_EQ(b.queue("quick").live, 0U) << "which kept nothing";
    b.hello(worker, "w", 9, {"left"});
    b.hello(other, "o", 9, {"right"});
    EXPECT_THAT(drain(b, worker), ElementsAre("all2"));
    EXPECT_THAT(b.bodies(other), ElementsAre("all1", "all2"));
}

TEST(Replay, OfAnyPrefixTwiceIsAsOnce) {
    KeptStore store;
    {
        auto t = durable({"orders", "graves"});
        t->queues[0].dead_to = "graves";
        Life b(store, std::move(t));
        b.hello(producer, "p");
        b.hello(worker, "w", 9, {"orders"});
        fill(b, "orders", 1, 6);
        b.settle(worker, SettleCode::ack, 1, 9);
        b.settle(worker, SettleCode::reject, 2, 9);
        b.settle(worker, SettleCode::nack, 3, 9);
        b.settle_down();
    }
    KeptStore copy = store;
    Life once(store, durable({"orders", "graves"}));
    Life twice(copy, durable({"orders", "graves"}), {.store_keeps = true}, Life::start, 2);
    for (const std::string name : {"orders", "graves"}) {
        EXPECT_EQ(once.queue(name).ledger, twice.queue(name).ledger) << name;
        EXPECT_EQ(once.queue(name).live, twice.queue(name).live) << name;
    }
}

}  // namespace
}  // namespace ym::test
