// What the machine shows and tells to policies, and how far a wrong answer goes.
#include "unit/broker/harness.h"

namespace ym::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using wire::SettleCode;
using wire::Verb;

struct Seen {
    std::vector<std::string> topics;  // of the last pick()
    std::vector<std::string> gone;
    std::size_t workers = 0;
    bool holds = true;
};

/// Reads the topic and follows the workers; gives all to the first one, unless it holds them.
class Curious final : public BalancePolicy {
  public:
    explicit Curious(Seen& seen) : seen_(seen) {}
    [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_; }
    void show(std::span<const std::string_view* const> columns) override { shown_ = columns[0]; }
    [[nodiscard]] bool follows_workers() const override { return true; }
    void gone(std::string_view session) override { seen_.gone.emplace_back(session); }
    void pick(std::span<const WorkerView> workers, std::span<std::uint32_t> picks) override {
        seen_.workers = workers.size();
        seen_.topics.assign(shown_, shown_ + picks.size());
        std::fill(picks.begin(), picks.end(), seen_.holds ? nobody : 0);
    }

  private:
    Seen& seen_;
    std::vector<std::string> columns_{"topic"};
    const std::string_view* shown_ = nullptr;
};

std::unique_ptr<Topology> curious(Seen& seen) {
    auto t = topology({"orders"});
    t->queues[0].balance = std::make_unique<Curious>(seen);
    return t;
}

TEST(BalanceColumns, AreThoseOfTheNextMessagesInTheOrderOfDelivery) {
    Seen seen;
    seen.holds = false;
    Bench b(curious(seen));
    b.hello(producer, "p");
    b.hello(worker, "w", 4, {"orders"});
    for (std::uint64_t i = 1; i <= 4; ++i) b.publish(producer, "orders", i, "body", "old" + std::to_string(i));
    ASSERT_EQ(b.bodies(worker).size(), 4U);
    seen.holds = true;
    for (const std::uint64_t tag : {3, 1, 2}) b.settle(worker, SettleCode::nack, tag, 10);
    b.publish(producer, "orders", 5, "body", "fresh5");
    b.publish(producer, "orders", 6, "body", "urgent", false, 31);
    b.publish(producer, "orders", 7, "body");
    const std::vector<std::string> shown{"urgent", "old1", "old2", "old3", "fresh5", ""};
    EXPECT_EQ(seen.topics, shown);

    seen.holds = false;
    b.from(worker, [](wire::FrameWriter& w) { w.begin(Verb::credit, 0, "", 20); });
    b.step();
    std::vector<std::string> delivered;
    for (const Got& got : b.got(worker, Verb::deliver)) {
        const auto topic = got.fields.find(static_cast<std::uint8_t>(wire::Field::topic));
        delivered.push_back(topic == got.fields.end() ? "" : topic->second);
    }
    EXPECT_EQ(delivered, shown);
}

TEST(BalanceColumns, AreOfABoundedNumberOfMessages) {
    Seen seen;
    Bench b(curious(seen));
    b.hello(producer, "p");
    for (std::uint64_t i = 1; i <= 1000; ++i) b.publish(producer, "orders", i, "body", "t");
    b.hello(worker, "w", 1000, {"orders"});
    EXPECT_EQ(seen.topics.size(), 256U);
    seen.holds = false;
    b.hello(other, "v", 1000, {"orders"});
    EXPECT_EQ(b.bodies(worker).size() + b.bodies(other).size(), 1000U) << "in several calls";
}

TEST(FollowedWorkers, AreAllShownAndThoseThatLeaveAreTold) {
    Seen seen;
    Bench b(curious(seen));
    b.hello(producer, "p");
    constexpr std::size_t many = BalancePolicy::candidates_max + 10;
    for (std::uint32_t i = 0; i < many; ++i) b.hello(PeerId{10 + i}, "w" + std::to_string(i), 1, {"orders"});
    b.publish(producer, "orders", 1, "body");
    EXPECT_EQ(seen.workers, many);

    EXPECT_THAT(seen.gone, IsEmpty());
    seen.holds = false;
    b.from(PeerId{10}, [](wire::FrameWriter& w) { w.begin(Verb::bye, 0, "", 0); });
    b.step();
    EXPECT_THAT(seen.gone, ElementsAre(StartsWith("w0.")));
    EXPECT_EQ(b.bodies(PeerId{11}).size(), 1U) << "what waited goes on when a worker has left";
}

/// Sends every message to its one target, and fails those whose topic is "bad".
class FailsSome final : public RoutingPolicy {
  public:
    [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_; }
    bool route(const RouteBatch& batch, RouteSink& sink) override {
        for (std::uint32_t m = 0; m < batch.count; ++m) {
            sink.add(m, AddressId{0});
            if (batch.columns[0][m] == "bad") sink.fail(m);
            sink.add(m, AddressId{0});
        }
        return true;
    }

  private:
    std::vector<std::string> columns_{"topic"};
};

TEST(WrongRoute, FailsForItsMessageAlone) {
    for (const bool unmatched : {false, true}) {
        auto t = topology({"orders", "rest"});
        PipelineSettings& in = t->pipelines.emplace_back();
        in.name = "in";
        in.route = std::make_unique<FailsSome>();
        in.targets = {"orders"};
        in.unmatched = Unmatched::forward;
        in.unmatched_to = "rest";
        in.failure_is_unmatched = unmatched;
        Bench b(std::move(t));
        b.hello(producer, "p");
        b.from(producer, [](wire::FrameWriter& w) {
            w.begin(Verb::publish, 0, "in", 0);
            std::uint64_t sequence = 0;
            for (const char* topic : {"good", "bad", "good"}) {
                w.begin_record(0, ++sequence);
                w.field(wire::Field::topic, topic);
                w.body(as_octets("body"));
            }
        });
        b.step();
        EXPECT_EQ(b.queue("orders").ready, 2U);
        EXPECT_EQ(b.queue("rest").ready, unmatched ? 1U : 0U) << "on_failure: unmatched";
        EXPECT_EQ(b.broker.status(b.now.monotonic).refused, unmatched ? 0U : 1U) << "on_failure: reject";
        ASSERT_FALSE(b.notices.empty());
        EXPECT_EQ(b.notices.back().kind, NoticeKind::policy_failed);
        EXPECT_EQ(b.notices.back().count, 1U);
    }
}

}  // namespace
}  // namespace ym::test
