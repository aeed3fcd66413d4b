// Request and reply: at most one final reply a request, and one at its timeout at the latest.
#include <algorithm>

#include "broker/machine.h"

namespace ym {

using wire::Field;
using wire::Status;

void Broker::Machine::expect_reply(Session& s, MessageId message, std::uint64_t sequence, std::uint32_t copies,
                                   const Pipeline* pipeline) {
    static const PipelineSettings defaults;
    ++s.requests;
    if (asking_ != nullptr) {
        auto request = note_request(*asking_);
        reply_bytes_ += request->bytes();
        requests_.emplace(message, Request{s.ref, sequence, {}, 0, copies, std::move(request)});
        return;
    }
    const PipelineSettings& settings = pipeline == nullptr ? defaults : pipeline->settings;
    requests_.emplace(message, Request{s.ref, sequence, settings.reply_keep, settings.reply_max, copies, nullptr});
    requests_due_.push_back({now_.monotonic + settings.reply_timeout, message});
    std::push_heap(requests_due_.begin(), requests_due_.end(), std::greater<>{});
    // Answered requests leave their deadline behind; they are swept out before they are many.
    constexpr std::size_t sweep_min = 64;
    if (requests_due_.size() < sweep_min + 4 * requests_.size()) return;
    std::erase_if(requests_due_, [this](const RequestDue& due) { return !requests_.contains(due.message); });
    std::make_heap(requests_due_.begin(), requests_due_.end(), std::greater<>{});
}

/// A copy is gone that no worker has answered. Another one may be answered yet; behind the last one nobody will.
void Broker::Machine::unanswered(Slot slot) {
    if (!messages_.wants_reply(slot)) return;
    const MessageId id = messages_.id(slot);
    const auto found = requests_.find(id);
    if (found == requests_.end()) return;
    if (--found->second.copies == 0 || YM_MUTANT(first_dead_answers)) reply(id, Status::too_old, no_address, 0, {}, {});
}

/// `from` is the queue whose copy a worker answered, `part` the number of this part in that attempt.
void Broker::Machine::reply(MessageId message, Status status, AddressId from, std::uint64_t part, Octets fields,
                            Octets body) {
    const auto found = requests_.find(message);
    if (found == requests_.end()) {
        ++replies_dropped_;  // late, or the second one
        return;
    }
    if (found->second.majordomo) return majordomo_reply(message, status, from, part, fields, body);
    const Request& known = found->second;
    const Request request{known.session, known.sequence, known.keep, known.keep_max, known.copies, nullptr};
    if (status != Status::part && !YM_MUTANT(duplicate_reply)) requests_.erase(found);
    Session* to = session(request.session);
    if (to == nullptr) {
        ++replies_dropped_;
        return;
    }
    if (status != Status::part && to->requests > 0) --to->requests;
    if (YM_MUTANT(lost_reply)) return;
    const std::size_t at = out_->octets.size();
    wire::FrameWriter writer(out_->octets);
    writer.begin(wire::Verb::reply, 0, {}, request.sequence);
    writer.begin_record(static_cast<std::uint16_t>(status), part);
    wire::FieldCursor cursor(fields);
    wire::FieldView field;
    while (cursor.next(field)) {
        const auto tag = static_cast<Field>(field.tag);
        if (tag != Field::through && tag != Field::retry_after_ms) writer.raw_field(field.tag, field.value);
    }
    if (!body.empty()) writer.body(body);
    const Octets frame = writer.end();
    if (to->state == SessionState::connected) {
        ++replies_sent_;
        if (status != Status::part) remember_reply(*to, request.sequence, frame);
        return send(*to, at);
    }
    // Its producer is away: the reply waits for it, outside of this step's octets.
    if (to->held.size() < request.keep_max && memory() + frame.size() <= topology_->memory_max) {
        to->held.push_back(
            {request.sequence, status != Status::part, now_.monotonic, request.keep, {frame.begin(), frame.end()}});
        to->held_due = std::min(to->held_due, now_.monotonic + request.keep);
        reply_bytes_ += frame.size();
        session_deadlines_.set_earlier(to->ref.index, to->held_due);
    } else {
        ++replies_dropped_;
    }
    out_->octets.truncate(at);
}

void Broker::Machine::flush_held(Session& s) {
    for (const HeldReply& held : s.held) {
        reply_bytes_ -= held.frame.size();
        if (now_.monotonic - held.since > held.keep) {
            ++replies_dropped_;
            continue;
        }
        const std::size_t at = out_->octets.size();
        out_->octets.append(held.frame);
        send(s, at);
        ++replies_sent_;
        if (held.last) remember_reply(s, held.sequence, held.frame);
    }
    s.held.clear();
    s.held_due = Instant::never();
}

/// A reply may leave into a connection that has just died; the request then comes again, and its reply with it. Kept
/// for as long as a dead connection may pass for a living one, within the octets of one frame.
void Broker::Machine::remember_reply(Session& s, std::uint64_t sequence, Octets frame) {
    const std::uint64_t limit = limits(s.listener).frame;
    if (frame.size() > limit || memory() + frame.size() > topology_->memory_max) return;
    while (s.sent_reply_bytes + frame.size() > limit) forget_sent_reply(s);
    if (!s.sent_replies.try_emplace(sequence, SentReply{s.uses, {frame.begin(), frame.end()}}).second) return;
    s.sent_replies_due.push_back({now_.monotonic + sent_reply_keep(s), sequence});
    s.sent_reply_bytes += frame.size();
    reply_bytes_ += frame.size();
    session_deadlines_.set_earlier(s.ref.index, s.sent_replies_due.front().at);
}

Duration Broker::Machine::sent_reply_keep(const Session& s) const {
    const PeerLimits& limit = limits(s.listener);
    return heartbeat(s) * limit.missed + limit.grace;
}

void Broker::Machine::forget_sent_reply(Session& s) {
    const auto oldest = s.sent_replies.find(s.sent_replies_due.front().sequence);
    s.sent_reply_bytes -= oldest->second.frame.size();
    reply_bytes_ -= oldest->second.frame.size();
    s.sent_replies.erase(oldest);
    s.sent_replies_due.pop_front();
}

/// The producer asks again for a reply that it never got. One that left in this use of the session is on its way.
void Broker::Machine::reply_again(Session& s, std::uint64_t sequence) {
    const auto found = s.sent_replies.find(sequence);
    if (found == s.sent_replies.end() || found->second.use == s.uses || s.state != SessionState::connected) return;
    found->second.use = s.uses;
    const std::size_t at = out_->octets.size();
    out_->octets.append(found->second.frame);
    ++replies_sent_;
    send(s, at);
}

/// Replies that were kept long enough give their memory back.
void Broker::Machine::expire_replies(Session& s) {
    while (!s.sent_replies_due.empty() && s.sent_replies_due.front().at <= now_.monotonic) forget_sent_reply(s);
    if (s.held_due > now_.monotonic) return;
    s.held_due = Instant::never();
    std::erase_if(s.held, [&](const HeldReply& held) {
        const Instant due = held.since + held.keep;
        if (due > now_.monotonic) {
            s.held_due = std::min(s.held_due, due);
            return false;
        }
        ++replies_dropped_;
        reply_bytes_ -= held.frame.size();
        return true;
    });
}

void Broker::Machine::expire_requests() {
    while (!requests_due_.empty() && requests_due_.front().at <= now_.monotonic) {
        const MessageId message = requests_due_.front().message;
        std::pop_heap(requests_due_.begin(), requests_due_.end(), std::greater<>{});
        requests_due_.pop_back();
        if (requests_.contains(message)) reply(message, Status::timeout, no_address, 0, {}, {});
    }
}

}  // namespace ym
