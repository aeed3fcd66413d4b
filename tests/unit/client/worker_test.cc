#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <thread>

#include "client/client.h"
#include "scripted_broker.h"

namespace ym::client {
namespace {

using testing::ElementsAre;
using wire::Field;
using wire::SettleCode;
using wire::Verb;

class WorkerTest : public testing::Test {
  protected:
    void start(std::uint32_t credit = 10) {
        Worker::Settings settings;
        settings.options.endpoint = broker.endpoint();
        settings.queues = {"hello", "other"};
        settings.credit = credit;
        worker = std::make_unique<Worker>(settings);
        worker->on_lost([this](const Lost& one) { lost.push_back({one.tag, one.status}); });
        broker.poll_client = [this] { worker->poll(Milliseconds{1}); };
    }
    void start_and_welcome(std::uint32_t credit = 10) {
        start(credit);
        broker.expect(Verb::hello);
        broker.welcome();
        EXPECT_EQ(broker.expect(Verb::credit).number, credit);
    }
    Delivery receive() {
        std::optional<Delivery> delivery = worker->receive(Milliseconds{5000});
        EXPECT_TRUE(delivery.has_value());
        return delivery.value_or(Delivery{});
    }
    /// The connection is lost and comes back; the broker then knows tags up to `last_tag`.
    void reconnect(std::uint64_t last_tag) {
        broker.say_hello();
        EXPECT_EQ(broker.expect(Verb::hello).number, 0U);
        broker.welcome(0, 2000, last_tag);
    }
    template <class Condition>
    void until(Condition condition) {
        for (int i = 0; i < 5000 && !condition(); ++i) worker->poll(Milliseconds{1});
        EXPECT_TRUE(condition());
    }
    static SettleCode code(const GotRecord& record) { return static_cast<SettleCode>(record.code); }

    ScriptedBroker broker;
    std::unique_ptr<Worker> worker;
    std::vector<std::pair<std::uint64_t, Status>> lost;
};

TEST_F(WorkerTest, NamesItsQueuesAndItsFirstCredit) {
    start(7);
    const Got hello = broker.expect(Verb::hello);
    EXPECT_EQ(hello.number, 7U);
    EXPECT_EQ(hello.records[0].id, 0U);
    EXPECT_THAT(hello.records[0].texts(Field::queue), ElementsAre("hello", "other"));
}

TEST_F(WorkerTest, HandsOutWhatWasDelivered) {
    start_and_welcome();
    broker.deliver(1, 1, 2000);
    const Delivery delivery = receive();
    EXPECT_EQ(delivery.queue, "hello");
    EXPECT_EQ(delivery.tag, 1U);
    EXPECT_EQ(delivery.attempt, 1U);
    EXPECT_EQ(delivery.lease, Milliseconds{2000});
    EXPECT_EQ(delivery.body(), "body 1");
    EXPECT_EQ(delivery.topic(), "a.b");
    EXPECT_EQ(delivery.fence(), 101U);
    EXPECT_EQ(delivery.header("colour"), "red");
    EXPECT_EQ(delivery.header("size"), std::nullopt);
    EXPECT_THAT(delivery.fields(), ElementsAre(std::pair("fence", "101"), std::pair("topic", "a.b")));
}

TEST_F(WorkerTest, SettlesARangeWithOneRecordAndMovesItsCredit) {
    start_and_welcome();
    broker.deliver(1, 5);
    std::vector<Delivery> deliveries;
    while (deliveries.size() < 5) deliveries.push_back(receive());
    for (const Delivery& delivery : deliveries) {
        EXPECT_TRUE(delivery.tag == 4 ? worker->nack(delivery, "why") : worker->ack(delivery));
        EXPECT_FALSE(worker->ack(delivery));  // only once
    }
    const Got got = broker.expect(Verb::settle);
    EXPECT_EQ(got.flags, wire::flag_tell_durable);
    EXPECT_EQ(got.number, 15U);
    ASSERT_EQ(got.records.size(), 3U);
    EXPECT_EQ(code(got.records[0]), SettleCode::ack);
    EXPECT_EQ(got.records[0].id, 1U);
    EXPECT_EQ(got.records[0].through(), 3U);
    EXPECT_EQ(code(got.records[1]), SettleCode::nack);
    EXPECT_EQ(got.records[1].text(Field::text), "why");
    EXPECT_EQ(got.records[2].id, 5U);
    EXPECT_FALSE(worker->flush(Milliseconds{1}));
    broker.answer(Verb::confirm, 0, 1, wire::confirm_settled, 5);
    EXPECT_TRUE(worker->flush(Milliseconds{5000}));
}

TEST_F(WorkerTest, TellsWhichSettlementsAreDurable) {
    start_and_welcome();
    std::vector<std::pair<std::uint64_t, std::uint64_t>> settled;
    worker->on_settled([&](std::uint64_t first, std::uint64_t last) { settled.emplace_back(first, last); });
    broker.deliver(1, 5);
    for (int i = 0; i < 5; ++i) {
        const Delivery delivery = receive();
        if (delivery.tag != 3) worker->ack(delivery);
    }
    broker.expect(Verb::settle);
    broker.answer(Verb::confirm, 0, 1, wire::confirm_settled, 4);
    until([&] { return !settled.empty(); });
    EXPECT_THAT(settled, ElementsAre(std::pair(1, 2), std::pair(4, 4)));  // nobody settled 3, and 5 is not durable
    broker.answer(Verb::confirm, 0, 4, wire::confirm_settled, 5);
    until([&] { return settled.size() > 2; });
    EXPECT_EQ(settled.back(), std::pair(std::uint64_t{5}, std::uint64_t{5}));  // 4 is told once
}

TEST_F(WorkerTest, SendsTheReplyWithItsAck) {
    start_and_welcome();
    broker.deliver(1, 1);
    const Delivery delivery = receive();
    worker->part(delivery, "a part");
    worker->ack(delivery, "the reply");
    const Got part = broker.expect(Verb::settle);
    EXPECT_EQ(part.flags, 0);
    EXPECT_EQ(code(part.records[0]), SettleCode::part);
    EXPECT_EQ(part.records[0].body, "a part");
    const Got ack = broker.expect(Verb::settle);
    EXPECT_EQ(ack.records[0].body, "the reply");
}

TEST_F(WorkerTest, GivesCreditForWhatItLost) {
    start_and_welcome(2);
    broker.deliver(1, 2);
    until([&] { return worker->held() == 2; });
    broker.answer(Verb::lost, 0, 1, 504);
    EXPECT_EQ(broker.expect(Verb::credit).number, 3U);
}

TEST_F(WorkerTest, DoesNotHandOutWhatWasLostWhileItWaited) {
    start_and_welcome();
    broker.deliver(1, 2);
    until([&] { return worker->held() == 2; });
    broker.answer(Verb::lost, 0, 1, 504);
    until([&] { return !lost.empty(); });
    EXPECT_EQ(receive().tag, 2U);
    EXPECT_THAT(lost, ElementsAre(std::pair(1, 504)));
}

TEST_F(WorkerTest, HearsThatItsAckCameTooLate) {
    start_and_welcome();
    broker.deliver(1, 1);
    worker->ack(receive());
    broker.expect(Verb::settle);
    broker.answer(Verb::lost, 0, 1, 409);
    until([&] { return !lost.empty(); });
    EXPECT_THAT(lost, ElementsAre(std::pair(1, 409)));
    EXPECT_EQ(worker->held(), 0U);
}

TEST_F(WorkerTest, HoldsADeliveryAgainWhenItsSettlementWasNotApplied) {
    start_and_welcome();
    broker.deliver(1, 1);
    const Delivery delivery = receive();
    worker->ack(delivery);
    broker.expect(Verb::settle);
    broker.answer(Verb::lost, 0, 1, 507);
    until([&] { return !lost.empty(); });
    EXPECT_TRUE(worker->holds(delivery));
    EXPECT_TRUE(worker->nack(delivery));
}

TEST_F(WorkerTest, ExtendsTheLeasesOfWhatWaitsInItsBuffer) {
    start_and_welcome();
    broker.deliver(1, 3, 40);
    const Delivery first = receive();
    const Got got = broker.expect(Verb::settle);
    EXPECT_EQ(got.flags, 0);
    ASSERT_EQ(got.records.size(), 1U);
    EXPECT_EQ(code(got.records[0]), SettleCode::extend);
    EXPECT_EQ(got.records[0].id, 2U);  // what was handed out is the caller's
    EXPECT_EQ(got.records[0].through(), 3U);
    EXPECT_TRUE(worker->extend(first));
    EXPECT_EQ(broker.expect(Verb::settle).records[0].id, 1U);
}

TEST_F(WorkerTest, KeepsItsTagsWhenTheSessionIsResumedAndReleasesWhatWasLostOnTheWay) {
    start_and_welcome();
    broker.deliver(1, 2);
    const Delivery first = receive();
    reconnect(5);
    const Got got = broker.expect(Verb::settle);
    ASSERT_EQ(got.records.size(), 1U);
    EXPECT_EQ(code(got.records[0]), SettleCode::release);
    EXPECT_EQ(got.records[0].id, 3U);
    EXPECT_EQ(got.records[0].through(), 5U);
    EXPECT_EQ(got.number, 13U);  // 5 were used, 2 are held
    EXPECT_TRUE(worker->ack(first));
    EXPECT_EQ(receive().tag, 2U);
    EXPECT_TRUE(lost.empty());
}

TEST_F(WorkerTest, SettlesAgainWhatMayHaveBeenLostAndIgnoresThatItWasNot) {
    start_and_welcome();
    broker.deliver(1, 1);
    worker->ack(receive(), "reply");
    broker.expect(Verb::settle);
    reconnect(1);
    const Got got = broker.expect(Verb::settle);
    ASSERT_EQ(got.records.size(), 1U);
    EXPECT_EQ(got.records[0].body, "reply");
    broker.answer(Verb::lost, 0, 1, 409);
    EXPECT_TRUE(worker->flush(Milliseconds{5000}));
    EXPECT_TRUE(lost.empty());
}

TEST_F(WorkerTest, GivesUpWhatItHoldsWhenTheBrokerHasForgottenTheSession) {
    start_and_welcome();
    broker.deliver(1, 2);
    const Delivery old = receive();
    reconnect(0);
    EXPECT_EQ(broker.expect(Verb::credit).number, 10U);
    broker.deliver(1, 1);
    until([&] { return worker->held() == 1; });
    EXPECT_EQ(lost.size(), 2U);
    // The same tag now means another delivery, which the old one must not settle.
    EXPECT_FALSE(worker->ack(old));
    EXPECT_TRUE(worker->ack(receive()));
}

TEST_F(WorkerTest, RejectsWhatItMustUnderstandAndDoesNot) {
    start_and_welcome();
    broker.send(Verb::deliver, "hello", 30'000, [](wire::FrameWriter& writer) {
        writer.begin_record(1, 1);
        writer.raw_field(0x7f, {});
    });
    EXPECT_EQ(worker->receive(Milliseconds{100}), std::nullopt);
    EXPECT_EQ(code(broker.expect(Verb::settle).records[0]), SettleCode::reject);
}

TEST_F(WorkerTest, TellsThatAQueueIsUnknown) {
    start();
    broker.expect(Verb::hello);
    broker.answer(Verb::error, 0, 0, 404);
    EXPECT_EQ(worker->receive(Milliseconds{5000}), std::nullopt);
    ASSERT_TRUE(worker->fault().has_value());
    EXPECT_EQ(worker->fault()->status, 404);
}

TEST_F(WorkerTest, LeavesOnlyAfterItsSettlementsAreAppliedAndTheBrokerSaidBye) {
    start_and_welcome();
    broker.deliver(1, 1);
    worker->ack(receive());
    std::atomic<bool> left = false;
    std::thread leaving([&] {
        EXPECT_TRUE(worker->close(Milliseconds{5000}));
        left = true;
    });
    broker.poll_client = nullptr;
    broker.expect(Verb::settle);
    broker.expect_nothing();  // no BYE yet
    broker.answer(Verb::confirm, 0, 1, wire::confirm_settled);
    broker.expect(Verb::bye);
    EXPECT_FALSE(left);
    broker.send(Verb::bye);
    leaving.join();
}

}  // namespace
}  // namespace ym::client
