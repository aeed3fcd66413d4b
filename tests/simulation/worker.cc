#include "worker.h"

#include <algorithm>

#include "fields.h"

namespace ym::simulation {
namespace {

constexpr std::size_t remembered = 30;
constexpr std::uint64_t no_limit = ~0ULL;

}  // namespace

Worker::Worker(Surroundings& world, std::uint32_t index, std::string name, std::vector<std::string> queues)
    : Peer(world, index, std::move(name)), queues_(std::move(queues)) {}

void Worker::on_start() {
    leaving_ = resting_ = false;
    last_tag_ = 0;
}

void Worker::on_death() {
    held_.clear();
    busy_ = 0;
    settlements_.clear();
    settled_.clear();
    unanswered_.clear();
    flush_set_ = false;
}

void Worker::heal() {
    if (!alive()) return;
    hang_until({});
    go_on();
}

std::uint64_t Worker::hello_number() {
    return resuming() ? 0 : world_.options.credit;
}

void Worker::hello_fields(wire::FrameWriter& writer) {
    for (const std::string& queue : queues_) writer.field(wire::Field::queue, queue);
    if (world_.options.bytes != 0) writer.field(wire::Field::bytes, world_.options.bytes);
}

std::uint64_t Worker::credit() const {
    const std::uint64_t credit = world_.options.credit;
    return last_tag_ + (held_.size() >= credit ? 0 : credit - held_.size());
}

void Worker::on_welcome(const Welcome& welcome, bool resumed) {
    bytes_got_ = 0;
    leaving_ = resting_ = false;
    if (!resumed || welcome.last_tag < last_tag_) {
        // The broker knows nothing of what this worker holds.
        held_.clear();
        busy_ = 0;
        unanswered_.clear();
        settlements_.clear();
        last_tag_ = welcome.last_tag;
    } else {
        world_.coverage.count(Fault::session_resumed);
        for (std::uint64_t tag = last_tag_ + 1; tag <= welcome.last_tag; ++tag) {
            settle({wire::SettleCode::release, tag});
        }
        last_tag_ = welcome.last_tag;
        if (prng_.chance(1, 2)) {
            for (const Settlement& settlement : unanswered_) settle(settlement);
        }
    }
    send_credit();
    start_work();
}

void Worker::send_credit() {
    wire::FrameWriter& writer = begin_frame(wire::Verb::credit, 0, {}, credit());
    if (world_.options.bytes != 0) {
        writer.begin_record(0, 0);
        writer.field(wire::Field::bytes, bytes_got_ + world_.options.bytes);
    }
    end_frame();
}

void Worker::on_frame(const wire::Frame& frame) {
    switch (frame.verb) {
        case wire::Verb::deliver: on_deliver(frame); break;
        case wire::Verb::lost: on_lost(frame); break;
        case wire::Verb::bye:
            if (leaving_) {
                // It comes back as somebody else, after a while.
                die(up_to(500ms));
            } else {
                say_hello();
            }
            break;
        default: break;
    }
}

void Worker::on_deliver(const wire::Frame& frame) {
    wire::RecordCursor records(frame);
    wire::Record record;
    while (records.next(record) == wire::RecordCursor::Step::record) {
        last_tag_ = std::max(last_tag_, record.id);
        bytes_got_ += record.body.size();
        const auto uid = world_.messages.recognise(whole_body(record.fields, record.body));
        if (leaving_) continue;
        Held held;
        held.uid = uid.value_or(no_uid);
        held.attempt = record.code;
        held.grave = frame.name.starts_with("grave");
        held.lease = std::chrono::milliseconds(frame.number);
        held_.emplace(record.id, held);
    }
    misbehave();
    if (alive() && !hung()) start_work();
}

void Worker::misbehave() {
    const Options& o = world_.options;
    if (leaving_ || resting_) return;
    if (fault(o.die)) {
        world_.coverage.count(Fault::worker_died);
        die(up_to(1s));
    } else if (fault(o.hang)) {
        world_.coverage.count(Fault::worker_hung);
        const Duration time = up_to(6s);
        hang_until(world_.now + time);
        alarm(time, Alarm::go_on);
    } else if (fault(o.leave)) {
        world_.coverage.count(Fault::worker_left);
        leaving_ = true;
        flush();
        send_bare(wire::Verb::bye);
        alarm(2s, Alarm::again);
    } else if (fault(o.rest)) {
        world_.coverage.count(Fault::worker_rested);
        resting_ = true;
        send_bare(wire::Verb::drain);
        leave_when_done();
    }
}

void Worker::on_lost(const wire::Frame& frame) {
    wire::RecordCursor records(frame);
    wire::Record record;
    while (records.next(record) == wire::RecordCursor::Step::record) {
        if (record.code != 409 && record.code != 504) continue;
        std::uint64_t through = record.id;
        wire::FieldCursor fields(record.fields);
        wire::FieldView field;
        while (fields.next(field)) {
            if (field.tag == static_cast<std::uint8_t>(wire::Field::through)) {
                through = wire::as_u64(field.value).value_or(record.id);
            }
        }
        for (auto held = held_.lower_bound(record.id); held != held_.end() && held->first <= through;) {
            busy_ -= held->second.started ? 1 : 0;
            held = held_.erase(held);
        }
    }
    start_work();
    if (joined() && !resting_) send_credit();
    leave_when_done();
}

void Worker::on_refused(wire::Status status, std::string_view text) {
    if (status != wire::Status::no_address) return;
    // A queue that left the settings, and has drained: "no address 'name'".
    const std::size_t from = std::min(text.find('\''), text.size() - 1) + 1;
    const std::string_view name = text.substr(from, text.find('\'', from) - from);
    if (std::erase(queues_, name) == 0) return;
    say_hello();
}

void Worker::start_work() {
    for (auto& [tag, held] : held_) {
        if (busy_ >= world_.options.threads) return;
        if (held.started) continue;
        held.started = true;
        ++busy_;
        alarm(up_to(world_.options.service), Alarm::done, tag);
    }
}

void Worker::on_alarm(Alarm kind, std::uint64_t detail) {
    switch (kind) {
        case Alarm::done:
        case Alarm::extend: finish(detail); break;
        case Alarm::flush:
            flush_set_ = false;
            flush();
            break;
        case Alarm::again:
            // No BYE came: the connection was lost, or the broker is gone.
            if (leaving_) die(up_to(500ms));
            break;
        default: break;
    }
}

/// What happens to a message depends on the message, not on when it comes: so that a run cut into other steps must end
/// with the same books.
bool Worker::fate(const Held& held, Odds once_in, std::uint64_t salt) const {
    if (once_in == 0) return false;
    if (held.uid == no_uid) return false;
    return mix64(world_.options.seed ^ (world_.messages[held.uid].serial << 20U) ^ salt) % once_in == 0;
}

wire::SettleCode Worker::outcome(const Held& held) {
    const Options& o = world_.options;
    if (!held.grave && fate(held, o.reject, 1)) return wire::SettleCode::reject;
    if (world_.healing) return wire::SettleCode::ack;
    if (fate(held, o.nack, 2 + held.attempt)) return wire::SettleCode::nack;
    if (fate(held, o.throttled, 100'002 + held.attempt)) return wire::SettleCode::throttled;
    if (odds(o.release)) return wire::SettleCode::release;
    return wire::SettleCode::ack;
}

void Worker::finish(std::uint64_t tag) {
    const auto found = held_.find(tag);
    if (found == held_.end() || !found->second.started) return;
    Held& held = found->second;
    const Options& o = world_.options;
    if (held.extends_left < 0 && fault(o.extend)) held.extends_left = static_cast<int>(1 + prng_.below(9));
    if (held.extends_left > 0) {
        // Longer than its lease: it says so each time a third of the lease has passed.
        --held.extends_left;
        settle({wire::SettleCode::extend, tag, held.uid});
        alarm(held.lease / 3, Alarm::extend, tag);
        return;
    }
    Settlement settlement{outcome(held), tag, held.uid};
    if (settlement.code == wire::SettleCode::ack) {
        for (std::uint32_t part = 0; odds(o.part) && part < 3; ++part) {
            settle({wire::SettleCode::part, tag, held.uid, held.parts++, true});
        }
        if (odds(o.result)) settle({wire::SettleCode::result, tag, held.uid, 0, true});
        settlement.part = no_limit;
        const bool by_body = held.uid != no_uid && world_.messages[held.uid].majordomo;
        settlement.body = (o.request != 0 && prng_.chance(2, 3)) || by_body;
    }
    if (settlement.code == wire::SettleCode::throttled || prng_.chance(1, 8)) settlement.retry_after = up_to(300ms);
    held_.erase(found);
    --busy_;
    settle(settlement);
    start_work();
    leave_when_done();
}

void Worker::leave_when_done() {
    if (!resting_ || leaving_ || !held_.empty()) return;
    leaving_ = true;
    flush();
    send_bare(wire::Verb::bye);
    alarm(2s, Alarm::again);
}

void Worker::settle(Settlement settlement) {
    settlements_.push_back(settlement);
    if (flush_set_) return;
    flush_set_ = true;
    alarm(prng_.chance(1, 2) ? Duration{0} : up_to(5ms), Alarm::flush);
}

void Worker::flush() {
    if (!joined() || settlements_.empty()) return;
    std::vector<Settlement> settlements;
    settlements.swap(settlements_);
    std::stable_sort(settlements.begin(), settlements.end(),
                     [](const Settlement& a, const Settlement& b) { return a.tag < b.tag; });
    for (const Settlement& settlement : settlements) {
        settled_.push_back(settlement.tag);
        if (settlement.code != wire::SettleCode::part) unanswered_.push_back(settlement);
    }
    while (settled_.size() > remembered) settled_.pop_front();
    while (unanswered_.size() > remembered) unanswered_.pop_front();
    const std::size_t most = 100;
    for (std::size_t at = 0; at < settlements.size(); at += most) {
        const std::size_t end = std::min(at + most, settlements.size());
        write({settlements.begin() + static_cast<std::ptrdiff_t>(at),
               settlements.begin() + static_cast<std::ptrdiff_t>(end)},
              odds(world_.options.tell_durable) ? wire::flag_tell_durable : std::uint8_t{0});
    }
    if (fault(world_.options.lie)) lie();
    if (world_.options.bytes != 0 && !resting_) send_credit();
}

void Worker::write(const std::vector<Settlement>& settlements, std::uint8_t flags) {
    wire::FrameWriter& writer = begin_frame(wire::Verb::settle, flags, {}, resting_ || leaving_ ? 0 : credit());
    for (std::size_t i = 0; i < settlements.size();) {
        const Settlement& first = settlements[i];
        std::size_t next = i + 1;
        const auto goes_on = [&](const Settlement& s) {
            return s.code == first.code && !s.body && s.retry_after == first.retry_after &&
                   s.tag == settlements[next - 1].tag + 1;
        };
        while (!first.body && next < settlements.size() && goes_on(settlements[next])) ++next;
        writer.begin_record(static_cast<std::uint16_t>(first.code), first.tag);
        if (next > i + 1) writer.field(wire::Field::through, settlements[next - 1].tag);
        if (first.retry_after.count() != 0) writer.field(wire::Field::retry_after_ms, to_ms(first.retry_after));
        if (first.code >= wire::SettleCode::nack && first.code <= wire::SettleCode::throttled)
            writer.field(wire::Field::text, "it went wrong with " + std::to_string(first.tag));
        if (first.body && first.uid != no_uid) {
            Buffer body;
            world_.messages.reply_body(first.uid, first.part, body);
            writer.body(body.octets());
        }
        i = next;
    }
    end_frame();
}

void Worker::lie() {
    const std::uint64_t kind = prng_.below(5);
    if (kind == 4) {
        world_.coverage.count(Fault::lied_credit_lowered);
        begin_frame(wire::Verb::credit, 0, {}, prng_.below(credit() + 1));
        end_frame();
        return;
    }
    // Where the outcome may not depend on time, a lie that is believed (its tag is held after all) must change nothing.
    const auto code = static_cast<std::uint16_t>(world_.options.recut ? 4 + prng_.below(2) : prng_.below(6));
    wire::FrameWriter& writer = begin_frame(wire::Verb::settle, 0, {}, 0);
    if (kind == 0 && !settled_.empty()) {
        world_.coverage.count(Fault::lied_settled_again);
        writer.begin_record(code, settled_[prng_.below(settled_.size())]);
    } else if (kind == 1) {
        world_.coverage.count(Fault::lied_endless_range);
        writer.begin_record(code, last_tag_ + 1 + world_.options.credit * 2);
        writer.field(wire::Field::through, no_limit);
    } else if (kind == 2) {
        world_.coverage.count(Fault::lied_unknown_code);
        writer.begin_record(99, last_tag_);
    } else {
        world_.coverage.count(Fault::lied_tag_never_given);
        writer.begin_record(code, prng_.chance(1, 4) ? 0 : last_tag_ + world_.options.credit * 2 + prng_.below(1000));
    }
    end_frame();
}

}  // namespace ym::simulation
