// Answers of workers: SETTLE and CREDIT, and leases that end by themselves.
#include <algorithm>

#include "broker/machine.h"

namespace ym {

using wire::Field;
using wire::SettleCode;
using wire::Status;

void Broker::Machine::on_credit(Session& s, const FrameReceived& event, const wire::Frame& frame) {
    wire::RecordCursor cursor(frame);
    wire::Record record;
    const auto step = cursor.next(record);
    if (step == wire::RecordCursor::Step::bad) return malformed(event.peer, cursor.error(), {});
    if (step == wire::RecordCursor::Step::record) {
        wire::FieldCursor fields(record.fields);
        wire::FieldView field;
        while (fields.next(field)) {
            if (static_cast<Field>(field.tag) != Field::bytes) continue;
            if (const auto bytes = wire::as_u64(field.value)) s.bytes_credit = std::max(s.bytes_credit, *bytes);
        }
    }
    s.credit = std::max(s.credit, frame.number);
    update_wants(s);
}

void Broker::Machine::on_settle(Session& s, const FrameReceived& event, const wire::Frame& frame) {
    wire::RecordCursor cursor(frame);
    wire::Record record;
    const bool tell = (frame.flags & wire::flag_tell_durable) != 0;
    for (;;) {
        const auto step = cursor.next(record);
        if (step == wire::RecordCursor::Step::end) break;
        if (step == wire::RecordCursor::Step::bad) {
            malformed(event.peer, cursor.error(), {});
            // One that goes on with malformed records loses its connection in our eyes, and with it this session.
            if (s.state != SessionState::connected) return;
            continue;
        }
        if (!attach_body(event, frame, record)) {
            malformed(event.peer, {Status::malformed, "body", record.at}, "another stands in a frame of its own");
            if (s.state != SessionState::connected) return;
            continue;
        }
        std::uint64_t last = record.id;
        WorkersWords words;
        wire::FieldCursor fields(record.fields);
        wire::FieldView field;
        while (fields.next(field)) {
            if (static_cast<Field>(field.tag) == Field::text) words.error = as_text(field.value);
            const auto number = wire::as_u64(field.value);
            if (!number) continue;
            if (static_cast<Field>(field.tag) == Field::through) last = *number;
            if (static_cast<Field>(field.tag) == Field::retry_after_ms) {
                constexpr std::uint64_t most = 1000ULL * 3600 * 24 * 365;
                words.retry_after = std::chrono::milliseconds(static_cast<std::int64_t>(std::min(*number, most)));
            }
        }
        settle_range(s, record, last, words, tell);
    }
    if (frame.number > s.credit) s.credit = frame.number;
    update_wants(s);
}

void Broker::Machine::settle_range(Session& s, const wire::Record& record, std::uint64_t last,
                                   const WorkersWords& words, bool tell) {
    const auto stale = [&](std::uint64_t from, std::uint64_t to) {
        if (YM_MUTANT(stale_ack_applied) && from <= s.unacked.last_tag() && !s.subscriptions.empty()) {
            ++queue(subscriptions_[s.subscriptions.front()].queue).ledger.acked;
            return;
        }
        stale_ += std::min<std::uint64_t>(to - from + 1, 1000);  // a lie about a long range counts for so many
        s.lost.push_back({from, to, Status::stale_tag, {}, Duration{0}});
        say(s);
    };
    std::uint64_t tag = record.id;
    if (last < tag) last = tag;
    for (;;) {
        std::uint64_t found = tag;
        Delivery* const delivery = s.unacked.seek(found, last);
        if (delivery == nullptr) return stale(tag, last);
        if (found > tag) stale(tag, found - 1);
        const bool is_ack = record.code == static_cast<std::uint16_t>(SettleCode::ack);
        const std::uint64_t through = is_ack ? run_of(s, found, last) : found;
        constexpr std::uint64_t ahead = 4;
        const Delivery* const soon = through + ahead <= last ? s.unacked.find(through + ahead) : nullptr;
        if (soon != nullptr && soon->queue != delivery->queue) queue(soon->queue).prefetch();
        if (tell && record.code < static_cast<std::uint16_t>(SettleCode::result)) {
            // What ends the lease is recorded, unless all is as before; the rest is as durable as it will ever be.
            const bool recorded = record.code < static_cast<std::uint16_t>(SettleCode::release);
            if (!recorded || !queue(delivery->queue).keeps) {
                add_answers(s.settled, found, through, Status::ok);
                say(s);
            } else {
                (store_open() ? batch().settled : held_.settled).push_back({s.ref, found, through, 0});
            }
        }
        settle(s, found, through, *delivery, record, words);
        if (through == last) return;
        tag = through + 1;
    }
}

/// Acks come as a run of deliveries of one queue, `delivery` the first of them; all else one by one.
void Broker::Machine::settle(Session& s, std::uint64_t tag, std::uint64_t through, Delivery& delivery,
                             const wire::Record& record, const WorkersWords& words) {
    Queue& q = queue(delivery.queue);
    s.last_worked = now_.monotonic;
    switch (static_cast<SettleCode>(record.code)) {
        case SettleCode::ack: return ack(s, tag, through, record);
        case SettleCode::nack: return fail(s, end_lease(s, tag, delivery), q.address, FailureReason::nack, words);
        case SettleCode::reject:
            return fail(s, end_lease(s, tag, delivery), q.address, FailureReason::reject, {Duration{0}, words.error});
        case SettleCode::throttled:
            return fail(s, end_lease(s, tag, delivery), q.address, FailureReason::throttled, words);
        case SettleCode::release: return give_back(q, end_lease(s, tag, delivery));
        case SettleCode::extend: return extend(delivery);
        case SettleCode::part: {
            const Slot slot = delivery.slot;
            if (messages_.wants_reply(slot))
                reply(messages_.id(slot), Status::part, q.address, delivery.parts++, record.fields, record.body);
            return;
        }
        case SettleCode::result:
            // A queue has no `next` yet: the result is refused and the lease stays (WIRE, "What bites" 7).
            s.lost.push_back({tag, tag, Status::no_address, "the queue has no next", Duration{0}});
            return say(s);
    }
    s.lost.push_back({tag, tag, Status::malformed, "no such code", Duration{0}});
    say(s);
}

/// The last tag of the deliveries behind `first`, without a gap, that are of the same queue.
std::uint64_t Broker::Machine::run_of(Session& s, std::uint64_t first, std::uint64_t last) {
    const AddressId of = s.unacked.find(first)->queue;
    std::uint64_t tag = first;
    while (tag < last) {
        const Delivery* next = s.unacked.find(tag + 1);
        if (next == nullptr || next->queue != of) break;
        ++tag;
    }
    return tag;
}

/// A run of deliveries of one queue is done.
void Broker::Machine::ack(Session& s, std::uint64_t first, std::uint64_t last, const wire::Record& record) {
    Queue& q = queue(s.unacked.find(first)->queue);
    const std::uint64_t count = last - first + 1;
    q.processed += count;
    q.ledger.acked += count;
    q.in_flight -= count;
    s.acked += count;
    s.last_worked = now_.monotonic;
    for (std::uint64_t tag = first; tag <= last; ++tag) {
        const Delivery& delivery = *s.unacked.find(tag);
        const Slot slot = delivery.slot;
        q.processing += now_.monotonic - delivery.granted;
        if (messages_.wants_reply(slot))
            reply(messages_.id(slot), Status::ok, q.address, delivery.parts, record.fields, record.body);
        // A message that goes with this copy is not touched any more.
        if (!Holders::is_single(messages_.holders(slot))) --messages_.head(slot).leases;
        settled(q, slot, Outcome::acked);
    }
    s.unacked.erase(first, last);
    if (q.settings.limits.in_flight != unlimited) touch(q);
}

/// Takes the delivery from the worker. Its copy has used up the attempt.
Copy Broker::Machine::end_lease(Session& s, std::uint64_t tag, const Delivery& delivery) {
    const Copy copy{messages_.id(delivery.slot), delivery.slot, delivery.attempts};
    Queue& q = queue(delivery.queue);
    --messages_.head(copy.slot).leases;
    --q.in_flight;
    if (q.settings.limits.in_flight != unlimited) touch(q);
    s.unacked.erase(tag);
    return copy;
}

/// Takes a delivery that is not settled from the worker, as a failed attempt.
void Broker::Machine::fail_lease(Session& s, std::uint64_t tag, FailureReason reason, std::string_view why) {
    const Delivery delivery = *s.unacked.find(tag);
    fail(s, end_lease(s, tag, delivery), delivery.queue, reason, {Duration{0}, why});
}

void Broker::Machine::extend(Delivery& delivery) {
    const QueueSettings& settings = queue(delivery.queue).settings;
    // The queue's settings may have become shorter than what the worker was told: a lease never ends earlier for it.
    delivery.deadline =
        std::max(delivery.deadline, std::min(now_.monotonic + settings.lease, delivery.granted + settings.lease_max));
}

/// The leases of a frame have one entry in the heap. Runs that are settled stay in it until their time, or until they
/// are many.
void Broker::Machine::watch_leases(Session& s, const LeasesDue& leases) {
    std::vector<LeasesDue>& due = s.leases_due;
    constexpr std::size_t sweep_min = 64;
    if (due.size() >= sweep_min + 4 * s.unacked.size()) {
        std::erase_if(due, [&s](const LeasesDue& run) { return s.unacked.next(run.first, run.last) == 0; });
        std::make_heap(due.begin(), due.end(), std::greater<>{});
    }
    due.push_back(leases);
    std::push_heap(due.begin(), due.end(), std::greater<>{});
}

/// No lease of the session ends earlier.
Instant Broker::Machine::first_lease_due(Session& s) {
    std::vector<LeasesDue>& due = s.leases_due;
    while (!due.empty()) {
        LeasesDue& run = due.front();
        const std::uint64_t left = s.unacked.next(run.first, run.last);
        if (left != 0) {
            run.first = left;  // those before it need no second look
            return run.at;
        }
        std::pop_heap(due.begin(), due.end(), std::greater<>{});
        due.pop_back();
    }
    return Instant::never();
}

/// Looks at none but those whose time may have come: each lease stands in the heap once, and once more for each time
/// that it was extended beyond the deadline it stood there with.
void Broker::Machine::expire_leases(Session& s) {
    const Instant until = YM_MUTANT(live_lease_expired) ? Instant::never() : now_.monotonic;
    expired_.clear();
    std::vector<LeasesDue>& due = s.leases_due;
    while (!due.empty() && due.front().at <= until) {
        const LeasesDue run = due.front();
        std::pop_heap(due.begin(), due.end(), std::greater<>{});
        due.pop_back();
        std::uint64_t tag = s.unacked.next(run.first, run.last);
        while (tag != 0) {
            const Instant deadline = s.unacked.find(tag)->deadline;
            if (deadline <= until) {
                expired_.push_back(tag);
            } else {
                due.push_back({deadline, tag, tag});
                std::push_heap(due.begin(), due.end(), std::greater<>{});
            }
            tag = tag == run.last ? 0 : s.unacked.next(tag + 1, run.last);
        }
    }
    std::sort(expired_.begin(), expired_.end());
    for (const std::uint64_t tag : expired_) {
        add_answer(s.lost, tag, Status::timeout);
        say(s);
        fail_lease(s, tag, FailureReason::lease_expired);
    }
}

}  // namespace ym
