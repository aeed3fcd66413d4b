#include "stack.h"

#include <algorithm>

#include "base/prng.h"
#include "unit/broker/harness.h"

namespace ym::power_cut {
namespace {

constexpr PeerId producer_peer{1};
constexpr PeerId worker_peer{2};
constexpr std::size_t head = 16;

/// `q` keeps its dead letters, those of `r` go on in `g`, `m` keeps nothing; `all` is q, r and m.
std::unique_ptr<Topology> settings() {
    auto made = test::topology({"q", "r", "g", "m"});
    for (QueueSettings& q : made->queues) q.durable = q.name != "m";
    made->queues[1].dead_to = std::string(1, 'g');
    made->retries[0].policy = std::make_unique<test::Wait>(Duration{0}, 10);
    made->pipelines.push_back(test::fanout("all", {"q", "r", "m"}));
    // So little that bodies do not stay in it.
    made->memory_max = std::uint64_t{400} << 10U;
    return made;
}

BrokerOptions options(std::uint64_t boot) {
    BrokerOptions options;
    options.seed = 1;
    options.boot = boot;
    options.store_keeps = true;
    options.store_slack = 8192;
    return options;
}

}  // namespace

Stack::Stack(disklog::Disk& disk, std::uint64_t boot)
    : plugin_(LogCalls::make(disk, log_)), store_(*plugin_, store::StoreOptions{}), broker_(options(boot)) {
    // Each begins when the one before it has ended.
    now_.wall.since_epoch += std::min<std::uint64_t>(boot, 3) * std::chrono::minutes(10);
}

std::string Stack::body_of(Uid uid, std::size_t size) {
    std::string body(std::max(size, head), static_cast<char>('a' + uid % 26));
    store_be(reinterpret_cast<std::byte*>(body.data()), uid);
    store_be(reinterpret_cast<std::byte*>(body.data()) + 8, mix64(uid) ^ body.size());
    return body;
}

Uid Stack::uid_of(std::string_view body) {
    if (body.size() < head) return 0;
    const auto uid = load_be<std::uint64_t>(as_octets(body).data());
    return body == body_of(uid, body.size()) ? uid : 0;
}

bool Stack::start() {
    events_.emplace_back(SettingsChanged{settings()});
    store_.acquire();
    pump();
    return acquired_ && !finished_;
}

std::string Stack::why() const {
    return log_->why().empty() ? store_.why() : log_->why();
}

void Stack::frame(PeerId from, Octets octets) {
    frames_.emplace_back(octets.begin(), octets.end());
    parts_.emplace_back(frames_.back());
    events_.emplace_back(FrameReceived{from, {}, 0, {&parts_.back(), 1}});
    pump();
}

void Stack::producer(Uid lowest, Uid highest) {
    Buffer buffer;
    wire::FrameWriter writer(buffer);
    writer.begin(wire::Verb::hello, 0, "producer", 0);
    writer.begin_record(0, lowest);
    writer.field(wire::Field::session, "producer........");
    if (highest != 0) writer.field(wire::Field::through, highest);
    frame(producer_peer, writer.end());
}

void Stack::worker(std::uint64_t credit) {
    Buffer buffer;
    wire::FrameWriter writer(buffer);
    writer.begin(wire::Verb::hello, 0, "worker", credit);
    writer.begin_record(0, 0);
    writer.field(wire::Field::session, "worker..........");
    for (const char* queue : {"q", "r", "g", "m"}) writer.field(wire::Field::queue, queue);
    frame(worker_peer, writer.end());
}

void Stack::publish(const std::string& address, const std::vector<Uid>& uids, std::size_t body) {
    Buffer buffer;
    wire::FrameWriter writer(buffer);
    writer.begin(wire::Verb::publish, 0, address, 0);
    for (const Uid uid : uids) {
        writer.begin_record(wire::publish_plain, uid);
        writer.body(as_octets(body_of(uid, body)));
    }
    frame(producer_peer, writer.end());
}

void Stack::settle(wire::SettleCode code, std::uint64_t tag, bool tell) {
    Buffer buffer;
    wire::FrameWriter writer(buffer);
    writer.begin(wire::Verb::settle, tell ? wire::flag_tell_durable : std::uint8_t{0}, {}, 0);
    writer.begin_record(static_cast<std::uint16_t>(code), tag);
    frame(worker_peer, writer.end());
}

void Stack::tick(Duration time) {
    now_.monotonic = now_.monotonic + time;
    now_.wall.since_epoch += std::chrono::duration_cast<std::chrono::milliseconds>(time);
    log_->tick();
    pump();
}

void Stack::pump() {
    for (bool first = true; !finished_; first = false) {
        store_.poll(now_.monotonic, events_);
        for (const Event& event : events_) acquired_ = acquired_ || std::holds_alternative<StoreAcquired>(event);
        if (events_.empty() && !first) break;
        effects_.clear();
        broker_.step(now_, events_, effects_);
        events_.clear();
        perform();
    }
    frames_.clear();
    parts_.clear();
}

void Stack::perform() {
    if (!effects_.records.empty()) {
        store_.append(effects_.batch, effects_.records, effects_.may_wait ? Duration{50ms} : Duration{0});
    }
    for (const std::uint64_t batch : effects_.fetch) store_.fetch(batch);
    fetches_ += effects_.fetch.size();
    if (effects_.reclaim != 0) {
        store_.reclaim(effects_.reclaim);
        ++reclaims_;
    }
    if (effects_.acquire) store_.acquire();
    for (const Send& send : effects_.sends) take(send.peer, effects_.octets.octets(send.at, send.size));
    finished_ = effects_.finish != Finish::no;
}

void Stack::take(PeerId to, Octets octets) {
    wire::Frame frame;
    if (wire::parse_frame(octets, frame)) return;
    wire::RecordCursor records(frame);
    wire::Record record;
    while (records.next(record) == wire::RecordCursor::Step::record) {
        std::uint64_t through = record.id;
        wire::FieldCursor fields(record.fields);
        wire::FieldView field;
        while (fields.next(field)) {
            if (static_cast<wire::Field>(field.tag) == wire::Field::through)
                through = wire::as_u64(field.value).value_or(record.id);
        }
        if (frame.verb == wire::Verb::deliver && to == worker_peer) {
            deliveries_.push_back({uid_of(as_text(record.body)), std::string(frame.name), record.code, record.id});
        }
        if (frame.verb != wire::Verb::confirm || record.code == 0) continue;
        for (std::uint64_t id = record.id; id <= through; ++id) {
            if (record.code == wire::confirm_settled) {
                told_.insert(id);
            } else {
                answers_[id] = record.code;
            }
        }
    }
}

}  // namespace ym::power_cut
