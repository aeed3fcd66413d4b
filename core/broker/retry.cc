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
    failures_.all.push_back({copy, address, reason, words.retry_after});
}

void Broker::Machine::decide_failures() {
    for (std::size_t from = 0; from < failures_.all.size();) {
        RetryPolicy* policy = queue(failures_.all[from].queue).retry;
        std::size_t to = from;
        failures_.attempts.clear();
        for (; to < failures_.all.size() && queue(failures_.all[to].queue).retry == policy; ++to) {
            const Failed& f = failures_.all[to];
            FailedAttempt attempt;
            attempt.reason = f.reason;
            attempt.attempt = f.copy.attempts;
            attempt.age = now_.monotonic - messages_.head(f.copy.slot).accepted;
            attempt.retry_after = f.retry_after;
            attempt.random = mix64(options_.seed ^ mix64(f.copy.id.value) ^ f.copy.attempts);
            failures_.attempts.push_back(attempt);
        }
        failures_.next.assign(failures_.attempts.size(), NextAttempt{});
        policy->decide(failures_.attempts, failures_.next);
        for (std::size_t i = from; i < to; ++i) follow(failures_.all[i], failures_.next[i - from]);
        from = to;
    }
    failures_.all.clear();
}

void Broker::Machine::follow(Failed& failed, const NextAttempt& next) {
    Queue& q = queue(failed.queue);
    if (next.wait == RetryPolicy::dead_letter) return dead_letter(q, failed.copy, failed.reason);
    if (!next.counts && !YM_MUTANT(throttled_counts)) --failed.copy.attempts;
    if (next.pauses != Pause::message && next.wait > Duration{0}) pause(q, failed.copy.slot, next);
    return_copy(q, failed.copy, next.wait, failed.reason);
}

/// Others wait with a message: all that have its key, if it has one, or all of its queue.
void Broker::Machine::pause(Queue& q, Slot slot, const NextAttempt& next) {
    const Instant until = now_.monotonic + next.wait;
    if (YM_MUTANT(pause_ignored)) return;
    if (next.pauses == Pause::queue) {
        q.paused_until = std::max(q.paused_until, until);
        return schedule(q);
    }
    const std::string_view key = key_of(slot);
    if (key.empty()) return;
    if (!q.paused_keys) q.paused_keys = std::make_unique<PausedKeys>();
    q.paused_keys->pause(key, until, now_.monotonic);
}

/// Of a loaded message.
std::string_view Broker::Machine::key_of(Slot slot) const {
    static const Column key = column_of("key");
    return field_of(messages_.octets(slot).first(messages_.head(slot).fields_bytes), key);
}

/// Of the queue's next messages, `count` at most, puts aside those whose key is paused: they come back to their places
/// when it is not. How many of the next ones may be delivered.
std::uint64_t Broker::Machine::put_aside(Queue& q, std::uint64_t count) {
    next_slots_.clear();
    for (const Lane& lane : q.lanes) {
        if (next_slots_.size() == count) break;
        lane.first(static_cast<std::size_t>(count) - next_slots_.size(), messages_,
                   [this](Slot slot) { next_slots_.push_back(slot); });
    }
    std::uint64_t may_go = 0;
    for (const Slot slot : next_slots_) {
        if (!messages_.is_loaded(slot)) break;
        const Instant until = q.paused_keys->until(key_of(slot));
        if (until <= now_.monotonic) {
            ++may_go;
            continue;
        }
        const auto copy = q.lane(messages_.priority(slot)).remove(messages_.id(slot), messages_);
        --q.ready;
        wait(q, *copy, until, WaitReason::key_paused);
    }
    return may_go;
}

/// Puts a copy back in its place, now or after `time`.
void Broker::Machine::return_copy(Queue& q, const Copy& copy, Duration time, FailureReason why) {
    if (q.keeps) {
        StoreRecord& r = record_of(q, RecordKind::attempted);
        r.message = copy.id;
        r.attempt = copy.attempts;
        r.reason = why;
        r.at = WallTime{now_.wall.since_epoch + std::chrono::duration_cast<std::chrono::milliseconds>(time)};
    }
    if (may_expire(q, copy.slot) && times_of(q, copy.slot).expires <= wall_ms()) return expire(q, copy);
    if (time > Duration{0}) {
        wait(q, copy, now_.monotonic + time, static_cast<WaitReason>(why));
        return schedule(q);
    }
    put_in_place(q, copy);
}

/// A delivery that was not begun uses up no attempt; its copy is as the store knows it, so nothing is written.
void Broker::Machine::give_back(Queue& q, Copy copy) {
    --copy.attempts;
    if (may_expire(q, copy.slot) && times_of(q, copy.slot).expires <= wall_ms()) return expire(q, copy);
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
    std::uint64_t bytes = messages_.bytes(copy.slot);
    const bool is_split = holders_.count(messages_.holders(copy.slot)) > 1;
    // One whose octets are in the store alone stays beside its queue: it could not be written down again at once.
    if (to.orphan || !can_take(to, bytes) || !messages_.is_loaded(copy.slot)) return false;
    if (is_split && memory() + bytes > topology_->memory_max) return false;
    make_room(to, bytes);
    const bool has_times = messages_.is_timed(copy.slot) || to.settings.ttl > Duration{0};
    const Slot slot = has_times ? split_timed(from, to, copy.slot) : split(from, to, copy.slot);
    bytes = messages_.bytes(slot);
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
    if (!q.waiting.empty()) at = instant_of(q.waiting.earliest());
    if (q.ready > 0 && q.paused_until > now_.monotonic) at = std::min(at, q.paused_until);
    if (!q.dead.empty()) at = std::min(at, q.dead.front().since + q.settings.dead_keep);
    if (q.settings.limits.rate != unlimited && q.ready > 0 && q.rate_next > now_.monotonic)
        at = std::min(at, q.rate_next);
    if (may_remove(q)) at = std::min(at, remove_at(q));
    queue_deadlines_.set(q.address.value, at);
    if (q.times) wall_deadlines_.set(q.address.value, wall_deadline(*q.times));
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
    take_waiting(q);
    while (!q.dead.empty() && q.dead.front().since + q.settings.dead_keep <= now_.monotonic) drop_dead(q);
    touch(q);
    if (may_remove(q) && remove_at(q) <= now_.monotonic) return remove_queue(q);
    schedule(q);
}

}  // namespace ym
