// What a step tells its peers: one CONFIRM and one LOST frame a peer, whatever the number of answers.
#include "broker/machine.h"

namespace ym {

using wire::Field;
using wire::Status;
using wire::Verb;

void Broker::Machine::say(Session& s) {
    if (s.listed) return;
    s.listed = true;
    talkative_.push_back(s.ref.index);
}

void Broker::Machine::send(Session& s, std::size_t at) {
    YM_CHECK(s.state == SessionState::connected);
    out_->sends.push_back({s.peer, at, out_->octets.size() - at});
    s.last_sent = now_.monotonic;
}

void Broker::Machine::send_bare(Session& s, Verb verb, std::uint64_t number) {
    if (s.majordomo) return say_majordomo(s, verb);
    const std::size_t at = out_->octets.size();
    wire::FrameWriter writer(out_->octets);
    writer.begin(verb, 0, {}, number);
    writer.end();
    send(s, at);
}

void Broker::Machine::error_to(PeerId id, Status status, std::string_view field, std::uint64_t at,
                               std::string_view text) {
    const std::size_t start = out_->octets.size();
    wire::FrameWriter writer(out_->octets);
    writer.begin(Verb::error, 0, field, at);
    writer.begin_record(static_cast<std::uint16_t>(status), 0);
    if (!text.empty()) writer.field(wire::Field::text, text);
    const std::size_t size = writer.end().size();
    out_->sends.push_back({id, start, size});
}

Duration Broker::Machine::heartbeat(const Session& s) const {
    return limits(s.listener).heartbeat * s.stretch;
}

/// How many times the listener's heartbeat lies between two of a peer, so that no more leave in a second than they may.
std::uint32_t Broker::Machine::stretch_for(std::uint32_t listener, std::uint64_t peers) const {
    const PeerLimits& limit = limits(listener);
    const std::uint64_t each = std::max<std::uint64_t>(limit.heartbeats * to_ms(limit.heartbeat), 1);  // in ms
    const std::uint64_t longest = std::max<std::uint64_t>(heartbeat_max / limit.heartbeat, 1);
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>((peers * 1000 + each - 1) / each, 1, longest));
}

/// Tells the peer, too, when its interval changes. It grows at once, and shrinks by half at most: until the peer has
/// heard of it, it is silent for as long as before. Shrinking waits for a fifth less peers, so that one that comes and
/// goes changes nothing.
void Broker::Machine::send_heartbeat(Session& s) {
    const std::uint64_t peers = connected(s.listener);
    const std::uint32_t before = s.stretch;
    s.stretch = std::max(stretch_for(s.listener, peers),
                         std::min(before, std::max(stretch_for(s.listener, peers + peers / 4), (before + 1) / 2)));
    send_bare(s, Verb::heartbeat, s.stretch == before ? 0 : to_ms(heartbeat(s)));
}

std::uint64_t Broker::Machine::publish_window(Session& s) const {
    // A sequence that was refused and comes again is unconfirmed anew, though the highest one does not rise for it.
    const std::uint64_t limit = limits(s.listener).unconfirmed;
    const std::uint64_t room = std::min(limit - std::min(limit, s.unconfirmed), ~s.accepted.highest());
    s.window = std::max(s.window, s.accepted.highest() + room);
    return s.window;
}

std::uint64_t Broker::Machine::bytes_window(const Session& s) const {
    const std::uint64_t limit = frames_unconfirmed * limits(s.listener).frame;
    return s.body_bytes + limit - std::min(limit, s.bytes_unconfirmed);
}

void Broker::Machine::flush_answers() {
    for (const std::uint32_t index : talkative_) flush_session(sessions_[index]);
    talkative_.clear();
}

void Broker::Machine::flush_lost() {
    // Before deliveries: a tag that is lost must never be taken for one that is given in the same step.
    for (const std::uint32_t index : talkative_) {
        Session& s = sessions_[index];
        if (s.lost.empty() || s.state != SessionState::connected || s.majordomo) continue;
        write_lost(s);
        s.lost.clear();
    }
}

void Broker::Machine::flush_session(Session& s) {
    s.listed = false;
    if (s.state == SessionState::connected && !s.majordomo) {  // which has no words for any of this
        Session* to = &s;
        if (YM_MUTANT(confirm_wrong_producer)) {
            for (Session& other : sessions_) {
                if (other.state == SessionState::connected) to = &other;
            }
        }
        if (!s.confirms.empty()) write_confirms(*to, s.confirms, false);
        if (!s.settled.empty()) write_confirms(s, s.settled, true);
        if (!s.lost.empty()) write_lost(s);
    }
    s.confirms.clear();
    s.settled.clear();
    s.lost.clear();
}

void Broker::Machine::write_confirms(Session& s, const std::vector<Answer>& answers, bool settled) {
    const std::size_t at = out_->octets.size();
    wire::FrameWriter writer(out_->octets);
    writer.begin(Verb::confirm, 0, {}, publish_window(s));
    for (const Answer& answer : answers) {
        writer.begin_record(settled ? wire::confirm_settled : static_cast<std::uint16_t>(answer.status), answer.first);
        if (answer.last != answer.first) writer.field(Field::through, answer.last);
        if (&answer == answers.data() && !settled) writer.field(Field::bytes, bytes_window(s));
        if (!answer.text.empty()) writer.field(Field::text, answer.text);
        if (answer.retry_after > Duration{0}) writer.field(Field::retry_after_ms, to_ms(answer.retry_after));
    }
    writer.end();
    send(s, at);
}

void Broker::Machine::write_lost(Session& s) {
    const std::size_t at = out_->octets.size();
    wire::FrameWriter writer(out_->octets);
    writer.begin(Verb::lost, 0, {}, 0);
    for (const Answer& answer : s.lost) {
        writer.begin_record(static_cast<std::uint16_t>(answer.status), answer.first);
        if (answer.last != answer.first) writer.field(Field::through, answer.last);
        if (!answer.text.empty()) writer.field(Field::text, answer.text);
    }
    writer.end();
    send(s, at);
}

void Broker::Machine::notice(NoticeKind kind, std::string name, std::string text, std::uint64_t count) {
    out_->notices.push_back({kind, std::move(name), std::move(text), count});
}

}  // namespace ym
