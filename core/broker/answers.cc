// What a step tells its peers: one CONFIRM and one LOST frame a peer, whatever the number of answers.
#include "broker/machine.h"

namespace ym {

using wire::Field;
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

void Broker::Machine::send_bare(Session& s, Verb verb) {
    if (s.majordomo) return say_majordomo(s, verb);
    const std::size_t at = out_->octets.size();
    wire::FrameWriter writer(out_->octets);
    writer.begin(verb, 0, {}, 0);
    writer.end();
    send(s, at);
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
