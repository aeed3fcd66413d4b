#include "unit/broker/harness.h"

namespace ym::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using wire::SettleCode;
using wire::Verb;

CreateSettings on_demand(std::uint64_t max) {
    CreateSettings create;
    create.match = "*";
    create.max = max;
    create.idle = 1s;
    create.make = [](const std::string& name) { return queue_settings(name); };
    return create;
}

void change(Bench& b, std::unique_ptr<Topology> t) {
    b.events.emplace_back(SettingsChanged{std::move(t)});
    b.step();
}

std::uint16_t publish(Bench& b, const std::string& to, std::uint64_t sequence) {
    b.publish(producer, to, sequence, to);
    const auto confirms = b.got(producer, Verb::confirm);
    return confirms.empty() ? 0 : confirms[0].code;
}

std::vector<std::string> queues(Bench& b) {
    std::vector<std::string> names;
    for (const QueueStatus& q : b.broker.status(b.now.monotonic).queues) names.push_back(q.name);
    return names;
}

TEST(Topology, CountsQueuesOnDemandHoweverTheyBecameSuch) {
    auto t = topology({"named"});
    t->create = on_demand(1);
    Bench b(std::move(t));
    t = topology({});
    t->create = on_demand(1);
    change(b, std::move(t));  // it fits the pattern, so it is one on demand from here on
    b.hello(producer, "p");
    EXPECT_EQ(publish(b, "other", 1), 507) << "one is there already";
    b.advance(2s);
    EXPECT_THAT(queues(b), IsEmpty());
    EXPECT_EQ(publish(b, "other", 2), 200);
    t = topology({"other"});
    t->create = on_demand(1);
    change(b, std::move(t));
    EXPECT_EQ(publish(b, "third", 3), 200) << "the one that was on demand is in the settings now";
}

TEST(Topology, MakesTheQueuesThatItsPipelinesNameWhateverTheLimitOfThoseOnDemand) {
    auto t = topology({});
    t->create = on_demand(1);
    t->pipelines.push_back(fanout("in", {"a", "b", "c"}));
    Bench b(std::move(t));
    b.hello(producer, "p");
    EXPECT_EQ(publish(b, "in", 1), 200);
    EXPECT_THAT(queues(b), SizeIs(3));
    EXPECT_EQ(publish(b, "d", 2), 507);
}

TEST(Topology, LetsAPipelineTakeOverTheNameOfAQueueThatDrains) {
    auto t = topology({"a", "b"});
    Bench b(std::move(t));
    b.hello(producer, "p");
    EXPECT_EQ(publish(b, "a", 1), 200);
    t = topology({"b"});
    t->pipelines.push_back(fanout("a", {"b"}));
    t->pipelines.push_back(fanout("in", {"a"}));
    change(b, std::move(t));
    EXPECT_EQ(publish(b, "a", 2), 200);
    EXPECT_EQ(publish(b, "in", 3), 200);
    EXPECT_EQ(b.queue("a").ready, 1U);
    EXPECT_EQ(b.queue("b").ready, 2U);
    b.hello(worker, "w", 10, {"a"});
    EXPECT_THAT(b.bodies(worker), ElementsAre("a"));
    b.settle(worker, SettleCode::ack, 1, 10);
    b.hello(worker, "w", 0, {"b"});
    b.advance(1s);
    EXPECT_THAT(queues(b), ElementsAre("b"));
    EXPECT_EQ(publish(b, "a", 4), 200) << "the pipeline is still there";
    EXPECT_EQ(b.queue("b").live, 3U);
}

TEST(Topology, RemovesAnEmptyOrphanThatAPipelinePointedAt) {
    auto t = topology({"old", "new"});
    t->pipelines.push_back(fanout("in", {"old"}));
    Bench b(std::move(t));
    t = topology({"new"});
    t->pipelines.push_back(fanout("in", {"new"}));
    change(b, std::move(t));
    b.advance(1s);
    EXPECT_THAT(queues(b), ElementsAre("new"));
}

TEST(Topology, RefusesWhatGoesThroughTooManyPipelines) {
    auto t = topology({"end"});
    std::string to = "end";
    for (int i = 0; i < 30; ++i) {
        const std::string name = "step-" + std::to_string(i);
        t->pipelines.push_back(fanout(name, {to}));
        to = name;
    }
    Bench b(std::move(t));
    b.hello(producer, "p");
    EXPECT_EQ(publish(b, "step-29", 1), 406);
    EXPECT_EQ(publish(b, "step-15", 2), 200);
}

TEST(Topology, CountsWhatAnOptionalPipelineFindsNoQueueForOnceItIsTaken) {
    auto t = topology({"end"});
    t->queues[0].limits.messages = 1;
    PipelineSettings inner = fanout("inner", {"end"});
    inner.route = std::make_unique<Everywhere>(1, std::vector<std::string>{"no such topic"});
    PipelineSettings outer = fanout("outer", {"end", "inner"});
    outer.optional = {"inner"};
    t->pipelines.push_back(std::move(inner));
    t->pipelines.push_back(std::move(outer));
    Bench b(std::move(t));
    b.hello(producer, "p");
    EXPECT_EQ(publish(b, "outer", 1), 200);
    EXPECT_EQ(publish(b, "outer", 2), 507);
    EXPECT_EQ(b.broker.status(b.now.monotonic).dropped_unmatched, 1U);
}

/// Queues `a*` on demand send their dead letters to `graves`, `b*` keep them; all are removed after a second.
std::unique_ptr<Topology> short_lived() {
    auto t = topology({"graves"});
    t->create.emplace();
    t->create->match = "*";
    t->create->idle = 1s;
    t->create->make = [](const std::string& name) {
        QueueSettings q = queue_settings(name);
        q.durable = true;
        if (name.starts_with("a")) q.dead_to = "graves";
        return q;
    };
    return t;
}

TEST(Removed, QueuesLeaveTheirNumberButNotTheirGroup) {
    Bench b(short_lived());
    b.hello(producer, "p");
    b.publish(producer, "a", 1, "x");
    EXPECT_EQ(b.queue("a").group, b.queue("graves").group);
    b.hello(worker, "w", 1, {"a"});
    b.settle(worker, wire::SettleCode::ack, 1, 1);
    b.from(worker, [](wire::FrameWriter& w) { w.begin(wire::Verb::bye, 0, "", 0); });
    b.advance(5s);
    b.publish(producer, "b", 2, "x");
    EXPECT_NE(b.queue("b").group, b.queue("graves").group);
}

TEST(Removed, QueuesStayUntilTheStoreHasTheLastRecordThatNamesThem) {
    Bench b(short_lived(), {7, 1, true});
    b.hello(producer, "p");
    const auto exists = [&b] {
        for (const QueueStatus& q : b.broker.status(b.now.monotonic).queues) {
            if (q.name == "b") return true;
        }
        return false;
    };
    const auto answer = [&b](StoreStatus status) { b.complete(b.batches.back(), status); };
    b.publish(producer, "b", 1, "x");
    answer(StoreStatus::ok);
    b.hello(worker, "w", 1, {"b"});
    b.settle(worker, wire::SettleCode::ack, 1, 1);
    b.from(worker, [](wire::FrameWriter& w) { w.begin(wire::Verb::bye, 0, "", 0); });
    b.advance(5s);
    EXPECT_TRUE(exists());
    answer(StoreStatus::full);
    b.set_time(b.now.monotonic + 5s);
    b.step();
    EXPECT_TRUE(exists());
    answer(StoreStatus::ok);
    b.advance(1ms);
    EXPECT_FALSE(exists());
}

}  // namespace
}  // namespace ym::test
