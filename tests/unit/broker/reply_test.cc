#include "unit/broker/harness.h"

namespace ym::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using wire::SettleCode;
using wire::Verb;

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

/// A request and its answer of `size` octets, over `p` and `w`.
void answer(Bench& b, std::uint64_t sequence, std::size_t size) {
    b.publish(producer, "rpc", sequence, "ask", {}, true);
    b.settle(worker, SettleCode::ack, sequence, sequence + 10, std::string(size, 'x'));
}

TEST(Reply, IsSentAgainOnceForEachConnectionThatMayHaveLostIt) {
    Bench b(topology({"rpc"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"rpc"});
    answer(b, 1, 6);
    EXPECT_THAT(b.got(producer, Verb::reply), SizeIs(1));
    b.publish(producer, "rpc", 1, "ask", {}, true);
    EXPECT_THAT(b.got(producer, Verb::reply), IsEmpty()) << "it is on its way over this very connection";
    b.hello(other, "p");
    for (int i = 0; i < 3; ++i) b.publish(other, "rpc", 1, "ask", {}, true);
    EXPECT_THAT(b.got(other, Verb::reply), SizeIs(1));
}

TEST(Reply, IsNotSentAgainToAPeerThatIsIgnoredFromTheSameFrameOn) {
    Bench b(topology({"rpc"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"rpc"});
    answer(b, 1, 6);
    EXPECT_THAT(b.got(producer, Verb::reply), SizeIs(1));
    b.hello(producer, "p");
    // Records without a sequence, whose body would begin before they do; then the request again.
    Buffer frame;
    wire::FrameWriter head(frame);
    head.begin(Verb::publish, 0, "rpc", 0);
    std::string octets(as_text(head.end()));
    for (int i = 0; i < 200; ++i) octets += std::string("\0\0\0\x10", 4) + std::string(12, '\0');
    octets += std::string("\0\0\0\x10\0\x10\0\1\0\0\0\0\0\0\0\1", 16);
    b.raw(producer, octets);
    b.step();
    EXPECT_THAT(b.got(producer, Verb::reply), IsEmpty());
    EXPECT_THAT(b.got(producer, Verb::error), SizeIs(100));
}

TEST(Reply, ThatIsKeptCountsAsMemoryUntilItIsTooOld) {
    Bench b(topology({"rpc"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"rpc"});
    b.publish(producer, "rpc", 1, "ask", {}, true);
    const std::uint64_t before = b.broker.status(b.now.monotonic).memory;
    b.settle(worker, SettleCode::ack, 1, 11, std::string(100'000, 'x'));
    EXPECT_GT(b.broker.status(b.now.monotonic).memory, before + 100'000);
    b.advance(1min);
    EXPECT_LT(b.broker.status(b.now.monotonic).memory, before + 1000);
    b.settle(worker, SettleCode::extend, 1, 12);  // a sign of life
    b.publish(producer, "rpc", 2, "ask", {}, true);
    b.events.emplace_back(PeerUnreachable{producer});
    b.settle(worker, SettleCode::ack, 2, 12, std::string(100'000, 'x'));
    EXPECT_GT(b.broker.status(b.now.monotonic).memory, before + 100'000) << "kept for a producer that is away";
    b.advance(6min);
    EXPECT_LT(b.broker.status(b.now.monotonic).memory, before + 1000);
    EXPECT_EQ(b.broker.status(b.now.monotonic).replies_dropped, 1U);
}

TEST(Reply, ForProducersThatAreAwayStaysWithinTheLimitOfMemory) {
    auto t = topology({"rpc"});
    t->memory_max = 1'000'000;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 30, {"rpc"});
    for (std::uint64_t i = 1; i <= 20; ++i) b.publish(producer, "rpc", i, "ask", {}, true);
    b.events.emplace_back(PeerUnreachable{producer});
    for (std::uint64_t i = 1; i <= 20; ++i) b.settle(worker, SettleCode::ack, i, 30, std::string(100'000, 'x'));
    EXPECT_LE(b.broker.status(b.now.monotonic).memory, 1'000'000U);
    EXPECT_GT(b.broker.status(b.now.monotonic).replies_dropped, 10U);
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
    t->pipelines.push_back(fanout("in", {"a", "b"}));
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

TEST(Reply, IsATimeoutForARequestThatNoQueueHas) {
    auto t = topology({"rpc"});
    PipelineSettings p;
    p.name = "in";
    p.route = std::make_unique<Everywhere>(1, std::vector<std::string>{"known"});
    p.targets = {"rpc"};
    p.unmatched = Unmatched::drop;
    t->pipelines.push_back(std::move(p));
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.publish(producer, "in", 1, "ask", "unknown", true);
    b.advance(31s);
    const auto replies = b.got(producer, Verb::reply);
    ASSERT_THAT(replies, SizeIs(1));
    EXPECT_EQ(replies[0].code, 504);
}

}  // namespace
}  // namespace ym::test
