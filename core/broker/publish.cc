// Messages in: PUBLISH frames are read, recognised if sent before, routed, checked against limits, and stored.
#include "base/prng.h"
#include "broker/machine.h"
#include "wire/parts.h"

namespace ym {

using wire::Field;
using wire::Status;

namespace {

/// Why a message could not be taken, where each says the same to all.
constexpr std::string_view why_draining = "the broker is draining";
constexpr std::string_view why_memory = "the broker is out of memory (limits.memory)";
constexpr std::string_view why_two_bodies = "a body in the record, and another in a frame of its own";
constexpr std::string_view why_store_full = "the store is full";
constexpr std::string_view why_store_away = "the store is being acquired again";
constexpr std::string_view why_requests = "too many requests wait for a reply (listeners.*.limits.replies)";

}  // namespace

void Broker::Machine::on_publish(Session& s, const FrameReceived& event, const wire::Frame& frame) {
    const PeerLimits& limit = limits(s.listener);
    const std::size_t octets = total_size(event.parts);
    clear_candidates();
    const AddressId address = find_or_create(frame.name);
    std::string no_address_text;
    wire::RecordCursor cursor(frame);
    wire::Record record;
    std::uint64_t count = 0;
    std::uint64_t highest = 0;  // of this frame
    // As it was told before this frame: what the frame itself holds must not make room for more of it.
    const bool bytes_over = s.bytes_unconfirmed >= frames_unconfirmed * limit.frame;
    const std::uint64_t window = bytes_over ? 0 : publish_window(s);
    for (auto step = cursor.next(record); step != wire::RecordCursor::Step::end; step = cursor.next(record)) {
        if (step == wire::RecordCursor::Step::bad) {
            if (!refuse_unread(s, cursor.error(), record, window)) break;
            continue;
        }
        const bool one_body = attach_body(event, frame, record);
        if (!admit(s, record, window)) continue;
        if (!one_body) {
            ++malformed_;
            refuse(s, record.id, Status::malformed, why_two_bodies);
            continue;
        }
        if (octets > limit.frame || ++count > limit.records) {
            refuse(s, record.id, Status::too_large, "beyond the frame's limits that WELCOME told");
            continue;
        }
        if (address == no_address) {
            if (no_address_text.empty()) no_address_text = why_no_address(frame.name);
            refuse(s, record.id, no_address_status(frame.name), no_address_text);
            continue;
        }
        Candidate& candidate = candidates_.emplace_back();
        candidate.repeats = record.id <= highest;
        highest = std::max(highest, record.id);
        if (!read_candidate(s, record, candidate)) candidates_.pop_back();
    }
    if (candidates_.empty()) return;
    std::uint64_t word = 0;
    std::memcpy(&word, s.key.octets.data(), sizeof word);
    route_random_ = mix64(word ^ s.key.principal.value);
    route(address);
    const Pipeline* pipeline = addresses_[address.value].pipeline.get();
    constexpr std::size_t ahead = 4;
    bool has_room = true;
    for (std::size_t i = 0; i < candidates_.size();) {
        const std::size_t run = has_room ? alike(i) : 1;
        if (run > 1) {
            has_room = accept_run(s, std::span(candidates_).subspan(i, run));
            i += has_room ? run : 0;
            continue;
        }
        if (i + ahead < candidates_.size()) prefetch_target(candidates_[i + ahead], candidates_[i]);
        accept(s, candidates_[i++], pipeline);
    }
}

/// The queue of a message that will soon be accepted, unless it is that of this one.
void Broker::Machine::prefetch_target(const Candidate& soon, const Candidate& now) const {
    if (soon.first == no_link) return;
    const AddressId to = targets_[soon.first].queue;
    if (now.first != no_link && targets_[now.first].queue == to) return;
    addresses_[to.value].queue->prefetch();
}

/// A record that cannot be read. False if the peer is ignored from here on.
bool Broker::Machine::refuse_unread(Session& s, const wire::DecodeError& error, const wire::Record& record,
                                    std::uint64_t window) {
    if (record.id == 0) {
        malformed(s.peer, error, {});  // and with it all behind it, or it has no sequence to answer
        return s.state == SessionState::connected;
    }
    ++malformed_;
    if (admit(s, record, window)) refuse(s, record.id, Status::malformed, error.field);
    return true;
}

void Broker::Machine::clear_candidates() {
    candidates_.clear();
    targets_.clear();
}

/// Whether the record goes on to be routed; if not, it has been answered. `window` is the highest sequence that may
/// come.
bool Broker::Machine::admit(Session& s, const wire::Record& record, std::uint64_t window) {
    const std::uint64_t sequence = record.id;
    s.body_bytes += record.body.size();  // whatever becomes of it: the producer counts it, too
    if (sequence == 0) {
        refuse(s, sequence, Status::malformed, "a sequence is 1 or more");
        return false;
    }
    if (YM_MUTANT(refused_sequence_is_duplicate) && sequence <= s.accepted.highest()) {
        add_answer(s.confirms, sequence, Status::duplicate);
        say(s);
        return false;
    }
    switch (s.accepted.look(sequence)) {
        case SequenceWindow::Verdict::accepted:
            recognise(s, sequence, record.code == wire::publish_wants_reply);
            return false;
        case SequenceWindow::Verdict::too_old: refuse(s, sequence, Status::too_old, "below the window"); return false;
        case SequenceWindow::Verdict::fresh: break;
    }
    if (sequence > window) {
        refuse(s, sequence, Status::beyond_window, "beyond the publish window");
        return false;
    }
    s.accepted.see(sequence);
    return true;
}

/// Answers a sequence that was accepted before.
void Broker::Machine::recognise(Session& s, std::uint64_t sequence, bool wants_reply) {
    ++duplicates_;
    // Its confirm is still to come when the store is not done with it.
    for (std::size_t i = 0; i < pending_.size() && s.unconfirmed > 0; ++i) {
        for (const PendingAnswer& waiting : pending_[i].confirms) {
            if (waiting.session == s.ref && waiting.first <= sequence && sequence <= waiting.last) return;
        }
    }
    add_answer(s.confirms, sequence, Status::duplicate);
    say(s);
    if (wants_reply) reply_again(s, sequence);
}

bool Broker::Machine::read_candidate(Session& s, const wire::Record& record, Candidate& c) {
    c.sequence = record.id;
    c.fields = record.fields;
    c.body = record.body;
    if (record.code > wire::publish_wants_reply) {
        refuse(s, record.id, Status::malformed, "code");
        return false;
    }
    c.wants_reply = record.code == wire::publish_wants_reply;
    if (record.fields.size() > wire::peer_fields_bytes_max) {
        refuse(s, record.id, Status::too_large, "fields");
        return false;
    }
    wire::FieldCursor fields(record.fields);
    wire::FieldView field;
    while (fields.next(field)) {
        switch (static_cast<Field>(field.tag)) {
            case Field::topic: c.topic = as_text(field.value); break;
            case Field::type: c.type = as_text(field.value); break;
            case Field::key: c.key = as_text(field.value); break;
            case Field::message_id: break;
            case Field::parts:
                if (wire::are_parts(c.body)) break;
                refuse(s, record.id, Status::malformed,
                       "a body of parts is `u32 length, octets` repeated, 1000 times at most");
                return false;
            case Field::priority: {
                const auto priority = wire::as_u64(field.value);
                if (!priority || *priority > 31) {
                    refuse(s, record.id, Status::malformed, "priority is 0 to 31");
                    return false;
                }
                c.priority = static_cast<std::uint8_t>(*priority);
                c.priority_given = true;
                break;
            }
            default:
                if (!wire::must_understand(field.tag)) break;
                refuse(s, record.id, Status::malformed, "a field that this broker does not know");
                return false;
        }
    }
    return true;
}

void Broker::Machine::refuse(Session& s, std::uint64_t sequence, Status status, std::string_view text,
                             Duration retry_after) {
    ++refused_;
    if (asking_ != nullptr) return refuse_request(s.peer, *asking_, status, text);
    add_answer(s.confirms, sequence, status, text, retry_after);
    say(s);
}

/// Whether the store takes a publish for the queue now, if it needs one.
bool Broker::Machine::may_store_for(const Queue& q) const {
    return !q.keeps || (store_open() && !held_go_);
}

bool Broker::Machine::has_room_for(const Queue& q, std::uint64_t messages, std::uint64_t bytes) {
    const QueueLimits& limit = q.settings.limits;
    return limit.messages - std::min(limit.messages, q.live) >= messages && q.bytes + bytes <= limit.bytes;
}

/// Whether a message finds room, or makes it: see make_room().
bool Broker::Machine::can_take(const Queue& q, std::uint64_t bytes) const {
    if (has_room_for(q, 1, bytes)) return true;
    const QueueLimits& limit = q.settings.limits;
    return limit.when_full != WhenFull::reject && bytes <= limit.bytes && q.ready > 0;
}

void Broker::Machine::make_room(Queue& q, std::uint64_t bytes) {
    const QueueLimits& limit = q.settings.limits;
    // Dead letters of the message's other queues may have come in after it was looked at; none is dropped for that.
    if (limit.when_full == WhenFull::reject) return;
    while (!has_room_for(q, 1, bytes) && q.ready > 0) {
        Lane& lane = *q.last_lane();
        const Copy oldest = lane.front(messages_);
        lane.pop(oldest);
        --q.ready;
        if (limit.when_full == WhenFull::dead_letter) {
            dead_letter(q, oldest, FailureReason::queue_full);
            continue;
        }
        ++q.ledger.dropped[static_cast<std::size_t>(DropReason::queue_full)];
        unanswered(oldest.slot);
        settled(q, oldest.slot, Outcome::dropped);
    }
}

/// Whether all targets take the message; those that may not refuse and cannot take it go from its list to
/// optional_full_.
bool Broker::Machine::check_targets(Session& s, Candidate& c, std::uint32_t& copies, bool& stored) {
    const std::uint64_t bytes = c.fields.size() + c.body.size();
    std::uint32_t* link = &c.first;
    optional_full_.clear();
    while (*link != no_link) {
        Target& target = targets_[*link];
        Queue& q = queue(target.queue);
        const bool has_place = can_take(q, bytes);
        if (has_place && may_store_for(q)) {
            ++copies;
            stored = stored || q.keeps;
            link = &target.next;
            continue;
        }
        if (!target.optional || YM_MUTANT(optional_refuses)) {
            ++q.refused;
            if (!has_place) {
                refuse(s, c.sequence, Status::full, "queue '" + q.settings.name + "' is full");
            } else if (store_state_ != StoreState::ready) {
                refuse(s, c.sequence, Status::draining, why_store_away, store_full_wait);
            } else {
                refuse(s, c.sequence, Status::full, why_store_full, store_full_wait);
            }
            return false;
        }
        optional_full_.push_back(target.queue);
        *link = target.next;
    }
    return true;
}

void Broker::Machine::accept(Session& s, Candidate& c, const Pipeline* pipeline) {
    // Its frame may hold it twice.
    if (s.accepted.look(c.sequence) == SequenceWindow::Verdict::accepted)
        return recognise(s, c.sequence, c.wants_reply);
    if (c.refused != Status{}) return refuse(s, c.sequence, c.refused, c.why);
    if (draining_) return refuse(s, c.sequence, Status::draining, why_draining, topology_->drain);
    if (memory() + c.fields.size() + c.body.size() > topology_->memory_max) {
        memory_short_ = true;
        return refuse(s, c.sequence, Status::full, why_memory);
    }
    if (c.wants_reply && s.requests >= limits(s.listener).replies) {
        return refuse(s, c.sequence, Status::beyond_window, why_requests);
    }
    std::uint32_t copies = 0;
    bool stored = false;
    if (!check_targets(s, c, copies, stored)) return;
    s.accepted.accept(c.sequence);
    ++s.published;
    if (copies > 0) {
        const Slot slot = store_message(c);
        const MessageId id = messages_.id(slot);
        if (stored) record_message(s, c, slot);
        for (std::uint32_t t = c.first; t != no_link; t = targets_[t].next) {
            Queue& q = queue(targets_[t].queue);
            make_room(q, messages_.bytes(slot));
            q.bytes += messages_.bytes(slot);
            enqueue(q, slot, 1, stored);
        }
        if (c.wants_reply) expect_reply(s, id, c.sequence, copies, pipeline);
    } else if (asking_ != nullptr) {
        refuse_request(s.peer, *asking_, Status::unmatched, "no queue takes it");
    } else if (c.wants_reply) {
        // No queue has it, so nobody will answer: the producer is told when the time for a reply is over.
        expect_reply(s, MessageId{next_message_++}, c.sequence, 0, pipeline);
    }
    if (stored) {  // what was left out counts when the store has taken the rest
        batch().optional_full.insert(batch().optional_full.end(), optional_full_.begin(), optional_full_.end());
        batch().unmatched += c.unmatched;
    } else {
        for (const AddressId id : optional_full_) count_optional_full(queue(id));
        dropped_unmatched_ += c.unmatched;
    }
    confirm(s, c.sequence, c.sequence, c.body.size(), stored);
}

void Broker::Machine::count_optional_full(Queue& q) {
    ++q.ledger.accepted;
    ++q.ledger.dropped[static_cast<std::size_t>(DropReason::optional_full)];
}

void Broker::Machine::confirm(Session& s, std::uint64_t first, std::uint64_t last, std::uint64_t body_bytes,
                              bool stored) {
    if (!stored || YM_MUTANT(early_confirm)) {
        add_answers(s.confirms, first, last, Status::ok);
        say(s);
        if (!stored) return;
    }
    s.unconfirmed += last - first + 1;
    s.bytes_unconfirmed += body_bytes;
    std::vector<PendingAnswer>& confirms = batch().confirms;
    if (!confirms.empty() && confirms.back().session == s.ref && confirms.back().last + 1 == first) {
        confirms.back().last = last;
        confirms.back().bytes += body_bytes;
        return;
    }
    confirms.push_back({s.ref, first, last, body_bytes});
}

Slot Broker::Machine::store_message(const Candidate& c) {
    set_fields_.clear();
    if (c.set_priority || c.set_key || c.set_type) {
        wire::FrameWriter writer(set_fields_);
        if (c.set_priority) writer.field(Field::priority, std::uint64_t{c.priority});
        if (c.set_key) writer.field(Field::key, c.key);
        if (c.set_type) writer.field(Field::type, c.type);
    }
    MessageHead head;
    head.accepted = now_.monotonic;
    head.accepted_wall = now_.wall;
    head.fields_bytes = static_cast<std::uint32_t>(c.fields.size() + set_fields_.size());
    MessageEntry entry;
    entry.id = MessageId{next_message_++};
    entry.bytes = head.fields_bytes + static_cast<std::uint32_t>(c.body.size());
    entry.priority = c.priority;
    entry.wants_reply = c.wants_reply;
    entry.holders = holders_of(c);
    std::byte* at = nullptr;
    const Slot slot = messages_.add(entry, head, at);
    const bool stand_together = set_fields_.empty() && c.fields.data() + c.fields.size() == c.body.data();
    if (stand_together && entry.bytes > 0) {
        std::memcpy(at, c.fields.data(), entry.bytes);
        return slot;
    }
    for (const Octets part : {c.fields, set_fields_.octets(), c.body}) {
        if (part.empty()) continue;
        std::memcpy(at, part.data(), part.size());
        at += part.size();
    }
    return slot;
}

Holders::Set Broker::Machine::holders_of(const Candidate& c) {
    if (targets_[c.first].next == no_link) return Holders::single(targets_[c.first].queue);
    holding_.clear();
    for (std::uint32_t t = c.first; t != no_link; t = targets_[t].next) holding_.push_back(targets_[t].queue);
    const Holders::Set set = holders_.of(holding_);
    holders_.retain(set);
    return set;
}

/// A message that any durable queue takes is in none before the store has it: they take it all, or it is refused.
void Broker::Machine::enqueue(Queue& q, Slot first, std::uint32_t count, bool stored) {
    q.live += count;
    if (stored) {
        q.storing += count;
        PendingBatch& pending = batch();
        q.lane(messages_.priority(first)).storing_in = pending.number;
        if (!pending.copies.empty()) {
            StoringCopy& last = pending.copies.back();
            if (last.queue == q.address && last.slot + last.count == first &&
                messages_.priority(last.slot) == messages_.priority(first)) {
                last.count += count;
                return;
            }
        }
        pending.copies.push_back({q.address, first, count});
        return;
    }
    q.ledger.accepted += count;
    arrive(q, first, count);
}

/// Copies that the store is not asked about are ready: behind those of their queue and priority that were accepted
/// before them, and that the store is still asked about.
void Broker::Machine::arrive(Queue& q, Slot first, std::uint32_t count) {
    Lane& lane = q.lane(messages_.priority(first));
    PendingBatch* before = pending(lane.storing_in);
    if (before != nullptr && !YM_MUTANT(overtakes_stored)) {
        before->behind.push_back({q.address, first, count});
        return;
    }
    make_ready(q, lane, first, count);
}

void Broker::Machine::make_ready(const StoringCopy& copy) {
    Queue& q = queue(copy.queue);
    make_ready(q, q.lane(messages_.priority(copy.slot)), copy.slot, copy.count);
}

void Broker::Machine::make_ready(Queue& q, Lane& lane, Slot first, std::uint32_t count) {
    // Others may have come in while these were being stored; their numbers say where they belong.
    if (lane.ends_before(messages_.id(first))) {
        for (Slot slot = first; slot < first + count; ++slot) lane.add(messages_.id(slot), slot);
    } else {
        for (Slot slot = first; slot < first + count; ++slot) lane.put_back({messages_.id(slot), slot, 0});
    }
    q.ready += count;
    touch(q);
}

}  // namespace ym
