#include <deque>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "fuzz/one_input.h"
#include "wire/parts.h"
#include "wire/ymp.h"

namespace ym::fuzz {
namespace {

constexpr std::uint32_t peers = 8;

/// The first worker with credit left.
class First final : public BalancePolicy {
  public:
    void pick(std::span<const WorkerView> workers, std::span<std::uint32_t> picks) override {
        std::uint64_t used = 0;
        std::uint32_t worker = 0;
        for (std::uint32_t& pick : picks) {
            while (worker < workers.size() && used >= workers[worker].credit) {
                ++worker;
                used = 0;
            }
            pick = worker < workers.size() ? worker : nobody;
            ++used;
        }
    }
};

class ThreeAttempts final : public RetryPolicy {
  public:
    void decide(std::span<const FailedAttempt> failures, std::span<Duration> waits) override {
        for (std::size_t i = 0; i < failures.size(); ++i) {
            waits[i] = failures[i].attempt >= 3 ? dead_letter : Duration(50ms);
        }
    }
};

/// By the first octet of the topic: to none, one or both of two targets.
class ByTopic final : public RoutingPolicy {
  public:
    [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_; }
    bool route(const RouteBatch& batch, RouteSink& sink) override {
        for (std::uint32_t m = 0; m < batch.count; ++m) {
            const std::string_view topic = batch.columns[0][m];
            const unsigned bits = topic.empty() ? 3 : static_cast<unsigned char>(topic[0]) % 4;
            if ((bits & 1U) != 0) sink.add(m, AddressId{0});
            if ((bits & 2U) != 0) sink.add(m, AddressId{1});
        }
        return true;
    }

  private:
    std::vector<std::string> columns_{"topic"};
};

QueueSettings queue_settings(const std::string& name) {
    QueueSettings q;
    q.name = name;
    q.durable = name == "orders";
    q.lease = 500ms;
    q.limits.messages = 30;
    if (name == "orders-us") q.limits.when_full = WhenFull::drop_oldest;
    q.balance = std::make_unique<First>();
    return q;
}

std::unique_ptr<Topology> topology() {
    auto t = std::make_unique<Topology>();
    for (const char* name : {"orders", "orders-eu", "orders-us"}) t->queues.push_back(queue_settings(name));
    PipelineSettings p;
    p.name = "by-topic";
    p.route = std::make_unique<ByTopic>();
    p.targets = {"orders-eu", "orders-us"};
    p.optional = {"orders-us"};
    p.reply_timeout = 1s;
    p.reply_max = 5;
    p.set.key = "k";
    p.set.type = std::string(200, 't');
    t->pipelines.push_back(std::move(p));
    t->retries.push_back({"default", std::make_unique<ThreeAttempts>()});
    t->create = CreateSettings{"q*", 5, 1s, queue_settings};
    ListenerSettings limits;
    limits.peers = 2 * peers - 3;
    limits.frame = 70'000;
    limits.records = 50;
    limits.unconfirmed = 20;
    limits.replies = 5;
    t->listeners.push_back(limits);
    t->memory_max = 1U << 20U;
    return t;
}

/// A script as it is read: what is missing at its end is zero.
class Script {
  public:
    explicit Script(Octets octets) : left_(octets) {}
    [[nodiscard]] bool at_end() const { return left_.empty(); }
    std::uint8_t octet() {
        if (left_.empty()) return 0;
        const auto value = static_cast<std::uint8_t>(left_[0]);
        left_ = left_.subspan(1);
        return value;
    }
    Octets block() {
        std::uint32_t length = 0;
        for (int i = 0; i < 4; ++i) length = length << 8U | octet();
        const Octets block = left_.first(std::min<std::size_t>(length, left_.size()));
        left_ = left_.subspan(block.size());
        return block;
    }

  private:
    Octets left_;
};

class Game {
  public:
    explicit Game(BrokerCounts& counts) : broker_({1, 2, true}), counts_(counts) {
        events_.emplace_back(StoreAcquired{1, 0});
        events_.emplace_back(SettingsChanged{topology()});
        step();
    }

    const char* play(Script script) {
        while (!script.at_end() && broken_ == nullptr) apply(script);
        while (!pending_.empty() && broken_ == nullptr) complete(StoreStatus::ok);
        advance(1s);
        if (broken_ != nullptr) return broken_;
        for (const QueueStatus& q : broker_.status(now_.monotonic).queues) {
            if (q.ledger.in() != q.ledger.out() + q.live) return "the ledger balances";
            if (q.storing != 0) return "what the store has completed is no longer being stored";
        }
        return nullptr;
    }

  private:
    void apply(Script& script) {
        static const std::string body(100, 'b');
        const auto step_kind = static_cast<ScriptStep>(script.octet() % 7);
        switch (step_kind) {
            case ScriptStep::frame:
            case ScriptStep::frame_and_body: {
                const PeerId peer{script.octet() % peers};
                const std::vector<Octets> parts{script.block(), as_octets(body)};
                const std::size_t count = step_kind == ScriptStep::frame ? 1 : 2;
                events_.emplace_back(FrameReceived{peer, {}, 0, std::span(parts).first(count)});
                ++counts_.frames_in;
                return step();
            }
            case ScriptStep::majordomo: {
                const PeerId peer{peers + script.octet() % peers};
                std::vector<Octets> parts;
                wire::PartsCursor cursor(script.block());
                Octets part;
                while (cursor.next(part)) parts.push_back(part);
                events_.emplace_back(FrameReceived{peer, {}, 0, parts});
                ++counts_.majordomo_in;
                return step();
            }
            case ScriptStep::time: return advance(script.octet() * Duration(20ms));
            case ScriptStep::unreachable:
                events_.emplace_back(PeerUnreachable{PeerId{script.octet() % (2 * peers)}});
                return step();
            case ScriptStep::stored: return complete(StoreStatus::ok);
            case ScriptStep::store_full: return complete(StoreStatus::full);
        }
    }

    void complete(StoreStatus status) {
        if (pending_.empty()) return;
        events_.emplace_back(StoreCompleted{pending_.front(), status});
        pending_.pop_front();
        step();
    }

    void advance(Duration by) {
        const Instant until = now_.monotonic + by;
        // A broker that asks to be called again at once, for ever, would hang its shell.
        int calls = 0;
        while (broker_.next_deadline() <= until && broken_ == nullptr) {
            set_time(std::max(now_.monotonic, broker_.next_deadline()));
            step();
            if (++calls > 10'000) broken_ = "deadlines go on";
        }
        set_time(until);
        step();
    }

    void set_time(Instant at) {
        now_.wall.since_epoch += std::chrono::duration_cast<std::chrono::milliseconds>(at - now_.monotonic);
        now_.monotonic = at;
    }

    void step() {
        effects_.clear();
        broker_.step(now_, events_, effects_);
        events_.clear();
        if (!effects_.records.empty()) pending_.push_back(effects_.batch);
        // A shell appends records: a batch of none would never complete, and all behind it would wait for ever.
        if (effects_.records.empty() && effects_.batch != 0) broken_ = "a batch holds records";
        for (const Send& send : effects_.sends) look_at(send);
        if (effects_.finish != Finish::no) broken_ = "no peer can end the broker";
    }

    void look_at(const Send& send) {
        wire::Frame frame;
        if (send.at + send.size > effects_.octets.size()) return broken("a frame lies in the effects' octets");
        if (send.parts) return look_at_parts(effects_.octets.octets(send.at, send.size));
        if (wire::parse_frame(effects_.octets.octets(send.at, send.size), frame))
            return broken("the broker writes YMP");
        ++counts_.verbs_out.at(static_cast<std::size_t>(frame.verb));
        wire::RecordCursor cursor(frame);
        wire::Record record;
        for (;;) {
            const auto step = cursor.next(record);
            if (step == wire::RecordCursor::Step::end) return;
            if (step == wire::RecordCursor::Step::bad) return broken("the broker writes good records");
            const bool has_status = frame.verb != wire::Verb::deliver && frame.verb != wire::Verb::welcome;
            if (has_status && record.code < counts_.statuses_out.size()) ++counts_.statuses_out.at(record.code);
        }
    }

    void look_at_parts(Octets octets) {
        Octets part;
        wire::PartsCursor all(octets);
        while (all.next(part)) {
        }
        if (octets.empty() || !all.whole()) return broken("the broker writes whole parts");
        wire::PartsCursor cursor(octets);
        for (int i = 0; i < 2 && cursor.next(part); ++i) {
            if (as_text(part).starts_with("MDPC")) ++counts_.majordomo_replies;
            if (!as_text(part).starts_with("MDPW")) continue;
            if (cursor.next(part) && as_text(part) == "\2") ++counts_.majordomo_requests;
        }
    }

    void broken(const char* rule) { broken_ = rule; }

    Broker broker_;
    BrokerCounts& counts_;
    Now now_{Instant{1s}, WallTime{std::chrono::milliseconds(1'700'000'000'000)}};
    std::vector<Event> events_;
    Effects effects_;
    std::deque<std::uint64_t> pending_;
    const char* broken_ = nullptr;
};

}  // namespace

const char* fuzz_one_broker(const std::uint8_t* data, std::size_t size, BrokerCounts& counts) {
    Game game(counts);
    return game.play(Script({reinterpret_cast<const std::byte*>(data), size}));
}

}  // namespace ym::fuzz
