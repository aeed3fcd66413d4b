// What follows a failed attempt: another one, at once or later, or a dead letter. And how a copy leaves its queue.
#include "base/prng.h"
#include "broker/machine.h"

namespace ym {

void Broker::Machine::fail(const Session& worker, const Copy& copy, AddressId address, FailureReason reason,
                           const WorkersWords& words) {
    Queue& q = queue(address);
    ++q.failures[static_cast<std::size_t>(reason)];
    const std::string_view error = words.error.substr(YM_MUTANT(error_cut) && !words.error.empty() ? 1 : 0);
    histories_.add(copy.id, address, {now_.wall, copy.attempts, reason, worker.name, error});
    messages_.set_failed(copy.slot);
    histories_.keep_within(topology_->memory_max / Histories::share_of_memory);
    failed_.push_back({copy, address, reason, words.retry_after});
}

void Broker::Machine::decide_failures() {
    for (std::size_t from = 0; from < failed_.size();) {
        RetryPolicy* policy = queue(failed_[from].queue).retry;
        std::size_t to = from;
        attempts_.clear();
        for (; to < failed_.size() && queue(failed_[to].queue).retry == policy; ++to) {
            const Failed& f = failed_[to];
            FailedAttempt attempt;
            attempt.reason = f.reason;
            attempt.attempt = f.copy.attempts;
            attempt.age = now_.monotonic - messages_.head(f.copy.slot).accepted;
            attempt.retry_after = f.retry_after;
            attempt.random = mix64(options_.seed ^ mix64(f.copy.id.value) ^ f.copy.attempts);
            attempts_.push_back(attempt);
        }
        waits_.assign(attempts_.size(), RetryPolicy::dead_letter);
        policy->decide(attempts_, waits_);
        for (std::size_t i = from; i < to; ++i) {
            Queue& q = queue(failed_[i].queue);
            const Duration wait = waits_[i - from];
            if (wait == RetryPolicy::dead_letter) {
                dead_letter(q, failed_[i].copy, failed_[i].reason);
            } else {
                return_copy(q, failed_[i].copy, wait);
            }
        }
        from = to;
    }
    failed_.clear();
}

/// Puts a copy back in its place, now or after `wait`.
void Broker::Machine::return_copy(Queue& q, const Copy& copy, Duration wait) {
    if (q.keeps) {
        StoreRecord& r = record_of(q, RecordKind::attempted);
        r.message = copy.id;
        r.attempt = copy.attempts;
        r.at = WallTime{now_.wall.since_epoch + std::chrono::duration_cast<std::chrono::milliseconds>(wait)};
    }
    if (wait > Duration{0}) {
        q.wait({now_.monotonic + wait, copy});
        spare(copy.slot);
        return schedule(q);
    }
    put_in_place(q, copy);
}

/// A delivery that was not begun uses up no attempt; its copy is as the store knows it, so nothing is written.
void Broker::Machine::give_back(Queue& q, Copy copy) {
    --copy.attempts;
    put_in_place(q, copy);
}

void Broker::Machine::put_in_place(Queue& q, const Copy& copy) {
    if (YM_MUTANT(lost_place)) {
        q.add_ready(copy.id, copy.slot, messages_.priority(copy.slot));
    } else {
        q.put_back(copy, messages_.priority(copy.slot));
    }
    spare(copy.slot);
    touch(q);
}

void Broker::Machine::dead_letter(Queue& q, const Copy& copy, FailureReason reason) {
    if (!YM_MUTANT(dead_uncounted)) ++q.ledger.dead;
    --q.live;
    q.bytes -= messages_.bytes(copy.slot);
    if (q.live == 0) q.empty_since = now_.monotonic;
    notice(NoticeKind::message_dead, q.settings.name, std::string(name_of(reason)), copy.id.value);
    unanswered(copy.slot);
    if (q.dead_to != no_address && move_dead(q, queue(q.dead_to), copy, reason)) return schedule(q);
    if (q.keeps) {
        StoreRecord& r = record_of(q, RecordKind::dead);
        r.message = copy.id;
        r.reason = reason;
        r.attempt = copy.attempts;
        r.at = now_.wall;
    }
    ++q.dead_ledger.in;
    q.dead.push_back({copy.slot, now_.monotonic, reason, copy.attempts});
    spare(copy.slot);
    while (q.dead.size() > q.settings.dead_max) drop_dead(q);
    schedule(q);
}

/// Hands a dead letter to the queue that takes them. False if it cannot: it is then kept beside its own queue.
/// It is a message of its own from then on, under a new number: that queue may hold the message already.
bool Broker::Machine::move_dead(Queue& from, Queue& to, const Copy& copy, FailureReason reason) {
    const std::uint64_t bytes = messages_.bytes(copy.slot);
    const bool is_split = holders_.count(messages_.holders(copy.slot)) > 1;
    // One whose octets are in the store alone stays beside its queue: it could not be written down again at once.
    if (to.orphan || !can_take(to, bytes) || !messages_.is_loaded(copy.slot)) return false;
    if (is_split && memory() + bytes > topology_->memory_max) return false;
    make_room(to, bytes);
    const Slot slot = split(from, to, copy.slot);
    ++to.live;
    to.bytes += bytes;
    if (from.keeps && !to.keeps) record_settled(from, copy.id, Outcome::dead);
    if (!to.keeps) {
        ++to.ledger.moved_in;
        arrive(to, slot, 1);
        return true;
    }
    ++to.storing;
    const MovingCopy moving{{to.address, slot}, copy.id, from.address, reason, copy.attempts};
    if (store_open()) {
        record_move(moving);
    } else {
        held_.moved.push_back(moving);
    }
    return true;
}

void Broker::Machine::record_move(const MovingCopy& moving) {
    Queue& to = queue(moving.to.queue);
    to.lane(messages_.priority(moving.to.slot)).storing_in = batch().number;
    batch().moved.push_back(moving);
    name_queue(to);
    name_queue(queue(moving.from));
    keep_in(moving.to.slot, batch().number);
    StoreRecord& r = record(RecordKind::moved);
    show_message(r, moving.to.slot);
    if (YM_MUTANT(moved_number_kept)) r.message = moving.origin;
    r.queue = to.number;
    r.origin = moving.origin;
    r.from = queue(moving.from).number;
    r.reason = moving.reason;
    r.attempt = moving.attempts;
}

void Broker::Machine::drop_dead(Queue& q) {
    const Slot slot = q.dead.front().slot;
    q.dead.pop_front();
    if (q.keeps) record_settled(q, messages_.id(slot), Outcome::dropped);
    drop_copy(q.address, slot);
    ++q.dead_ledger.dropped;
}

/// A copy has left its queue for good; its ledger was told by the caller.
void Broker::Machine::settled(Queue& q, Slot slot, Outcome outcome) {
    for (int i = 0; q.keeps && i < (YM_MUTANT(settled_twice) ? 2 : 1); ++i) {
        record_settled(q, messages_.id(slot), outcome);
    }
    --q.live;
    q.bytes -= messages_.bytes(slot);
    drop_copy(q.address, slot);
    if (q.live > 0) return;
    q.empty_since = now_.monotonic;
    if (q.orphan || q.created) schedule(q);
}

void Broker::Machine::schedule(Queue& q) {
    Instant at = Instant::never();
    if (!q.waiting.empty()) at = q.waiting.front().due;
    if (!q.dead.empty()) at = std::min(at, q.dead.front().since + q.settings.dead_keep);
    if (q.settings.limits.rate != unlimited && q.ready > 0 && q.rate_next > now_.monotonic)
        at = std::min(at, q.rate_next);
    if (may_remove(q)) at = std::min(at, remove_at(q));
    queue_deadlines_.set(q.address.value, at);
}

bool Broker::Machine::may_remove(const Queue& q) const {
    const bool is_recorded = q.held_records == 0 && (pending_.empty() || q.recorded_in < pending_.front().number);
    return (q.orphan || q.created) && !q.pinned && q.live == 0 && q.dead.empty() && q.subscribers == 0 && is_recorded;
}

Instant Broker::Machine::remove_at(const Queue& q) const {
    if (q.orphan || !topology_->create) return q.empty_since;
    return q.empty_since + topology_->create->idle;
}

void Broker::Machine::run_queue(Queue& q) {
    while (!q.waiting.empty() && q.waiting.front().due <= now_.monotonic) {
        const Copy copy = q.take_waiting().copy;
        q.put_back(copy, messages_.priority(copy.slot));
    }
    while (!q.dead.empty() && q.dead.front().since + q.settings.dead_keep <= now_.monotonic) drop_dead(q);
    touch(q);
    if (may_remove(q) && remove_at(q) <= now_.monotonic) return remove_queue(q);
    schedule(q);
}

}  // namespace ym
