#include "unit/broker/harness.h"

namespace ym::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using wire::SettleCode;
using wire::Verb;

constexpr PeerId producer{1};
constexpr PeerId worker{2};
constexpr PeerId other{3};

TEST(Reply, ComesWithTheAckAndItsPartsBefore) {
    Bench b(topology({"rpc"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"rpc"});
    b.publish(producer, "rpc", 1, "ask", "", true);
    b.settle(worker, SettleCode::part, 1, 10, "half");
    b.settle(worker, SettleCode::ack, 1, 10, "answer");
    const auto replies = b.got(producer, Verb::reply);
    ASSERT_THAT(replies, SizeIs(2));
    EXPECT_EQ(replies[0].code, 206);
    EXPECT_EQ(replies[0].body, "half");
    EXPECT_EQ(replies[1].code, 200);
    EXPECT_EQ(replies[1].number, 1U);
    EXPECT_EQ(replies[1].body, "answer");
}

TEST(Reply, IsATimeoutWhenNobodyAnswersInTime) {
    Bench b(topology({"rpc"}));
    b.hello(producer, "p");
    b.publish(producer, "rpc", 1, "ask", "", true);
    b.advance(30s);
    const auto replies = b.got(producer, Verb::reply);
    ASSERT_THAT(replies, SizeIs(1));
    EXPECT_EQ(replies[0].code, 504);
    b.hello(worker, "w", 10, {"rpc"});
    b.settle(worker, SettleCode::ack, 1, 10, "late");
    EXPECT_THAT(b.got(producer, Verb::reply), IsEmpty());
    EXPECT_EQ(b.broker.status(b.now.monotonic).replies_dropped, 1U);
}

TEST(Reply, TellsADeadRequest) {
    Bench b(topology({"rpc"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"rpc"});
    b.publish(producer, "rpc", 1, "ask", "", true);
    b.settle(worker, SettleCode::reject, 1, 10);
    const auto replies = b.got(producer, Verb::reply);
    ASSERT_THAT(replies, SizeIs(1));
    EXPECT_EQ(replies[0].code, 410);
}

TEST(Reply, WaitsForAProducerThatIsAway) {
    Bench b(topology({"rpc"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"rpc"});
    b.publish(producer, "rpc", 1, "ask", "", true);
    b.events.emplace_back(PeerUnreachable{producer});
    b.step();
    b.settle(worker, SettleCode::ack, 1, 10, "answer");
    b.advance(10s);
    b.hello(other, "p");
    const auto replies = b.got(other, Verb::reply);
    ASSERT_THAT(replies, SizeIs(1));
    EXPECT_EQ(replies[0].body, "answer");
}

TEST(Reply, SentIntoADeadConnectionIsSentAgainWhenItsRequestIs) {
    Bench b(topology({"rpc"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"rpc"});
    b.publish(producer, "rpc", 1, "ask", "", true);
    b.settle(worker, SettleCode::ack, 1, 10, "answer");
    b.got(producer, Verb::reply);  // nobody was there to take it
    b.hello(other, "p");
    b.publish(other, "rpc", 1, "ask", "", true);
    const auto confirms = b.got(other, Verb::confirm);
    ASSERT_THAT(confirms, SizeIs(1));
    EXPECT_EQ(confirms[0].code, 208);
    const auto replies = b.got(other, Verb::reply);
    ASSERT_THAT(replies, SizeIs(1));
    EXPECT_EQ(replies[0].body, "answer");
    EXPECT_EQ(b.queue("rpc").ledger.accepted, 1U);
}

TEST(Topology, AQueueThatLeavesTheSettingsDrainsAsAnOrphan) {
    Bench b(topology({"old", "new"}));
    b.hello(producer, "p");
    b.publish(producer, "old", 1, "x");
    b.events.emplace_back(SettingsChanged{topology({"new"})});
    b.step();
    EXPECT_TRUE(b.queue("old").orphan);
    b.got(producer, Verb::confirm);
    b.publish(producer, "old", 2, "y");
    const auto refused = b.got(producer, Verb::confirm);
    ASSERT_THAT(refused, SizeIs(1));
    EXPECT_EQ(refused[0].code, 404);
    b.hello(worker, "w", 10, {"old"});
    b.settle(worker, SettleCode::ack, 1, 10);
    b.from(worker, [](wire::FrameWriter& w) { w.begin(Verb::bye, 0, "", 0); });
    b.step();
    b.advance(1s);
    EXPECT_THAT(b.broker.status(b.now.monotonic).queues, SizeIs(1));
}

TEST(Topology, ConnectedQueuesAreOneGroup) {
    auto t = topology({"a", "b", "c", "alone"});
    t->queues[1].dead_to = "c";
    PipelineSettings p;
    p.name = "in";
    p.route = std::make_unique<Everywhere>(2);
    p.targets = {"a", "b"};
    t->pipelines.push_back(std::move(p));
    Bench b(std::move(t));
    EXPECT_EQ(b.queue("a").group, b.queue("b").group);
    EXPECT_EQ(b.queue("a").group, b.queue("c").group);
    EXPECT_NE(b.queue("a").group, b.queue("alone").group);
}

TEST(DeadLetter, GoesToTheQueueThatTakesThem) {
    auto t = topology({"work", "graves"});
    t->queues[0].dead_to = "graves";
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"work"});
    b.publish(producer, "work", 1, "x");
    b.settle(worker, SettleCode::reject, 1, 10);
    EXPECT_EQ(b.queue("work").ledger.dead, 1U);
    EXPECT_EQ(b.queue("graves").ledger.moved_in, 1U);
    EXPECT_EQ(b.queue("graves").ready, 1U);
    Bench::balanced(b.queue("work"));
    Bench::balanced(b.queue("graves"));
}

}  // namespace
}  // namespace ym::test
