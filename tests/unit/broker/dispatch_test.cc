#include "unit/broker/harness.h"

namespace ym::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using wire::SettleCode;
using wire::Verb;

void publish_many(Bench& b, const std::string& to, std::uint64_t first, std::uint64_t count) {
    b.from(producer, [&](wire::FrameWriter& w) {
        w.begin(Verb::publish, 0, to, 0);
        for (std::uint64_t i = 0; i < count; ++i) w.begin_record(0, first + i);
    });
    b.step();
}

TEST(Dispatch, GivesQueuesOfOneWorkerTurnsByTheirWeight) {
    auto t = topology({"light", "heavy"});
    t->queues[1].weight = 3;
    Bench b(std::move(t));
    b.hello(producer, "p");
    publish_many(b, "light", 1, 1000);
    publish_many(b, "heavy", 1001, 1000);
    b.hello(worker, "w", 1, {"light", "heavy"});
    std::map<std::string, int> given;
    for (std::uint64_t tag = 1; tag <= 640; ++tag) {
        for (const Got& delivery : b.got(worker, Verb::deliver)) ++given[delivery.name];
        b.settle(worker, SettleCode::ack, tag, tag + 1);
    }
    EXPECT_NEAR(given["heavy"], 3 * given["light"], 64);
}

std::vector<std::string> names_of(int queues) {
    std::vector<std::string> names;
    for (int i = 0; i < queues; ++i) names.push_back("q" + std::to_string(i));
    return names;
}

TEST(Dispatch, ServesEachOfManyQueuesInTurnWhenTheirWorkerTakesOneAtATime) {
    const std::vector<std::string> names = names_of(200);
    Bench b(topology(names));
    b.hello(producer, "p");
    std::uint64_t sequence = 1;
    for (const std::string& name : names) {
        publish_many(b, name, sequence, 3);
        sequence += 3;
    }
    b.hello(worker, "w", 1, names);
    std::map<std::string, int> given;
    for (std::uint64_t tag = 1; tag <= 600; ++tag) {
        for (const Got& delivery : b.got(worker, Verb::deliver)) ++given[delivery.name];
        if (tag == 200) {
            EXPECT_THAT(given, SizeIs(200)) << "each has had one turn";
        }
        b.settle(worker, SettleCode::ack, tag, tag + 1);
    }
    EXPECT_THAT(given, SizeIs(200));
    EXPECT_THAT(given, testing::Each(testing::Pair(testing::_, 3)));
}

TEST(Dispatch, ServesAnyOfManyQueuesOfAWorkerThatHasCredit) {
    const std::vector<std::string> names = names_of(200);
    Bench b(topology(names));
    b.hello(producer, "p");
    b.hello(worker, "w", 300, names);
    std::uint64_t sequence = 1;
    for (const std::string& name : names) publish_many(b, name, sequence++, 1);
    EXPECT_THAT(b.bodies(worker), SizeIs(200));
    for (const std::string& name : names) publish_many(b, name, sequence++, 1);
    EXPECT_THAT(b.bodies(worker), SizeIs(100));
    b.settle(worker, SettleCode::ack, 1, 400);
    EXPECT_THAT(b.bodies(worker), SizeIs(100));
}

TEST(Dispatch, SharesAQueueAmongItsWorkers) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 100, {"orders"});
    b.hello(other, "v", 100, {"orders"});
    publish_many(b, "orders", 1, 100);
    EXPECT_THAT(b.bodies(worker), SizeIs(50));
    EXPECT_THAT(b.bodies(other), SizeIs(50));
}

TEST(Dispatch, KeepsToTheQueuesLimitOfMessagesInFlight) {
    auto t = topology({"orders"});
    t->queues[0].limits.in_flight = 2;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 100, {"orders"});
    publish_many(b, "orders", 1, 10);
    EXPECT_THAT(b.bodies(worker), SizeIs(2));
    b.settle(worker, SettleCode::ack, 1, 100);
    EXPECT_THAT(b.bodies(worker), SizeIs(1));
}

TEST(Dispatch, KeepsToTheQueuesRate) {
    auto t = topology({"orders"});
    t->queues[0].limits.rate = 10;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 1000, {"orders"});
    publish_many(b, "orders", 1, 500);
    b.got(worker, Verb::deliver);
    b.advance(10s);
    EXPECT_NEAR(static_cast<double>(b.got(worker, Verb::deliver).size()), 100, 2);
}

TEST(Dispatch, WaitsWhenTheBalancePluginSaysNobody) {
    class Nobody final : public BalancePolicy {
      public:
        void pick(std::span<const WorkerView> /*workers*/, std::span<std::uint32_t> picks) override {
            std::fill(picks.begin(), picks.end(), nobody);
        }
    };
    auto t = topology({"orders"});
    t->queues[0].balance = std::make_unique<Nobody>();
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 1000, {"orders"});
    publish_many(b, "orders", 1, 5);
    EXPECT_THAT(b.bodies(worker), IsEmpty());
    EXPECT_EQ(b.queue("orders").ready, 5U);
}

TEST(Dispatch, WaitsOutTheBackoffAndKeepsThePlace) {
    auto t = topology({"orders"});
    t->retries[0].policy = std::make_unique<Wait>(10s, 5);
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"orders"});
    publish_many(b, "orders", 1, 3);
    b.settle(worker, SettleCode::nack, 1, 1);
    EXPECT_EQ(b.queue("orders").waiting, 1U);
    b.advance(10s);
    EXPECT_EQ(b.queue("orders").ready, 3U);
    b.got(worker, Verb::deliver);
    b.settle(worker, SettleCode::ack, 99, 2);
    const auto next = b.got(worker, Verb::deliver);
    ASSERT_THAT(next, SizeIs(1));
    EXPECT_EQ(next[0].code, 2) << "the one that came back is older, so it is first";
}

TEST(Dispatch, GoesOnWhateverCreditAWorkerClaims) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 100, {"orders"});
    b.hello(other, "v", ~std::uint64_t{0} - 99, {"orders"});  // together 2^64, which is 0 in 64 bits
    publish_many(b, "orders", 1, 10);
    EXPECT_EQ(b.bodies(worker).size() + b.bodies(other).size(), 10U);
}

/// Gives nothing to anybody until it is told to.
class Holds final : public BalancePolicy {
  public:
    explicit Holds(const bool& holds) : holds_(holds) {}
    void pick(std::span<const WorkerView> /*workers*/, std::span<std::uint32_t> picks) override {
        if (!holds_) std::fill(picks.begin(), picks.end(), 0);
    }

  private:
    const bool& holds_;
};

TEST(Dispatch, AsksAPolicyAgainThatGaveAMessageToNobody) {
    bool holds = true;
    auto t = topology({"orders"});
    t->queues[0].balance = std::make_unique<Holds>(holds);
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    publish_many(b, "orders", 1, 1);
    EXPECT_THAT(b.bodies(worker), IsEmpty());
    holds = false;
    b.from(worker, [](wire::FrameWriter& w) { w.begin(Verb::credit, 0, "", 11); });
    b.step();
    EXPECT_THAT(b.bodies(worker), SizeIs(1));
}

TEST(Dispatch, GivesToAWorkerWhoseCreditInOctetsGrowsAgainFromAllItsQueues) {
    Bench b(topology({"a", "b"}));
    b.hello(producer, "p");
    b.from(worker, [](wire::FrameWriter& w) {
        w.begin(Verb::hello, 0, "peer", 10);
        w.begin_record(0, 0);
        w.field(wire::Field::session, "0123456789abcdef");
        w.field(wire::Field::bytes, std::uint64_t{4});
        for (const char* name : {"a", "b"}) w.field(wire::Field::queue, name);
    });
    b.step();
    b.publish(producer, "a", 1, "four");
    b.publish(producer, "b", 2, "more");
    EXPECT_THAT(b.bodies(worker), SizeIs(1));
    b.from(worker, [](wire::FrameWriter& w) {
        w.begin(Verb::credit, 0, "", 10);
        w.begin_record(0, 0);
        w.field(wire::Field::bytes, std::uint64_t{8});
    });
    b.step();
    EXPECT_THAT(b.bodies(worker), SizeIs(1));
}

}  // namespace
}  // namespace ym::test
