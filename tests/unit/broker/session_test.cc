#include "broker/session.h"
#include "unit/broker/harness.h"

namespace ym::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using wire::SettleCode;
using wire::Verb;

TEST(Session, IsAskedForBeforeAnythingElse) {
    Bench b(topology({"orders"}));
    b.publish(producer, "orders", 1, "x");
    const auto errors = b.got(producer, Verb::error);
    ASSERT_THAT(errors, SizeIs(1));
    EXPECT_EQ(errors[0].code, 428);
    EXPECT_EQ(b.queue("orders").live, 0U);
}

TEST(Session, ThatComesBackIsToldWhatWasTaken) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.publish(producer, "orders", 1, "x");
    b.publish(producer, "orders", 2, "x");
    b.events.emplace_back(PeerUnreachable{producer});
    b.step();
    b.advance(1min);
    b.hello(other, "p");
    const auto welcome = b.got(other, Verb::welcome);
    ASSERT_THAT(welcome, SizeIs(1));
    EXPECT_EQ(welcome[0].number, 2U);
    b.publish(other, "orders", 2, "x");
    EXPECT_EQ(b.queue("orders").live, 2U);
}

TEST(Session, ThatTheBrokerDoesNotKnowMayGoOnWithItsNumbers) {
    Bench b(topology({"orders"}));
    b.from(producer, [](wire::FrameWriter& w) {
        w.begin(Verb::hello, 0, "p", 0);
        w.begin_record(0, 5001);
        w.field(wire::Field::session, std::string_view("0123456789abcdef"));
    });
    b.step();
    const auto welcome = b.got(producer, Verb::welcome);
    ASSERT_THAT(welcome, SizeIs(1));
    EXPECT_EQ(welcome[0].number, 0U);
    EXPECT_EQ(welcome[0].u64(wire::Field::through), 7000U);
    b.publish(producer, "orders", 5001, "x");
    EXPECT_EQ(b.queue("orders").live, 1U);
}

TEST(Session, UsedByANewPeerEndsItsEarlierUse) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "x");
    b.hello(other, "w", 10, {"orders"});
    EXPECT_THAT(b.forgotten, ElementsAre(worker));
    b.settle(other, SettleCode::ack, 1, 10);
    EXPECT_EQ(b.queue("orders").ledger.acked, 1U);
    b.settle(worker, SettleCode::ack, 1, 10);
    EXPECT_EQ(b.got(worker, Verb::error).size(), 1U);
}

TEST(Session, ThatIsSilentGetsNoNewDeliveriesAndKeepsWhatItHolds) {
    auto t = topology({"orders"});
    t->queues[0].lease = 1h;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "one");
    b.advance(11s);
    EXPECT_THAT(b.bodies(worker), ElementsAre("one"));
    b.hello(producer, "p");
    b.publish(producer, "orders", 2, "two");
    EXPECT_THAT(b.bodies(worker), IsEmpty());
    EXPECT_EQ(b.queue("orders").in_flight, 1U);
    b.settle(worker, SettleCode::ack, 1, 10);
    EXPECT_THAT(b.bodies(worker), ElementsAre("two"));
}

TEST(Session, GetsAHeartbeatEachSecondWhenNothingElseIsSaid) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.advance(5s);
    EXPECT_THAT(b.got(producer, Verb::heartbeat), SizeIs(5));
}

/// So many peers of a broker that gives two signs of life a second; in each second what all of them got.
struct Crowd {
    Bench bench;
    std::vector<PeerId> peers;
    std::map<std::uint32_t, std::vector<std::uint64_t>> told_ms;  // by peer

    explicit Crowd(std::uint32_t count)
        : bench([] {
              auto made = topology({"orders"});
              made->listeners[0].heartbeats = 2;
              return made;
          }()) {
        for (std::uint32_t i = 0; i < count; ++i) {
            peers.push_back({100 + i});
            bench.hello(peers.back(), "p" + std::to_string(i));
        }
    }
    /// Everyone gives a sign of life each second, as busy peers do.
    std::size_t signs(Duration time) {
        std::size_t all = 0;
        for (Duration at{0}; at < time; at += 1s) {
            for (const PeerId peer : peers)
                bench.from(peer, [](wire::FrameWriter& w) { w.begin(Verb::credit, 0, "", 0); });
            bench.advance(1s);
            for (const PeerId peer : peers) {
                for (const auto& frame : bench.got(peer, Verb::heartbeat)) {
                    ++all;
                    if (frame.number != 0) told_ms[peer.value].push_back(frame.number);
                }
            }
        }
        return all;
    }
};

TEST(Session, OfManyGetsAHeartbeatLessOftenAndIsToldSo) {
    Crowd crowd(10);
    crowd.signs(5s);  // those that came first have theirs each second, until they are told
    EXPECT_THAT(crowd.told_ms[crowd.peers[0].value], ElementsAre(5000));
    EXPECT_EQ(crowd.signs(20s), 40U);
}

TEST(Session, OfManyThatAreFewAgainGetsItsHeartbeatAsBeforeInStepsThatOutlastItsOwn) {
    Crowd crowd(10);
    crowd.signs(10s);
    for (std::size_t i = 1; i < 10; ++i) {
        crowd.bench.from(crowd.peers[i], [](wire::FrameWriter& w) { w.begin(Verb::bye, 0, "", 0); });
    }
    crowd.bench.step();
    crowd.peers.resize(1);
    crowd.signs(15s);
    EXPECT_THAT(crowd.told_ms[crowd.peers[0].value], ElementsAre(5000, 3000, 2000, 1000));
    EXPECT_EQ(crowd.signs(5s), 5U);
}

TEST(Session, OfManyIsSilentOnlyAfterAsManyOfItsOwnHeartbeats) {
    Crowd crowd(10);
    crowd.signs(10s);
    const auto silent = [&] {
        const StatusReport status = crowd.bench.broker.status(crowd.bench.now.monotonic);
        return std::ranges::count_if(status.peers, [](const PeerStatus& peer) { return peer.silent; });
    };
    crowd.bench.advance(45s);
    EXPECT_EQ(silent(), 0);
    crowd.bench.advance(10s);
    EXPECT_EQ(silent(), 10);
}

TEST(Session, ThatSaysByeGivesItsMessagesBackAtOnce) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "one");
    b.hello(other, "v", 10, {"orders"});
    b.from(worker, [](wire::FrameWriter& w) { w.begin(Verb::bye, 0, "", 0); });
    b.step();
    EXPECT_THAT(b.got(worker, Verb::bye), SizeIs(1));
    const auto again = b.got(other, Verb::deliver);
    ASSERT_THAT(again, SizeIs(1));
    EXPECT_EQ(again[0].code, 1);
}

TEST(Session, OfAPeerThatSpeaksAgainInTheStepThatForgotItKeepsItsNumber) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.from(producer, [](wire::FrameWriter& w) { w.begin(Verb::bye, 0, "", 0); });
    b.hello(producer, "p");
    EXPECT_THAT(b.forgotten, IsEmpty());
    b.from(producer, [](wire::FrameWriter& w) { w.begin(Verb::bye, 0, "", 0); });
    b.step();
    EXPECT_THAT(b.forgotten, ElementsAre(producer));
}

TEST(Session, OfAPeerThatGoesOnWithGarbageIsIgnored) {
    Bench b(topology({"orders"}));
    for (int i = 0; i < 200; ++i) {
        b.raw(producer, "YMP1 garbage");
        b.step();
    }
    EXPECT_THAT(b.got(producer, Verb::error), SizeIs(100));
    EXPECT_EQ(b.broker.status(b.now.monotonic).malformed, 200U);
}

TEST(Session, BeyondTheLimitOfPeersIsRefused) {
    auto t = topology({"orders"});
    t->listeners[0].peers = 1;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(other, "q");
    const auto errors = b.got(other, Verb::error);
    ASSERT_THAT(errors, SizeIs(1));
    EXPECT_EQ(errors[0].code, 507);
}

TEST(Unacked, StragglerDoesNotHoldTheRing) {
    Unacked unacked;
    Delivery delivery;
    delivery.slot = 7;
    unacked.add(delivery);
    for (std::uint64_t tag = 2; tag < 100'000; ++tag) {
        EXPECT_EQ(unacked.add(delivery), tag);
        unacked.erase(tag);
    }
    EXPECT_EQ(unacked.size(), 1U);
    EXPECT_NE(unacked.find(1), nullptr);
    EXPECT_EQ(unacked.find(2), nullptr);
    EXPECT_EQ(unacked.next(0), 1U);
    EXPECT_EQ(unacked.next(2), 0U);
    unacked.erase(1);
    EXPECT_EQ(unacked.size(), 0U);
    EXPECT_EQ(unacked.last_tag(), 99'999U);
}

}  // namespace
}  // namespace ym::test
