// On the way of one message nothing is allocated: publish, route, lease, deliver, settle. Batches of 100 from two
// producers to two workers, through a pipeline with the bundled topic plugin; settings are read from YAML.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "bench/counted.h"
#include "broker/broker.h"
#include "host/host.h"
#include "settings/config.h"
#include "wire/ymp.h"

namespace ym::bench {
namespace {

using wire::Field;
using wire::Verb;

constexpr unsigned batch = 100;
constexpr unsigned producers = 2;
constexpr unsigned workers = 2;
constexpr std::uint64_t credit = 1000;

/// Frames in both directions for one broker. Only what happens inside Broker::step is counted.
class Traffic {
  public:
    /// The store gives old batches up early, so that it does so while containers find their size.
    explicit Traffic(const std::string& queue) : broker_(BrokerOptions{1, 1, true, std::uint64_t{1} << 20U}) {
        settings::Problems problems;
        const settings::Config config = settings::read_text(
            "yardmaster: 1\n"
            "listeners: {main: {bind: [\"ipc:///nowhere\"]}}\n"
            "queues: {jobs: " +
                queue +
                "}\n"
                "pipelines: {in: {route: {plugin: topic, bindings: [{match: \"job.#\", to: jobs}]}}}\n",
            "bench.yaml", [](const char*) -> const char* { return nullptr; }, problems);
        const auto loaded = host_.load_bundled(YM_PLUGINS);
        EXPECT_TRUE(loaded.ok());
        auto topology = host_.build(config, problems);
        EXPECT_TRUE(problems.empty());
        events_.emplace_back(StoreAcquired{1, 0});
        events_.emplace_back(SettingsChanged{std::move(topology)});
        step();
        for (unsigned peer = 0; peer < producers + workers; ++peer) hello(peer);
        step();
    }

    /// Each producer publishes a batch, and what is handed out is settled in the next turn.
    void turn() {
        now_.monotonic.since_start += 1ms;
        now_.wall.since_epoch += 1ms;
        for (unsigned producer = 0; producer < producers; ++producer) publish(producer);
        step();
    }

    [[nodiscard]] std::uint64_t acked() const { return broker_.status(now_.monotonic).queues.at(0).ledger.acked; }
    [[nodiscard]] std::uint64_t confirmed() const { return confirmed_; }

  private:
    static std::string session(unsigned peer) { return "session number " + std::to_string(peer); }

    void from(unsigned peer, const Buffer& frame) {
        // Octets are lent until the step is over.
        sent_.push_back(std::make_unique<std::string>(as_text(frame.octets())));
        parts_.push_back(std::make_unique<Octets>(as_octets(*sent_.back())));
        events_.emplace_back(FrameReceived{PeerId{peer}, {}, 0, {parts_.back().get(), 1}});
    }

    void hello(unsigned peer) {
        Buffer buffer;
        wire::FrameWriter writer(buffer);
        writer.begin(Verb::hello, 0, session(peer), peer < producers ? 0 : credit);
        writer.begin_record(0, 0);
        writer.field(Field::session, session(peer));
        writer.field(Field::versions, std::string_view("\1"));
        if (peer >= producers) writer.field(Field::queue, std::string_view("jobs"));
        writer.end();
        from(peer, buffer);
    }

    void publish(unsigned producer) {
        Buffer buffer;
        wire::FrameWriter writer(buffer);
        writer.begin(Verb::publish, 0, "in", 0);
        for (unsigned i = 0; i < batch; ++i) {
            writer.begin_record(wire::publish_plain, ++sequence_[producer]);
            writer.field(Field::topic, std::string_view("job.load"));
            writer.body(as_octets(std::string(100, 'x')));
        }
        writer.end();
        from(producer, buffer);
    }

    void step() {
        if (sealed_ != 0) events_.emplace_back(StoreCompleted{sealed_, StoreStatus::ok});
        effects_.clear();
        {
            const Counted counted;
            broker_.step(now_, events_, effects_);
        }
        events_.clear();
        sent_.clear();
        parts_.clear();
        sealed_ = effects_.records.empty() ? 0 : effects_.batch;
        for (const Send& send : effects_.sends) answer(send.peer, effects_.octets.octets(send.at, send.size));
    }

    /// Counts confirms, and settles a delivery by the range of its tags.
    void answer(PeerId peer, Octets octets) {
        wire::Frame frame;
        ASSERT_FALSE(wire::parse_frame(octets, frame));
        wire::RecordCursor cursor(frame);
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        for (wire::Record record; cursor.next(record) == wire::RecordCursor::Step::record;) {
            first = first == 0 ? record.id : first;
            last = record.id;
            if (frame.verb == Verb::confirm && record.code == 200) confirmed_ += through(record) - record.id + 1;
        }
        if (frame.verb != Verb::deliver) return;
        Buffer buffer;
        wire::FrameWriter writer(buffer);
        writer.begin(Verb::settle, 0, {}, last + credit);
        writer.begin_record(static_cast<std::uint16_t>(wire::SettleCode::ack), first);
        writer.field(Field::through, last);
        writer.end();
        from(peer.value, buffer);
    }

    static std::uint64_t through(const wire::Record& record) {
        wire::FieldCursor fields(record.fields);
        for (wire::FieldView field; fields.next(field);) {
            if (field.tag == static_cast<std::uint8_t>(Field::through)) return wire::as_u64(field.value).value_or(0);
        }
        return record.id;
    }

    host::Host host_;
    Broker broker_;
    Now now_{Instant{1s}, WallTime{std::chrono::milliseconds(1'700'000'000'000)}};
    std::vector<Event> events_;
    std::vector<std::unique_ptr<std::string>> sent_;
    std::vector<std::unique_ptr<Octets>> parts_;
    Effects effects_;
    std::uint64_t sequence_[producers] = {};
    std::uint64_t sealed_ = 0;
    std::uint64_t confirmed_ = 0;
};

void expect_no_allocation(const std::string& queue) {
    Traffic traffic(queue);
    for (int i = 0; i < 500; ++i) traffic.turn();  // containers find their size
    const std::uint64_t acked = traffic.acked();
    const std::uint64_t confirmed = traffic.confirmed();
    const std::uint64_t before = allocations();
    constexpr int turns = 1000;
    for (int i = 0; i < turns; ++i) traffic.turn();
    EXPECT_EQ(allocations() - before, 0U) << "in " << turns * int{producers * batch} << " messages";
    EXPECT_EQ(traffic.acked() - acked, turns * std::uint64_t{producers * batch});
    EXPECT_EQ(traffic.confirmed() - confirmed, turns * std::uint64_t{producers * batch});
}

TEST(Allocations, NoneOnTheWayOfAMessageThroughAMemoryQueue) {
    expect_no_allocation("{durable: false}");
}

TEST(Allocations, NoneOnTheWayOfAMessageThroughADurableQueue) {
    expect_no_allocation("{durable: true}");
}

TEST(Allocations, AreSeenWhenTheyHappen) {
    const std::uint64_t before = allocations();
    {
        const Counted counted;
        const auto kept = std::make_unique<std::vector<int>>(1000);
        EXPECT_EQ(kept->size(), 1000U);
    }
    EXPECT_EQ(allocations() - before, 2U);
}

}  // namespace
}  // namespace ym::bench
