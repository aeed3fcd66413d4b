// Messages out: queues take turns, a balance plugin picks workers with credit, each gets one frame a turn.
#include <algorithm>

#include "broker/machine.h"

namespace ym {

void Broker::Machine::touch(Queue& q) {
    // One that nobody takes from is looked at when somebody does: let_in_line().
    if (q.active || q.workers_first == no_link) return;
    q.active = true;
    // A queue that had nothing to do gathers no claim on turns that it did not need.
    q.pass = std::max(q.pass, pass_);
    active_.push_back({q.pass, q.address.value});
    std::push_heap(active_.begin(), active_.end(), std::greater<>{});
}

bool Broker::Machine::deliverable_while_draining(const Queue& q) const {
    // What the store keeps can wait for the next start; what it does not keep would be gone.
    return !q.keeps && q.workers_first != no_link;
}

/// Queues take turns by weight: the one that is least far is next, and each delivery takes it further by 1 / weight
/// (Waldspurger and Weihl, "Stride Scheduling", 1995). How far it is outlasts the times when it has nothing to hand
/// out.
void Broker::Machine::dispatch() {
    step_deliveries_ = 0;
    step_octets_at_ = out_->octets.size();
    while ((!active_.empty() || let_more_in_line()) && !step_is_full()) {
        std::pop_heap(active_.begin(), active_.end(), std::greater<>{});
        Queue& q = *addresses_[active_.back().queue].queue;
        active_.pop_back();
        q.active = false;
        if (!active_.empty()) addresses_[active_.front().queue].queue->prefetch();
        const bool alone = active_.empty() && waiting_for_line_.empty();
        const std::uint64_t turn = alone ? unlimited : turn_messages * q.settings.weight;
        const std::uint64_t most = std::min(turn, step_deliveries_max - step_deliveries_);
        const std::uint64_t given = hand_out(q, most);
        step_deliveries_ += given;
        if (given > 0) pass_ = q.pass;
        q.pass += given * (stride / q.settings.weight);
        // One that got less has nothing left, or nobody takes it; what changes that touches it.
        if (given == most || step_is_full()) touch(q);
    }
}

/// So that one step does not keep all others waiting: what is left over is handed out in the next one, at once.
bool Broker::Machine::step_is_full() const {
    return step_deliveries_ >= step_deliveries_max || out_->octets.size() - step_octets_at_ >= step_octets_max;
}

/// How many deliveries the queue's own limits allow now.
std::uint64_t Broker::Machine::allowed(Queue& q) {
    const QueueLimits& limit = q.settings.limits;
    std::uint64_t count = q.ready;
    if (draining_ && !deliverable_while_draining(q)) return 0;
    if (limit.in_flight != unlimited) count = std::min(count, limit.in_flight - std::min(limit.in_flight, q.in_flight));
    if (limit.rate != unlimited) {
        const Duration each{1'000'000'000 / static_cast<std::int64_t>(limit.rate)};
        q.rate_next = std::max(q.rate_next, now_.monotonic - rate_burst);
        if (q.rate_next > now_.monotonic) return 0;
        count = std::min(count, static_cast<std::uint64_t>((now_.monotonic - q.rate_next) / each) + 1);
    }
    return count;
}

std::uint64_t Broker::Machine::hand_out(Queue& q, std::uint64_t most) {
    std::uint64_t given = 0;
    while (given < most && q.ready > 0 && q.workers_first != no_link && !step_is_full()) {
        std::uint64_t count = std::min({allowed(q), most - given, deliver_records_max});
        if (count == 0) break;
        if (!has_front(q)) break;
        std::uint64_t credit = 0;
        if (gather_workers(q, credit) == 0) break;
        count = std::min(count, credit);
        if (!q.balance_columns.empty()) count = show_messages(q, count);
        picks_.assign(static_cast<std::size_t>(count), BalancePolicy::nobody);
        q.settings.balance->pick(views_, picks_);
        const std::uint64_t now_given = deliver(q, count);
        if (now_given == 0) {
            reluctant_.push_back(q.address);
            break;
        }
        given += now_given;
    }
    if (given > 0) look_ahead(q);
    schedule(q);
    return given;
}

/// Whether the queue's next message is in memory; if not, the queue goes on when it is.
bool Broker::Machine::has_front(Queue& q) {
    const Slot front = q.next_lane().front(messages_).slot;
    if (messages_.is_loaded(front)) return true;
    want(q, front);
    return false;
}

/// Views of the workers that would take the queue's next message, the one that has waited longest first.
std::size_t Broker::Machine::gather_workers(Queue& q, std::uint64_t& credit) {
    views_.clear();
    hands_.clear();
    credit = 0;
    std::uint32_t next = q.workers_first;
    const std::size_t most =
        q.settings.balance->follows_workers() ? subscriptions_.size() : BalancePolicy::candidates_max;
    while (next != no_link && views_.size() < most) {
        const std::uint32_t i = next;
        next = subscriptions_[i].next;
        Session& s = sessions_[subscriptions_[i].session];
        if (!s.wants_delivery()) {
            leave_line(i, 0);
            continue;
        }
        WorkerView view;
        view.credit = s.credit + (YM_MUTANT(credit_overrun) ? 1 : 0) - s.unacked.last_tag();
        view.in_flight = s.unacked.size();
        view.idle = now_.monotonic - s.last_worked;
        view.session = s.key.text();
        view.name = s.name;
        credit += std::min(view.credit, deliver_records_max);
        views_.push_back(view);
        hands_.push_back({&s, i});
    }
    return views_.size();
}

/// Shows the queue's policy the fields that it reads of the next messages, `count` at most; returns of how many.
std::uint64_t Broker::Machine::show_messages(Queue& q, std::uint64_t count) {
    count = std::min(count, balance_columns_max);
    next_slots_.clear();
    for (const Lane& lane : q.lanes) {
        if (next_slots_.size() == count) break;
        lane.first(count - next_slots_.size(), messages_, [this](Slot slot) { next_slots_.push_back(slot); });
    }
    const auto out =
        std::find_if(next_slots_.begin(), next_slots_.end(), [this](Slot slot) { return !messages_.is_loaded(slot); });
    next_slots_.erase(out, next_slots_.end());
    const std::size_t columns = q.balance_columns.size();
    if (shown_.size() < columns) shown_.resize(columns);
    shown_pointers_.clear();
    for (std::size_t c = 0; c < columns; ++c) {
        shown_[c].clear();
        for (const Slot slot : next_slots_) {
            const Octets fields = messages_.octets(slot).first(messages_.head(slot).fields_bytes);
            shown_[c].push_back(field_of(fields, q.balance_columns[c]));
        }
        shown_pointers_.push_back(shown_[c].data());
    }
    q.settings.balance->show(shown_pointers_);
    return next_slots_.size();
}

/// Where queues take turns, messages of one queue do not stand beside each other in memory.
void Broker::Machine::prefetch_messages(Queue& q, std::uint64_t count) {
    const Lane& lane = q.next_lane();
    const std::size_t ahead = std::min<std::size_t>(std::min(count, turn_messages), lane.fresh());
    for (std::size_t i = 0; i < ahead; ++i) messages_.prefetch_entry(lane.ahead(i));
    for (std::size_t i = 0; i < ahead; ++i) messages_.prefetch(lane.ahead(i));
}

/// Gives the queue's next `count` messages to the workers in picks_, one frame each. Stops at the first message that
/// nobody is to have now; the messages behind it keep their order.
std::uint64_t Broker::Machine::deliver(Queue& q, std::uint64_t count) {
    // Messages are taken in order first, so that each worker's frame can be written in one go.
    taken_.clear();
    std::uint64_t octets = out_->octets.size() - step_octets_at_;
    constexpr std::size_t prefetch_ahead = 8;
    Lane* lane = nullptr;
    if (!active_.empty()) prefetch_messages(q, count);
    for (std::size_t i = 0; i < count && octets < step_octets_max; ++i) {
        const std::uint32_t pick = picks_[i];
        if (pick >= views_.size() || views_[pick].credit == 0) break;
        if (lane == nullptr || lane->size() == 0) lane = &q.next_lane();
        const Copy copy = lane->front(messages_);
        if (!messages_.is_loaded(copy.slot)) break;
        messages_.prefetch(lane->ahead(prefetch_ahead));
        Hand& hand = hands_[pick];
        if (!hand.worker->takes_bytes()) break;
        hand.worker->bytes_sent += messages_.body_bytes(copy.slot);
        octets += messages_.bytes(copy.slot);
        --views_[pick].credit;
        lane->pop(copy);
        const auto index = static_cast<std::uint32_t>(taken_.size());
        (hand.first == no_link ? hand.first : taken_[hand.last].next) = index;
        hand.last = index;
        taken_.push_back({copy});
    }
    const std::size_t given = taken_.size();
    if (given == 0) return 0;
    q.ready -= given;
    if (q.settings.limits.rate != unlimited) {
        q.rate_next = q.rate_next + Duration{1'000'000'000 / static_cast<std::int64_t>(q.settings.limits.rate)} * given;
    }
    for (std::uint32_t i = 0; i < given; ++i) {
        if (hands_[picks_[i]].first == i) write_deliveries(q, hands_[picks_[i]]);
    }
    return given;
}

/// Writes every message of this turn that is for one worker, in frames of bounded size.
void Broker::Machine::write_deliveries(Queue& q, const Hand& hand) {
    Session& worker = *hand.worker;
    if (worker.majordomo) {  // it has credit for one at a time
        const bool works = write_majordomo_request(q, worker, taken_[hand.first].copy);
        leave_line(hand.subscription, 1);
        if (!works) idle_again(worker);
        return;
    }
    wire::FrameWriter writer(out_->octets);
    std::size_t at = out_->octets.size();
    const std::uint64_t lease_ms = to_ms(q.settings.lease);
    const std::uint64_t first_tag = worker.unacked.last_tag() + 1;
    writer.begin(wire::Verb::deliver, 0, q.settings.name, lease_ms);
    for (std::uint32_t i = hand.first; i != no_link; i = taken_[i].next) {
        if (writer.size() > deliver_bytes_max) {
            writer.end();
            send(worker, at);
            at = out_->octets.size();
            writer.begin(wire::Verb::deliver, 0, q.settings.name, lease_ms);
        }
        give(q, worker, taken_[i].copy, writer);
    }
    writer.end();
    send(worker, at);
    watch_leases(worker, {now_.monotonic + q.settings.lease, first_tag, worker.unacked.last_tag()});
    worker.last_worked = now_.monotonic;
    // To the back of the line, unless its credit is used up.
    if (worker.wants_delivery()) {
        unlink_worker(hand.subscription);
        link_worker(hand.subscription);
    } else {
        leave_line(hand.subscription, taken_.size());
    }
    session_deadlines_.set_earlier(worker.ref.index, now_.monotonic + q.settings.lease);
}

/// Begins a delivery, and returns its tag.
std::uint64_t Broker::Machine::lease(Queue& q, Session& worker, const Copy& copy, Duration lease) {
    Delivery delivery;
    delivery.slot = copy.slot;
    delivery.queue = q.address;
    delivery.attempts = copy.attempts + 1;
    delivery.granted = now_.monotonic;
    delivery.deadline = now_.monotonic + lease;
    const std::uint64_t tag = worker.unacked.add(delivery);
    ++messages_.head(copy.slot).leases;
    ++q.in_flight;
    ++q.delivered;
    if (copy.attempts > 0) ++q.redelivered;
    if (!YM_MUTANT(fence_reused) || fence_ == 0) ++fence_;
    return tag;
}

void Broker::Machine::give(Queue& q, Session& worker, const Copy& copy, wire::FrameWriter& writer) {
    const std::uint64_t tag = lease(q, worker, copy, q.settings.lease);
    const MessageHead& head = messages_.head(copy.slot);
    const Octets octets = messages_.octets(copy.slot);
    const std::size_t cut = YM_MUTANT(body_cut) && octets.size() > head.fields_bytes ? 1 : 0;
    const std::array first{
        wire::NumberField{wire::Field::fence, fence()},
        wire::NumberField{wire::Field::first_accepted_ms,
                          static_cast<std::uint64_t>(head.accepted_wall.since_epoch.count())},
    };
    writer.whole_record(static_cast<std::uint16_t>(std::min(copy.attempts + 1, 0xffffU)), tag, first,
                        octets.first(octets.size() - cut), head.fields_bytes);
}

/// A worker that takes deliveries again stands in line at the queues that it left; those see by themselves when it
/// takes none any more. So neither costs a look at every queue that it works on.
void Broker::Machine::update_wants(Session& s) {
    for (const AddressId id : reluctant_) {
        if (addresses_[id.value].queue) touch(queue(id));
    }
    reluctant_.clear();
    if (!s.out_of_line.empty() && s.wants_delivery()) let_in_line(s);
}

/// The queues that are least far come first; a worker of many queues stands in line at the others when those have not
/// used up its credit. Else each of its settlements would lead to a look at all of them, most of them in vain.
void Broker::Machine::let_in_line(Session& s) {
    for (std::size_t i = 0; i < lines_at_once && !s.out_of_line.empty(); ++i) {
        std::pop_heap(s.out_of_line.begin(), s.out_of_line.end(), std::greater<>{});
        const std::uint32_t index = s.out_of_line.back().subscription;
        s.out_of_line.pop_back();
        link_worker(index);
        Queue& q = queue(subscriptions_[index].queue);
        if (q.ready > 0) touch(q);
    }
    if (s.out_of_line.empty() || s.waits_for_line) return;
    s.waits_for_line = true;
    waiting_for_line_.push_back(s.ref.index);
}

/// False if no queue has anything to hand out for that.
bool Broker::Machine::let_more_in_line() {
    while (active_.empty() && !waiting_for_line_.empty()) {
        let_in_.clear();
        let_in_.swap(waiting_for_line_);
        for (const std::uint32_t index : let_in_) {
            Session& s = sessions_[index];  // or a later one in its place, which may well be asked
            s.waits_for_line = false;
            if (!s.out_of_line.empty() && s.wants_delivery()) let_in_line(s);
        }
    }
    return !active_.empty();
}

/// `given`: so many messages have just come from that queue, and are not yet in its claim on turns.
void Broker::Machine::leave_line(std::uint32_t index, std::uint64_t given) {
    unlink_worker(index);
    put_out_of_line(index, given);
}

void Broker::Machine::put_out_of_line(std::uint32_t index, std::uint64_t given) {
    const Queue& q = queue(subscriptions_[index].queue);
    const std::uint64_t pass = std::max(q.pass, pass_) + given * (stride / q.settings.weight);
    std::vector<OutOfLine>& heap = sessions_[subscriptions_[index].session].out_of_line;
    heap.push_back({pass, index});
    std::push_heap(heap.begin(), heap.end(), std::greater<>{});
}

void Broker::Machine::link_worker(std::uint32_t index) {
    Subscription& link = subscriptions_[index];
    YM_CHECK(!link.listed);
    Queue& q = queue(link.queue);
    link.listed = true;
    link.previous = q.workers_last;
    link.next = no_link;
    if (q.workers_last == no_link) {
        q.workers_first = index;
    } else {
        subscriptions_[q.workers_last].next = index;
    }
    q.workers_last = index;
}

void Broker::Machine::unlink_worker(std::uint32_t index) {
    Subscription& link = subscriptions_[index];
    if (!link.listed) return;
    Queue& q = queue(link.queue);
    if (link.previous == no_link) {
        q.workers_first = link.next;
    } else {
        subscriptions_[link.previous].next = link.next;
    }
    if (link.next == no_link) {
        q.workers_last = link.previous;
    } else {
        subscriptions_[link.next].previous = link.previous;
    }
    link.listed = false;
}

}  // namespace ym
