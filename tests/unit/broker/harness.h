// A broker with simple policies, peers that speak YMP, and a clock that the test turns.
#pragma once

#include <gmock/gmock.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "wire/parts.h"
#include "wire/ymp.h"

namespace ym::test {

// Who takes part in most tests.
constexpr PeerId producer{1};
constexpr PeerId client{1};  // of Majordomo
constexpr PeerId worker{2};
constexpr PeerId other{3};

constexpr BrokerOptions keeps{.seed = 7, .boot = 1, .store_keeps = true};

class InTurn final : public BalancePolicy {
  public:
    void pick(std::span<const WorkerView> workers, std::span<std::uint32_t> picks) override {
        std::vector<std::uint64_t> credit;
        for (const WorkerView& w : workers) credit.push_back(w.credit);
        std::size_t next = 0;
        for (std::uint32_t& pick : picks) {
            while (credit[next % credit.size()] == 0) ++next;
            pick = static_cast<std::uint32_t>(next % credit.size());
            --credit[pick];
            ++next;
        }
    }
};

/// Waits `wait` after each failure, up to `attempts`.
class Wait final : public RetryPolicy {
  public:
    Wait(Duration wait, std::uint32_t attempts) : wait_(wait), attempts_(attempts) {}
    void decide(std::span<const FailedAttempt> failures, std::span<Duration> waits) override {
        for (std::size_t i = 0; i < failures.size(); ++i) {
            const FailedAttempt& f = failures[i];
            const bool dead = f.reason == FailureReason::reject || f.attempt >= attempts_;
            waits[i] = dead ? dead_letter : f.reason == FailureReason::worker_lost ? Duration{0} : wait_;
        }
    }

  private:
    Duration wait_;
    std::uint32_t attempts_;
};

/// Every message to each target, or by topic where `topics` names one.
class Everywhere final : public RoutingPolicy {
  public:
    explicit Everywhere(std::uint32_t targets, std::vector<std::string> topics = {})
        : targets_(targets), topics_(std::move(topics)) {}
    [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_; }
    bool route(const RouteBatch& batch, RouteSink& sink) override {
        for (std::uint32_t m = 0; m < batch.count; ++m) {
            for (std::uint32_t t = 0; t < targets_; ++t) {
                if (topics_.empty() || topics_[t] == batch.columns[0][m]) sink.add(m, AddressId{t});
            }
        }
        return true;
    }

  private:
    std::uint32_t targets_;
    std::vector<std::string> topics_;
    std::vector<std::string> columns_{"topic"};
};

inline QueueSettings queue_settings(const std::string& name) {
    QueueSettings q;
    q.name = name;
    q.durable = false;
    q.balance = std::make_unique<InTurn>();
    return q;
}

/// Sends each message to all of `targets`.
inline PipelineSettings fanout(const std::string& name, std::vector<std::string> targets) {
    PipelineSettings p;
    p.name = name;
    p.targets = std::move(targets);
    p.route = std::make_unique<Everywhere>(static_cast<std::uint32_t>(p.targets.size()));
    return p;
}

inline std::unique_ptr<Topology> topology(std::vector<std::string> queues) {
    auto t = std::make_unique<Topology>();
    for (const std::string& name : queues) t->queues.push_back(queue_settings(name));
    t->retries.push_back({"default", std::make_unique<Wait>(Duration{0}, 3)});
    t->listeners.emplace_back();
    t->orphan = queue_settings;
    return t;
}

/// The same, and each is kept by the store.
inline std::unique_ptr<Topology> durable(std::vector<std::string> queues) {
    auto t = topology(std::move(queues));
    for (QueueSettings& q : t->queues) q.durable = true;
    return t;
}

/// A record as a peer saw it.
struct Got {
    wire::Verb verb{};
    std::string name;
    std::uint64_t number = 0;
    std::uint16_t code = 0;
    std::uint64_t id = 0;
    std::string body;
    std::map<std::uint8_t, std::string> fields;

    [[nodiscard]] std::uint64_t u64(wire::Field field) const {
        const auto found = fields.find(static_cast<std::uint8_t>(field));
        if (found == fields.end()) return 0;
        return wire::as_u64(as_octets(found->second)).value_or(0);
    }
};

class Bench {
  public:
    explicit Bench(std::unique_ptr<Topology> t, BrokerOptions options = {}) : broker(options) {
        events.emplace_back(SettingsChanged{std::move(t)});
        events.emplace_back(StoreAcquired{1, 0});
        step();
    }
    /// One whose store is not there yet.
    Bench(BrokerOptions options, std::unique_ptr<Topology> t, Now at) : broker(options), now(at) {
        events.emplace_back(SettingsChanged{std::move(t)});
        step();
    }

    void step() {
        effects.clear();
        broker.step(now, events, effects);
        events.clear();
        frames_.clear();
        for (const Send& send : effects.sends) take(send, effects.octets.octets(send.at, send.size));
        for (const Send& send : effects.sends) sent.push_back(send.peer);
        if (!effects.records.empty()) batches.push_back(effects.batch);
        records += effects.records.size();
        notices.insert(notices.end(), effects.notices.begin(), effects.notices.end());
        if (effects.finish != Finish::no) finish = effects.finish;
        acquire = acquire || effects.acquire;
        if (on_step) on_step(effects);
        for (const PeerId id : effects.forget) forgotten.push_back(id);
    }
    void advance(Duration d) {
        const Instant until = now.monotonic + d;
        while (broker.next_deadline() <= until) {
            set_time(std::max(now.monotonic, broker.next_deadline()));
            step();
        }
        set_time(until);
        step();
    }
    void set_time(Instant at) {
        now.wall.since_epoch += std::chrono::duration_cast<std::chrono::milliseconds>(at - now.monotonic);
        now.monotonic = at;
    }
    void raw(PeerId peer, const std::string& octets) {
        frames_.push_back(octets);
        parts_.push_back({as_octets(frames_.back())});
        events.emplace_back(FrameReceived{peer, {}, 0, parts_.back()});
    }
    void from(PeerId peer, const std::function<void(wire::FrameWriter&)>& write) {
        Buffer buffer;
        wire::FrameWriter writer(buffer);
        write(writer);
        raw(peer, std::string(as_text(writer.end())));
    }
    void hello(PeerId peer, const std::string& session, std::uint64_t credit = 0,
               std::vector<std::string> queues = {}) {
        from(peer, [&](wire::FrameWriter& w) {
            w.begin(wire::Verb::hello, 0, "peer", credit);
            w.begin_record(0, 0);
            std::string padded = session;
            padded.resize(16, '.');
            w.field(wire::Field::session, padded);
            for (const std::string& q : queues) w.field(wire::Field::queue, q);
        });
        step();
    }
    void publish(PeerId peer, const std::string& to, std::uint64_t sequence, const std::string& body,
                 const std::string& topic = {}, bool wants_reply = false, int priority = -1) {
        from(peer, [&](wire::FrameWriter& w) {
            w.begin(wire::Verb::publish, 0, to, 0);
            w.begin_record(wants_reply ? 1 : 0, sequence);
            if (!topic.empty()) w.field(wire::Field::topic, topic);
            if (priority >= 0) w.field(wire::Field::priority, static_cast<std::uint64_t>(priority));
            w.body(as_octets(body));
        });
        step();
    }
    void settle(PeerId peer, wire::SettleCode code, std::uint64_t tag, std::uint64_t window,
                const std::string& body = {}, std::uint64_t through = 0) {
        from(peer, [&](wire::FrameWriter& w) {
            w.begin(wire::Verb::settle, 0, "", window);
            w.begin_record(static_cast<std::uint16_t>(code), tag);
            if (through > 0) w.field(wire::Field::through, through);
            if (!body.empty()) w.body(as_octets(body));
        });
        step();
    }
    /// What the store says of a batch; then a step.
    void complete(std::uint64_t batch, StoreStatus status) {
        events.emplace_back(StoreCompleted{batch, status});
        step();
    }
    /// A message of several frames, as Majordomo has them; then a step.
    void say(PeerId peer, std::vector<std::string> frames, std::uint32_t listener = 0) {
        std::vector<Octets>& parts = parts_.emplace_back();
        for (std::string& frame : frames) {
            frames_.push_back(std::move(frame));
            parts.push_back(as_octets(frames_.back()));
        }
        events.emplace_back(FrameReceived{peer, {}, listener, parts});
        step();
    }
    /// The messages of several frames that `peer` got since the last call.
    std::vector<std::vector<std::string>> heard(PeerId peer) { return std::exchange(messages[peer.value], {}); }
    /// What `peer` got since the last call, of one verb.
    std::vector<Got> got(PeerId peer, wire::Verb verb) {
        std::vector<Got> out;
        for (Got& g : inbox[peer.value]) {
            if (g.verb == verb) out.push_back(std::move(g));
        }
        std::erase_if(inbox[peer.value], [&](const Got& g) { return g.verb == verb; });
        return out;
    }
    std::vector<std::string> bodies(PeerId peer) {
        std::vector<std::string> out;
        for (const Got& g : got(peer, wire::Verb::deliver)) out.push_back(g.body);
        return out;
    }
    QueueStatus queue(const std::string& name) {
        for (const QueueStatus& q : broker.status(now.monotonic).queues) {
            if (q.name == name) return q;
        }
        ADD_FAILURE() << "no queue " << name;
        return {};
    }
    static void balanced(const QueueStatus& q) { EXPECT_EQ(q.ledger.in(), q.ledger.out() + q.live) << q.name; }

    Broker broker;
    Now now{Instant{1s}, WallTime{std::chrono::milliseconds(1'700'000'000'000)}};
    std::vector<Event> events;
    Effects effects;
    std::map<std::uint32_t, std::vector<Got>> inbox;
    std::map<std::uint32_t, std::vector<std::vector<std::string>>> messages;  // of several frames
    std::vector<PeerId> sent;
    std::vector<std::uint64_t> batches;
    std::size_t records = 0;
    std::vector<PeerId> forgotten;
    std::vector<Notice> notices;
    Finish finish = Finish::no;
    bool acquire = false;
    std::function<void(const Effects&)> on_step;

  private:
    void take(const Send& send, Octets octets) {
        const PeerId peer = send.peer;
        if (send.parts) {
            std::vector<std::string>& frames = messages[peer.value].emplace_back();
            wire::PartsCursor cursor(octets);
            Octets part;
            while (cursor.next(part)) frames.emplace_back(as_text(part));
            ASSERT_TRUE(cursor.whole());
            return;
        }
        wire::Frame frame;
        ASSERT_FALSE(wire::parse_frame(octets, frame).has_value());
        wire::RecordCursor cursor(frame);
        wire::Record record;
        bool any = false;
        for (;;) {
            const auto step = cursor.next(record);
            if (step == wire::RecordCursor::Step::end) break;
            ASSERT_EQ(step, wire::RecordCursor::Step::record);
            any = true;
            Got g{frame.verb,
                  std::string(frame.name),
                  frame.number,
                  record.code,
                  record.id,
                  std::string(as_text(record.body)),
                  {}};
            wire::FieldCursor fields(record.fields);
            wire::FieldView field;
            while (fields.next(field)) g.fields[field.tag] = std::string(as_text(field.value));
            inbox[peer.value].push_back(g);
        }
        if (!any) inbox[peer.value].push_back({frame.verb, std::string(frame.name), frame.number, 0, 0, {}, {}});
    }

    std::deque<std::string> frames_;
    std::deque<std::vector<Octets>> parts_;
};

}  // namespace ym::test
