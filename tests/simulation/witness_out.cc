// What leaves the broker.
#include <algorithm>
#include <sstream>

#include "fields.h"
#include "witness.h"

namespace ym::simulation {

void Witness::sent(PeerId peer, Octets octets) {
    mix(peer.value + 1, octets);
    ++frames_;
    tell("<-", peer, octets);
    wire::Frame frame;
    if (wire::parse_frame(octets, frame)) {
        violation("codec", "the broker sent a frame that is none");
        return;
    }
    coverage_.count_out(frame.verb);
    if (frame.verb == wire::Verb::welcome) return on_welcome(peer, frame);
    if (frame.verb == wire::Verb::error) return on_error(peer, frame);
    const Known& to = known(peer);
    if (frame.verb == wire::Verb::bye) {
        if (known(peer).bye_pending) leave(peer, GoneWhy::bye);
        known(peer).bye_pending = false;
        known(peer).joined = false;
        return;
    }
    if (!to.joined) {
        // What the broker said to it before it learnt that the connection is gone still crosses the border.
        if (to.gone_in == steps_) return;
        violation("codec",
                  "the broker sent " + std::string(wire::name_of(frame.verb)) + " to a peer without a session");
        return;
    }
    show(FrameFact{to.session, false, frame.verb, frame.number});
    if (book_.session(to.session).vandal) return;
    switch (frame.verb) {
        case wire::Verb::confirm: return on_confirm(to.session, frame);
        case wire::Verb::deliver: return on_deliver(to.session, frame);
        case wire::Verb::lost: return on_lost(to.session, frame);
        case wire::Verb::reply: return on_reply(to.session, frame);
        default: return;
    }
}

void Witness::on_welcome(PeerId peer, const wire::Frame& frame) {
    Known& to = known(peer);
    if (to.hellos.empty()) {
        violation("codec", "the broker sent a WELCOME that no HELLO asked for");
        return;
    }
    wire::RecordCursor records(frame);
    wire::Record record;
    if (records.next(record) != wire::RecordCursor::Step::record) return;
    WelcomeFact fact;
    fact.hello = to.hellos.front();
    to.hellos.pop_front();
    fact.taken = frame.number;
    fact.window = field_number(record, wire::Field::through, 0);
    fact.bytes = field_number(record, wire::Field::bytes, ~0ULL);
    fact.last_tag = field_number(record, wire::Field::last_tag, 0);
    fact.boot = field_number(record, wire::Field::boot, 0);
    fact.heartbeat = std::chrono::milliseconds(field_number(record, wire::Field::heartbeat_ms, 0));
    // Whoever used this session before does so no longer.
    for (Known& other : known_) {
        if (other.joined && other.session == fact.hello.session) other.joined = false;
    }
    to.leaving = false;
    to.joined = true;
    to.session = fact.hello.session;
    show(fact);
    book_.on(fact);
}

void Witness::on_confirm(SessionNumber session, const wire::Frame& frame) {
    WindowFact window{session, frame.number, 0};
    wire::RecordCursor records(frame);
    wire::Record record;
    while (records.next(record) == wire::RecordCursor::Step::record) {
        window.bytes = std::max(window.bytes, field_number(record, wire::Field::bytes, 0));
        if (record.code == 0) continue;
        coverage_.count_answer(frame.verb, record.code);
        if (record.code == wire::confirm_settled) {
            const std::uint64_t last = field_number(record, wire::Field::through, record.id);
            for (std::uint64_t tag = record.id; tag <= last; ++tag) show(DurableFact{session, tag});
            continue;
        }
        const bool memory =
            as_text(field_octets(record, wire::Field::text)).find("limits.memory") != std::string_view::npos;
        if (memory) coverage_.count(Fault::memory_short);
        const std::uint64_t through = field_number(record, wire::Field::through, record.id);
        AnswerFact fact{session, record.id, static_cast<wire::Status>(record.code)};
        for (; fact.sequence <= through; ++fact.sequence) {
            show(fact);
            book_.on(fact);
        }
    }
    show(window);
    book_.on(window);
}

void Witness::on_deliver(SessionNumber session, const wire::Frame& frame) {
    wire::RecordCursor records(frame);
    wire::Record record;
    while (records.next(record) == wire::RecordCursor::Step::record) {
        DeliverFact fact;
        fact.session = session;
        fact.queue_name = frame.name;
        fact.queue = book_.scene().find_queue(frame.name);
        fact.lease = std::chrono::milliseconds(frame.number);
        fact.tag = record.id;
        fact.attempt = record.code;
        fact.fence = field_number(record, wire::Field::fence, 0);
        std::size_t frames = 1;
        fact.uid = messages_.recognise(whole_body(record.fields, record.body, &frames)).value_or(no_uid);
        if (fact.uid != no_uid && frames != messages_[fact.uid].frames) {
            violation("majordomo", "message " + std::to_string(fact.uid) + " came in " +
                                       std::to_string(messages_[fact.uid].frames) + " frames, and is delivered in " +
                                       std::to_string(frames));
        }
        fact.fields_intact = fact.uid != no_uid && messages_.fields_intact(fact.uid, record.fields);
        fact.body_bytes = record.body.size();
        book_.expect(fact.uid, fact.queue);
        show(fact);
        book_.on(fact, evidence_.now);
    }
}

void Witness::on_lost(SessionNumber session, const wire::Frame& frame) {
    wire::RecordCursor records(frame);
    wire::Record record;
    while (records.next(record) == wire::RecordCursor::Step::record) {
        coverage_.count_answer(frame.verb, record.code);
        const LostFact fact{session, record.id, field_number(record, wire::Field::through, record.id), record.code};
        show(fact);
        book_.on(fact);
    }
}

void Witness::on_reply(SessionNumber session, const wire::Frame& frame) {
    wire::RecordCursor records(frame);
    wire::Record record;
    if (records.next(record) != wire::RecordCursor::Step::record) return;
    coverage_.count_answer(frame.verb, record.code);
    const std::vector<std::byte> body = whole_body(record.fields, record.body);
    show(ReplyFact{session, frame.number, static_cast<wire::Status>(record.code), record.id, body});
}

void Witness::on_error(PeerId peer, const wire::Frame& frame) {
    wire::RecordCursor records(frame);
    wire::Record record;
    if (records.next(record) != wire::RecordCursor::Step::record) return;
    coverage_.count_answer(frame.verb, record.code);
    Known& to = known(peer);
    // 428 answers what stood before the HELLO; any other error refuses it.
    if (!to.hellos.empty() && !to.malformed && record.code != static_cast<std::uint16_t>(wire::Status::say_hello)) {
        book_.session(to.hellos.front().session).greeting = false;
        to.hellos.pop_front();
    }
    show(ErrorFact{peer.value, to.joined, to.session, static_cast<wire::Status>(record.code), to.malformed});
}

void Witness::tell(const char* arrow, PeerId peer, Octets frame) {
    if (trace_ == nullptr) return;
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(evidence_.now.since_start).count();
    *trace_ << us / 1000 << "." << us % 1000 / 100 << "ms  peer " << peer.value;
    if (known(peer).joined) *trace_ << " session " << known(peer).session;
    *trace_ << " " << arrow << " " << describe(frame) << "\n";
}

std::string describe(Octets octets) {
    if (octets.empty()) return "an empty frame";
    wire::Frame frame;
    if (const auto error = wire::parse_frame(octets, frame)) return "malformed: " + std::string(error->field);
    std::ostringstream out;
    out << wire::name_of(frame.verb);
    if (!frame.name.empty()) out << " '" << frame.name << "'";
    if (frame.number != 0) out << " number " << frame.number;
    wire::RecordCursor records(frame);
    wire::Record record;
    for (;;) {
        const auto step = records.next(record);
        if (step == wire::RecordCursor::Step::end) return out.str();
        if (step == wire::RecordCursor::Step::bad) {
            out << " [bad " << records.error().field << "]";
            continue;
        }
        out << " [" << record.id;
        const std::uint64_t through = field_number(record, wire::Field::through, record.id);
        if (through != record.id) out << ".." << through;
        out << " code " << record.code;
        const std::string_view text = as_text(field_octets(record, wire::Field::text));
        if (!text.empty()) out << " '" << text << "'";
        if (!record.body.empty()) out << " body " << record.body.size();
        if (record.body.size() >= 8) out << " of " << load_be<std::uint64_t>(record.body.data());
        out << "]";
    }
}

}  // namespace ym::simulation
