#include "witness.h"

#include <algorithm>

#include "base/prng.h"
#include "fields.h"

namespace ym::simulation {
namespace {

/// Majordomo peers have no session of their own: the broker makes one up for each, which is told apart by its octets.
SessionNumber unknown_session(Octets octets) {
    std::uint64_t all = 0;
    for (const std::byte octet : octets) all = mix64(all ^ static_cast<std::uint64_t>(octet));
    return 0x80000000U | static_cast<SessionNumber>(all);
}

/// How many of each kind there are.
std::string describe(const std::vector<RecordFact>& facts) {
    std::array<std::size_t, 11> counts{};
    for (const RecordFact& fact : facts) ++counts[static_cast<std::size_t>(fact.kind) % counts.size()];
    std::string text;
    for (std::size_t i = 1; i < counts.size(); ++i) {
        if (counts[i] > 0)
            text += std::string(", ") + name_of(static_cast<RecordKind>(i)) + " " + std::to_string(counts[i]);
    }
    return text;
}

}  // namespace

Witness::Witness(const Options& options, const Messages& messages, Coverage& coverage, std::ostream* trace)
    : options_(options),
      messages_(messages),
      coverage_(coverage),
      trace_(trace),
      book_(options, messages),
      image_(options.store_full != 0),
      evidence_{book_, coverage, image_, {}, {}, false, {}},
      majordomo_(*this, options, messages, coverage),
      checkers_(make_checkers(evidence_)) {
    std::set<std::string> unsteady;
    for (const QueueScene& q : options.scene.queues) {
        if (q.on_demand || q.name == "passing") unsteady.insert(q.name);
    }
    image_.set_unsteady(std::move(unsteady));
}

void Witness::mix(std::uint64_t kind, Octets octets) {
    hash_ = mix64(hash_ ^ kind ^ static_cast<std::uint64_t>(evidence_.now.since_start.count()));
    std::size_t at = 0;
    for (; at + 8 <= octets.size(); at += 8) hash_ = mix64(hash_ ^ load_be<std::uint64_t>(octets.data() + at));
    std::uint64_t rest = octets.size();
    for (; at < octets.size(); ++at) rest = rest << 8U | static_cast<std::uint64_t>(octets[at]);
    hash_ = mix64(hash_ ^ rest);
}

Witness::Known& Witness::known(PeerId peer) {
    if (peer.value >= known_.size()) known_.resize(std::size_t{peer.value} + 1);
    return known_[peer.value];
}

void Witness::begin_step(Now now, bool healing) {
    ++steps_;
    evidence_.now = now.monotonic;
    evidence_.wall = now.wall;
    evidence_.healing = healing;
}

void Witness::received(PeerId peer, const Parcel& parcel) {
    const Octets octets = Octets(parcel.octets).first(parcel.first);
    mix(peer.value, parcel.octets);
    ++frames_;
    tell("->", peer, octets);
    wire::Frame frame;
    Known& from = known(peer);
    if (octets.empty()) return;
    const bool broken = wire::parse_frame(octets, frame).has_value();
    const bool flagged = (frame.flags & wire::flag_body_in_second_frame) != 0;
    if (broken || flagged != parcel.split() || frame.verb >= wire::Verb::welcome) {
        from.malformed = true;
        return;
    }
    coverage_.count_in(frame.verb);
    if (frame.verb == wire::Verb::hello) return on_hello(from, frame);
    if (!from.joined || from.leaving) {
        from.bye_pending = !from.hellos.empty() && frame.verb == wire::Verb::bye;
        if (!from.malformed && from.hellos.empty()) show(StrangerFact{peer.value});
        return;
    }
    show(FrameFact{from.session, true, frame.verb, frame.number});
    if (book_.session(from.session).vandal) {
        if (frame.verb == wire::Verb::bye) from.joined = false;
        return;
    }
    switch (frame.verb) {
        case wire::Verb::publish: return on_publish(from.session, frame, parcel);
        case wire::Verb::settle: return on_settle(from.session, frame);
        case wire::Verb::credit: return on_credit(from.session, frame);
        case wire::Verb::bye: return leave(peer, GoneWhy::bye);
        default: return;
    }
}

void Witness::on_hello(Known& from, const wire::Frame& frame) {
    wire::RecordCursor records(frame);
    wire::Record record;
    if (records.next(record) != wire::RecordCursor::Step::record) return;
    const auto session = session_number(options_.seed, field_octets(record, wire::Field::session));
    if (!session) return;
    if (frame.name.starts_with("vandal")) book_.session(*session).vandal = true;
    from.hellos.push_back({*session, frame.number, record.id, field_number(record, wire::Field::through, 0),
                           field_number(record, wire::Field::bytes, ~0ULL)});
    book_.on(from.hellos.back());
}

void Witness::leave(PeerId peer, GoneWhy why) {
    Known& from = known(peer);
    if (!from.joined) return;
    // Answers to what it sent before come until the broker's BYE.
    from.leaving = why == GoneWhy::bye;
    from.joined = from.leaving;
    const GoneFact fact{from.session, why};
    show(fact);
    book_.on(fact, evidence_.now);
}

void Witness::unreachable(PeerId peer) {
    mix(peer.value, {});
    if (trace_ != nullptr)
        *trace_ << to_ms(evidence_.now.since_start) << "ms  peer " << peer.value << " is unreachable\n";
    leave(peer, GoneWhy::unreachable);
    known(peer).gone_in = steps_;
    majordomo_.unreachable(peer);
}

void Witness::forgotten(PeerId peer) {
    known(peer) = Known{};
    majordomo_.forgotten(peer);
}

void Witness::received_frames(PeerId peer, std::span<const Octets> parts) {
    Frames frames;
    for (const Octets part : parts) {
        mix(peer.value, part);
        frames.emplace_back(as_text(part));
    }
    ++frames_;
    if (trace_ != nullptr)
        *trace_ << to_ms(evidence_.now.since_start) << "ms " << peer.value << " -> " << describe(frames) << "\n";
    // What is none of Majordomo is a malformed frame of YMP.
    if (!majordomo_.received(peer, frames)) known(peer).malformed = true;
}

void Witness::sent_frames(PeerId peer, Octets octets) {
    mix(peer.value + 1, octets);
    ++frames_;
    const std::optional<Frames> frames = unpack(octets);
    if (!frames) return violation("codec", "the broker sent parts that are none");
    if (trace_ != nullptr)
        *trace_ << to_ms(evidence_.now.since_start) << "ms " << peer.value << " <- " << describe(*frames) << "\n";
    majordomo_.sent(peer, *frames);
}

void Witness::on_publish(SessionNumber session, const wire::Frame& frame, const Parcel& parcel) {
    wire::RecordCursor records(frame);
    wire::Record record;
    for (;;) {
        const auto step = records.next(record);
        if (step == wire::RecordCursor::Step::end) return;
        PublishFact fact;
        fact.session = session;
        fact.sequence = record.id;
        fact.address = frame.name;
        fact.bad = step == wire::RecordCursor::Step::bad || has_unknown_field(record);
        const bool last = record.at + record_bytes(record) == frame.records_at + frame.records.size();
        const Octets body = last && parcel.split() ? Octets(parcel.octets).subspan(parcel.first) : record.body;
        fact.uid = messages_.recognise(body).value_or(no_uid);
        fact.wants_reply = record.code == wire::publish_wants_reply;
        fact.frame_bytes = parcel.octets.size();
        fact.body_bytes = body.size();
        show(fact);
        book_.on(fact);
    }
}

void Witness::on_settle(SessionNumber session, const wire::Frame& frame) {
    wire::RecordCursor records(frame);
    wire::Record record;
    for (;;) {
        const auto step = records.next(record);
        if (step == wire::RecordCursor::Step::end) break;
        SettleFact fact;
        fact.session = session;
        fact.code = record.code;
        fact.bad = step == wire::RecordCursor::Step::bad || record.code > 7;
        fact.body = record.body;
        fact.error = as_text(field_octets(record, wire::Field::text));
        fact.tell = (frame.flags & wire::flag_tell_durable) != 0;
        coverage_.count_settle(record.code);
        const std::uint64_t through = std::max(record.id, field_number(record, wire::Field::through, record.id));
        // Of an endless range of tags that were never given, the first stands for all.
        const std::uint64_t end =
            std::min(through, std::max<std::uint64_t>(book_.session(session).leases.size(), record.id));
        for (fact.tag = record.id; fact.tag <= end; ++fact.tag) {
            show(fact);
            book_.on(fact, evidence_.now);
        }
    }
    book_.on(CreditFact{session, frame.number, 0});
}

void Witness::on_credit(SessionNumber session, const wire::Frame& frame) {
    wire::RecordCursor records(frame);
    wire::Record record;
    std::uint64_t bytes = 0;
    if (records.next(record) == wire::RecordCursor::Step::record) bytes = field_number(record, wire::Field::bytes, 0);
    book_.on(CreditFact{session, frame.number, bytes});
}

void Witness::completed(const StoreCompleted& event) {
    mix(event.batch, {});
    if (trace_ != nullptr) {
        *trace_ << to_ms(evidence_.now.since_start) << "ms  store: batch " << event.batch << " status "
                << static_cast<int>(event.status) << "\n";
    }
    for (const auto& checker : checkers_) {
        if (event.status == StoreStatus::ok) checker->stored(event.batch);
        if (event.status == StoreStatus::full) checker->not_stored(event.batch);
    }
}

void Witness::acquired(const StoreAcquired& event) {
    mix(event.epoch, {});
    if (trace_ != nullptr) {
        *trace_ << to_ms(evidence_.now.since_start) << "ms  store: acquired, epoch " << event.epoch << " through "
                << event.through << "\n";
    }
    for (const auto& checker : checkers_) checker->stored(event.through);
}

void Witness::settings(const Scene& scene) {
    coverage_.count(Fault::settings_changed);
    if (trace_ != nullptr) {
        *trace_ << to_ms(evidence_.now.since_start) << "ms  settings: ";
        for (const QueueScene& q : scene.queues) *trace_ << q.name << (q.removed ? " (removed) " : " ");
        *trace_ << "\n";
    }
    book_.change_scene(scene);
}

RecordFact Witness::fact_of(std::uint64_t batch, const StoreRecord& record) const {
    RecordFact fact;
    fact.batch = batch;
    fact.kind = record.kind;
    fact.message = record.message.value;
    fact.origin = record.origin.value;
    fact.from = record.from.value;
    fact.name = record.name;
    fact.outcome = record.outcome;
    fact.reason = record.reason;
    fact.attempt = record.attempt;
    fact.at = record.at;
    fact.priority = record.priority;
    fact.sequence = record.sequence;
    // Of a client whose sessions end with its connections none is written down.
    fact.session = record.session.empty()
                       ? first_unowned_session
                       : session_number(options_.seed, record.session).value_or(unknown_session(record.session));
    fact.numbers.assign(record.numbers.begin(), record.numbers.end());
    fact.history = as_text(record.history);
    const bool many = record.kind == RecordKind::accepted || record.kind == RecordKind::relocated;
    if (many || record.kind == RecordKind::moved) {
        fact.uid = messages_.recognise(whole_body(record.fields, record.body)).value_or(no_uid);
        fact.fields_intact = fact.uid != no_uid && messages_.fields_intact(fact.uid, record.fields);
    }
    if (!many) fact.queues.push_back(record.queue.value);
    for (const AddressId queue : record.queues) fact.queues.push_back(queue.value);
    return fact;
}

void Witness::appended(std::uint64_t batch, Octets octets) {
    mix(batch, octets);
    const std::vector<RecordFact> facts = facts_of(batch, octets);
    if (trace_ != nullptr)
        *trace_ << to_ms(evidence_.now.since_start) << "ms  to the store: batch " << batch << describe(facts) << "\n";
    for (const RecordFact& fact : facts) {
        coverage_.count(fact.kind, false);
        show(fact);
    }
}

std::vector<RecordFact> Witness::facts_of(std::uint64_t batch, Octets octets) {
    std::vector<RecordFact> facts;
    store::BatchRecords records;
    const auto head = records.add(octets);
    if (!head || head.value().number != batch) {
        violation("codec",
                  "batch " + std::to_string(batch) + " cannot be read back" + (head ? "" : ": " + head.error().text));
        return facts;
    }
    for (const StoreRecord& record : records.records()) {
        for (std::size_t i = 0; i < messages_of(record); ++i) facts.push_back(fact_of(batch, one_of(record, i)));
    }
    return facts;
}

void Witness::kept(std::uint64_t batch) {
    for (const auto& checker : checkers_) checker->kept(batch);
}

void Witness::left(std::span<const SimulatedStore::Kept> batches, bool replayed) {
    Image left(true, true);
    for (const SimulatedStore::Kept& batch : batches) {
        for (const RecordFact& fact : facts_of(batch.number, batch.octets)) {
            if (replayed) coverage_.count(fact.kind, true);
            left.read(fact);
        }
    }
    for (const auto& checker : checkers_) checker->left(left);
}

void Witness::recovered(const StatusReport& status) {
    for (const auto& checker : checkers_) checker->recovered(status);
}

void Witness::noticed(const Notice& notice) {
    coverage_.count(notice.kind);
    if (notice.kind == NoticeKind::queue_orphaned && notice.count > 0)
        coverage_.count(Fault::queue_removed_with_messages);
    if (notice.kind == NoticeKind::queue_created) coverage_.count(Fault::queue_on_demand);
    if (notice.kind == NoticeKind::peer_lost) coverage_.count(Fault::session_lost);
    if (trace_ != nullptr) {
        *trace_ << to_ms(evidence_.now.since_start) << "ms  notice: " << notice.name << ": " << notice.text << " ("
                << notice.count << ")\n";
    }
}

void Witness::all_received() {
    book_.end_due(evidence_.now);
}

void Witness::end_step(Instant next) {
    majordomo_.end_step();
    for (const auto& checker : checkers_) checker->end_step();
    for (const auto& checker : checkers_) checker->after_step(next);
}

void Witness::inspect(const StatusReport& status) {
    for (const auto& checker : checkers_) checker->inspect(status);
}

void Witness::broker_ended(Finish how, Now now) {
    mix(static_cast<std::uint64_t>(how), {});
    evidence_.now = now.monotonic;
    evidence_.wall = now.wall;
    if (trace_ != nullptr) *trace_ << to_ms(evidence_.now.since_start) << "ms  the broker has ended\n";
    for (const auto& checker : checkers_) checker->broker_ended();
    book_.recover(image_, now);
    known_.clear();
    majordomo_.broker_ended();
}

void Witness::end(const StatusReport& status) {
    majordomo_.end();
    for (const auto& checker : checkers_) checker->end(status);
}

}  // namespace ym::simulation
