// Request and reply: at most one final reply a request, and one at its timeout at the latest.
#include <algorithm>

#include "broker/machine.h"

namespace ym {

using wire::Field;
using wire::Status;

void Broker::Machine::expect_reply(Session& s, MessageId message, std::uint64_t sequence, const Pipeline* pipeline) {
    static const PipelineSettings defaults;
    const PipelineSettings& settings = pipeline == nullptr ? defaults : pipeline->settings;
    requests_.emplace(message, Request{s.ref, sequence, settings.reply_keep, settings.reply_max});
    ++s.requests;
    requests_due_.push_back({now_.monotonic + settings.reply_timeout, message});
    std::push_heap(requests_due_.begin(), requests_due_.end(), std::greater<>{});
    // Answered requests leave their deadline behind; they are swept out before they are many.
    constexpr std::size_t sweep_min = 64;
    if (requests_due_.size() < sweep_min + 4 * requests_.size()) return;
    std::erase_if(requests_due_, [this](const RequestDue& due) { return !requests_.contains(due.message); });
    std::make_heap(requests_due_.begin(), requests_due_.end(), std::greater<>{});
}

void Broker::Machine::reply(MessageId message, Status status, std::uint64_t part, Octets fields, Octets body) {
    const auto found = requests_.find(message);
    if (found == requests_.end()) {
        ++replies_dropped_;  // late, or the second one
        return;
    }
    const Request request = found->second;
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
    if (to->held.size() < request.keep_max) {
        to->held.push_back({now_.monotonic, request.keep, {frame.begin(), frame.end()}});
    } else {
        ++replies_dropped_;
    }
    out_->octets.truncate(at);
}

void Broker::Machine::flush_held(Session& s) {
    for (const HeldReply& held : s.held) {
        if (now_.monotonic - held.since > held.keep) {
            ++replies_dropped_;
            continue;
        }
        const std::size_t at = out_->octets.size();
        out_->octets.append(held.frame);
        send(s, at);
        ++replies_sent_;
    }
    s.held.clear();
}

/// A reply may leave into a connection that has just died; the request then comes again, and its reply with it. Kept
/// for as long as a dead connection may pass for a living one, within the octets of one frame.
void Broker::Machine::remember_reply(Session& s, std::uint64_t sequence, Octets frame) {
    const PeerLimits& limit = limits(s.listener);
    const Duration keep = limit.heartbeat * limit.missed + limit.grace;
    s.sent_reply_bytes += frame.size();
    s.sent_replies.push_back({now_.monotonic, sequence, {frame.begin(), frame.end()}});
    while (!s.sent_replies.empty() &&
           (s.sent_replies.front().at + keep <= now_.monotonic || s.sent_reply_bytes > limit.frame)) {
        s.sent_reply_bytes -= s.sent_replies.front().frame.size();
        s.sent_replies.pop_front();
    }
}

/// The producer asks again for a reply that it never got.
void Broker::Machine::reply_again(Session& s, std::uint64_t sequence) {
    for (std::size_t i = 0; i < s.sent_replies.size(); ++i) {
        if (s.sent_replies[i].sequence != sequence) continue;
        const std::size_t at = out_->octets.size();
        out_->octets.append(s.sent_replies[i].frame);
        ++replies_sent_;
        return send(s, at);
    }
}

void Broker::Machine::expire_requests() {
    while (!requests_due_.empty() && requests_due_.front().at <= now_.monotonic) {
        const MessageId message = requests_due_.front().message;
        std::pop_heap(requests_due_.begin(), requests_due_.end(), std::greater<>{});
        requests_due_.pop_back();
        if (requests_.contains(message)) reply(message, Status::timeout, 0, {}, {});
    }
}

}  // namespace ym
