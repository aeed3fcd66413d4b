#include "bench/traffic.h"

#include <cstdlib>

#include "settings/config.h"

namespace ym::bench {
namespace {

using wire::Field;
using wire::Verb;

constexpr std::uint64_t credit = 1'000'000;

std::string session(unsigned peer) {
    return "session number " + std::to_string(peer);
}

std::uint64_t through(const wire::Record& record) {
    wire::FieldCursor fields(record.fields);
    for (wire::FieldView field; fields.next(field);) {
        if (field.tag == static_cast<std::uint8_t>(Field::through)) return wire::as_u64(field.value).value_or(0);
    }
    return record.id;
}

}  // namespace

Traffic::Traffic(const TrafficOptions& options)
    : options_(options), broker_(BrokerOptions{1, 1, true, options.store_slack}) {
    settings::Problems problems;
    const settings::Config config = settings::read_text(
        "yardmaster: 1\n"
        "listeners: {main: {bind: [\"ipc:///nowhere\"], limits: {unconfirmed: 100k}}}\n"
        "queues: {jobs: {durable: " +
            std::string(options.durable ? "true" : "false") +
            "}}\n"
            "pipelines: {in: {route: {plugin: topic, bindings: [{match: \"job.#\", to: jobs}]}}}\n",
        "bench.yaml", [](const char*) -> const char* { return nullptr; }, problems);
    if (!host_.load_bundled(options.plugins.c_str()).ok() || !problems.empty()) std::abort();
    auto topology = host_.build(config, problems);
    if (!problems.empty()) std::abort();
    events_.emplace_back(StoreAcquired{1, 0});
    events_.emplace_back(SettingsChanged{std::move(topology)});
    step();
    for (unsigned peer = 0; peer < producers + workers; ++peer) hello(peer);
    step();
    for (unsigned producer = 0; producer < producers; ++producer) frames_.push_back(make_publish());
}

void Traffic::turn() {
    now_.monotonic.since_start += 1ms;
    now_.wall.since_epoch += 1ms;
    for (unsigned producer = 0; producer < producers; ++producer) publish(producer);
    while (unsettled_ > options_.behind) settle();
    step();
}

void Traffic::finish() {
    while (!settles_.empty()) {
        settle();
        step();
    }
}

void Traffic::from(unsigned peer, Octets octets) {
    parts_.push_back(std::make_unique<Octets>(octets));
    events_.emplace_back(FrameReceived{PeerId{peer}, {}, 0, {parts_.back().get(), 1}});
}

void Traffic::lend(unsigned peer, Octets octets) {
    lent_.emplace_back(octets.begin(), octets.end());
    from(peer, lent_.back());
}

void Traffic::hello(unsigned peer) {
    Buffer buffer;
    wire::FrameWriter writer(buffer);
    writer.begin(Verb::hello, 0, session(peer), peer < producers ? 0 : credit);
    writer.begin_record(0, 0);
    writer.field(Field::session, session(peer));
    writer.field(Field::versions, std::string_view("\1"));
    if (peer >= producers) writer.field(Field::queue, std::string_view("jobs"));
    lend(peer, writer.end());
}

Traffic::Frame Traffic::make_publish() {
    Buffer buffer;
    wire::FrameWriter writer(buffer);
    writer.begin(Verb::publish, 0, "in", 0);
    first_record_ = buffer.size();
    const std::vector<std::byte> body(options_.body);
    for (unsigned i = 0; i < options_.batch; ++i) {
        writer.begin_record(wire::publish_plain, 0);
        writer.field(Field::topic, std::string_view("job.load"));
        writer.body(body);
    }
    const Octets frame = writer.end();
    record_bytes_ = (frame.size() - first_record_) / options_.batch;
    return {frame.begin(), frame.end()};
}

void Traffic::publish(unsigned producer) {
    Frame& frame = frames_[producer];
    for (unsigned i = 0; i < options_.batch; ++i) {
        store_be(frame.data() + first_record_ + i * record_bytes_ + 8, ++sequence_[producer]);
    }
    from(producer, frame);
}

void Traffic::settle() {
    const Settle next = settles_.front();
    settles_.pop_front();
    Buffer buffer;
    wire::FrameWriter writer(buffer);
    writer.begin(Verb::settle, 0, {}, next.last + credit);
    writer.begin_record(static_cast<std::uint16_t>(wire::SettleCode::ack), next.first);
    writer.field(Field::through, next.last);
    lend(next.peer, writer.end());
    unsettled_ -= next.last - next.first + 1;
}

void Traffic::step() {
    if (sealed_ != 0) events_.emplace_back(StoreCompleted{sealed_, StoreStatus::ok});
    effects_.clear();
    step_broker();
    events_.clear();
    parts_.clear();
    lent_.clear();
    sealed_ = effects_.records.empty() ? 0 : effects_.batch;
    for (const Send& send : effects_.sends) answer(send.peer, effects_.octets.octets(send.at, send.size));
}

/// Counts confirms, and notes a delivery, to be settled by the range of its tags.
void Traffic::answer(PeerId peer, Octets octets) {
    wire::Frame frame;
    if (wire::parse_frame(octets, frame)) std::abort();
    wire::RecordCursor cursor(frame);
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    for (wire::Record record; cursor.next(record) == wire::RecordCursor::Step::record;) {
        first = first == 0 ? record.id : first;
        last = record.id;
        if (frame.verb == Verb::confirm && record.code == 200) confirmed_ += through(record) - record.id + 1;
    }
    if (frame.verb != Verb::deliver) return;
    settles_.push_back({peer.value, first, last});
    unsettled_ += last - first + 1;
}

}  // namespace ym::bench
