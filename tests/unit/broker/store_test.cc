#include "unit/broker/harness.h"

namespace ym::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using wire::SettleCode;
using wire::Verb;

TEST(Store, IsWaitedForBeforeAConfirmOrADelivery) {
    Bench b(durable({"orders"}), keeps);
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "x");
    EXPECT_THAT(b.got(producer, Verb::confirm), IsEmpty());
    EXPECT_THAT(b.bodies(worker), IsEmpty());
    EXPECT_EQ(b.queue("orders").storing, 1U);
    b.publish(producer, "orders", 1, "x");
    EXPECT_THAT(b.got(producer, Verb::confirm), IsEmpty())
        << "a duplicate of what is being stored is not confirmed early";
    b.complete(1, StoreStatus::ok);
    EXPECT_THAT(b.got(producer, Verb::confirm), SizeIs(1));
    EXPECT_THAT(b.bodies(worker), ElementsAre("x"));
    Bench::balanced(b.queue("orders"));
}

TEST(Store, ThatIsFullRefusesPublishesWhichMayBeSentAgain) {
    Bench b(durable({"orders"}), keeps);
    b.hello(producer, "p");
    b.publish(producer, "orders", 1, "x");
    b.complete(1, StoreStatus::full);
    auto confirms = b.got(producer, Verb::confirm);
    ASSERT_THAT(confirms, SizeIs(1));
    EXPECT_EQ(confirms[0].code, 507);
    EXPECT_EQ(b.queue("orders").storing, 0U);
    b.advance(1s);
    b.publish(producer, "orders", 1, "x");
    b.complete(2, StoreStatus::ok);
    confirms = b.got(producer, Verb::confirm);
    ASSERT_THAT(confirms, SizeIs(1));
    EXPECT_EQ(confirms[0].code, 200);
    Bench::balanced(b.queue("orders"));
}

TEST(Store, ThatIsFullStillTakesAcksInTheEnd) {
    Bench b(durable({"orders"}), keeps);
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "x");
    b.complete(1, StoreStatus::ok);
    const std::size_t before = b.records;
    b.settle(worker, SettleCode::ack, 1, 10);
    EXPECT_EQ(b.records, before + 1);
    b.complete(2, StoreStatus::full);
    b.advance(1s);
    EXPECT_EQ(b.records, before + 2) << "the ack is appended again";
    EXPECT_EQ(b.batches.back(), 3U);
}

TEST(Store, ThatIsShortOfSpaceGetsAcksInBatchesOfTheirOwnThatMayWait) {
    Bench b(durable({"orders"}), keeps);
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "x");
    b.complete(1, StoreStatus::ok);
    b.publish(producer, "orders", 2, "y");
    b.complete(2, StoreStatus::full);
    b.from(worker, [](wire::FrameWriter& w) {
        w.begin(wire::Verb::settle, wire::flag_tell_durable, "", 10);
        w.begin_record(0, 1);
    });
    b.step();
    b.set_time(b.now.monotonic + 1s);
    b.got(producer, Verb::confirm);
    b.publish(producer, "orders", 2, "y");  // in the very step that tries the ack again
    EXPECT_EQ(b.batches.back(), 3U);
    EXPECT_THAT(b.effects.records, SizeIs(1));
    EXPECT_TRUE(b.effects.may_wait) << "though the worker asks";
    EXPECT_EQ(b.got(producer, Verb::confirm).at(0).code, 507);
    b.publish(producer, "orders", 2, "y");
    b.events.emplace_back(StoreCompleted{3, StoreStatus::ok});
    b.complete(4, StoreStatus::ok);
    EXPECT_EQ(b.got(producer, Verb::confirm).at(0).code, 200);
    EXPECT_THAT(b.got(worker, Verb::confirm), SizeIs(1));
    Bench::balanced(b.queue("orders"));
}

TEST(Store, ThatHasNotYetStoredABatchIsWaitedForByEachCopyOfIt) {
    Bench b(durable({"orders"}), keeps);
    b.hello(producer, "p");
    b.from(producer, [](wire::FrameWriter& w) {
        w.begin(Verb::publish, 0, "orders", 0);
        for (std::uint64_t i = 1; i <= 3; ++i) w.begin_record(0, i);
    });
    b.step();
    const std::vector<CopyStatus> copies = b.broker.copies();
    ASSERT_THAT(copies, SizeIs(3));
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(copies[i].message.value, i + 1);
        EXPECT_EQ(copies[i].state, CopyState::storing);
    }
}

TEST(Store, ThatDoesNotKnowIsAcquiredAgainAndTellsWhatItHas) {
    Bench b(durable({"orders"}), keeps);
    b.hello(producer, "p");
    b.publish(producer, "orders", 1, "x");
    b.publish(producer, "orders", 2, "y");
    b.events.emplace_back(StoreCompleted{1, StoreStatus::unknown});
    b.complete(2, StoreStatus::unknown);
    EXPECT_TRUE(b.acquire);
    EXPECT_THAT(b.got(producer, Verb::confirm), IsEmpty());
    b.publish(producer, "orders", 3, "z");
    auto confirms = b.got(producer, Verb::confirm);
    ASSERT_THAT(confirms, SizeIs(1));
    EXPECT_EQ(confirms[0].code, 503);
    b.events.emplace_back(StoreAcquired{2, 1});
    b.step();
    confirms = b.got(producer, Verb::confirm);
    ASSERT_THAT(confirms, SizeIs(1));
    EXPECT_EQ(confirms[0].id, 1U);
    b.complete(2, StoreStatus::ok);
    EXPECT_THAT(b.got(producer, Verb::confirm), SizeIs(1));
    EXPECT_EQ(b.queue("orders").ready, 2U);
}

TEST(Store, ThatFencesOrFailsEndsTheBrokerWithoutAnotherWord) {
    for (const StoreStatus status : {StoreStatus::fenced, StoreStatus::failed}) {
        Bench b(durable({"orders"}), keeps);
        b.hello(producer, "p");
        b.publish(producer, "orders", 1, "x");
        b.complete(1, status);
        EXPECT_EQ(b.finish, status == StoreStatus::fenced ? Finish::fenced : Finish::store_failed);
        b.advance(1min);
        EXPECT_THAT(b.got(producer, Verb::confirm), IsEmpty());
        EXPECT_THAT(b.got(producer, Verb::heartbeat), IsEmpty());
    }
}

TEST(Store, AnswersAWorkerThatAsksWhenItsAckIsDurable) {
    Bench b(durable({"orders"}), keeps);
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    b.publish(producer, "orders", 1, "x");
    b.complete(1, StoreStatus::ok);
    b.from(worker, [](wire::FrameWriter& w) {
        w.begin(Verb::settle, wire::flag_tell_durable, "", 10);
        w.begin_record(0, 1);
    });
    b.step();
    EXPECT_THAT(b.got(worker, Verb::confirm), IsEmpty());
    b.complete(2, StoreStatus::ok);
    const auto settled = b.got(worker, Verb::confirm);
    ASSERT_THAT(settled, SizeIs(1));
    EXPECT_EQ(settled[0].code, wire::confirm_settled);
    EXPECT_EQ(settled[0].id, 1U);
}

TEST(Store, AnswersForEachOfARunOfAcks) {
    for (const bool keeps_them : {true, false}) {
        Bench b(keeps_them ? durable({"orders"}) : topology({"orders"}), keeps);
        b.hello(producer, "p");
        b.hello(worker, "w", 10, {"orders"});
        for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) b.publish(producer, "orders", sequence, "x");
        for (std::uint64_t batch = 1; keeps_them && batch <= 3; ++batch) b.complete(batch, StoreStatus::ok);
        EXPECT_THAT(b.bodies(worker), SizeIs(3));
        b.from(worker, [](wire::FrameWriter& w) {
            w.begin(Verb::settle, wire::flag_tell_durable, "", 10);
            w.begin_record(0, 1);
            w.field(wire::Field::through, std::uint64_t{3});
        });
        b.step();
        if (keeps_them) b.complete(4, StoreStatus::ok);
        const auto settled = b.got(worker, Verb::confirm);
        ASSERT_THAT(settled, SizeIs(1));
        EXPECT_EQ(settled[0].id, 1U);
        EXPECT_EQ(settled[0].u64(wire::Field::through), 3U) << keeps_them;
        EXPECT_EQ(b.queue("orders").live, 0U);
    }
}

TEST(Drain, RefusesNewMessagesLetsWorkersFinishAndEnds) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"orders"});
    b.publish(producer, "orders", 1, "one");
    b.publish(producer, "orders", 2, "two");
    b.events.emplace_back(DrainRequested{});
    b.step();
    EXPECT_THAT(b.got(producer, Verb::drain), SizeIs(1));
    b.got(producer, Verb::confirm);
    b.publish(producer, "orders", 3, "three");
    const auto refused = b.got(producer, Verb::confirm);
    ASSERT_THAT(refused, SizeIs(1));
    EXPECT_EQ(refused[0].code, 503);
    EXPECT_EQ(b.finish, Finish::no);
    b.settle(worker, SettleCode::ack, 1, 2);
    EXPECT_EQ(b.finish, Finish::no) << "what the store does not keep is still handed out";
    b.settle(worker, SettleCode::ack, 2, 2);
    EXPECT_EQ(b.finish, Finish::drained);
    EXPECT_THAT(b.got(worker, Verb::bye), SizeIs(1));
}

TEST(Drain, EndsAtItsDeadlineWithLeasesReturned) {
    Bench b(topology({"orders"}));
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"orders"});
    b.publish(producer, "orders", 1, "one");
    b.events.emplace_back(DrainRequested{});
    b.step();
    b.advance(29s);
    EXPECT_EQ(b.finish, Finish::no);
    b.advance(2s);
    EXPECT_EQ(b.finish, Finish::drained);
    const QueueStatus q = b.queue("orders");
    EXPECT_EQ(q.ready, 1U);
    Bench::balanced(q);
}

TEST(Store, GetsNoRecordForADeliveryThatWasGivenBack) {
    Bench b(durable({"orders"}), keeps);
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"orders"});
    b.publish(producer, "orders", 1, "x");
    b.complete(1, StoreStatus::ok);
    const std::size_t before = b.records;
    b.settle(worker, SettleCode::release, 1, 1);
    EXPECT_EQ(b.records, before);
    EXPECT_EQ(b.queue("orders").ready, 1U);
}

TEST(Store, ThatIsFencedGetsNothingMoreOfTheStepThatLearntOfIt) {
    Bench b(durable({"orders"}), keeps);
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"orders"});
    b.publish(producer, "orders", 1, "x");
    b.publish(producer, "orders", 2, "y");
    b.complete(1, StoreStatus::ok);
    b.from(worker, [](wire::FrameWriter& w) {
        w.begin(Verb::settle, 0, "", 1);
        w.begin_record(0, 1);
    });
    b.complete(2, StoreStatus::fenced);
    EXPECT_EQ(b.finish, Finish::fenced);
    EXPECT_THAT(b.effects.records, IsEmpty());
}

TEST(Drain, GivesLeasesOfDurableQueuesBackWithoutAnotherBatch) {
    Bench b(durable({"orders"}), keeps);
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"orders"});
    b.publish(producer, "orders", 1, "x");
    b.complete(1, StoreStatus::ok);
    b.events.emplace_back(DrainRequested{});
    b.step();
    EXPECT_EQ(b.queue("orders").in_flight, 1U);
    b.set_time(b.now.monotonic + 29s);
    b.settle(worker, SettleCode::extend, 1, 1);
    b.set_time(b.now.monotonic + 2s);
    b.step();
    EXPECT_EQ(b.finish, Finish::drained);
    EXPECT_THAT(b.effects.records, IsEmpty());
    EXPECT_EQ(b.queue("orders").ready, 1U);
}

TEST(Drain, WaitsForAcksThatAFullStoreHasNotTakenYet) {
    Bench b(durable({"orders"}), keeps);
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"orders"});
    b.publish(producer, "orders", 1, "x");
    b.complete(1, StoreStatus::ok);
    b.settle(worker, SettleCode::ack, 1, 1);
    b.events.emplace_back(StoreCompleted{2, StoreStatus::full});
    b.events.emplace_back(DrainRequested{});
    b.step();
    EXPECT_EQ(b.finish, Finish::no);
    b.advance(1s);
    b.complete(b.batches.back(), StoreStatus::ok);
    EXPECT_EQ(b.finish, Finish::drained);
}

}  // namespace
}  // namespace ym::test
