// What waits, and what expires. Backoff and pauses follow the monotonic clock; the time before which a message may not
// be delivered, and its time to live, follow the wall clock.
#include <algorithm>

#include "broker/machine.h"

namespace ym {

using wire::Field;

namespace {

constexpr std::uint64_t ms_max = 1000ULL * 3600 * 24 * 365 * 1000;  // beyond it no time is told from another

}  // namespace

OwnTimes own_times(Octets fields) {
    OwnTimes own;
    wire::FieldCursor cursor(fields);
    wire::FieldView field;
    while (cursor.next(field)) {
        const auto tag = static_cast<Field>(field.tag);
        if (tag == Field::ttl_ms) own.ttl_ms = std::min(wire::as_u64(field.value).value_or(0), ms_max);
        if (tag == Field::not_before_ms) own.not_before_ms = std::min(wire::as_u64(field.value).value_or(0), ms_max);
    }
    return own;
}

CopyTimes copy_times(const OwnTimes& own, WallTime accepted, Duration queue_ttl) {
    CopyTimes times;
    times.not_before = own.not_before_ms;
    const std::uint64_t ttl = own.ttl_ms != 0 ? own.ttl_ms : to_ms(queue_ttl);
    const auto from = std::max(static_cast<std::uint64_t>(accepted.since_epoch.count()), own.not_before_ms);
    if (ttl != 0) times.expires = from + ttl;
    return times;
}

/// When the first of them is due, on the wall clock.
Instant wall_deadline(const QueueTimes& times) {
    const std::uint64_t at = std::min(times.delayed.earliest(), times.expiring.earliest());
    if (at == CopyTimes::never) return Instant::never();
    return {std::chrono::milliseconds(static_cast<std::int64_t>(std::min(at, 2 * ms_max)))};
}

std::uint64_t Broker::Machine::wall_ms() const {
    return static_cast<std::uint64_t>(now_.wall.since_epoch.count());
}

bool Broker::Machine::may_expire(const Queue& q, Slot slot) const {
    return q.settings.ttl != Duration{0} || messages_.is_timed(slot);
}

/// Of a loaded message.
CopyTimes Broker::Machine::times_of(const Queue& q, Slot slot) const {
    const MessageHead& head = messages_.head(slot);
    OwnTimes own;
    if (messages_.is_timed(slot)) own = own_times(messages_.octets(slot).first(head.fields_bytes));
    return copy_times(own, head.accepted_wall, q.settings.ttl);
}

bool Broker::Machine::is_too_late(const Queue& q, std::uint64_t not_before_ms) const {
    return not_before_ms > wall_ms() && not_before_ms - wall_ms() > to_ms(q.settings.delay_max);
}

/// A copy has come into its queue. False if it may not be delivered yet.
bool Broker::Machine::begins_now(Queue& q, Slot slot) {
    const CopyTimes times = times_of(q, slot);
    keep_times(q, {messages_.id(slot), slot, 0}, times);
    return times.not_before <= wall_ms() || YM_MUTANT(not_before_ignored);
}

/// As make_ready(), for those that may have to wait, or to go before they are delivered.
void Broker::Machine::make_ready_timed(Queue& q, Lane& lane, Slot first, std::uint32_t count) {
    for (Slot slot = first; slot < first + count; ++slot) {
        if (!begins_now(q, slot)) continue;
        const MessageId id = messages_.id(slot);
        if (lane.ends_before(id)) {
            lane.add(id, slot);
        } else {
            lane.put_back({id, slot, 0});
        }
        ++q.ready;
    }
    touch(q);
}

/// Begins to count the times of a copy that comes into its queue.
void Broker::Machine::keep_times(Queue& q, const Copy& copy, const CopyTimes& times) {
    const bool is_delayed = times.not_before > wall_ms() && !YM_MUTANT(not_before_ignored);
    if (!is_delayed && times.expires == CopyTimes::never) return;
    if (!q.times) q.times = std::make_unique<QueueTimes>();
    QueueTimes& kept = *q.times;
    if (is_delayed) {
        kept.delayed.add(times.not_before, wall_ms(), Waiting::of(copy, WaitReason::delayed));
        spare(copy.slot);
    }
    if (times.expires != CopyTimes::never) {
        if (kept.expiring.size() >= kept.sweep_at) {
            kept.expiring.erase_if([&](MessageId id) {
                const Slot slot = messages_.find(id);
                return slot == no_slot || !holders_.contains(messages_.holders(slot), q.address);
            });
            constexpr std::size_t sweep_min = 1024;
            kept.sweep_at = std::max(sweep_min, 2 * kept.expiring.size());
        }
        kept.expiring.add(times.expires, wall_ms(), copy.id);
    }
    schedule(q);
}

/// A copy waits on the monotonic clock.
void Broker::Machine::wait(Queue& q, const Copy& copy, Instant until, WaitReason why) {
    const bool limited = may_expire(q, copy.slot) && times_of(q, copy.slot).expires != CopyTimes::never;
    if (limited) {
        if (!q.times) q.times = std::make_unique<QueueTimes>();
        q.times->waiting.emplace(copy.id, copy.attempts);
    }
    q.waiting.add(time_of(until), time_of(now_.monotonic), Waiting::of(copy, why, limited));
    spare(copy.slot);
}

/// Those that have waited long enough are back in their places.
void Broker::Machine::take_waiting(Queue& q) {
    step_due_ -= q.waiting.take_due(time_of(now_.monotonic), step_due_, [&](std::uint64_t, const Waiting& waiting) {
        if (waiting.limited() && q.times->waiting.erase(waiting.id) == 0) return;  // it has expired
        q.put_back(waiting.copy(), messages_.priority(waiting.slot));
    });
}

/// Whether copies of the queue are due that this step has not looked at: until then nothing of it is handed out.
bool Broker::Machine::is_behind(const Queue& q) const {
    return q.waiting.earliest() <= time_of(now_.monotonic) ||
           (q.times && wall_deadline(*q.times) <= Instant{now_.wall.since_epoch});
}

void Broker::Machine::run_times(Queue& q) {
    const std::uint64_t now = wall_ms();
    const std::uint64_t gone = q.ledger.expired;
    step_due_ -= q.times->delayed.take_due(now, step_due_, [&](std::uint64_t, const Waiting& waiting) {
        q.put_back(waiting.copy(), messages_.priority(waiting.slot));
    });
    step_due_ -= q.times->expiring.take_due(now, step_due_, [&](std::uint64_t, MessageId id) {
        if (!YM_MUTANT(expiry_ignored)) expire(q, id);
    });
    if (q.ledger.expired > gone) notice(NoticeKind::messages_expired, q.settings.name, {}, q.ledger.expired - gone);
    touch(q);
    schedule(q);
}

/// The time of a copy is over, wherever it is; nothing happens to one that a worker holds, or that is gone.
void Broker::Machine::expire(Queue& q, MessageId id) {
    const Slot slot = messages_.find(id);
    if (slot == no_slot || !holders_.contains(messages_.holders(slot), q.address)) return;
    const auto waiting = q.times->waiting.find(id);
    if (waiting != q.times->waiting.end()) {
        const Copy copy{id, slot, waiting->second};
        q.times->waiting.erase(waiting);
        return expire(q, copy);
    }
    const auto copy = q.lane(messages_.priority(slot)).remove(id, messages_);
    if (!copy) return;
    --q.ready;
    expire(q, *copy);
}

void Broker::Machine::expire(Queue& q, const Copy& copy) {
    if (q.settings.expired_is_dead) return dead_letter(q, copy, FailureReason::expired);
    if (!YM_MUTANT(expired_uncounted)) ++q.ledger.expired;
    unanswered(copy.slot);
    settled(q, copy.slot, Outcome::expired);
}

/// As split(), for a message or a queue with times: those that the message brought along do not count in another queue,
/// and the time to live that is given there begins now.
Slot Broker::Machine::split_timed(Queue& from, Queue& to, Slot slot) {
    MessageHead head = messages_.head(slot);
    const Octets old = messages_.octets(slot);
    Buffer octets;
    wire::FrameWriter writer(octets);
    wire::FieldCursor cursor(old.first(head.fields_bytes));
    wire::FieldView field;
    while (cursor.next(field)) {
        const auto tag = static_cast<Field>(field.tag);
        if (tag != Field::ttl_ms && tag != Field::not_before_ms) writer.raw_field(field.tag, field.value);
    }
    if (to.settings.ttl != Duration{0}) writer.field(Field::not_before_ms, wall_ms());
    const Octets body = old.subspan(head.fields_bytes);
    head.fields_bytes = static_cast<std::uint32_t>(octets.size());
    head.batch = 0;
    head.leases = 0;
    MessageEntry entry;
    entry.id = MessageId{next_message_++};
    entry.bytes = head.fields_bytes + static_cast<std::uint32_t>(body.size());
    entry.priority = messages_.priority(slot);
    entry.timed = to.settings.ttl != Duration{0};
    entry.holders = Holders::single(to.address);
    octets.append(body);
    std::byte* at = nullptr;
    const Slot made = messages_.add(entry, head, at);
    if (octets.size() > 0) std::memcpy(at, octets.octets().data(), octets.size());
    drop_copy(from.address, slot);
    return made;
}

}  // namespace ym
