// Peers that speak Majordomo (ZeroMQ RFCs 7 and 18) or Paranoid Pirate (6): who they are, and their workers. A worker
// has one request at a time; its session ends with its connection, for it comes back as another. wire/MAJORDOMO.md has
// the states.
#include <algorithm>

#include "broker/machine.h"
#include "wire/parts.h"

namespace ym {

using mdp::is_pirate;
using wire::Status;
using wire::Verb;

namespace {

/// Both kinds of 0.2 are one to a worker.
bool same_version(mdp::Dialect a, mdp::Dialect b) {
    return is_pirate(a) ? is_pirate(b) : (a == mdp::Dialect::v01) == (b == mdp::Dialect::v01) && !is_pirate(b);
}

bool is_one_part(Octets parts) {
    wire::PartsCursor cursor(parts);
    Octets part;
    return cursor.next(part) && cursor.whole();
}

}  // namespace

void Broker::Machine::on_majordomo(const FrameReceived& event) {
    mdp::Message message;
    std::string_view why;
    mdp::Decoded decoded{};
    switch (limits(event.listener).protocol) {
        case Protocol::ymp: decoded = mdp::decode(event.parts, message, why); break;
        case Protocol::pirate_clients: decoded = mdp::decode_pirate_client(event.parts, message, why); break;
        case Protocol::pirate_workers: decoded = mdp::decode_pirate_worker(event.parts, message, why); break;
    }
    const Peer& from = peer(event.peer);
    const bool joined = from.state == PeerState::joined;
    if (joined && !sessions_[from.session].majordomo)
        return malformed(event.peer, {Status::malformed, "magic", 0}, "this peer speaks YMP");
    if (decoded == mdp::Decoded::foreign && !joined)
        return malformed(event.peer, {Status::malformed, "magic", 0}, "neither YMP nor Majordomo");
    if (decoded != mdp::Decoded::message || event.cut) {
        ++malformed_;  // no words for it in Majordomo
        if (!joined) forget_peer(event.peer);
        return;
    }
    if (message.side == mdp::Side::client) return on_majordomo_request(event, message);
    on_majordomo_worker(event, message);
}

void Broker::Machine::on_majordomo_worker(const FrameReceived& event, const mdp::Message& m) {
    const Peer& from = peer(event.peer);
    const bool pirate = is_pirate(m.dialect);
    if (from.state != PeerState::joined || !sessions_[from.session].majordomo->worker) {
        // Any sign of life means that a pirate is ready.
        if (m.verb == mdp::Verb::ready || (pirate && m.verb == mdp::Verb::heartbeat))
            return on_majordomo_ready(event, m);
        if (m.verb == mdp::Verb::unknown) ++malformed_;
        if (m.verb == mdp::Verb::reply || m.verb == mdp::Verb::partial) ++stale_;
        // So a worker learns that the broker does not know it, and registers again.
        if (m.verb != mdp::Verb::disconnect && m.verb != mdp::Verb::unknown && !YM_MUTANT(unknown_worker_ignored))
            disconnect(event.peer, m.dialect, !m.envelope.empty());
        if (from.state != PeerState::joined) forget_peer(event.peer);
        return;
    }
    Session& s = sessions_[from.session];
    if (!same_version(m.dialect, s.majordomo->dialect)) {
        ++malformed_;
        if (m.verb != mdp::Verb::ready) return;
        // Started again under its old name, in another version.
        s.majordomo->dialect = m.dialect;
        s.majordomo->delimited = !m.envelope.empty();
        return dismiss(s, true);
    }
    s.last_heard = now_.monotonic;
    switch (m.verb) {
        case mdp::Verb::partial:
        case mdp::Verb::reply: return on_majordomo_answer(s, m);
        case mdp::Verb::ready:
            if (pirate) {
                s.majordomo->dialect = m.dialect;
                return begin_again(s);
            }
            ++malformed_;
            return dismiss(s, true);
        case mdp::Verb::unknown: ++malformed_; return dismiss(s, true);
        case mdp::Verb::disconnect: return dismiss(s, false);
        case mdp::Verb::heartbeat:
        case mdp::Verb::request: return;
    }
}

/// The session of the peer, a new one if it has none; nullptr when there are too many peers.
Session* Broker::Machine::majordomo_session(const FrameReceived& event) {
    const Peer& from = peer(event.peer);
    if (from.state == PeerState::joined) return &sessions_[from.session];
    if (is_full(event.listener)) return nullptr;
    Session& s = new_session();
    s.majordomo.emplace();
    s.key.principal = event.principal;
    // It is looked up by nothing but its peer; the key sets it apart for balance plugins, and in `status`.
    const std::uint64_t number = ++majordomo_sessions_;
    std::memcpy(s.key.octets.data(), "majordmo", 8);
    store_be(reinterpret_cast<std::byte*>(s.key.octets.data()) + 8, number);
    s.accepted.begin(0, 1);
    attach(s, event);
    return &s;
}

/// A client that waits for replies is never forgotten for its silence, and nothing tells when it is gone: Majordomo has
/// no sign of life for clients. So those that were silent for long make room when there is none, the most silent first.
bool Broker::Machine::is_full(std::uint32_t listener) {
    if (connected(listener) < limits(listener).peers) return false;
    if (given_up_.empty() && given_up_next_ <= now_.monotonic) {
        given_up_next_ = now_.monotonic + given_up_every;
        for (const Session& s : sessions_) {
            if (is_given_up(s, listener)) given_up_.push_back(s.ref);
        }
        std::sort(given_up_.begin(), given_up_.end(), [this](const SessionRef& a, const SessionRef& b) {
            return sessions_[a.index].last_heard > sessions_[b.index].last_heard;
        });
    }
    while (!given_up_.empty()) {
        Session* s = session(given_up_.back());
        given_up_.pop_back();
        if (s == nullptr || !is_given_up(*s, listener)) continue;
        dismiss(*s, false);
        return false;
    }
    return true;
}

bool Broker::Machine::is_given_up(const Session& s, std::uint32_t listener) const {
    const PeerLimits& limit = limits(listener);
    return s.state == SessionState::connected && s.listener == listener && s.majordomo && !s.majordomo->worker &&
           now_.monotonic - s.last_heard >= limit.heartbeat * limit.missed;
}

void Broker::Machine::on_majordomo_ready(const FrameReceived& event, const mdp::Message& m) {
    const auto refuse_worker = [&](std::string_view service, const std::string& why) {
        notice(NoticeKind::peer_refused, "worker of '" + std::string(service) + "'", why);
        disconnect(event.peer, m.dialect, !m.envelope.empty());
        if (peer(event.peer).state != PeerState::joined) forget_peer(event.peer);
    };
    const bool pirate = is_pirate(m.dialect);
    const std::string_view service =
        pirate ? std::string_view(limits(event.listener).to) : address_of_service(m.service);
    if (!pirate && m.service.starts_with(mdp::mmi_prefix))
        return refuse_worker(m.service, "services whose name begins with mmi. are the broker's own");
    const AddressId address = find_or_create(service);
    if (address == no_address) return refuse_worker(service, why_no_address(service));
    if (!addresses_[address.value].queue) return refuse_worker(service, "it is a pipeline; work on its queues");
    Session* s = majordomo_session(event);
    if (s == nullptr) return refuse_worker(service, "too many peers (listeners.*.limits.peers)");
    s->majordomo->worker = true;
    s->last_sent = now_.monotonic;
    s->majordomo->dialect = m.dialect;
    s->majordomo->delimited = !m.envelope.empty();
    s->name = std::string(mdp::name_of(m.dialect)) + " worker";
    subscribe(*s, {address});
    notice(NoticeKind::peer_joined, s->name, "works on '" + std::string(service) + "'");
    idle_again(*s);
}

/// PARTIAL, REPLY and FINAL. The token names the delivery: one that is late, foreign or told twice reaches no client.
void Broker::Machine::on_majordomo_answer(Session& s, const mdp::Message& m) {
    const std::uint64_t tag = s.unacked.next(0);
    const bool in_hand = m.token == mdp::as_text(mdp::token_of(s.majordomo->fence)) || YM_MUTANT(stale_token_taken);
    if (tag == 0 || !in_hand) {
        ++stale_;
        if (YM_MUTANT(stray_dismisses)) dismiss(s, true);
        return;
    }
    Delivery& delivery = *s.unacked.find(tag);
    const bool last = m.verb == mdp::Verb::reply;
    if (total_size(m.body) > limits(s.listener).frame) return refuse_answer(s, tag, last);
    wire::Record record;
    record.id = tag;
    record.code = static_cast<std::uint16_t>(last ? wire::SettleCode::ack : wire::SettleCode::part);
    encode_body(m.body, record.fields, record.body);
    if (!last && !YM_MUTANT(part_keeps_lease)) delivery.deadline = now_.monotonic + topology_->majordomo.busy_max;
    settle(s, tag, tag, delivery, record, {});
    if (last) idle_again(s);
}

/// Nobody is to have an answer of this size: its request is a dead letter, lest another worker answers the same.
void Broker::Machine::refuse_answer(Session& s, std::uint64_t tag, bool last) {
    ++malformed_;
    const MessageId message = messages_.id(s.unacked.find(tag)->slot);
    constexpr std::string_view why = "its reply is beyond listeners.*.limits.frame";
    end_request(message, Status::too_large, why);
    fail_lease(s, tag, FailureReason::reject, why);
    if (!last) return dismiss(s, true);  // it goes on with this answer
    idle_again(s);
}

/// Takes the next request.
void Broker::Machine::idle_again(Session& s) {
    s.credit = s.unacked.last_tag() + (YM_MUTANT(second_request) ? 2 : 1);
    update_wants(s);
    schedule(s);
}

/// A body of several frames is stored as parts; one of one frame as it is, for peers that speak YMP.
void Broker::Machine::encode_body(std::span<const Octets> frames, Octets& fields, Octets& body) {
    majordomo_fields_.clear();
    majordomo_body_.clear();
    fields = body = {};
    if (frames.size() == 1) {
        body = frames[0];
        return;
    }
    if (frames.empty()) return;
    wire::FrameWriter writer(majordomo_fields_);
    writer.raw_field(static_cast<std::uint8_t>(wire::Field::parts), {});
    fields = majordomo_fields_.octets();
    for (const Octets frame : frames) wire::append_part(majordomo_body_, frame);
    body = majordomo_body_.octets();
}

/// A pirate says READY when it connects: one that is known was started again under its old name.
void Broker::Machine::begin_again(Session& s) {
    if (s.unacked.size() == 0) return;
    end_leases(s, FailureReason::worker_lost);
    idle_again(s);
}

/// False if the worker was not given the message: pirates pass over requests of more than one frame without a word, and
/// one that seems to work on it would work on nothing else.
bool Broker::Machine::write_majordomo_request(Queue& q, Session& worker, const Copy& copy) {
    const std::uint64_t tag = lease(q, worker, copy, topology_->majordomo.busy_max);
    worker.majordomo->fence = fence();
    const std::size_t at = out_->octets.size();
    mdp::begin_to_worker(out_->octets, worker.majordomo->dialect, worker.majordomo->delimited, mdp::Verb::request,
                         mdp::as_text(mdp::token_of(fence())));
    const MessageHead& head = messages_.head(copy.slot);
    const Octets octets = messages_.octets(copy.slot);
    const std::size_t body_at = out_->octets.size();
    append_body(octets.first(head.fields_bytes), octets.subspan(head.fields_bytes));
    if (is_pirate(worker.majordomo->dialect) &&
        !is_one_part(out_->octets.octets(body_at, out_->octets.size() - body_at))) {
        out_->octets.truncate(at);
        fail_lease(worker, tag, FailureReason::reject);
        return false;
    }
    send_parts(worker.peer, at);
    worker.last_sent = worker.last_worked = now_.monotonic;
    schedule(worker);
    return true;
}

/// Of a worker whose connection is gone: if its request was the last thing that it was sent, it was that send that
/// failed. So a request outlives any number of workers that were killed together: it uses up no attempt on the dead.
void Broker::Machine::take_back_unsent(Session& s) {
    const std::uint64_t tag = s.unacked.next(0);
    if (tag != 0 && s.unacked.find(tag)->granted == s.last_sent) end_leases(s, std::nullopt);
}

/// Appends a body, a part for each of its frames; of one at least. What a worker calls parts may be none.
void Broker::Machine::append_body(Octets fields, Octets body) {
    if (wire::has_field(fields, wire::Field::parts) && !body.empty() && wire::are_parts(body)) {
        out_->octets.append(body);
    } else {
        wire::append_part(out_->octets, body);
    }
}

void Broker::Machine::send_parts(PeerId id, std::size_t at) {
    out_->sends.push_back({id, at, out_->octets.size() - at, true});
}

void Broker::Machine::disconnect(PeerId id, mdp::Dialect dialect, bool delimited) {
    if (is_pirate(dialect)) return;  // has no word for it
    const std::size_t at = out_->octets.size();
    mdp::begin_to_worker(out_->octets, dialect, delimited, mdp::Verb::disconnect, {});
    send_parts(id, at);
}

/// What every session is told at times: signs of life, and the end.
void Broker::Machine::say_majordomo(Session& s, Verb verb) {
    if (!s.majordomo->worker) return;
    if (verb == Verb::bye) return disconnect(s.peer, s.majordomo->dialect, s.majordomo->delimited);
    if (verb != Verb::heartbeat) return;
    if (YM_MUTANT(busy_not_told) && s.unacked.size() > 0) {
        s.last_sent = now_.monotonic;
        return;
    }
    const std::size_t at = out_->octets.size();
    mdp::begin_to_worker(out_->octets, s.majordomo->dialect, s.majordomo->delimited, mdp::Verb::heartbeat, {});
    send_parts(s.peer, at);
    s.last_sent = now_.monotonic;
}

/// Forgets a peer. What it had in hand goes to another worker.
void Broker::Machine::dismiss(Session& s, bool tell) {
    if (tell) say_majordomo(s, Verb::bye);
    if (s.majordomo->worker) notice(NoticeKind::peer_left, s.name, {}, s.unacked.size());
    const PeerId id = s.peer;
    detach(s);
    forget_peer(id);
}

/// A worker that works says nothing, and that never counts: its lease follows its connection, up to `busy_max`. To
/// learn that a connection is gone takes a send, so signs of life go to busy workers too, twice as often as they are
/// due.
void Broker::Machine::run_majordomo(Session& s) {
    const PeerLimits& limit = limits(s.listener);
    const Instant now = now_.monotonic;
    if (s.majordomo->worker && now - s.last_sent >= limit.heartbeat / 2) say_majordomo(s, Verb::heartbeat);
    if (const std::uint64_t tag = s.unacked.next(0); tag != 0 && s.unacked.find(tag)->deadline <= now) {
        // It is stuck; an answer that comes later is not taken any more.
        fail_lease(s, tag, FailureReason::lease_expired);
        return dismiss(s, true);
    }
    const bool waits = s.unacked.size() > 0 || (!s.majordomo->worker && s.requests > 0);
    if (!waits && now - s.last_heard >= limit.heartbeat * limit.missed) return dismiss(s, true);
    schedule(s);
}

Instant Broker::Machine::majordomo_deadline(Session& s) const {
    const PeerLimits& limit = limits(s.listener);
    Instant at = Instant::never();
    if (s.majordomo->worker) at = s.last_sent + limit.heartbeat / 2;
    if (const std::uint64_t tag = s.unacked.next(0)) return std::min(at, s.unacked.find(tag)->deadline);
    if (!s.majordomo->worker && s.requests > 0) return at;
    return std::min(at, s.last_heard + limit.heartbeat * limit.missed);
}

}  // namespace ym
