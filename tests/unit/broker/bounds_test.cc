// What one step, one flood or one listener may cost the others.
#include "unit/broker/harness.h"

namespace ym::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using wire::Field;
using wire::FrameWriter;
using wire::SettleCode;
using wire::Verb;

/// `count` messages in frames of a thousand.
void publish_many(Bench& b, const std::string& to, std::uint64_t count, const std::string& body) {
    for (std::uint64_t sequence = 1; sequence <= count;) {
        b.from(producer, [&](FrameWriter& w) {
            w.begin(Verb::publish, 0, to, 0);
            for (const std::uint64_t end = std::min(count, sequence + 999); sequence <= end; ++sequence) {
                w.begin_record(0, sequence);
                w.body(as_octets(body));
            }
        });
        b.step();
    }
}

TEST(Step, HandsOutABoundedNumberOfMessagesAndTheNextOneGoesOnAtOnce) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    publish_many(b, "orders", 25'000, "x");
    b.hello(worker, "w", 1'000'000, {"orders"});
    EXPECT_EQ(b.bodies(worker).size(), 10'000U);
    EXPECT_EQ(b.broker.next_deadline(), b.now.monotonic);
    b.step();
    EXPECT_EQ(b.bodies(worker).size(), 10'000U);
    b.step();
    EXPECT_EQ(b.bodies(worker).size(), 5'000U);
    EXPECT_GT(b.broker.next_deadline(), b.now.monotonic);
}

TEST(Step, HandsOutABoundedNumberOfOctets) {
    Bench b(topology({"left", "right"}));
    b.hello(producer, "p");
    const std::string body(std::size_t{1} << 20U, 'x');
    for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
        b.publish(producer, sequence % 2 == 0 ? "left" : "right", sequence, body);
    }
    b.hello(worker, "w", 1'000'000, {"left", "right"});
    std::size_t most = b.bodies(worker).size();
    std::size_t all = most;
    while (b.broker.next_deadline() <= b.now.monotonic) {
        b.step();
        const std::size_t now = b.bodies(worker).size();
        most = std::max(most, now);
        all += now;
    }
    EXPECT_EQ(all, 100U);
    EXPECT_LE(most, 33U);
}

TEST(Leases, OfManyLengthsEndEachAtItsTimeAndExtendedOnesLater) {
    std::vector<std::string> names;
    for (int i = 0; i < 50; ++i) names.push_back("q" + std::to_string(i));
    auto t = topology(names);
    for (std::size_t i = 0; i < t->queues.size(); ++i) {
        t->queues[i].lease = std::chrono::milliseconds(1000 + 97 * ((i * 31) % 50));
        t->queues[i].retry = "default";
    }
    t->retries[0].policy = std::make_unique<Wait>(1h, 100);
    t->listeners[0].missed = 1'000'000;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 10'000, names);
    for (std::uint64_t i = 0; i < 1000; ++i) b.publish(producer, names[i % 50], i + 1, "x");
    const auto given = b.got(worker, Verb::deliver);
    ASSERT_THAT(given, SizeIs(1000));
    b.settle(worker, SettleCode::extend, 100, 0, {}, 199);
    std::map<std::uint64_t, Duration> due;
    for (const Got& g : given) due[g.id] = std::chrono::milliseconds(g.number);
    b.settle(worker, SettleCode::ack, 300, 0, {}, 899);
    for (std::uint64_t tag = 300; tag < 900; ++tag) due.erase(tag);
    b.set_time(b.now.monotonic + 500ms);
    b.settle(worker, SettleCode::extend, 200, 0, {}, 249);
    for (std::uint64_t tag = 200; tag < 250; ++tag) due[tag] += 500ms;
    const Instant begin{b.now.monotonic - 500ms};
    while (!due.empty()) {
        ASSERT_LT(b.now.monotonic - begin, 1min);
        b.set_time(b.now.monotonic + 1ms);
        b.step();
        for (const Got& lost : b.got(worker, Verb::lost)) {
            EXPECT_EQ(lost.code, 504);
            const std::uint64_t last = std::max(lost.id, lost.u64(Field::through));
            for (std::uint64_t tag = lost.id; tag <= last; ++tag) {
                ASSERT_EQ(due[tag], b.now.monotonic - begin) << tag;
                due.erase(tag);
            }
        }
        for (const auto& [tag, at] : due) ASSERT_GT(at, b.now.monotonic - begin) << tag;
    }
}

TEST(Address, ThatIsWrongIsToldTheNearestUnlessTooManyAsk) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    const auto hints = [&](std::uint64_t first, std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) b.publish(producer, "ordesr", first + i, "x");
        std::size_t with_hint = 0;
        for (const Got& confirm : b.got(producer, Verb::confirm)) {
            EXPECT_EQ(confirm.code, 404);
            const std::string text = confirm.fields.at(static_cast<std::uint8_t>(Field::text));
            if (text.find("'orders'") != std::string::npos) ++with_hint;
        }
        return with_hint;
    };
    EXPECT_EQ(hints(1, 1000), 11U);
    b.advance(20ms);
    EXPECT_EQ(hints(1001, 500), 2U);
}

void hello_by(Bench& b, PeerId peer, std::uint32_t listener, const std::string& session) {
    Buffer buffer;
    FrameWriter w(buffer);
    w.begin(Verb::hello, 0, "peer", 0);
    w.begin_record(0, 0);
    w.field(Field::session, session + std::string(16 - session.size(), '.'));
    const std::string octets(as_text(w.end()));
    const Octets parts[] = {as_octets(octets)};
    b.events.emplace_back(FrameReceived{peer, {}, listener, parts});
    b.step();
}

TEST(Listeners, CountTheirOwnPeers) {
    auto t = topology({"orders"});
    t->listeners.emplace_back();
    t->listeners[0].peers = 2;
    t->listeners[1].peers = 1;
    Bench b(std::move(t));
    hello_by(b, PeerId{1}, 0, "a");
    hello_by(b, PeerId{2}, 0, "b");
    hello_by(b, PeerId{3}, 1, "c");
    EXPECT_THAT(b.got(PeerId{3}, Verb::welcome), SizeIs(1)) << "the other listener is full, this one is not";
    hello_by(b, PeerId{4}, 1, "d");
    EXPECT_EQ(b.got(PeerId{4}, Verb::error).at(0).code, 507);
    // A session that moves leaves its place behind, and needs one where it goes.
    hello_by(b, PeerId{5}, 1, "a");
    EXPECT_EQ(b.got(PeerId{5}, Verb::error).at(0).code, 507);
    b.events.emplace_back(PeerUnreachable{PeerId{3}});
    b.step();
    hello_by(b, PeerId{6}, 1, "a");
    EXPECT_THAT(b.got(PeerId{6}, Verb::welcome), SizeIs(1));
    hello_by(b, PeerId{7}, 0, "e");
    EXPECT_THAT(b.got(PeerId{7}, Verb::welcome), SizeIs(1));
}

TEST(Body, InItsRecordAndInAFrameOfItsOwnIsRefused) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    const auto send = [&](PeerId from, Verb verb, std::uint64_t id, const std::string& to, const std::string& body) {
        Buffer buffer;
        FrameWriter w(buffer);
        w.begin(verb, wire::flag_body_in_second_frame, to, 0);
        w.begin_record(0, id);
        w.body(as_octets(body));
        const std::string octets(as_text(w.end()));
        const Octets parts[] = {as_octets(octets), as_octets("apart")};
        b.events.emplace_back(FrameReceived{from, {}, 0, parts});
        b.step();
    };
    send(producer, Verb::publish, 1, "orders", "inside");
    EXPECT_EQ(b.got(producer, Verb::confirm).at(0).code, 400);
    EXPECT_THAT(b.bodies(worker), IsEmpty());
    send(producer, Verb::publish, 2, "orders", "");
    EXPECT_EQ(b.got(producer, Verb::confirm).at(0).code, 200);
    EXPECT_THAT(b.bodies(worker), ElementsAre("apart"));
    send(worker, Verb::settle, 1, "", "inside");
    EXPECT_EQ(b.got(worker, Verb::error).at(0).code, 400);
    EXPECT_EQ(b.queue("orders").in_flight, 1U) << "the lease goes on";
    send(worker, Verb::settle, 1, "", "");
    EXPECT_EQ(b.queue("orders").ledger.acked, 1U);
}

TEST(Reply, IsDeadOnlyWhenTheLastQueueHasGivenItUp) {
    auto t = topology({"left", "right"});
    t->pipelines.push_back(fanout("both", {"left", "right"}));
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"left"});
    b.hello(other, "o", 10, {"right"});
    b.publish(producer, "both", 1, "ask", "", true);
    b.publish(producer, "both", 2, "ask", "", true);
    b.settle(worker, SettleCode::reject, 1, 10, {}, 2);
    EXPECT_THAT(b.got(producer, Verb::reply), IsEmpty());
    b.settle(other, SettleCode::ack, 1, 10, "answer");
    auto replies = b.got(producer, Verb::reply);
    ASSERT_THAT(replies, SizeIs(1));
    EXPECT_EQ(replies[0].code, 200);
    b.settle(other, SettleCode::reject, 2, 10);
    replies = b.got(producer, Verb::reply);
    ASSERT_THAT(replies, SizeIs(1));
    EXPECT_EQ(replies[0].number, 2U);
    EXPECT_EQ(replies[0].code, 410);
}

TEST(Reply, IsDeadAtOnceWhenALimitDropsTheRequest) {
    auto t = topology({"rpc"});
    t->queues[0].limits.messages = 1;
    t->queues[0].limits.when_full = WhenFull::drop_oldest;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.publish(producer, "rpc", 1, "ask", "", true);
    b.publish(producer, "rpc", 2, "ask", "", true);
    const auto replies = b.got(producer, Verb::reply);
    ASSERT_THAT(replies, SizeIs(1));
    EXPECT_EQ(replies[0].number, 1U);
    EXPECT_EQ(replies[0].code, 410);
}

TEST(Reply, ThatWaitedForItsProducerIsRememberedLikeOneThatDidNot) {
    Bench b(topology({"rpc"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"rpc"});
    b.publish(producer, "rpc", 1, "ask", "", true);
    b.events.emplace_back(PeerUnreachable{producer});
    b.step();
    b.settle(worker, SettleCode::ack, 1, 10, "answer");
    b.hello(PeerId{4}, "p");
    EXPECT_THAT(b.got(PeerId{4}, Verb::reply), SizeIs(1)) << "into a connection that is dead already";
    b.hello(PeerId{5}, "p");
    b.publish(PeerId{5}, "rpc", 1, "ask", "", true);
    EXPECT_THAT(b.got(PeerId{5}, Verb::reply), SizeIs(1));
}

}  // namespace
}  // namespace ym::test
