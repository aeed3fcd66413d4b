#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>

#include "client/client.h"
#include "scripted_broker.h"

namespace ym::client {
namespace {

using testing::ElementsAre;
using wire::Field;
using wire::Verb;

class ProducerTest : public testing::Test {
  protected:
    void start(Milliseconds retry = Milliseconds{0}, Milliseconds heartbeat = Milliseconds{1000}) {
        Producer::Settings settings;
        settings.options.endpoint = broker.endpoint();
        settings.options.name = "till";
        settings.options.heartbeat = heartbeat;
        settings.retry = retry;
        producer = std::make_unique<Producer>(settings);
        producer->on_answer([this](const Answer& answer) { answers.push_back({answer.sequence, answer.status}); });
        producer->on_reply([this](const Reply& reply) { replies.push_back(reply); });
        broker.poll_client = [this] { producer->poll(Milliseconds{1}); };
    }
    void start_and_welcome(std::uint64_t window = 2000) {
        start();
        broker.expect(Verb::hello);
        broker.welcome(0, window);
    }
    void publish(int count, bool wants_reply = false) {
        Message message;
        message.body = "body";
        message.wants_reply = wants_reply;
        for (int i = 0; i < count; ++i) producer->publish("hello", message);
    }
    static std::vector<std::uint64_t> sequences(const Got& got) {
        std::vector<std::uint64_t> ids;
        for (const GotRecord& record : got.records) ids.push_back(record.id);
        return ids;
    }
    void confirm(std::uint64_t id, std::uint16_t status = 200, std::uint64_t window = 2000) {
        broker.answer(Verb::confirm, window, id, status);
    }
    template <class Condition>
    void until(Condition condition) {
        for (int i = 0; i < 5000 && !condition(); ++i) producer->poll(Milliseconds{1});
        EXPECT_TRUE(condition());
    }

    ScriptedBroker broker;
    std::unique_ptr<Producer> producer;
    std::vector<std::pair<std::uint64_t, Status>> answers;
    std::vector<Reply> replies;
};

TEST_F(ProducerTest, SaysHelloFirstAndNothingMoreUntilItIsWelcome) {
    start();
    publish(3);
    const Got hello = broker.expect(Verb::hello);
    EXPECT_EQ(hello.name, "till");
    EXPECT_EQ(hello.number, 0U);
    ASSERT_EQ(hello.records.size(), 1U);
    EXPECT_EQ(hello.records[0].text(Field::session).size(), 16U);
    EXPECT_EQ(hello.records[0].id, 1U);
    broker.expect_nothing();
    broker.welcome();
    EXPECT_THAT(sequences(broker.expect(Verb::publish)), ElementsAre(1, 2, 3));
}

TEST_F(ProducerTest, SendsAllFieldsOfAMessage) {
    start_and_welcome();
    const std::array headers{Header{"colour", "red"}};
    Message message;
    message.body = "octets";
    message.topic = "order.new";
    message.key = "k";
    message.priority = 31;
    message.ttl = Milliseconds{1500};
    message.headers = headers;
    message.wants_reply = true;
    producer->publish("orders", message);
    const Got got = broker.expect(Verb::publish);
    EXPECT_EQ(got.name, "orders");
    ASSERT_EQ(got.records.size(), 1U);
    EXPECT_EQ(got.records[0].code, wire::publish_wants_reply);
    EXPECT_EQ(got.records[0].body, "octets");
    EXPECT_EQ(got.records[0].text(Field::topic), "order.new");
    EXPECT_EQ(got.records[0].text(Field::key), "k");
    EXPECT_EQ(got.records[0].number(Field::priority), 31U);
    EXPECT_EQ(got.records[0].number(Field::ttl_ms), 1500U);
    EXPECT_EQ(got.records[0].text(Field::property), "\6colourred");
}

TEST_F(ProducerTest, CutsBatchesAtAnotherAddress) {
    start();
    producer->publish("a", {});
    producer->publish("a", {});
    producer->publish("b", {});
    broker.expect(Verb::hello);
    broker.welcome();
    EXPECT_THAT(sequences(broker.expect(Verb::publish)), ElementsAre(1, 2));
    const Got second = broker.expect(Verb::publish);
    EXPECT_EQ(second.name, "b");
    EXPECT_THAT(sequences(second), ElementsAre(3));
}

TEST_F(ProducerTest, SendsNothingBeyondItsWindow) {
    start_and_welcome(2);
    publish(4);
    EXPECT_THAT(sequences(broker.expect(Verb::publish)), ElementsAre(1, 2));
    broker.expect_nothing();
    confirm(1, 200, 3);
    EXPECT_THAT(sequences(broker.expect(Verb::publish)), ElementsAre(3));
    broker.expect_nothing();
}

TEST_F(ProducerTest, SendsNothingBeyondTheWindowOfOctets) {
    start();
    publish(4);
    broker.expect(Verb::hello);
    // The message that passes the limit is the last: each body has four octets.
    broker.welcome(0, 2000, 0, [](wire::FrameWriter& writer) { writer.field(Field::bytes, std::uint64_t{5}); });
    EXPECT_THAT(sequences(broker.expect(Verb::publish)), ElementsAre(1, 2));
    broker.expect_nothing();
    broker.send(Verb::confirm, {}, 0, [](wire::FrameWriter& writer) {
        writer.begin_record(0, 0);
        writer.field(Field::bytes, std::uint64_t{9});
    });
    EXPECT_THAT(sequences(broker.expect(Verb::publish)), ElementsAre(3));
}

TEST_F(ProducerTest, SaysHelloOnceForMany428AndSendsAgainWhatHasNoAnswer) {
    start_and_welcome();
    publish(3);
    const Got first = broker.expect(Verb::publish);
    confirm(1);
    until([&] { return answers.size() == 1; });
    for (int i = 0; i < 5; ++i) broker.say_hello();
    const Got hello = broker.expect(Verb::hello);
    EXPECT_EQ(hello.records[0].id, 2U);  // the lowest without an answer
    broker.expect_nothing();
    broker.welcome(3);
    EXPECT_THAT(sequences(broker.expect(Verb::publish)), ElementsAre(2, 3));
    broker.answer(Verb::confirm, 2000, 2, 208, 3);
    EXPECT_TRUE(producer->flush(Milliseconds{5000}));
    EXPECT_THAT(answers, ElementsAre(std::pair(1, 200), std::pair(2, 208), std::pair(3, 208)));
    EXPECT_EQ(producer->counts().confirmed, 3U);
}

TEST_F(ProducerTest, KeepsItsSessionOverConnections) {
    start();
    const Got first = broker.expect(Verb::hello);
    broker.welcome();
    publish(1);
    broker.expect(Verb::publish);
    broker.say_hello();
    const Got second = broker.expect(Verb::hello);
    EXPECT_EQ(first.records[0].text(Field::session), second.records[0].text(Field::session));
    EXPECT_NE(first.from, second.from);
}

TEST_F(ProducerTest, TakesAnotherConnectionWhenTheBrokerIsSilentForTenHeartbeats) {
    broker.heartbeat_ms = 5;
    start();
    const Got first = broker.expect(Verb::hello);
    broker.welcome();
    const Got second = broker.expect(Verb::hello);
    EXPECT_NE(first.from, second.from);
}

TEST_F(ProducerTest, RefusesItselfWhatIsLargerThanAFrame) {
    start_and_welcome();
    const std::string large(std::size_t{1} << 20U, 'x');
    Message message;
    message.body = large;
    producer->publish("hello", message);
    publish(1);
    EXPECT_THAT(sequences(broker.expect(Verb::publish)), ElementsAre(2));
    until([&] { return !answers.empty(); });
    EXPECT_THAT(answers, ElementsAre(std::pair(1, 413)));
}

TEST_F(ProducerTest, SendsAgainWithTheSameSequenceWhatWasBeyondTheWindow) {
    start_and_welcome();
    publish(2);
    broker.expect(Verb::publish);
    broker.answer(Verb::confirm, 2000, 1, 429, 2);
    EXPECT_THAT(sequences(broker.expect(Verb::publish)), ElementsAre(1, 2));
    EXPECT_TRUE(answers.empty());
}

TEST_F(ProducerTest, TellsOfAFullQueueUnlessItMayTryAgain) {
    start_and_welcome();
    publish(1);
    broker.expect(Verb::publish);
    confirm(1, 507);
    until([&] { return !answers.empty(); });
    EXPECT_THAT(answers, ElementsAre(std::pair(1, 507)));
    EXPECT_EQ(producer->counts().refused, 1U);
}

TEST_F(ProducerTest, TriesAFullQueueAgainWhileItMay) {
    start(std::chrono::minutes(1));
    broker.expect(Verb::hello);
    broker.welcome();
    publish(1);
    broker.expect(Verb::publish);
    confirm(1, 507);
    EXPECT_THAT(sequences(broker.expect(Verb::publish)), ElementsAre(1));
    EXPECT_TRUE(answers.empty());
}

TEST_F(ProducerTest, HoldsWhatADrainingBrokerRefusedUntilTheNextWelcome) {
    start_and_welcome();
    publish(1);
    broker.expect(Verb::publish);
    confirm(1, 503);
    broker.expect_nothing();
    broker.send(Verb::bye);
    broker.expect(Verb::hello);
    broker.welcome();
    EXPECT_THAT(sequences(broker.expect(Verb::publish)), ElementsAre(1));
}

TEST_F(ProducerTest, SendsARequestAgainWhileItsReplyIsMissing) {
    start_and_welcome();
    publish(1, true);
    broker.expect(Verb::publish);
    confirm(1);
    until([&] { return !answers.empty(); });
    broker.say_hello();
    EXPECT_EQ(broker.expect(Verb::hello).records[0].id, 1U);
    broker.welcome(1);
    EXPECT_THAT(sequences(broker.expect(Verb::publish)), ElementsAre(1));
    confirm(1, 208);
    broker.answer(Verb::reply, 1, 0, 200, 0, "done");
    broker.answer(Verb::reply, 1, 0, 200, 0, "second");
    until([&] { return !replies.empty(); });
    broker.expect_nothing();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].body, "done");
    EXPECT_EQ(answers.size(), 1U);
    EXPECT_TRUE(producer->flush(Milliseconds{0}, true));
}

TEST_F(ProducerTest, PassesPartsOnWithTheirIndexUntilTheLastReply) {
    start_and_welcome();
    publish(1, true);
    broker.expect(Verb::publish);
    broker.answer(Verb::reply, 1, 0, 206, 0, "of an attempt that died");
    broker.answer(Verb::reply, 1, 0, 206, 0, "first");
    broker.answer(Verb::reply, 1, 1, 200, 0, "last");
    until([&] { return replies.size() == 3; });
    EXPECT_EQ(replies[1].index, 0U);
    EXPECT_EQ(replies[2].index, 1U);
    EXPECT_EQ(replies[2].body, "last");
}

TEST_F(ProducerTest, GivesUpWhenTheBrokerSpeaksAnotherVersion) {
    start();
    broker.expect(Verb::hello);
    broker.answer(Verb::error, 0, 0, 426);
    until([&] { return producer->fault().has_value(); });
    EXPECT_EQ(producer->fault()->status, 426);
    publish(1);
    EXPECT_FALSE(producer->flush());
}

TEST_F(ProducerTest, WaitsForTheByeOfTheBroker) {
    start_and_welcome();
    until([&] { return producer->connected(); });
    std::atomic<bool> left = false;
    std::thread leaving([&] {
        producer->close();
        left = true;
    });
    broker.poll_client = nullptr;
    broker.expect(Verb::bye);
    EXPECT_FALSE(left);
    broker.send(Verb::bye);
    leaving.join();
}

}  // namespace
}  // namespace ym::client
