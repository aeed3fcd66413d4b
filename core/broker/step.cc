// One step: events in order, then what time has brought, then hand out, then tell.
#include "broker/machine.h"

namespace ym {

Broker::Broker(const BrokerOptions& options) : machine_(std::make_unique<Machine>(options)) {}
Broker::~Broker() = default;
void Broker::step(Now now, std::span<Event> events, Effects& effects) {
    machine_->step(now, events, effects);
}
Instant Broker::next_deadline() const {
    return machine_->next_deadline();
}
std::vector<CopyStatus> Broker::copies() const {
    return machine_->copies();
}

StatusReport Broker::status(Instant now) const {
    return machine_->status(now);
}

Broker::Machine::Machine(const BrokerOptions& options) : options_(options) {}

void Broker::Machine::step(Now now, std::span<Event> events, Effects& effects) {
    if (finished_ != Finish::no) return;
    if (!started_known_) {
        started_ = now.monotonic;
        started_known_ = true;
    }
    now_ = now;
    out_ = &effects;
    lists_.clear();
    // Between steps nothing is borrowed.
    page_out_spared();
    if (memory_short_) messages_.pack();
    memory_short_ = false;
    held_go_ = false;
    release_held();
    for (Event& event : events) {
        apply(event);
        if (finished_ != Finish::no) return;
    }
    run_due();
    flush_lost();
    dispatch();
    decide_failures();  // of messages that no worker was given
    tend_store();
    close_empty_batch();
    flush_answers();
    seal_batch();
    // A peer may speak again in the step that forgot it: it is known again, and its number stays its own.
    std::erase_if(out_->forget, [this](PeerId id) { return peer(id).state != PeerState::unknown; });
    if (draining_) check_drained();
}

void Broker::Machine::apply(Event& event) {
    std::visit([this](auto& e) { on(e); }, event);
    decide_failures();
}

Instant Broker::Machine::next_deadline() const {
    if (finished_ != Finish::no) return Instant::never();
    if (!active_.empty() || !waiting_for_line_.empty()) return now_.monotonic;  // the last step was full
    Instant at = std::min(session_deadlines_.earliest(), queue_deadlines_.earliest());
    if (!requests_due_.empty()) at = std::min(at, requests_due_.front().at);
    if (holds_records() && store_state_ == StoreState::ready) at = std::min(at, store_full_until_);
    at = std::min(at, drain_until_);
    return YM_MUTANT(late_wake) && at != Instant::never() ? at + 1s : at;
}

void Broker::Machine::run_due() {
    // Only deadlines up to `now` are served, and serving one sets it later: this ends.
    while (session_deadlines_.earliest() <= now_.monotonic) run_session(sessions_[session_deadlines_.front()]);
    while (queue_deadlines_.earliest() <= now_.monotonic) {
        run_queue(*addresses_[queue_deadlines_.front()].queue);
    }
    expire_requests();
    decide_failures();
}

void Broker::Machine::run_session(Session& session) {
    if (session.majordomo) return run_majordomo(session);
    const PeerLimits& limit = limits(session.listener);
    const Instant now = now_.monotonic;
    expire_replies(session);
    switch (session.state) {
        case SessionState::connected:
            if (now - session.last_sent >= heartbeat(session)) send_heartbeat(session);
            if (!session.silent && now - session.last_heard >= heartbeat(session) * limit.missed) {
                session.silent = true;
                update_wants(session);
                notice(NoticeKind::peer_silent, session.name, "no sign of life; gets no new deliveries");
            }
            expire_leases(session);
            break;
        case SessionState::away:
            expire_leases(session);
            if (now - session.since >= limit.grace) lose(session, FailureReason::worker_lost);
            break;
        case SessionState::remembered:
            if (now - session.since >= remembered_for) {
                forget(session);
                return;
            }
            break;
        case SessionState::free: break;
    }
    schedule(session);
}

void Broker::Machine::on(DrainRequested& /*event*/) {
    begin_drain();
}

void Broker::Machine::begin_drain() {
    if (draining_) return;
    draining_ = true;
    drain_until_ = now_.monotonic + topology_->drain;
    notice(NoticeKind::drain_begun, topology_->broker_name, "no new messages are taken; workers may finish");
    for (Session& session : sessions_) {
        if (session.state == SessionState::connected) send_bare(session, wire::Verb::drain);
    }
}

void Broker::Machine::check_drained() {
    bool busy = !pending_.empty() || holds_records();
    for (const Address& address : addresses_) {
        if (!address.queue) continue;
        const Queue& q = *address.queue;
        busy = busy || q.in_flight > 0 || (q.ready > 0 && q.subscribers > 0 && deliverable_while_draining(q));
    }
    if (!busy || now_.monotonic >= drain_until_) finish(Finish::drained);
}

void Broker::Machine::finish(Finish how) {
    if (how == Finish::drained) {
        for (Session& session : sessions_) {
            // Leases that are still out return: what is in the books at the end is what is live.
            if (session.state == SessionState::connected) {
                send_bare(session, wire::Verb::bye);
                end_leases(session, std::nullopt);
                detach(session);
            }
            if (session.state == SessionState::away) lose(session, std::nullopt);
        }
    }
    if (how != Finish::drained) out_->records.clear();  // of a batch that will never be appended
    finished_ = how;
    out_->finish = how;
}

}  // namespace ym
