#include "book.h"

#include <algorithm>
#include <functional>

namespace ym::simulation {
namespace {

Place place_of(const Copy& copy, CopyId id) {
    return {static_cast<std::uint8_t>(31 - copy.priority), copy.place, id};
}

}  // namespace

Book::Book(const Options& options, const Messages& messages)
    : options_(options), messages_(messages), scene_(options.scene), queues_(options.scene.queues.size()) {
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        const QueueScene& q = scene_.queues[i];
        queues_[i].drops = q.messages != unlimited && q.when_full != WhenFull::reject;
        queues_[i].unsteady = q.on_demand || (options.settings_change && q.name == "passing");
    }
}

Session& Book::session(SessionNumber number) {
    return sessions_[number];
}

CopyId Book::find(Uid uid, std::size_t queue) const {
    const auto found = by_uid_.find(std::uint64_t{uid} * queues_.size() + queue);
    return found == by_uid_.end() ? no_copy : found->second;
}

Lease* Book::lease(SessionNumber number, std::uint64_t tag) {
    Session& s = session(number);
    return tag == 0 || tag > s.leases.size() ? nullptr : &s.leases[static_cast<std::size_t>(tag - 1)];
}

void Book::set_state(CopyId id, CopyState state) {
    Copy& c = copies_[id];
    QueueBook& q = queues_[c.queue];
    if (c.state == CopyState::ready) q.ready.erase(place_of(c, id));
    if (c.state == CopyState::offered) q.offered.erase(place_of(c, id));
    if (state == CopyState::ready && (q.drops || !c.place_certain)) state = CopyState::waiting;
    c.state = state;
    if (state == CopyState::ready) q.ready.insert(place_of(c, id));
    if (state == CopyState::offered) q.offered.insert(place_of(c, id));
}

/// One that was accepted before it, of its queue and priority, may still be on its way to the store; then it waits.
bool Book::stands_behind_offered(CopyId id) {
    const Copy& c = copies_[id];
    const std::set<Place>& offered = queues_[c.queue].offered;
    const auto first = offered.lower_bound({static_cast<std::uint8_t>(31 - c.priority), 0, 0});
    return options_.store && first != offered.end() && *first < place_of(c, id);
}

void Book::on(const HelloFact& fact) {
    Session& s = session(fact.session);
    s.greeting = true;
    s.bytes_published = 0;
    s.credit = fact.credit;
    s.bytes_credit = fact.bytes;
    s.bytes_delivered = 0;
}

void Book::on(const WelcomeFact& fact) {
    Session& s = session(fact.hello.session);
    s.greeting = false;
    if (fact.last_tag < s.leases.size()) s.leases.clear();
    // A session that was lost is forgotten if nothing of it was taken: then what lies below its HELLO is too old.
    if (!s.joined && fact.hello.lowest > 0) s.floor = std::max(s.floor, fact.hello.lowest - 1);
    s.joined = true;
    s.away = false;
    ++s.connections;
    s.highest = std::max({s.highest, fact.taken, fact.hello.highest, s.floor});
    s.window = fact.window;
    s.bytes_window = fact.bytes;
}

void Book::offer(Sequence& sequence, const Arrival& arrival, bool certain) {
    sequence.route = arrival.route;
    for (const Target& target : arrival.route.targets) {
        const std::uint64_t key = std::uint64_t{sequence.uid} * queues_.size() + target.queue;
        const auto [at, fresh] = by_uid_.emplace(key, static_cast<CopyId>(copies_.size()));
        if (fresh) copies_.emplace_back();
        Copy& c = copies_[at->second];
        if (!fresh && c.state != CopyState::refused && c.state != CopyState::offered) continue;
        if (!fresh) set_state(at->second, CopyState::refused);
        c.uid = sequence.uid;
        c.queue = target.queue;
        c.place = arrival.place;
        c.place_certain = certain;
        c.optional = target.optional;
        c.priority = messages_[sequence.uid].priority.value_or(arrival.route.priority);
        c.state = CopyState::refused;
        set_state(at->second, CopyState::offered);
    }
}

void Book::on(const PublishFact& fact) {
    Session& s = session(fact.session);
    if (fact.uid == no_uid) return;
    Sequence& sequence = s.sequences[fact.sequence];
    ++sequence.arrivals;
    s.bytes_published += fact.body_bytes;
    s.highest = std::max(s.highest, fact.sequence);
    if (sequence.accepted) return;
    sequence.uid = fact.uid;
    sequence.wants_reply = fact.wants_reply;
    sequence.open.push_back({++places_, route(scene_, fact.address, messages_[fact.uid].topic)});
    if (sequence.open.size() == 1 && !fact.bad) offer(sequence, sequence.open.front(), true);
    // If it came before and was taken then, though no answer could be told, this one is not what is taken.
    if (sequence.open.size() > 1) offer(sequence, best(sequence), false);
}

const Arrival& Book::best(const Sequence& sequence) {
    for (const Arrival& arrival : sequence.open) {
        if (arrival.route.way == Way::routed) return arrival;
    }
    return sequence.open.front();
}

void Book::on(const AnswerFact& fact) {
    Session& s = session(fact.session);
    const auto found = s.sequences.find(fact.sequence);
    if (found == s.sequences.end()) return;
    Sequence& sequence = found->second;
    ++sequence.answers;
    if (sequence.accepted) return;
    if (static_cast<std::uint16_t>(fact.status) / 100 == 2) return take(sequence);
    if (fact.status == wire::Status::too_old) return leave_open(sequence);
    if (!sequence.open.empty()) sequence.open.pop_front();
    for (const Target& target : sequence.route.targets) {
        const CopyId id = find(sequence.uid, target.queue);
        if (id != no_copy && copies_[id].state == CopyState::offered) set_state(id, CopyState::refused);
    }
    if (!sequence.open.empty()) offer(sequence, best(sequence), sequence.open.size() == 1);
}

/// 410: nobody can say whether it was taken.
void Book::leave_open(Sequence& sequence) {
    sequence.open.clear();
    for (const Target& target : sequence.route.targets) {
        const CopyId id = find(sequence.uid, target.queue);
        if (id == no_copy || copies_[id].state != CopyState::offered) continue;
        set_state(id, CopyState::waiting);
        copies_[id].place_certain = false;
    }
}

void Book::take(Sequence& sequence) {
    sequence.accepted = true;
    sequence.open.clear();
    for (const Target& target : sequence.route.targets) {
        const CopyId id = find(sequence.uid, target.queue);
        if (id == no_copy) continue;
        copies_[id].confirmed = true;
        if (!target.optional) ++queues_[target.queue].confirmed;
        if (copies_[id].state == CopyState::offered) {
            const bool certain = !target.optional && !stands_behind_offered(id);
            set_state(id, certain ? CopyState::ready : CopyState::waiting);
        }
    }
}

void Book::on(const WindowFact& fact) {
    Session& s = session(fact.session);
    s.window = std::max(s.window, fact.window);
    s.bytes_window = std::max(s.bytes_window, fact.bytes);
}

void Book::on(const CreditFact& fact) {
    Session& s = session(fact.session);
    s.credit = std::max(s.credit, fact.credit);
    if (fact.bytes != 0) s.bytes_credit = std::max(s.bytes_credit, fact.bytes);
}

void Book::on(const DeliverFact& fact, Instant now) {
    Session& s = session(fact.session);
    const CopyId id = fact.uid == no_uid ? no_copy : find(fact.uid, fact.queue);
    s.bytes_delivered += fact.body_bytes;
    Lease lease;
    if (id != no_copy) {
        Copy& c = copies_[id];
        set_state(id, CopyState::leased);
        c.attempt = fact.attempt;
        c.holder = fact.session;
        c.tag = fact.tag;
        c.not_before = {};
        lease = {id, fact.queue, fact.attempt, fact.lease, now, now + fact.lease, true};
        ++queues_[fact.queue].live_leases;
        ends_.push_back({lease.deadline, fact.session, fact.tag});
        std::push_heap(ends_.begin(), ends_.end(), std::greater<>{});
    }
    s.leases.push_back(lease);
}

void Book::end_lease(SessionNumber number, std::uint64_t tag, Reason reason) {
    Lease* l = lease(number, tag);
    if (l == nullptr || !l->live) return;
    l->live = false;
    --queues_[l->queue].live_leases;
    fail(l->copy, reason);
}

void Book::end_leases(SessionNumber number, Reason reason) {
    Session& s = session(number);
    s.away = false;
    s.joined = false;
    for (std::uint64_t tag = 1; tag <= s.leases.size(); ++tag) end_lease(number, tag, reason);
}

void Book::fail(CopyId id, Reason reason) {
    Copy& c = copies_[id];
    c.gave_back = reason == Reason::given_back;
    if (c.gave_back) {
        set_state(id, CopyState::ready);
        return;
    }
    const RetryScene& retry = scene_.retries[scene_.queues[c.queue].retry];
    const bool last = c.attempt >= retry.attempts || retry.kind == RetryKind::none || reason == Reason::reject;
    if (last) {
        bury(id);
    } else {
        set_state(id, reason == Reason::lost && retry.lost_at_once ? CopyState::ready : CopyState::waiting);
    }
}

void Book::bury(CopyId id) {
    const std::size_t queue = copies_[id].queue;
    const std::string& to = scene_.queues[queue].dead_to;
    ++queues_[queue].dead;
    if (to.empty()) {
        set_state(id, CopyState::dead);
        return;
    }
    set_state(id, CopyState::moved);
    add_dead(copies_[id], scene_.find_queue(to));
}

CopyId Book::add_dead(const Copy& copy, std::size_t grave) {
    const std::uint64_t key = std::uint64_t{copy.uid} * queues_.size() + grave;
    const auto [at, fresh] = by_uid_.emplace(key, static_cast<CopyId>(copies_.size()));
    if (!fresh) return at->second;
    Copy buried = copy;
    buried.queue = grave;
    buried.state = CopyState::waiting;
    buried.attempt = 0;
    buried.gave_back = false;
    buried.dead_letter = true;
    buried.place_certain = false;  // it is accepted there when it dies, and which of two dies first is not to be seen
    copies_.push_back(buried);
    return at->second;
}

void Book::expect(Uid uid, std::size_t queue) {
    if (uid == no_uid || queue >= queues_.size() || find(uid, queue) != no_copy) return;
    for (std::size_t from = 0; from < queues_.size(); ++from) {
        if (!queues_[from].drops || scene_.queues[from].dead_to != scene_.queues[queue].name) continue;
        const CopyId id = find(uid, from);
        if (id == no_copy || copies_[id].state == CopyState::leased) continue;
        set_state(id, CopyState::moved);
        add_dead(copies_[id], queue);
        return;
    }
}

void Book::on(const SettleFact& fact, Instant now) {
    Lease* l = lease(fact.session, fact.tag);
    if (l == nullptr || !l->live || fact.bad) return;
    switch (static_cast<wire::SettleCode>(fact.code)) {
        case wire::SettleCode::ack: {
            const CopyId id = l->copy;
            l->live = false;
            --queues_[l->queue].live_leases;
            ++queues_[l->queue].acked;
            set_state(id, CopyState::acked);
            break;
        }
        case wire::SettleCode::nack:
        case wire::SettleCode::throttled: end_lease(fact.session, fact.tag, Reason::nack); break;
        case wire::SettleCode::reject: end_lease(fact.session, fact.tag, Reason::reject); break;
        case wire::SettleCode::release: end_lease(fact.session, fact.tag, Reason::given_back); break;
        case wire::SettleCode::part:
            if (!fact.majordomo) break;
            l->deadline = now + l->length;
            ends_.push_back({l->deadline, fact.session, fact.tag});
            std::push_heap(ends_.begin(), ends_.end(), std::greater<>{});
            break;
        case wire::SettleCode::extend: {
            const Instant most = l->granted + scene_.queues[l->queue].lease_max;
            l->deadline = std::max(l->deadline, std::min(now + l->length, most));
            ends_.push_back({l->deadline, fact.session, fact.tag});
            std::push_heap(ends_.begin(), ends_.end(), std::greater<>{});
            break;
        }
        default: break;
    }
}

std::uint32_t Book::next_attempt(CopyId id) const {
    const Copy& c = copies_[id];
    return c.gave_back ? std::max(c.attempt, 1U) : c.attempt + 1;
}

void Book::on(const LostFact& fact) {
    Session& s = session(fact.session);
    const std::uint64_t through = std::min<std::uint64_t>(fact.through, s.leases.size());
    if (fact.status != 409 && fact.status != 504) return;
    for (std::uint64_t tag = fact.tag; tag <= through; ++tag) end_lease(fact.session, tag, Reason::expired);
}

void Book::on(const GoneFact& fact, Instant now) {
    Session& s = session(fact.session);
    if (!s.joined) return;
    if (fact.why != GoneWhy::unreachable) {
        end_leases(fact.session, fact.why == GoneWhy::bye ? Reason::given_back : Reason::lost);
        return;
    }
    if (s.away) return;
    s.away = true;
    s.lost_at = now + scene_.limits.grace;
    ends_.push_back({s.lost_at, fact.session, 0});
    std::push_heap(ends_.begin(), ends_.end(), std::greater<>{});
}

bool Book::is_current(const End& end) {
    if (end.tag == 0) {
        const Session& s = session(end.session);
        return s.away && s.lost_at == end.at;
    }
    const Lease* l = lease(end.session, end.tag);
    return l != nullptr && l->live && l->deadline == end.at;
}

Instant Book::next_end() {
    while (!ends_.empty() && !is_current(ends_.front())) {
        std::pop_heap(ends_.begin(), ends_.end(), std::greater<>{});
        ends_.pop_back();
    }
    return ends_.empty() ? Instant::never() : ends_.front().at;
}

void Book::end_due(Instant now) {
    while (next_end() <= now) {
        const End end = ends_.front();
        std::pop_heap(ends_.begin(), ends_.end(), std::greater<>{});
        ends_.pop_back();
        if (end.tag == 0) {
            if (session(end.session).greeting) continue;
            end_leases(end.session, Reason::lost);
        } else {
            end_lease(end.session, end.tag, Reason::expired);
        }
    }
}

}  // namespace ym::simulation
