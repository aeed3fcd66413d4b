// What stands where in the store, and in which order copies become ready while it is asked.
#include "unit/broker/harness.h"

namespace ym::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using wire::SettleCode;
using wire::Verb;

/// `orders` sends its dead letters to `graves`; the store keeps both.
std::unique_ptr<Topology> with_graves() {
    auto t = topology({"orders", "graves"});
    for (QueueSettings& q : t->queues) q.durable = true;
    t->queues[0].dead_to = "graves";
    return t;
}

void answer(Bench& b, StoreStatus status) {
    b.complete(b.batches.back(), status);
}

std::vector<RecordKind> kinds(const Bench& b) {
    std::vector<RecordKind> out;
    for (const StoreRecord& r : b.effects.records) out.push_back(r.kind);
    return out;
}

TEST(Moved, DeadLettersHaveANumberOfTheirOwnInAQueueThatHoldsTheMessageAlready) {
    auto t = with_graves();
    t->pipelines.push_back(fanout("both", {"orders", "graves"}));
    Bench b(std::move(t), keeps);
    b.hello(producer, "p");
    b.hello(worker, "w", 1, {"orders"});
    b.publish(producer, "both", 1, "x");
    const MessageId first = b.effects.records.back().message;
    answer(b, StoreStatus::ok);
    b.settle(worker, SettleCode::reject, 1, 1);
    EXPECT_THAT(kinds(b), ElementsAre(RecordKind::moved)) << "which says that it left, too";
    const StoreRecord moved = b.effects.records.back();
    EXPECT_EQ(moved.origin, first);
    EXPECT_GT(moved.message, first);
    EXPECT_EQ(moved.attempt, 1U);
    EXPECT_EQ(moved.reason, FailureReason::reject);
    EXPECT_EQ(as_text(moved.body), "x");
    EXPECT_NE(moved.from, moved.queue);
    EXPECT_THAT(b.queue("graves").ready, 1U) << "the dead letter waits for the store, the copy beside it does not";
    answer(b, StoreStatus::ok);
    b.hello(other, "o", 2, {"graves"});
    EXPECT_THAT(b.bodies(other), ElementsAre("x", "x"));
    b.settle(other, SettleCode::ack, 1, 2, {}, 2);
    std::vector<MessageId> settled;
    for (const StoreRecord& r : b.effects.records) {
        for (std::size_t i = 0; i < messages_of(r); ++i) settled.push_back(one_of(r, i).message);
    }
    EXPECT_THAT(settled, ElementsAre(first, moved.message));
    Bench::balanced(b.queue("graves"));
}

TEST(Moved, DeadLettersOfOneMessageInTwoQueuesAreTwoMessages) {
    auto t = topology({"left", "right", "graves"});
    t->queues[0].dead_to = t->queues[1].dead_to = "graves";
    t->pipelines.push_back(fanout("both", {"left", "right"}));
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.hello(worker, "w", 9, {"left", "right"});
    b.hello(other, "o", 9, {"graves"});
    b.publish(producer, "both", 1, "x");
    b.settle(worker, SettleCode::reject, 1, 9, {}, 2);
    EXPECT_THAT(b.bodies(other), ElementsAre("x", "x"));
    b.settle(other, SettleCode::nack, 1, 9);
    b.settle(other, SettleCode::ack, 2, 9, {}, 3);
    EXPECT_EQ(b.queue("graves").ledger.acked, 2U);
    Bench::balanced(b.queue("graves"));
}

TEST(Moved, DeadLettersThatAFullStoreDidNotTakeAreNotHandedOutBeforeItHas) {
    Bench b(with_graves(), keeps);
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders", "graves"});
    b.publish(producer, "orders", 1, "x");
    answer(b, StoreStatus::ok);
    b.bodies(worker);
    b.settle(worker, SettleCode::reject, 1, 10);
    EXPECT_THAT(kinds(b), ElementsAre(RecordKind::queue, RecordKind::moved));
    answer(b, StoreStatus::full);
    EXPECT_THAT(b.bodies(worker), IsEmpty());
    b.advance(1s);
    EXPECT_THAT(b.bodies(worker), IsEmpty());
    EXPECT_EQ(b.batches.back(), 3U) << "it comes again";
    answer(b, StoreStatus::ok);
    EXPECT_THAT(b.bodies(worker), ElementsAre("x"));
    Bench::balanced(b.queue("orders"));
    Bench::balanced(b.queue("graves"));
}

TEST(Moved, DeadLettersGoTheirWayThoughTheStoreTakesNothingNow) {
    Bench b(with_graves(), keeps);
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders", "graves"});
    b.publish(producer, "orders", 1, "x");
    answer(b, StoreStatus::ok);
    b.publish(producer, "orders", 2, "y");
    answer(b, StoreStatus::full);
    b.settle(worker, SettleCode::reject, 1, 10);
    EXPECT_THAT(kinds(b), IsEmpty());
    EXPECT_EQ(b.queue("orders").dead_letters.live, 0U);
    EXPECT_EQ(b.queue("graves").storing, 1U);
    b.advance(1s);
    answer(b, StoreStatus::ok);
    EXPECT_EQ(b.queue("graves").ledger.moved_in, 1U);
    Bench::balanced(b.queue("graves"));
}

TEST(StoreOrder, NamesAQueueInEachBatchThatUsesItsNumberUntilOneIsStored) {
    auto t = topology({"orders"});
    t->queues[0].durable = true;
    Bench b(std::move(t), keeps);
    EXPECT_THAT(b.batches, IsEmpty()) << "a queue that was never used has nothing to say";
    b.hello(producer, "p");
    b.publish(producer, "orders", 1, "x");
    EXPECT_THAT(kinds(b), ElementsAre(RecordKind::queue, RecordKind::accepted));
    b.publish(producer, "orders", 2, "y");
    EXPECT_THAT(kinds(b), ElementsAre(RecordKind::queue, RecordKind::accepted));
    b.events.emplace_back(StoreCompleted{1, StoreStatus::full});
    b.complete(2, StoreStatus::ok);
    b.advance(1s);
    EXPECT_EQ(b.batches.size(), 2U) << "the name was stored with the second batch";
    b.publish(producer, "orders", 3, "z");
    EXPECT_THAT(kinds(b), ElementsAre(RecordKind::accepted));
}

TEST(StoreOrder, APublishToOneQueueWaitsForTheFanoutBeforeIt) {
    for (const StoreStatus status : {StoreStatus::ok, StoreStatus::full}) {
        auto settings = topology({"kept", "quick"});
        settings->queues[0].durable = true;
        settings->pipelines.push_back(fanout("both", {"kept", "quick"}));
        Bench b(std::move(settings), keeps);
        b.hello(producer, "p");
        b.hello(worker, "w", 10, {"quick"});
        b.publish(producer, "both", 1, "first");
        b.publish(producer, "quick", 2, "second");
        EXPECT_EQ(b.got(producer, Verb::confirm).size(), 1U) << "taken, and there is nothing to store";
        EXPECT_THAT(b.bodies(worker), IsEmpty());
        EXPECT_EQ(b.queue("quick").live, 1U);
        Bench::balanced(b.queue("quick"));
        answer(b, status);
        if (status == StoreStatus::ok) {
            EXPECT_THAT(b.bodies(worker), ElementsAre("first", "second"));
        } else {
            EXPECT_THAT(b.bodies(worker), ElementsAre("second"));
        }
        b.publish(producer, "quick", 3, "third");
        EXPECT_THAT(b.bodies(worker), ElementsAre("third"));
        Bench::balanced(b.queue("quick"));
    }
}

TEST(StoreOrder, AnOptionalQueueThatIsFullCountsWhenTheOthersHaveTheMessage) {
    auto t = topology({"kept", "small"});
    t->queues[0].durable = true;
    t->queues[1].limits.messages = 0;
    t->pipelines.push_back(fanout("both", {"kept", "small"}));
    t->pipelines[0].optional = {"small"};
    Bench b(std::move(t), keeps);
    b.hello(producer, "p");
    b.publish(producer, "both", 1, "x");
    EXPECT_EQ(b.queue("small").ledger.accepted, 0U);
    answer(b, StoreStatus::full);
    b.advance(1s);
    b.publish(producer, "both", 1, "x");
    answer(b, StoreStatus::ok);
    const Ledger ledger = b.queue("small").ledger;
    EXPECT_EQ(ledger.accepted, 1U);
    EXPECT_EQ(ledger.dropped[static_cast<std::size_t>(DropReason::optional_full)], 1U);
}

TEST(Full, QueuesThatMakeDeadLettersSaySoAsTheReason) {
    auto t = topology({"orders"});
    t->queues[0].limits.messages = 1;
    t->queues[0].limits.when_full = WhenFull::dead_letter;
    Bench b(std::move(t));
    b.hello(producer, "p");
    b.publish(producer, "orders", 1, "x");
    b.publish(producer, "orders", 2, "y");
    std::string reason;
    for (const Notice& notice : b.notices) {
        if (notice.kind == NoticeKind::message_dead) reason = notice.text;
    }
    EXPECT_EQ(reason, "queue_full");
}

/// A frame with messages of these bodies, from `sequence` on.
void publish_all(Bench& b, PeerId peer, const std::string& to, std::uint64_t sequence,
                 const std::vector<std::string>& bodies) {
    b.from(peer, [&](wire::FrameWriter& w) {
        w.begin(wire::Verb::publish, 0, to, 0);
        for (const std::string& body : bodies) {
            w.begin_record(wire::publish_plain, sequence++);
            w.body(as_octets(body));
        }
    });
}

std::vector<std::string> bodies_of(const StoreRecord& record) {
    std::vector<std::string> bodies;
    for (std::size_t i = 0; i < messages_of(record); ++i) bodies.emplace_back(as_text(one_of(record, i).body));
    return bodies;
}

TEST(Runs, OfMessagesOfOneProducerAreOneRecordAndSoAreTheirAcks) {
    Bench b(with_graves(), keeps);
    b.hello(producer, "p");
    b.hello(worker, "w", 10, {"orders"});
    publish_all(b, producer, "orders", 1, {"a", "b"});
    publish_all(b, producer, "orders", 3, {"c"});
    b.step();
    ASSERT_THAT(kinds(b), ElementsAre(RecordKind::queue, RecordKind::accepted));
    EXPECT_THAT(bodies_of(b.effects.records[1]), ElementsAre("a", "b", "c"));
    EXPECT_EQ(one_of(b.effects.records[1], 2).sequence, 3U);
    answer(b, StoreStatus::ok);
    EXPECT_THAT(b.bodies(worker), ElementsAre("a", "b", "c"));
    b.settle(worker, SettleCode::ack, 1, 10, {}, 3);
    ASSERT_THAT(kinds(b), ElementsAre(RecordKind::settled));
    EXPECT_EQ(messages_of(b.effects.records[0]), 3U);
    answer(b, StoreStatus::ok);
    Bench::balanced(b.queue("orders"));
}

TEST(Runs, EndWhereProducerQueueOrSequenceChangeAndWhereAnotherRecordComes) {
    Bench b(with_graves(), keeps);
    b.hello(producer, "p");
    b.hello(other, "o");
    b.hello(worker, "w", 10, {"orders"});
    publish_all(b, producer, "orders", 1, {"a", "b"});
    publish_all(b, other, "orders", 1, {"c"});
    publish_all(b, producer, "orders", 4, {"e"});
    publish_all(b, producer, "orders", 5, {"f"});
    publish_all(b, producer, "graves", 6, {"g"});
    b.step();
    std::vector<std::vector<std::string>> runs;
    for (const StoreRecord& r : b.effects.records) {
        if (r.kind == RecordKind::accepted) runs.push_back(bodies_of(r));
    }
    EXPECT_THAT(runs, ElementsAre(ElementsAre("a", "b"), ElementsAre("c"), ElementsAre("e", "f"), ElementsAre("g")));
    answer(b, StoreStatus::ok);
    b.settle(worker, SettleCode::ack, 1, 10);
    b.settle(worker, SettleCode::reject, 2, 10);
    b.settle(worker, SettleCode::ack, 3, 10, {}, 5);
    ASSERT_THAT(kinds(b), ElementsAre(RecordKind::settled));
    EXPECT_EQ(messages_of(b.effects.records[0]), 3U);
}

TEST(Runs, ThatAFullStoreRefusedAreRefusedToTheLastMessage) {
    Bench b(with_graves(), keeps);
    b.hello(producer, "p");
    publish_all(b, producer, "orders", 1, {"a", "b", "c"});
    b.step();
    EXPECT_EQ(b.queue("orders").storing, 3U);
    answer(b, StoreStatus::full);
    const auto confirms = b.got(producer, wire::Verb::confirm);
    ASSERT_EQ(confirms.size(), 1U);
    EXPECT_EQ(confirms[0].code, 507);
    EXPECT_EQ(b.queue("orders").storing, 0U);
    EXPECT_EQ(b.queue("orders").live, 0U);
    Bench::balanced(b.queue("orders"));
}

}  // namespace
}  // namespace ym::test
