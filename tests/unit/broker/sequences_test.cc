#include "broker/sequences.h"

#include "unit/broker/harness.h"

namespace ym::test {
namespace {

using wire::Verb;
using Verdict = SequenceWindow::Verdict;

constexpr std::uint64_t last_of_all = ~std::uint64_t{0};

void hello_from(Bench& b, std::uint64_t lowest, std::uint64_t highest = 0) {
    b.from(producer, [&](wire::FrameWriter& w) {
        w.begin(Verb::hello, 0, "peer", 0);
        w.begin_record(0, lowest);
        w.field(wire::Field::session, "0123456789abcdef");
        if (highest > 0) w.field(wire::Field::through, highest);
    });
    b.step();
}

void publish_all(Bench& b, const std::vector<std::uint64_t>& sequences) {
    b.from(producer, [&](wire::FrameWriter& w) {
        w.begin(Verb::publish, 0, "orders", 0);
        for (const std::uint64_t sequence : sequences) {
            w.begin_record(0, sequence);
            w.body(as_octets(std::to_string(sequence)));
        }
    });
    b.step();
}

/// Status of each sequence that was answered since the last call.
std::map<std::uint64_t, std::uint16_t> answers(Bench& b) {
    std::map<std::uint64_t, std::uint16_t> out;
    for (const Got& g : b.got(producer, Verb::confirm)) {
        const std::uint64_t last = std::max(g.id, g.u64(wire::Field::through));
        for (std::uint64_t id = g.id; id < last; ++id) out[id] = g.code;
        out[last] = g.code;
    }
    return out;
}

TEST(Sequences, MayGoUpToTheHighestNumberOfAll) {
    Bench b(topology({"orders"}));
    hello_from(b, last_of_all - 100);
    EXPECT_EQ(b.got(producer, Verb::welcome).at(0).u64(wire::Field::through), last_of_all);
    publish_all(b, {last_of_all});
    EXPECT_EQ(answers(b)[last_of_all], 200);
    publish_all(b, {last_of_all});
    EXPECT_EQ(answers(b)[last_of_all], 208);
}

TEST(Sequences, ThatComeTwiceInOneFrameAreTakenOnce) {
    Bench b(topology({"orders"}));
    hello_from(b, 1);
    publish_all(b, {1, 1, 2, 1});
    EXPECT_EQ(b.queue("orders").live, 2U);
    EXPECT_EQ(b.broker.status(b.now.monotonic).duplicates, 2U);
}

TEST(Sequences, OfOneFrameDoNotWidenTheWindowForEachOther) {
    auto t = topology({"orders"});
    t->listeners[0].unconfirmed = 10;
    Bench b(std::move(t));
    hello_from(b, 1);
    publish_all(b, {5, 10, 15, 20});
    EXPECT_EQ(answers(b), (std::map<std::uint64_t, std::uint16_t>{{5, 200}, {10, 200}, {15, 429}, {20, 429}}));
}

TEST(Sequences, ThatWereNeverTakenAreNotTakenForOnesThatTheWindowLeftBehind) {
    SequenceWindow window;
    window.begin(0, 64);
    window.see(63);
    ASSERT_EQ(window.look(1), Verdict::fresh);
    window.see(65);  // comes in the same frame, and is refused
    window.accept(1);
    EXPECT_EQ(window.look(1), Verdict::too_old);
    EXPECT_EQ(window.look(65), Verdict::fresh);
}

TEST(Sequences, AreRememberedFurtherWhenSettingsAllowMore) {
    auto t = topology({"orders"});
    t->listeners[0].unconfirmed = 10;
    Bench b(std::move(t));
    hello_from(b, 1);
    for (std::uint64_t sequence = 1; sequence <= 10; ++sequence) publish_all(b, {sequence});
    t = topology({"orders"});
    t->listeners[0].unconfirmed = 1000;
    b.events.emplace_back(SettingsChanged{std::move(t)});
    for (std::uint64_t sequence = 11; sequence <= 500; ++sequence) publish_all(b, {sequence});
    answers(b);
    publish_all(b, {1, 500});
    EXPECT_EQ(answers(b), (std::map<std::uint64_t, std::uint16_t>{{1, 208}, {500, 208}}));
}

TEST(Sequences, ThatWereSentAboveTheWindowDoNotMoveItWithAHello) {
    auto t = topology({"orders"});
    t->listeners[0].unconfirmed = 5;
    Bench b(std::move(t));
    hello_from(b, 1);
    publish_all(b, {1, 2, 3});
    publish_all(b, {200});
    EXPECT_EQ(answers(b), (std::map<std::uint64_t, std::uint16_t>{{1, 200}, {2, 200}, {3, 200}, {200, 429}}));
    hello_from(b, 1, 200);
    publish_all(b, {1, 2, 3, 4});
    EXPECT_EQ(answers(b), (std::map<std::uint64_t, std::uint16_t>{{1, 208}, {2, 208}, {3, 208}, {4, 200}}));
}

TEST(Sequences, OfASessionThatWasForgottenGoOnFromItsHello) {
    auto t = topology({"orders"});
    t->listeners[0].unconfirmed = 5;
    Bench b(std::move(t));
    hello_from(b, 10, 40);
    publish_all(b, {10, 41});
    EXPECT_EQ(answers(b), (std::map<std::uint64_t, std::uint16_t>{{10, 200}, {41, 200}}));
}

}  // namespace
}  // namespace ym::test
