#include "unit/broker/harness.h"

namespace ym::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using wire::SettleCode;
using wire::Status;
using wire::Verb;

TEST(Delivery, GoesToAWorkerWithCreditAndEndsWithItsAck) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "one");
    const auto confirms = b.got(producer, Verb::confirm);
    ASSERT_THAT(confirms, SizeIs(1));
    EXPECT_EQ(confirms[0].id, 1U);
    EXPECT_EQ(confirms[0].code, 200);
    const auto deliveries = b.got(worker, Verb::deliver);
    ASSERT_THAT(deliveries, SizeIs(1));
    EXPECT_EQ(deliveries[0].name, "orders");
    EXPECT_EQ(deliveries[0].body, "one");
    EXPECT_EQ(deliveries[0].code, 1);
    EXPECT_EQ(b.queue("orders").in_flight, 1U);
    b.settle(worker, SettleCode::ack, 1, 11);
    const QueueStatus q = b.queue("orders");
    EXPECT_EQ(q.live, 0U);
    EXPECT_EQ(q.ledger.acked, 1U);
    Bench::balanced(q);
}

TEST(Delivery, OfAWorkerWhoseConnectionIsLostGoesToAnotherAfterTheGrace) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "one");
    EXPECT_THAT(b.bodies(worker), ElementsAre("one"));
    b.hello(other, "v", 10, {"orders"});
    b.events.emplace_back(PeerUnreachable{worker});
    b.step();
    EXPECT_THAT(b.bodies(other), IsEmpty());
    b.advance(2s);
    const auto again = b.got(other, Verb::deliver);
    ASSERT_THAT(again, SizeIs(1));
    EXPECT_EQ(again[0].code, 2);
    Bench::balanced(b.queue("orders"));
}

TEST(Delivery, ReturnsInItsPlaceWhenItsLeaseEnds) {
    auto t = topology({"orders"});
    t->queues[0].lease = 2s;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"orders"});
    for (std::uint64_t i = 1; i <= 3; ++i) b.publish(producer, "orders", i, std::to_string(i));
    EXPECT_THAT(b.bodies(worker), ElementsAre("1"));
    b.advance(2s);
    const auto lost = b.got(worker, Verb::lost);
    ASSERT_THAT(lost, SizeIs(1));
    EXPECT_EQ(lost[0].code, static_cast<int>(Status::timeout));
    b.hello(other, "v", 3, {"orders"});
    EXPECT_THAT(b.bodies(other), ElementsAre("1", "2", "3"));
    b.settle(worker, SettleCode::ack, 1, 1);
    const auto stale = b.got(worker, Verb::lost);
    ASSERT_THAT(stale, SizeIs(1));
    EXPECT_EQ(stale[0].code, static_cast<int>(Status::stale_tag));
    EXPECT_EQ(b.queue("orders").ledger.acked, 0U);
}

TEST(Delivery, StaysWithASessionThatResumesWithinTheGrace) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "one");
    b.events.emplace_back(PeerUnreachable{worker});
    b.step();
    b.advance(1s);
    b.hello(other, "w", 10, {"orders"});
    const auto welcome = b.got(other, Verb::welcome);
    ASSERT_THAT(welcome, SizeIs(1));
    EXPECT_EQ(welcome[0].u64(wire::Field::last_tag), 1U);
    b.settle(other, SettleCode::ack, 1, 10);
    EXPECT_EQ(b.queue("orders").ledger.acked, 1U);
}

TEST(Delivery, NeverExceedsCreditInMessagesOrOctets) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 2, {"orders"});
    for (std::uint64_t i = 1; i <= 5; ++i) b.publish(producer, "orders", i, "12345");
    EXPECT_THAT(b.bodies(worker), SizeIs(2));
    b.from(worker, [](wire::FrameWriter& w) { w.begin(Verb::credit, 0, "", 3); });
    b.step();
    EXPECT_THAT(b.bodies(worker), SizeIs(1));
}

TEST(Delivery, TakesTheHighestPriorityFirst) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.publish(producer, "orders", 1, "low", "", false, 1);
    b.publish(producer, "orders", 2, "high", "", false, 31);
    b.publish(producer, "orders", 3, "middle");
    b.hello(worker, "w", 10, {"orders"});
    EXPECT_THAT(b.bodies(worker), ElementsAre("high", "middle", "low"));
}

TEST(Delivery, IsGivenUpAfterItsAttempts) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "one");
    for (std::uint64_t tag = 1; tag <= 3; ++tag) b.settle(worker, SettleCode::nack, tag, 10);
    const QueueStatus q = b.queue("orders");
    EXPECT_EQ(q.ledger.dead, 1U);
    EXPECT_EQ(q.dead_letters.live, 1U);
    Bench::balanced(q);
}

TEST(Delivery, OfAReleasedMessageUsesUpNoAttempt) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "one");
    for (std::uint64_t tag = 1; tag <= 5; ++tag) b.settle(worker, SettleCode::release, tag, 10);
    const auto all = b.got(worker, Verb::deliver);
    ASSERT_THAT(all, SizeIs(6));
    EXPECT_EQ(all.back().code, 1);
}

TEST(Delivery, CarriesAFenceThatGrows) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "one");
    b.settle(worker, SettleCode::nack, 1, 10);
    const auto all = b.got(worker, Verb::deliver);
    ASSERT_THAT(all, SizeIs(2));
    EXPECT_GT(all[1].u64(wire::Field::fence), all[0].u64(wire::Field::fence));
}

TEST(Lease, ThatIsExtendedNeverEndsEarlierThanItWouldHave) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "x");
    auto shorter = topology({"orders"});
    shorter->queues[0].lease = 1s;
    b.events.emplace_back(SettingsChanged{std::move(shorter)});
    b.settle(worker, SettleCode::extend, 1, 10);
    b.publish(producer, "orders", 2, "y");
    b.advance(2s);
    for (const Got& lost : b.got(worker, Verb::lost)) EXPECT_GT(lost.id, 1U);
    b.advance(29s);
    const auto all = b.got(worker, Verb::lost);
    EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](const Got& lost) { return lost.id == 1; }));
}

}  // namespace
}  // namespace ym::test
