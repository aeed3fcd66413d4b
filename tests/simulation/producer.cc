#include "producer.h"

#include <algorithm>

namespace ym::simulation {
namespace {

constexpr std::size_t confirmed_kept = 100;
constexpr std::size_t record_room = 200;  // head and fields of a record, at most

/// What a CONFIRM record says besides its status.
struct Answer {
    std::uint64_t through = 0;
    Duration retry_after{0};
};

Answer read_answer(const wire::Record& record) {
    Answer answer{record.id, Duration{0}};
    wire::FieldCursor fields(record.fields);
    wire::FieldView field;
    while (fields.next(field)) {
        const std::uint64_t value = wire::as_u64(field.value).value_or(0);
        if (field.tag == static_cast<std::uint8_t>(wire::Field::through)) answer.through = value;
        if (field.tag == static_cast<std::uint8_t>(wire::Field::retry_after_ms)) {
            answer.retry_after = std::chrono::milliseconds(value);
        }
    }
    return answer;
}

std::optional<std::uint64_t> bytes_of(const wire::Frame& frame) {
    wire::RecordCursor records(frame);
    wire::Record record;
    while (records.next(record) == wire::RecordCursor::Step::record) {
        wire::FieldCursor fields(record.fields);
        wire::FieldView field;
        while (fields.next(field)) {
            if (field.tag == static_cast<std::uint8_t>(wire::Field::bytes)) return wire::as_u64(field.value);
        }
    }
    return std::nullopt;
}

}  // namespace

Producer::Producer(Surroundings& world, std::uint32_t index, std::string name, std::uint32_t messages)
    : Peer(world, index, std::move(name)), left_(messages) {}

void Producer::on_start() {
    // Some programs count from 1, some go on from what they kept in a file.
    first_ = prng_.chance(1, 2) ? 1 : 1 + prng_.below(1'000'000);
    window_ = 0;
    sent_ = 0;
    draining_ = false;
    alarm(up_to(world_.options.pause), Alarm::publish);
}

void Producer::hello_fields(wire::FrameWriter& writer) {
    if (sent_ != 0) writer.field(wire::Field::through, sent_);
}

void Producer::on_death() {
    world_.coverage.count(Fault::producer_died);
    open_.clear();
    confirmed_.clear();
}

void Producer::on_welcome(const Welcome& welcome, bool resumed) {
    window_ = welcome.window;
    bytes_window_ = welcome.bytes;
    bytes_sent_ = 0;
    draining_ = false;
    if (resumed) world_.coverage.count(Fault::session_resumed);
    // Sequences up to `taken` may have been refused or confirmed in a frame that got lost: only an answer counts.
    for (Open& open : open_) {
        if (open.state != State::sent) continue;
        open.state = State::unsent;
        if (resumed) world_.coverage.count(Fault::resent_unanswered);
    }
    if (resumed && fault(world_.options.resend_all)) {
        for (const auto& [sequence, uid] : confirmed_) {
            send_ghost(sequence, uid);
            world_.coverage.count(Fault::resent_confirmed);
        }
    }
    flush();
}

void Producer::on_frame(const wire::Frame& frame) {
    switch (frame.verb) {
        case wire::Verb::confirm: on_confirm(frame); break;
        case wire::Verb::drain: draining_ = true; break;
        case wire::Verb::bye: say_hello(); break;
        default: break;
    }
}

void Producer::on_alarm(Alarm kind, std::uint64_t /*detail*/) {
    if (kind == Alarm::publish) {
        burst();
        if (left_ > 0) alarm(up_to(world_.options.pause), Alarm::publish);
    } else if (kind == Alarm::retry) {
        flush();
    }
}

std::string Producer::draw_address(std::uint64_t block) {
    const Scene& scene = world_.options.scene;
    Prng draw(mix64(block));
    if (world_.options.nowhere != 0 && draw.chance(1, world_.options.nowhere)) {
        world_.coverage.count(Fault::unknown_address);
        return draw.chance(1, 2) ? "nowhere" : "queue99";
    }
    const std::size_t choices = scene.queues.size() + scene.pipelines.size();
    for (;;) {
        const std::size_t choice = draw.below(choices);
        if (choice >= scene.queues.size()) return scene.pipelines[choice - scene.queues.size()].name;
        if (scene.queues[choice].publish_direct) return scene.queues[choice].name;
    }
}

/// The n-th message of a producer is the same whenever it is made: so that a run cut into other steps publishes the
/// same.
Message Producer::draw_message(std::uint64_t serial) {
    static constexpr const char* topics[] = {"order.new.eu", "order.old.us", "order",   "door.log", "log",
                                             "audit",        "order.a.b.eu", "audit.x", "no"};
    constexpr std::uint64_t block = 8;  // messages that often go to the same address
    const Options& o = world_.options;
    Prng draw(mix64(serial ^ o.seed << 40U));
    const auto happens = [&](Odds odds) { return odds != 0 && draw.chance(1, odds); };
    Message message;
    message.serial = serial;
    message.address = draw_address((draw.chance(1, 2) ? serial / block : serial) ^ o.seed << 40U ^ 1ULL << 60U);
    message.topic = topics[draw.below(std::size(topics))];
    if (draw.chance(1, 3)) message.priority = static_cast<std::uint8_t>(draw.below(32));
    message.body = static_cast<std::uint32_t>(draw.below(o.body + 1));
    if (happens(o.oversized)) {
        message.body = static_cast<std::uint32_t>(o.scene.limits.frame);
        world_.coverage.count(Fault::oversized_body);
    }
    message.wants_reply = happens(o.request);
    message.has_fields = happens(o.fields);
    return message;
}

void Producer::burst() {
    if (draining_ || left_ == 0) return;
    // A producer that is refused again and again stops making more, as programs with a bounded buffer do.
    if (open_.size() > 500) return;
    const Options& o = world_.options;
    for (std::uint64_t count = std::min<std::uint64_t>(1 + prng_.below(o.batch), left_); count > 0; --count) {
        Open open;
        open.uid = world_.messages.add(draw_message((std::uint64_t{index()} << 20U) + ++made_));
        open.spoiled = fault(o.spoiled);
        open_.push_back(open);
        --left_;
    }
    if (joined() && fault(o.too_old) && !confirmed_.empty()) {
        world_.coverage.count(Fault::below_window);
        const auto& [sequence, uid] = confirmed_.front();
        send_ghost(prng_.chance(1, 2) ? sequence : 0, uid);
    }
    if (fault(o.impatient)) {
        world_.coverage.count(Fault::beyond_window);
        window_ += 20;
        bytes_window_ += 20 * std::uint64_t{o.body};
    }
    flush();
}

void Producer::flush() {
    if (!joined()) return;
    std::vector<std::uint64_t> run;
    std::size_t bytes = 0;
    std::string_view address;
    const auto send = [&] {
        if (!run.empty()) send_run(run);
        run.clear();
        bytes = 0;
    };
    for (std::size_t i = 0; i < open_.size(); ++i) {
        Open& open = open_[i];
        const bool due = open.state == State::unsent || (open.state == State::refused && open.again <= world_.now);
        if (!due) continue;
        const Message& message = world_.messages[open.uid];
        if (first_ + i > window_ || bytes_sent_ + message.body > bytes_window_) break;
        // Who wants each message taken in the end does not run far ahead of one that is still refused.
        if (world_.options.recut && i >= world_.options.scene.limits.unconfirmed) break;
        if (open.state == State::refused) world_.coverage.count(Fault::resent_refused);
        const std::size_t size = message.body + record_room;
        const PeerLimits& limits = world_.options.scene.limits;
        if (message.address != address || bytes + size > limits.frame || run.size() >= limits.records) send();
        address = message.address;
        bytes += size;
        bytes_sent_ += message.body;
        open.state = State::sent;
        sent_ = std::max(sent_, first_ + i);
        run.push_back(first_ + i);
    }
    send();
}

void Producer::send_run(const std::vector<std::uint64_t>& sequences) {
    const Uid first = open_[sequences.front() - first_].uid;
    // The last body may go in a frame of its own, as clients do with large ones.
    const bool split = prng_.chance(1, 8);
    wire::FrameWriter& writer =
        begin_frame(wire::Verb::publish, split ? wire::flag_body_in_second_frame : std::uint8_t{0},
                    world_.messages[first].address, 0);
    for (const std::uint64_t sequence : sequences) {
        Open& open = open_[sequence - first_];
        if (open.spoiled) world_.coverage.count(Fault::spoiled_record);
        write_head(sequence, open.uid, open.spoiled, writer);
        open.spoiled = false;
        if (!split || sequence != sequences.back()) writer.body(world_.messages.body(open.uid));
    }
    end_frame(split ? world_.messages.body(open_[sequences.back() - first_].uid) : FrameOctets{});
}

void Producer::send_ghost(std::uint64_t sequence, Uid uid) {
    bytes_sent_ += world_.messages[uid].body;
    wire::FrameWriter& writer = begin_frame(wire::Verb::publish, 0, world_.messages[uid].address, 0);
    write_head(sequence, uid, false, writer);
    writer.body(world_.messages.body(uid));
    end_frame();
}

void Producer::write_head(std::uint64_t sequence, Uid uid, bool spoiled, wire::FrameWriter& writer) {
    const bool reply = world_.messages[uid].wants_reply;
    writer.begin_record(reply ? wire::publish_wants_reply : wire::publish_plain, sequence);
    // A field that the receiver must understand, and cannot: this record is refused, the others are not.
    if (spoiled) writer.raw_field(0x7f, as_octets("?"));
    world_.messages.write_fields(uid, writer);
}

void Producer::on_confirm(const wire::Frame& frame) {
    window_ = std::max(window_, frame.number);
    if (const auto bytes = bytes_of(frame)) bytes_window_ = std::max(bytes_window_, *bytes);
    wire::RecordCursor records(frame);
    wire::Record record;
    while (records.next(record) == wire::RecordCursor::Step::record) {
        if (record.code == wire::confirm_settled) continue;
        const Answer answer = read_answer(record);
        for (std::uint64_t sequence = record.id; sequence <= answer.through; ++sequence) {
            on_answer(sequence, static_cast<wire::Status>(record.code), answer.retry_after);
        }
    }
    drop_done();
    flush();
}

void Producer::on_answer(std::uint64_t sequence, wire::Status status, Duration retry_after) {
    if (sequence < first_ || sequence - first_ >= open_.size()) return;
    Open& open = open_[sequence - first_];
    if (open.state == State::done) return;
    const auto code = static_cast<std::uint16_t>(status);
    if (code == 429 || code >= 500 || (code == 400 && open.state == State::sent)) {
        open.state = State::refused;
        open.refusals = std::min(open.refusals + 1, 4U);
        const Duration wait = std::max<Duration>(retry_after, 5ms + up_to(25ms * (1U << open.refusals)));
        open.again = world_.now + wait;
        alarm(wait, Alarm::retry);
        return;
    }
    open.state = State::done;
    if (code / 100 == 2) {
        confirmed_.emplace_back(sequence, open.uid);
        if (confirmed_.size() > confirmed_kept) confirmed_.pop_front();
    }
}

std::string Producer::describe() const {
    std::string text = name_ + " has " + std::to_string(left_) + " messages to make and " +
                       std::to_string(open_.size()) + " without a final answer" + (alive() ? "" : ", is dead") +
                       (joined() ? "" : ", is not joined");
    if (!open_.empty()) {
        text += "; the first is sequence " + std::to_string(first_) + " of session " + std::to_string(session()) +
                ", message " + std::to_string(open_.front().uid) + ", to " +
                world_.messages[open_.front().uid].address + ", state " +
                std::to_string(static_cast<int>(open_.front().state)) + "; window " + std::to_string(window_) +
                ", octets " + std::to_string(bytes_sent_) + " of " + std::to_string(bytes_window_);
    }
    return text;
}

void Producer::drop_done() {
    while (!open_.empty() && open_.front().state == State::done) {
        open_.pop_front();
        ++first_;
    }
}

}  // namespace ym::simulation
