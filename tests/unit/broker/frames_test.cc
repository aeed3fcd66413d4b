// What peers send that is well-formed or nearly, and no client would: found by tests/fuzz.
#include "unit/broker/harness.h"

namespace ym::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using wire::Field;
using wire::FrameWriter;
using wire::SettleCode;
using wire::Verb;

/// A PUBLISH frame of sequences `first` and the next, and what stands behind them.
std::string publish_of_two(std::uint64_t first, const std::string& behind) {
    Buffer buffer;
    FrameWriter w(buffer);
    w.begin(Verb::publish, 0, "orders", 0);
    for (const std::uint64_t sequence : {first, first + 1}) {
        w.begin_record(0, sequence);
        w.body(as_octets("body"));
    }
    return std::string(as_text(w.end())) + behind;
}

TEST(Frames, WhoseTailIsLostAreToldSoThoughTheirFirstRecordsWereTaken) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    const std::string good = publish_of_two(1, {});
    b.raw(producer, publish_of_two(1, "tail"));
    b.step();
    EXPECT_EQ(b.queue("orders").ready, 2U);
    const auto errors = b.got(producer, Verb::error);
    ASSERT_THAT(errors, SizeIs(1));
    EXPECT_EQ(errors[0].name, "record");
    EXPECT_EQ(errors[0].number, good.size());
    EXPECT_EQ(errors[0].code, 400);
}

TEST(Frames, WithABadRecordInTheMiddleAreAnsweredRecordByRecord) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    std::string frame = publish_of_two(1, {});
    frame[frame.size() - 20 + 5] = 0;  // `body at` of the second record
    b.raw(producer, frame);
    b.step();
    const auto confirms = b.got(producer, Verb::confirm);
    ASSERT_THAT(confirms, SizeIs(2));
    EXPECT_EQ(confirms[0].code + confirms[1].code, 200 + 400);
    EXPECT_THAT(b.got(producer, Verb::error), IsEmpty());
}

TEST(Hello, WithANameThatNoQueueCanHaveIsRefused) {
    Bench b(topology({"orders"}));
    for (const std::size_t length : {std::size_t{0}, std::size_t{256}, wire::fields_bytes_max - 3}) {
        b.from(worker, [&](FrameWriter& w) {
            w.begin(Verb::hello, 0, "w", 1);
            w.begin_record(0, 0);
            w.field(Field::queue, std::string(length, 'q'));
        });
        b.step();
        const auto errors = b.got(worker, Verb::error);
        ASSERT_THAT(errors, SizeIs(1)) << length;
        EXPECT_EQ(errors[0].name, "queue");
        EXPECT_EQ(errors[0].code, 400);
    }
}

TEST(Publish, WithFieldsThatLeaveNoRoomForTheBrokersIsTooLarge) {
    auto settings = topology({"orders"});
    PipelineSettings pipeline;
    pipeline.name = "p";
    pipeline.route = std::make_unique<Everywhere>(1);
    pipeline.targets = {"orders"};
    pipeline.set.type = std::string(1000, 't');
    settings->pipelines.push_back(std::move(pipeline));
    Bench b(std::move(settings));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    std::uint64_t sequence = 0;
    for (const std::size_t octets : {wire::peer_fields_bytes_max, wire::peer_fields_bytes_max + 1}) {
        b.from(producer, [&](FrameWriter& w) {
            w.begin(Verb::publish, 0, "p", 0);
            w.begin_record(0, ++sequence);
            w.field(Field::topic, std::string(octets - wire::field_head_bytes, 'x'));
        });
        b.step();
    }
    const auto confirms = b.got(producer, Verb::confirm);
    ASSERT_THAT(confirms, SizeIs(2));
    EXPECT_EQ(confirms[0].code, 200);
    EXPECT_EQ(confirms[1].code, 413);
    EXPECT_THAT(b.bodies(worker), SizeIs(1));
}

TEST(Settle, ThatWritesNothingDoesNotHoldTheStoreUpWhenItAsksToBeTold) {
    auto settings = topology({"orders"});
    settings->queues[0].durable = true;
    Bench b(std::move(settings), {1, 1, true});
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    const auto stored = [&b] { b.complete(b.batches.back(), StoreStatus::ok); };
    b.publish(producer, "orders", 1, "one");
    ASSERT_THAT(b.batches, SizeIs(1));
    const auto extend = [&](FrameWriter& w) {
        w.begin(Verb::settle, wire::flag_tell_durable, "", 0);
        w.begin_record(static_cast<std::uint16_t>(SettleCode::extend), 1);
    };
    stored();
    ASSERT_THAT(b.bodies(worker), SizeIs(1));

    b.from(worker, extend);
    b.step();
    const auto told = b.got(worker, Verb::confirm);
    ASSERT_THAT(told, SizeIs(1));
    EXPECT_EQ(told[0].code, wire::confirm_settled);
    EXPECT_THAT(b.batches, SizeIs(1));  // nothing to store

    // Nor does it wait for an append that is on its way; and that one completes as ever.
    b.publish(producer, "orders", 2, "two");
    ASSERT_THAT(b.batches, SizeIs(2));
    b.from(worker, extend);
    b.step();
    EXPECT_THAT(b.got(worker, Verb::confirm), SizeIs(1));
    stored();
    EXPECT_THAT(b.bodies(worker), SizeIs(1));
}

TEST(Settle, ThatIsRefusedIsNotSaidToBeDurable) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "one");
    for (const std::uint16_t code : {std::uint16_t{7}, std::uint16_t{8}}) {
        b.from(worker, [&](FrameWriter& w) {
            w.begin(Verb::settle, wire::flag_tell_durable, "", 0);
            w.begin_record(code, 1);
        });
        b.step();
        EXPECT_THAT(b.got(worker, Verb::lost), SizeIs(1)) << code;
        EXPECT_THAT(b.got(worker, Verb::confirm), IsEmpty()) << code;
    }
    EXPECT_EQ(b.queue("orders").in_flight, 1U);
}

TEST(Drain, OfAWorkerStopsDeliveriesUntilItsNextHello) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "one");
    EXPECT_THAT(b.bodies(worker), SizeIs(1));
    b.from(worker, [](FrameWriter& w) { w.begin(Verb::drain, 0, "", 0); });
    b.step();
    b.publish(producer, "orders", 2, "two");
    b.settle(worker, SettleCode::ack, 1, 0);
    EXPECT_THAT(b.bodies(worker), IsEmpty());
    EXPECT_EQ(b.queue("orders").ready, 1U);
    b.from(worker, [](FrameWriter& w) { w.begin(Verb::credit, 0, "", 11); });
    b.step();
    EXPECT_THAT(b.bodies(worker), IsEmpty());
    b.hello(worker, "w", 11, {"orders"});
    EXPECT_THAT(b.bodies(worker), SizeIs(1));
}

}  // namespace
}  // namespace ym::test
