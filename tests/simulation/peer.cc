#include "peer.h"

namespace ym::simulation {
namespace {

constexpr unsigned life_bits = 16;
constexpr unsigned kind_bits = 8;

Welcome read_welcome(const wire::Frame& frame) {
    Welcome welcome;
    welcome.taken = frame.number;
    wire::RecordCursor records(frame);
    wire::Record record;
    if (records.next(record) != wire::RecordCursor::Step::record) return welcome;
    wire::FieldCursor fields(record.fields);
    wire::FieldView field;
    while (fields.next(field)) {
        const std::uint64_t value = wire::as_u64(field.value).value_or(0);
        switch (static_cast<wire::Field>(field.tag)) {
            case wire::Field::through: welcome.window = value; break;
            case wire::Field::bytes: welcome.bytes = value; break;
            case wire::Field::last_tag: welcome.last_tag = value; break;
            case wire::Field::boot: welcome.boot = value; break;
            case wire::Field::heartbeat_ms: welcome.heartbeat_ms = value; break;
            default: break;
        }
    }
    return welcome;
}

std::string_view text_of(const wire::Record& record) {
    wire::FieldCursor fields(record.fields);
    wire::FieldView field;
    while (fields.next(field)) {
        if (static_cast<wire::Field>(field.tag) == wire::Field::text) return as_text(field.value);
    }
    return {};
}

}  // namespace

Peer::Peer(Surroundings& world, std::uint32_t index, std::string name)
    : world_(world),
      prng_(mix64(world.options.seed * 1000 + index) ^ 0x70656572ULL),
      name_(std::move(name)),
      index_(index),
      line_(world.network.add_line()),
      writer_(buffer_) {
    alarm(up_to(20ms), Alarm::begin);
}

void Peer::alarm(Duration after, Alarm alarm, std::uint64_t detail) {
    const std::uint64_t token =
        (detail << (life_bits + kind_bits)) | ((life_ & 0xffffU) << kind_bits) | static_cast<std::uint64_t>(alarm);
    world_.agenda.add(world_.now + after, What::peer_wakes, index_, token);
}

void Peer::new_session() {
    session_ = world_.sessions++;
    resuming_ = false;
}

void Peer::start() {
    alive_ = true;
    new_session();
    world_.network.connect(line_, world_.now);
    heard_at_ = world_.now;
    on_start();
    greet();
    heartbeat_ = world_.options.scene.limits.heartbeat;
    alarm(heartbeat_, Alarm::heartbeat);
}

void Peer::die(Duration after) {
    if (!alive_) return;
    alive_ = false;
    joined_ = false;
    ++life_;
    hung_until_ = {};
    inbox_.clear();
    alarms_missed_.clear();
    world_.network.close(line_, world_.now);
    on_death();
    alarm(after, Alarm::begin);
}

void Peer::wake(std::uint64_t token) {
    if (((token >> kind_bits) & 0xffffU) != (life_ & 0xffffU)) return;
    const auto kind = static_cast<Alarm>(token & 0xffU);
    if (kind == Alarm::go_on) {
        if (!hung()) go_on();
        return;
    }
    if (hung()) {
        alarms_missed_.push_back(token);
        return;
    }
    if (kind == Alarm::begin) {
        if (!alive_) start();
    } else if (kind == Alarm::heartbeat) {
        on_beat();
    } else {
        on_alarm(kind, token >> (life_bits + kind_bits));
    }
}

void Peer::go_on() {
    hung_until_ = {};
    // A process that was stopped finds everything at once: what was due, and what came in.
    std::deque<std::uint64_t> alarms;
    alarms.swap(alarms_missed_);
    const std::uint64_t life = life_;
    for (const std::uint64_t token : alarms) wake(token);
    std::deque<FrameOctets> frames;
    frames.swap(inbox_);
    for (const FrameOctets& frame : frames) {
        if (life == life_) receive(frame);
    }
}

void Peer::on_beat() {
    const PeerLimits& limits = world_.options.scene.limits;
    alarm(joined_ ? heartbeat_ : limits.heartbeat, Alarm::heartbeat);
    if (!joined_) {
        // The HELLO, or its answer, may have gone with a connection.
        if (world_.now - hello_at_ > 2 * world_.options.delay + limits.heartbeat) say_hello();
        return;
    }
    send_bare(wire::Verb::heartbeat);
    if (world_.now - heard_at_ > heartbeat_ * (limits.missed + 2) + 4 * world_.options.delay) say_hello();
}

void Peer::say_hello() {
    joined_ = false;
    hello_at_ = world_.now;
    wire::FrameWriter& writer = begin_frame(wire::Verb::hello, 0, name_, hello_number());
    writer.begin_record(0, lowest_open());
    writer.field(wire::Field::session, session_octets(world_.options.seed, session_));
    writer.field(wire::Field::versions, "\x01");
    writer.field(wire::Field::heartbeat_ms, to_ms(world_.options.scene.limits.heartbeat));
    hello_fields(writer);
    end_frame();
}

void Peer::send_bare(wire::Verb verb) {
    begin_frame(verb, 0, {}, 0);
    end_frame();
}

wire::FrameWriter& Peer::begin_frame(wire::Verb verb, std::uint8_t flags, std::string_view name, std::uint64_t number) {
    buffer_.clear();
    writer_.begin(verb, flags, name, number);
    return writer_;
}

void Peer::end_frame(Octets second) {
    send_octets(writer_.end(), second);
}

void Peer::send_octets(Octets frame, Octets second) {
    world_.network.send_to_broker(line_, world_.now, frame, second);
}

void Peer::send_frames(const std::vector<std::string>& frames) {
    world_.network.send_frames_to_broker(line_, world_.now, frames);
}

void Peer::receive(Octets frame) {
    if (!alive_) return;
    if (hung()) {
        inbox_.emplace_back(frame.begin(), frame.end());
        return;
    }
    receive_now(frame);
}

void Peer::receive_now(Octets octets) {
    wire::Frame frame;
    if (wire::parse_frame(octets, frame)) return;
    heard_at_ = world_.now;
    if (frame.verb == wire::Verb::error) {
        wire::RecordCursor records(frame);
        wire::Record record;
        if (records.next(record) != wire::RecordCursor::Step::record) return;
        const auto status = static_cast<wire::Status>(record.code);
        if (status != wire::Status::say_hello) {
            if (!joined_) on_refused(status, text_of(record));
        } else if (joined_) {
            world_.coverage.count(Fault::frame_before_hello);
            say_hello();
        }
        return;
    }
    if (!joined_ && frame.verb != wire::Verb::welcome) return;
    if (frame.verb == wire::Verb::welcome) {
        const Welcome welcome = read_welcome(frame);
        joined_ = true;
        const bool resumed = resuming_ && boot_ == welcome.boot;
        resuming_ = true;
        boot_ = welcome.boot;
        heartbeat_ = std::chrono::milliseconds(welcome.heartbeat_ms);
        on_welcome(welcome, resumed);
        return;
    }
    if (frame.verb != wire::Verb::heartbeat) return on_frame(frame);
    if (frame.number != 0) heartbeat_ = std::chrono::milliseconds(frame.number);
}

}  // namespace ym::simulation
