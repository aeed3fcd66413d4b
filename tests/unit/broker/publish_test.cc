#include "unit/broker/harness.h"

namespace ym::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using wire::SettleCode;
using wire::Verb;

std::unique_ptr<Topology> with_pipeline(std::vector<std::string> queues, std::vector<std::string> topics = {}) {
    auto t = topology(queues);
    PipelineSettings p;
    p.name = "in";
    p.route = std::make_unique<Everywhere>(static_cast<std::uint32_t>(queues.size()), std::move(topics));
    p.targets = queues;
    t->pipelines.push_back(std::move(p));
    return t;
}

std::uint16_t only_code(Bench& b) {
    const auto confirms = b.got(producer, Verb::confirm);
    EXPECT_THAT(confirms, SizeIs(1));
    return confirms.empty() ? 0 : confirms[0].code;
}

TEST(Publish, ToAnUnknownAddressIsRefusedWithTheNearestName) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.publish(producer, "order", 1, "x");
    const auto confirms = b.got(producer, Verb::confirm);
    ASSERT_THAT(confirms, SizeIs(1));
    EXPECT_EQ(confirms[0].code, 404);
    EXPECT_THAT(confirms[0].fields.at(static_cast<std::uint8_t>(wire::Field::text)), HasSubstr("'orders'"));
}

TEST(Publish, OfASequenceThatWasAcceptedIsADuplicate) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.publish(producer, "orders", 1, "x");
    EXPECT_EQ(only_code(b), 200);
    b.publish(producer, "orders", 1, "x");
    EXPECT_EQ(only_code(b), 208);
    EXPECT_EQ(b.queue("orders").live, 1U);
}

TEST(Publish, OfASequenceThatWasRefusedMayBeSentAgain) {
    auto t = topology({"orders"});
    t->queues[0].limits.messages = 1;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.publish(producer, "orders", 1, "a");
    EXPECT_EQ(only_code(b), 200);
    b.publish(producer, "orders", 2, "b");
    EXPECT_EQ(only_code(b), 507);
    b.hello(worker, "w", 10, {"orders"});
    b.settle(worker, SettleCode::ack, 1, 10);
    b.publish(producer, "orders", 2, "b");
    EXPECT_EQ(only_code(b), 200);
}

TEST(Publish, BelowTheWindowIsTooOldAndNeverConfirmed) {
    auto t = topology({"orders"});
    t->listeners[0].unconfirmed = 16;
    Bench b(std::move(t));
    b.hello(producer, "p");
    for (std::uint64_t i = 2; i <= 200; ++i) b.publish(producer, "orders", i, "x");
    b.got(producer, Verb::confirm);
    b.publish(producer, "orders", 1, "x");
    EXPECT_EQ(only_code(b), 410);
}

TEST(Publish, BeyondTheWindowIsToldSo) {
    auto t = topology({"orders"});
    t->listeners[0].unconfirmed = 16;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.publish(producer, "orders", 17, "x");
    EXPECT_EQ(only_code(b), 429);
    b.publish(producer, "orders", 16, "x");
    EXPECT_EQ(only_code(b), 200);
}

TEST(Publish, ToSeveralQueuesIsTakenByAllOrByNone) {
    auto t = with_pipeline({"a", "b"});
    t->queues[1].limits.messages = 1;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.publish(producer, "in", 1, "x");
    EXPECT_EQ(only_code(b), 200);
    b.publish(producer, "in", 2, "y");
    EXPECT_EQ(only_code(b), 507);
    EXPECT_EQ(b.queue("a").live, 1U);
    EXPECT_EQ(b.queue("b").live, 1U);
    EXPECT_EQ(b.queue("b").refused, 1U);
}

TEST(Publish, IsNotRefusedByAnOptionalQueueWhichCountsADrop) {
    auto t = with_pipeline({"a", "b"});
    t->queues[1].limits.messages = 1;
    t->pipelines[0].optional = {"b"};
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.publish(producer, "in", 1, "x");
    b.publish(producer, "in", 2, "y");
    EXPECT_THAT(b.got(producer, Verb::confirm), SizeIs(2));
    EXPECT_EQ(b.queue("a").live, 2U);
    const QueueStatus q = b.queue("b");
    EXPECT_EQ(q.ledger.dropped[static_cast<std::size_t>(DropReason::optional_full)], 1U);
    Bench::balanced(q);
}

TEST(Publish, ToAFullQueueThatDropsTheOldestCountsIt) {
    auto t = topology({"feed"});
    t->queues[0].limits.messages = 2;
    t->queues[0].limits.when_full = WhenFull::drop_oldest;
    Bench b(std::move(t));
    b.hello(producer, "p");
    for (std::uint64_t i = 1; i <= 5; ++i) b.publish(producer, "feed", i, std::to_string(i));
    b.hello(worker, "w", 10, {"feed"});
    EXPECT_THAT(b.bodies(worker), ElementsAre("4", "5"));
    const QueueStatus q = b.queue("feed");
    EXPECT_EQ(q.ledger.dropped[static_cast<std::size_t>(DropReason::queue_full)], 3U);
    Bench::balanced(q);
}

TEST(Publish, ThatNoBindingMatchesIsRejectedDroppedOrSentOn) {
    for (const Unmatched what : {Unmatched::reject, Unmatched::drop, Unmatched::forward}) {
        auto t = with_pipeline({"a", "b"}, {"x", "y"});
        t->pipelines[0].unmatched = what;
        t->pipelines[0].unmatched_to = "b";
        Bench b(std::move(t));
        b.hello(producer, "p");
        b.publish(producer, "in", 1, "m", "z");
        EXPECT_EQ(only_code(b), what == Unmatched::reject ? 406 : 200);
        EXPECT_EQ(b.queue("b").live, what == Unmatched::forward ? 1U : 0U);
        EXPECT_EQ(b.broker.status(b.now.monotonic).dropped_unmatched, what == Unmatched::drop ? 1U : 0U);
    }
}

TEST(Publish, GoesThroughPipelinesThatLeadToPipelines) {
    auto t = with_pipeline({"a", "b"});
    PipelineSettings outer;
    outer.name = "outer";
    outer.route = std::make_unique<Everywhere>(2);
    outer.targets = {"in", "a"};
    outer.set.priority = 30;
    t->pipelines.push_back(std::move(outer));
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.publish(producer, "outer", 1, "m");
    EXPECT_EQ(only_code(b), 200);
    EXPECT_EQ(b.queue("a").live, 1U);  // named twice, counted once
    EXPECT_EQ(b.queue("b").live, 1U);
    b.hello(worker, "w", 10, {"b"});
    const auto delivered = b.got(worker, Verb::deliver);
    ASSERT_THAT(delivered, SizeIs(1));
    EXPECT_EQ(delivered[0].u64(wire::Field::priority), 30U);
}

TEST(Publish, OfABatchWithOneBadRecordRefusesThatOneOnly) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.from(producer, [](wire::FrameWriter& w) {
        w.begin(Verb::publish, 0, "orders", 0);
        w.begin_record(0, 1);
        w.body(as_octets("a"));
        w.begin_record(0, 2);
        w.field(wire::Field::priority, std::uint64_t{99});
        w.begin_record(0, 3);
        w.body(as_octets("c"));
    });
    b.step();
    const auto confirms = b.got(producer, Verb::confirm);
    ASSERT_THAT(confirms, SizeIs(3));
    for (const Got& confirm : confirms) EXPECT_EQ(confirm.code, confirm.id == 2 ? 400 : 200) << confirm.id;
    EXPECT_EQ(b.queue("orders").live, 2U);
}

TEST(Publish, ConfirmsARunOfSequencesInOneRecord) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.from(producer, [](wire::FrameWriter& w) {
        w.begin(Verb::publish, 0, "orders", 0);
        for (std::uint64_t i = 1; i <= 100; ++i) w.begin_record(0, i);
    });
    b.step();
    const auto confirms = b.got(producer, Verb::confirm);
    ASSERT_THAT(confirms, SizeIs(1));
    EXPECT_EQ(confirms[0].u64(wire::Field::through), 100U);
    EXPECT_EQ(confirms[0].number, 100U + 2000U);
}

/// A frame of these sequences, each with its own as the body.
void publish_all(Bench& b, const std::string& to, const std::vector<std::uint64_t>& sequences) {
    b.from(producer, [&](wire::FrameWriter& w) {
        w.begin(Verb::publish, 0, to, 0);
        for (const std::uint64_t sequence : sequences) {
            w.begin_record(0, sequence);
            w.body(as_octets(std::to_string(sequence)));
        }
    });
    b.step();
}

TEST(Publish, OfABatchBeyondAQueuesLimitTakesThoseThatFit) {
    for (const bool by_octets : {false, true}) {
        auto t = topology({"orders"});
        (by_octets ? t->queues[0].limits.bytes : t->queues[0].limits.messages) = 4;
        Bench b(std::move(t));
        b.hello(producer, "p");
        publish_all(b, "orders", {1, 2});
        EXPECT_EQ(only_code(b), 200);
        publish_all(b, "orders", {3, 4, 5, 6});
        const auto confirms = b.got(producer, Verb::confirm);
        ASSERT_THAT(confirms, SizeIs(2));
        for (const Got& confirm : confirms) {
            EXPECT_EQ(confirm.code, confirm.id == 3 ? 200 : 507);
            EXPECT_EQ(confirm.u64(wire::Field::through), confirm.id == 3 ? 4U : 6U);
        }
        b.hello(worker, "w", 10, {"orders"});
        EXPECT_THAT(b.bodies(worker), ElementsAre("1", "2", "3", "4"));
        b.settle(worker, SettleCode::ack, 1, 10, "", 4);
        EXPECT_EQ(b.queue("orders").bytes, 0U);
        Bench::balanced(b.queue("orders"));
    }
}

TEST(Publish, OfAFrameThatHoldsAMessageTwiceTakesItOnce) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    publish_all(b, "orders", {1, 2, 1, 2, 3});
    b.hello(worker, "w", 10, {"orders"});
    EXPECT_THAT(b.bodies(worker), ElementsAre("1", "2", "3"));
    EXPECT_EQ(b.queue("orders").ledger.accepted, 3U);
}

TEST(Publish, OfABatchKeepsItsOrderAmongMessagesOfOtherBatches) {
    // More than what the index keeps in one place, beside places that others have left.
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    std::vector<std::string> expected;
    std::vector<std::uint64_t> sequences;
    for (std::uint64_t i = 1; i <= 200; ++i) {
        sequences.push_back(i);
        expected.push_back(std::to_string(i));
        if (i % 70 != 0 && i != 200) continue;
        publish_all(b, "orders", sequences);
        sequences.clear();
    }
    b.hello(worker, "w", 1000, {"orders"});
    EXPECT_EQ(b.bodies(worker), expected);
    b.settle(worker, SettleCode::ack, 1, 1000, "", 200);
    Bench::balanced(b.queue("orders"));
}

TEST(Publish, BeyondTheMemoryIsRefusedAndTakenAgainWhenThereIsRoom) {
    auto t = topology({"orders"});
    t->memory_max = 1U << 20U;
    Bench b(std::move(t));
    b.hello(producer, "p");
    const std::string large(200'000, 'x');
    std::uint64_t sequence = 0;
    std::uint16_t code = 200;
    while (code == 200 && sequence < 100) {
        b.publish(producer, "orders", ++sequence, large);
        code = only_code(b);
    }
    EXPECT_EQ(code, 507);
    EXPECT_LT(sequence, 8U);
    b.hello(worker, "w", 100, {"orders"});
    b.settle(worker, SettleCode::ack, 1, 100, "", sequence - 1);
    b.publish(producer, "orders", sequence, large);
    EXPECT_EQ(only_code(b), 200);
}

TEST(Publish, AFewOldMessagesDoNotHoldTheMemoryAroundThem) {
    auto t = topology({"orders"});
    t->memory_max = 2U << 20U;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"orders"});
    // One dead letter of 2,000 octets in each 256 KiB: the dead ones alone stay far below the limit.
    std::uint64_t refused = 0;
    for (std::uint64_t tag = 1; tag <= 10'000; ++tag) {
        b.publish(producer, "orders", tag, std::string(2000, 'x'));
        if (only_code(b) == 507) {
            ++refused;
            b.publish(producer, "orders", tag, std::string(2000, 'x'));
            ASSERT_EQ(only_code(b), 200) << "message " << tag;
        }
        b.settle(worker, tag % 120 == 0 ? SettleCode::reject : SettleCode::ack, tag, tag + 1);
    }
    EXPECT_GT(refused, 0U);
    EXPECT_EQ(b.broker.status(b.now.monotonic).queues[0].dead_letters.live, 83U);
}

TEST(Publish, CreatesAQueueOnDemandAndRemovesItWhenIdle) {
    auto t = topology({"orders"});
    t->create.emplace();
    t->create->match = "tmp.*";
    t->create->max = 1;
    t->create->make = [](const std::string& name) { return queue_settings(name); };
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.publish(producer, "tmp.a", 1, "x");
    EXPECT_EQ(only_code(b), 200);
    b.publish(producer, "tmp.b", 2, "x");
    EXPECT_EQ(only_code(b), 507) << "there may be room later";
    b.hello(worker, "w", 10, {"tmp.a"});
    b.settle(worker, SettleCode::ack, 1, 10);
    b.from(worker, [](wire::FrameWriter& w) { w.begin(Verb::bye, 0, "", 0); });
    b.step();
    b.advance(2h);
    EXPECT_THAT(b.broker.status(b.now.monotonic).queues, SizeIs(1));
    b.hello(producer, "p");
    b.publish(producer, "tmp.b", 3, "x");
    EXPECT_EQ(only_code(b), 200);
}

TEST(Publish, DropsNothingOfAQueueThatRefusesWhenFull) {
    // The dead letter that makes room in one queue takes the last place of the other, which is to have the message,
    // too.
    auto t = with_pipeline({"work", "graves"});
    t->queues[0].limits.messages = 1;
    t->queues[0].limits.when_full = WhenFull::dead_letter;
    t->queues[0].dead_to = "graves";
    t->queues[1].limits.messages = 2;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.publish(producer, "work", 1, "old");
    b.publish(producer, "graves", 2, "buried");
    b.publish(producer, "in", 3, "new");
    const QueueStatus graves = b.queue("graves");
    EXPECT_EQ(graves.ledger.dropped[static_cast<std::size_t>(DropReason::queue_full)], 0U);
    EXPECT_EQ(graves.live, 3U);
    Bench::balanced(graves);
    Bench::balanced(b.queue("work"));
}

}  // namespace
}  // namespace ym::test
