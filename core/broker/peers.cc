// Who is there: strangers, HELLO, sessions that come, go away, come back, or are lost.
#include <algorithm>

#include "broker/machine.h"

namespace ym {

using wire::Status;
using wire::Verb;

Peer& Broker::Machine::peer(PeerId id) {
    if (id.value >= peers_.size()) peers_.resize(std::size_t{id.value} + 1);
    return peers_[id.value];
}

const ListenerSettings& Broker::Machine::limits(std::uint32_t listener) const {
    return topology_->listeners[std::min<std::size_t>(listener, topology_->listeners.size() - 1)];
}

Session* Broker::Machine::session(SessionRef ref) {
    if (ref.index >= sessions_.size() || sessions_[ref.index].ref != ref) return nullptr;
    return &sessions_[ref.index];
}

void Broker::Machine::on(const FrameReceived& event) {
    Peer& from = peer(event.peer);
    from.listener = event.listener;
    if (from.state == PeerState::ignored) {
        ++malformed_;
        return;
    }
    // An empty frame is what ZMQ_PROBE_ROUTER sends on connect.
    if (event.parts.empty() || (event.parts.size() == 1 && event.parts[0].empty())) {
        if (from.state == PeerState::unknown) forget_peer(event.peer);
        return;
    }
    if (limits(event.listener).protocol != Protocol::ymp || !wire::looks_like_ymp(event.parts[0]))
        return on_majordomo(event);
    wire::Frame frame;
    if (const auto error = wire::parse_frame(event.parts[0], frame)) return malformed(event.peer, *error, {});
    const std::size_t expected = (frame.flags & wire::flag_body_in_second_frame) != 0 ? 2 : 1;
    if (event.parts.size() != expected)
        return malformed(event.peer, {Status::malformed, "frames", 0}, "one frame a message");
    if (frame.verb >= Verb::welcome)
        return malformed(event.peer, {Status::malformed, "verb", 4}, "a verb of the broker");
    if (frame.verb == Verb::hello) return on_hello(event, frame);
    if (from.state != PeerState::joined || sessions_[from.session].majordomo) return deny(event.peer, from);
    Session& s = sessions_[from.session];
    s.last_heard = now_.monotonic;
    if (s.silent) revive(s);
    switch (frame.verb) {
        case Verb::publish: return on_publish(s, event, frame);
        case Verb::settle: return on_settle(s, event, frame);
        case Verb::credit: return on_credit(s, event, frame);
        case Verb::bye: return on_bye(s);
        case Verb::drain: s.leaving = true; return update_wants(s);
        default: return;  // HEARTBEAT: a sign of life
    }
}

bool attach_body(const FrameReceived& event, const wire::Frame& frame, wire::Record& record) {
    if (event.parts.size() < 2) return true;
    std::uint32_t length = 0;
    const std::size_t at = record.at - frame.records_at;
    length = load_be<std::uint32_t>(frame.records.data() + at);
    if (at + length != frame.records.size()) return true;
    if (!record.body.empty()) return false;
    record.body = event.parts[1];
    return true;
}

void Broker::Machine::deny(PeerId id, Peer& from) {
    if (from.state == PeerState::unknown) stranger(id);
    if (!YM_MUTANT(strangers_ignored)) error_to(id, Status::say_hello, "verb", 4, "say HELLO first");
}

void Broker::Machine::stranger(PeerId id) {
    Peer& p = peer(id);
    if (p.state == PeerState::unknown) p.state = PeerState::stranger;
    Ring<PeerId>& known = strangers(p.listener);
    known.push_back(id);
    // Strangers are bounded like peers; the oldest is forgotten first.
    while (known.size() > limits(p.listener).peers) {
        const PeerId oldest = known.front();
        known.pop_front();
        const PeerState state = peer(oldest).state;
        if (state == PeerState::stranger || state == PeerState::ignored) forget_peer(oldest);
    }
}

Ring<PeerId>& Broker::Machine::strangers(std::uint32_t listener) {
    if (listener >= strangers_.size()) strangers_.resize(std::size_t{listener} + 1);
    return strangers_[listener];
}

/// How many sessions are connected by this listener.
std::uint64_t& Broker::Machine::connected(std::uint32_t listener) {
    if (listener >= connected_.size()) connected_.resize(std::size_t{listener} + 1);
    return connected_[listener];
}

void Broker::Machine::revive(Session& s) {
    s.silent = false;
    update_wants(s);
    schedule(s);
}

/// A queue that a worker's HELLO names, `at` so many octets into the frame. If there is none, the peer is told why not.
bool Broker::Machine::read_queue(PeerId from, std::string_view name, std::uint32_t at, Hello& hello) {
    if (name.empty() || name.size() > wire::name_bytes_max) {
        malformed(from, {Status::malformed, "queue", at}, "a name has 1 to 255 octets");
        return false;
    }
    const AddressId id = find_or_create(name);
    if (id == no_address || !addresses_[id.value].queue) {
        error_to(
            from, no_address_status(name), "queue", at,
            id == no_address ? why_no_address(name) : "'" + std::string(name) + "' is a pipeline; work on its queues");
        return false;
    }
    if (std::find(hello.queues.begin(), hello.queues.end(), id) == hello.queues.end()) hello.queues.push_back(id);
    return true;
}

bool Broker::Machine::read_hello(const FrameReceived& event, const wire::Frame& frame, Hello& hello) {
    wire::RecordCursor cursor(frame);
    wire::Record record;
    if (cursor.next(record) != wire::RecordCursor::Step::record) {
        malformed(event.peer, {Status::malformed, "record", frame.records_at}, "HELLO has one record");
        return false;
    }
    hello.key.principal = event.principal;
    hello.lowest = record.id;
    bool has_session = false;
    wire::FieldCursor fields(record.fields);
    wire::FieldView field;
    while (fields.next(field)) {
        switch (static_cast<wire::Field>(field.tag)) {
            case wire::Field::session:
                if (field.value.size() != wire::session_bytes) break;
                std::memcpy(hello.key.octets.data(), field.value.data(), wire::session_bytes);
                has_session = true;
                break;
            case wire::Field::versions:
                if (as_text(field.value).find('\1') != std::string_view::npos) break;
                error_to(event.peer, Status::version, "versions", record.at, "this broker speaks YMP/1");
                return false;
            case wire::Field::queue:
                if (!read_queue(event.peer, as_text(field.value), record.at, hello)) return false;
                break;
            case wire::Field::bytes:
                if (const auto bytes = wire::as_u64(field.value)) hello.bytes_credit = *bytes;
                break;
            case wire::Field::through: hello.highest = wire::as_u64(field.value).value_or(0); break;
            case wire::Field::heartbeat_ms: break;  // what the peer would like; the broker's own interval holds
            default:
                if (!wire::must_understand(field.tag)) break;
                malformed(event.peer, {Status::malformed, "field", record.at}, "a field that HELLO does not have");
                return false;
        }
    }
    if (!has_session) {
        malformed(event.peer, {Status::malformed, "session", record.at}, "a session of 16 octets is required");
        return false;
    }
    return true;
}

void Broker::Machine::on_hello(const FrameReceived& event, const wire::Frame& frame) {
    Hello hello;
    if (!read_hello(event, frame, hello)) {
        if (peer(event.peer).state == PeerState::unknown) stranger(event.peer);
        return;
    }
    bool resumed = false;
    if (const auto known = by_key_.find(hello.key); known != by_key_.end()) {
        const SessionState state = sessions_[known->second].state;
        resumed = state == SessionState::connected || state == SessionState::away;
    }
    Session* joined = join(event, hello);
    if (joined == nullptr) return;
    Session& s = *joined;
    // What it sent above its window was refused, and must not move the window past what it was told to send.
    s.accepted.see(std::max(std::min(hello.highest, publish_window(s)), hello.lowest > 0 ? hello.lowest - 1 : 0));
    s.name = std::string(frame.name);
    ++s.uses;
    s.credit = frame.number;
    s.bytes_credit = hello.bytes_credit;
    s.bytes_sent = 0;
    s.leaving = false;
    s.body_bytes = 0;
    s.window = 0;
    unsubscribe(s);
    subscribe(s, hello.queues);
    welcome(s, resumed);
    flush_held(s);
    update_wants(s);
    schedule(s);
}

Session* Broker::Machine::join(const FrameReceived& event, const Hello& hello) {
    const SessionKey& key = hello.key;
    Peer& from = peer(event.peer);
    // A key like that of the peer's Majordomo session, which nobody resumes, is one of its own.
    if (from.state == PeerState::joined && (sessions_[from.session].majordomo || sessions_[from.session].key != key))
        detach(sessions_[from.session]);
    const auto known = by_key_.find(key);
    Session* s = known == by_key_.end() ? nullptr : &sessions_[known->second];
    const PeerLimits& limit = limits(event.listener);
    const bool is_connected = s != nullptr && s->state == SessionState::connected;
    const bool comes_in = !is_connected || s->listener != event.listener;
    if (comes_in && is_full(event.listener)) {
        error_to(event.peer, Status::full, "peers", 0, "too many peers (listeners.*.limits.peers)");
        if (peer(event.peer).state == PeerState::unknown) stranger(event.peer);
        return nullptr;
    }
    // Whatever lies between its lowest open sequence and its highest may still come, within reason.
    const std::uint64_t start = hello.lowest > 0 ? hello.lowest - 1 : 0;
    const std::uint64_t open = std::max(hello.highest, start) - start;
    const std::uint64_t span = 2 * limit.unconfirmed + std::min(open, open_windows_max * limit.unconfirmed);
    if (s == nullptr) {
        s = &new_session();
        s->key = key;
        s->accepted.begin(start, span);
        s->accepted.see(hello.highest);
        by_key_.emplace(key, s->ref.index);
    } else if (s->uses == 0) {
        s->accepted.widen(span);  // an earlier broker told it how far it may go; what it refused stands in no store
        s->accepted.see(hello.highest);
    }
    s->accepted.widen(2 * limit.unconfirmed);  // settings, or those of this listener, may allow more than before
    if (YM_MUTANT(dedupe_forgotten_on_resume))
        s->accepted.begin(s->accepted.highest() > 64 ? s->accepted.highest() - 64 : 0, 2 * limit.unconfirmed);
    // A HELLO ends the earlier use of its session (WIRE, "What bites" 1).
    if (is_connected && s->peer != event.peer) forget_peer(s->peer);
    if (is_connected) --connected(s->listener);
    attach(*s, event);
    return s;
}

Session& Broker::Machine::new_session() {
    if (sessions_free_.empty()) {
        const auto index = static_cast<std::uint32_t>(sessions_.size());
        sessions_.emplace_back().ref.index = index;
        return sessions_.back();
    }
    const std::uint32_t index = sessions_free_.back();
    sessions_free_.pop_back();
    return sessions_[index];
}

void Broker::Machine::attach(Session& s, const FrameReceived& event) {
    ++connected(event.listener);
    Peer& from = peer(event.peer);
    from.state = PeerState::joined;
    from.session = s.ref.index;
    s.state = SessionState::connected;
    s.peer = event.peer;
    s.listener = event.listener;
    s.since = s.last_heard = now_.monotonic;
    s.silent = false;
    s.stretch = stretch_for(s.listener, connected(s.listener));
}

void Broker::Machine::welcome(Session& s, bool resumed) {
    const PeerLimits& limit = limits(s.listener);
    const std::size_t at = out_->octets.size();
    wire::FrameWriter writer(out_->octets);
    writer.begin(Verb::welcome, 0, topology_->broker_name, s.accepted.taken());
    writer.begin_record(0, 0);
    writer.field(wire::Field::boot, options_.boot);
    writer.field(wire::Field::epoch, epoch_);
    writer.field(wire::Field::broker_time_ms, static_cast<std::uint64_t>(now_.wall.since_epoch.count()));
    writer.field(wire::Field::heartbeat_ms, to_ms(heartbeat(s)));
    writer.field(wire::Field::frame_max, limit.frame);
    writer.field(wire::Field::records_max, limit.records);
    writer.field(wire::Field::through, publish_window(s));
    writer.field(wire::Field::bytes, bytes_window(s));
    writer.field(wire::Field::last_tag, s.unacked.last_tag());
    writer.end();
    send(s, at);
    notice(resumed ? NoticeKind::peer_resumed : NoticeKind::peer_joined, s.name, resumed ? "resumed its session" : "",
           s.unacked.size());
    if (draining_) send_bare(s, Verb::drain);
}

void Broker::Machine::subscribe(Session& s, const std::vector<AddressId>& queues) {
    for (const AddressId id : queues) {
        std::uint32_t index = 0;
        if (subscriptions_free_.empty()) {
            index = static_cast<std::uint32_t>(subscriptions_.size());
            subscriptions_.emplace_back();
        } else {
            index = subscriptions_free_.back();
            subscriptions_free_.pop_back();
        }
        subscriptions_[index] = {s.ref.index, id, no_link, no_link, false};
        s.subscriptions.push_back(index);
        put_out_of_line(index, 0);
        ++queue(id).subscribers;
        schedule(queue(id));
    }
}

void Broker::Machine::unsubscribe(Session& s) {
    for (const std::uint32_t index : s.subscriptions) {
        unlink_worker(index);
        Queue& q = queue(subscriptions_[index].queue);
        --q.subscribers;
        q.settings.balance->gone(s.key.text());
        if (q.ready > 0) touch(q);  // what waited for this worker need not wait any more
        q.empty_since = now_.monotonic;
        schedule(q);
        subscriptions_free_.push_back(index);
    }
    s.subscriptions.clear();
    s.out_of_line.clear();
}

void Broker::Machine::on_bye(Session& s) {
    notice(NoticeKind::peer_left, s.name, "said BYE", s.unacked.size());
    // The answers of this step come before the BYE that ends the connection's use.
    if (s.listed) flush_session(s);
    send_bare(s, Verb::bye);
    const PeerId id = s.peer;
    detach(s);
    forget_peer(id);
    lose(s, std::nullopt);
}

void Broker::Machine::on(const PeerUnreachable& event) {
    const Peer from = peer(event.peer);
    forget_peer(event.peer);
    if (from.state == PeerState::joined) {
        Session& s = sessions_[from.session];
        if (s.majordomo) take_back_unsent(s);
        detach(s);
    }
}

void Broker::Machine::detach(Session& s) {
    if (s.state != SessionState::connected) return;
    peer(s.peer).state = PeerState::unknown;
    s.state = SessionState::away;
    s.since = now_.monotonic;
    --connected(s.listener);
    if (s.majordomo) return lose(s, FailureReason::worker_lost);  // it cannot resume: it comes back as another
    update_wants(s);
    schedule(s);
}

void Broker::Machine::lose(Session& s, std::optional<FailureReason> reason) {
    if (reason && !s.majordomo)
        notice(NoticeKind::peer_lost, s.name, "did not come back within the grace", s.unacked.size());
    end_leases(s, reason);
    unsubscribe(s);
    s.leases_due.clear();
    s.state = SessionState::remembered;
    s.since = now_.monotonic;
    if (s.majordomo || (s.accepted.taken() == 0 && s.requests == 0)) return forget(s);
    remembered_.push_back(s.ref);
    while (remembered_.size() > remembered_max) {
        Session* oldest = session(remembered_.front());
        remembered_.pop_front();
        if (oldest != nullptr && oldest->state == SessionState::remembered) forget(*oldest);
    }
    schedule(s);
}

/// Takes all that a session holds from it.
void Broker::Machine::end_leases(Session& s, std::optional<FailureReason> reason) {
    while (const std::uint64_t tag = s.unacked.next(0)) {
        const Delivery delivery = *s.unacked.find(tag);
        const Copy copy = end_lease(s, tag, delivery);
        if (YM_MUTANT(dropped_requeue) || (YM_MUTANT(departed_request_lost) && s.majordomo)) continue;
        if (reason) {
            fail(s, copy, delivery.queue, *reason);
        } else {
            give_back(queue(delivery.queue), copy);
        }
    }
}

void Broker::Machine::forget(Session& s) {
    if (!s.majordomo) by_key_.erase(s.key);
    session_deadlines_.set(s.ref.index, Instant::never());
    replies_dropped_ += s.held.size();
    for (const HeldReply& held : s.held) reply_bytes_ -= held.frame.size();
    reply_bytes_ -= s.sent_reply_bytes;
    const SessionRef next{s.ref.index, s.ref.generation + 1};
    const bool listed = s.listed;
    s = Session{};
    s.ref = next;
    s.listed = listed;  // the step's end takes it off the list
    sessions_free_.push_back(next.index);
}

void Broker::Machine::schedule(Session& s) {
    const PeerLimits& limit = limits(s.listener);
    if (s.majordomo) return session_deadlines_.set(s.ref.index, majordomo_deadline(s));
    Instant at = first_lease_due(s);
    switch (s.state) {
        case SessionState::connected:
            at = std::min(at, s.last_sent + heartbeat(s));
            if (!s.silent) at = std::min(at, s.last_heard + heartbeat(s) * limit.missed);
            break;
        case SessionState::away: at = std::min(at, s.since + limit.grace); break;
        case SessionState::remembered: at = s.since + remembered_for; break;
        case SessionState::free: at = Instant::never(); break;
    }
    if (s.state != SessionState::free && !s.sent_replies_due.empty()) at = std::min(at, s.sent_replies_due.front().at);
    session_deadlines_.set(s.ref.index, std::min(at, s.held_due));
}

void Broker::Machine::forget_peer(PeerId id) {
    peer(id) = Peer{};
    out_->forget.push_back(id);
}

void Broker::Machine::malformed(PeerId id, const wire::DecodeError& error, std::string_view text) {
    ++malformed_;
    Peer& from = peer(id);
    if (from.state == PeerState::unknown) stranger(id);
    if (++from.malformed <= malformed_max) {
        error_to(id, error.status, error.field, error.at, text);
        return;
    }
    // No stable call of libzmq closes one peer: one that goes on is not listened to any more.
    std::string name = "a peer";
    if (from.state == PeerState::joined) {
        Session& s = sessions_[from.session];
        name = s.name;
        detach(s);
        strangers(from.listener).push_back(id);
    }
    peer(id).state = PeerState::ignored;
    notice(NoticeKind::peer_ignored, name, "sent too many malformed frames", malformed_max);
}

}  // namespace ym
