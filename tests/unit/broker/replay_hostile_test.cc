// What a store kept of one life, in the hands of a state machine that must not be too quick or too strict.
#include "kept.h"

namespace ym::test {
namespace {

using testing::ElementsAre;
using wire::SettleCode;

constexpr PeerId producer{1};
constexpr PeerId worker{2};
constexpr PeerId other{3};

std::unique_ptr<Topology> durable(std::vector<std::string> queues) {
    auto t = topology(queues);
    for (QueueSettings& q : t->queues) q.durable = true;
    return t;
}

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

}  // namespace
}  // namespace ym::test
