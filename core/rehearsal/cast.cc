#include "rehearsal/cast.h"

#include <algorithm>
#include <utility>

#include "settings/units.h"

namespace ym::rehearsal {

using wire::Field;
using wire::FrameWriter;
using wire::Verb;

namespace {

/// How often peers give a sign of life: half of what the broker asks for by default.
constexpr Duration heartbeat = 500ms;
/// So often something may happen at one point in time; then it goes round in circles.
constexpr std::uint64_t at_once_max = 200'000;

std::string octets_of(std::uint64_t number) {
    std::string text(8, '\0');
    store_be(reinterpret_cast<std::byte*>(text.data()), number);
    return text;
}

}  // namespace

Cast::Cast(BrokerOptions options, Now start) : start_(start.monotonic) {
    stage_ = std::make_unique<Stage>(options, start,
                                     Stage::Watcher{[this](PeerId peer, const Got& one) { got(peer, one); },
                                                    [this](const Notice& notice) {
                                                        const bool tells = notice.kind == NoticeKind::message_dead ||
                                                                           notice.kind == NoticeKind::queue_created ||
                                                                           notice.kind == NoticeKind::queue_removed ||
                                                                           notice.kind == NoticeKind::peer_silent ||
                                                                           notice.kind == NoticeKind::peer_lost ||
                                                                           notice.kind == NoticeKind::policy_failed;
                                                        if (tells) say("broker", notice.name + ": " + notice.text);
                                                    },
                                                    [this] { watch(); }});
    plan(heartbeat, [this] { heartbeats(); });
}

void Cast::say(const std::string& who, const std::string& what) {
    timeline_.push_back(settings::format_duration(since_start()) + "  " + who + ": " + what);
}

const Actor* Cast::actor(const std::string& name) const {
    const auto found = actors_.find(name);
    return found == actors_.end() ? nullptr : &found->second;
}

Actor& Cast::need(const std::string& name) {
    const auto found = actors_.find(name);
    if (found == actors_.end()) throw CannotPlay{"nobody is called " + name};
    return found->second;
}

const Told* Cast::find(const std::string& name) const {
    const auto found = std::find_if(told_.begin(), told_.end(), [&](const Told& one) { return one.name == name; });
    return found == told_.end() ? nullptr : &*found;
}

std::size_t Cast::number_of(const Told& told) const {
    const auto found = std::find_if(told_.begin(), told_.end(), [&](const Told& one) { return &one == &told; });
    return static_cast<std::size_t>(found - told_.begin());
}

void Cast::add_producer(const std::string& name) {
    if (actors_.contains(name)) throw CannotPlay{"two peers are called " + name};
    Actor& actor = actors_[name];
    actor.name = name;
    actor.produces = true;
    order_.push_back(name);
    hello(actor);
}

void Cast::add_worker(const WorkerGiven& given) {
    if (actors_.contains(given.name)) throw CannotPlay{"two peers are called " + given.name};
    Actor& actor = actors_[given.name];
    actor.name = given.name;
    actor.given = given;
    order_.push_back(given.name);
    hello(actor);
}

void Cast::hello(Actor& actor) {
    actor.id = PeerId{++last_id_};
    by_id_[actor.id.value] = actor.name;
    actor.connected = true;
    actor.frozen = false;
    ++actor.life;
    const std::uint64_t lowest = actor.unconfirmed.empty() ? actor.next : *actor.unconfirmed.begin();
    stage_->send(actor.id, [&](FrameWriter& w) {
        // One that may be known already gives its credit when it knows its last tag (PROTOCOL section 5).
        w.begin(Verb::hello, 0, actor.name, actor.life == 1 ? actor.given.credit : 0);
        w.begin_record(0, actor.produces ? lowest : 0);
        std::string session = actor.name;
        session.resize(wire::session_bytes, '.');
        w.field(Field::session, session);
        w.field(Field::versions, std::string_view("\1"));
        for (const std::string& queue : actor.given.takes) w.field(Field::queue, queue);
        if (actor.next > 1) w.field(Field::through, actor.next - 1);
    });
}

void Cast::send_empty(const Actor& actor, Verb verb, std::uint64_t number) {
    stage_->send(actor.id, [&](FrameWriter& w) { w.begin(verb, 0, "", number); });
}

void Cast::heartbeats() {
    plan(heartbeat, [this] { heartbeats(); });
    for (const std::string& name : order_) {
        const Actor& actor = actors_.at(name);
        if (actor.connected && !actor.frozen) send_empty(actor, Verb::heartbeat);
    }
}

void Cast::send(const Sending& sending) {
    if (!sending.again.empty()) {
        const Told* known = find(sending.again);
        if (known == nullptr) throw CannotPlay{"no message is called " + sending.again};
        say(known->producer, "sends \"" + known->name + "\" again");
        return publish(need(known->producer), number_of(*known));
    }
    const std::uint64_t count = std::max<std::uint64_t>(sending.count, 1);
    for (std::uint64_t i = 1; i <= count; ++i) {
        const std::string number = sending.count > 0 ? " " + std::to_string(i) : "";
        Actor& from = need(sending.from.empty() ? order_.front() : sending.from);
        if (!from.produces) throw CannotPlay{from.name + " is no producer"};
        if (find(sending.name + number) != nullptr)
            throw CannotPlay{"two messages are called " + sending.name + number};
        Told& told = told_.emplace_back();
        told.name = sending.name + number;
        told.producer = from.name;
        told.sequence = from.next++;
        told.sending = sending;
        told.sending.body = sending.body.empty() ? "" : sending.body + number;
        from.unconfirmed.insert(told.sequence);
        say(from.name, "sends \"" + told.name + "\" to " + sending.to);
        if (from.connected) publish(from, told_.size() - 1);
    }
}

void Cast::publish(const Actor& from, std::size_t message) {
    const Told& told = told_[message];
    const Sending& what = told.sending;
    publishing_ = message;
    stage_->send(from.id, [&](FrameWriter& w) {
        w.begin(Verb::publish, 0, what.to, 0);
        w.begin_record(what.wants_reply ? wire::publish_wants_reply : wire::publish_plain, told.sequence);
        if (what.topic) w.field(Field::topic, *what.topic);
        if (what.type) w.field(Field::type, *what.type);
        if (what.key) w.field(Field::key, *what.key);
        if (what.priority) w.field(Field::priority, *what.priority);
        if (what.ttl_ms) w.field(Field::ttl_ms, *what.ttl_ms);
        if (what.delay_ms) {
            const auto now = static_cast<std::uint64_t>(stage_->now().wall.since_epoch.count());
            w.field(Field::not_before_ms, now + *what.delay_ms);
        }
        for (const auto& [name, value] : what.headers) w.property(name, value);
        const std::string number = octets_of(message);
        w.raw_field(number_tag, as_octets(number));
        w.body(as_octets(what.body));
    });
}

void Cast::lose(Actor& actor) {
    if (!actor.connected) return;
    actor.connected = false;
    ++actor.life;
    stage_->lose(actor.id);
}

void Cast::resume(Actor& actor) {
    if (actor.connected) {
        actor.frozen = false;
        send_empty(actor, Verb::heartbeat);
        go_on(actor);
    } else {
        hello(actor);
    }
    for (std::size_t i = 0; i < told_.size(); ++i) {
        const bool open = actor.unconfirmed.contains(told_[i].sequence);
        if (told_[i].producer == actor.name && open) publish(actor, i);
    }
}

void Cast::act(PeerDoes does, const std::string& name) {
    Actor& actor = need(name);
    switch (does) {
        case PeerDoes::crash:
            say(name, "its connection is lost");
            lose(actor);
            break;
        case PeerDoes::freeze:
            say(name, "gives no sign of life any more");
            actor.frozen = true;
            ++actor.life;
            break;
        case PeerDoes::resume:
            say(name, "is back");
            resume(actor);
            break;
        case PeerDoes::drain:
            say(name, "wants no more");
            send_empty(actor, Verb::drain);
            break;
        case PeerDoes::bye:
            say(name, "leaves");
            send_empty(actor, Verb::bye);
            actor.connected = false;
            actor.holds.clear();
            ++actor.life;
            break;
    }
    advance(Duration{0});
}

void Cast::restart(std::unique_ptr<Topology> topology) {
    say("broker", "is killed, and starts again");
    std::vector<std::string> were_here;
    for (const std::string& name : order_) {
        Actor& actor = actors_.at(name);
        if (!actor.connected) continue;
        if (!actor.frozen) were_here.push_back(name);
        actor.connected = false;
        ++actor.life;
    }
    books_ = StatusReport{};
    publishing_.reset();
    stage_->start(std::move(topology));
    for (const std::string& name : were_here) resume(actors_.at(name));
    advance(Duration{0});
}

void Cast::advance(Duration by) {
    const Instant until = stage_->now().monotonic + by;
    std::uint64_t at_once = 0;
    for (;;) {
        const Instant now = stage_->now().monotonic;
        const Instant planned = agenda_.empty() ? Instant::never() : agenda_.begin()->first;
        const Instant due = std::min(stage_->next_deadline(), planned);
        if (due > until) break;
        at_once = due > now ? 0 : at_once + 1;
        if (at_once > at_once_max)
            throw CannotPlay{"it does not come to rest: more than " + std::to_string(at_once_max) +
                             " things happen at one point in time"};
        if (due > now || planned > due) stage_->go_to(std::max(due, now));
        if (planned <= due) {
            const Doing doing = std::move(agenda_.begin()->second);
            agenda_.erase(agenda_.begin());
            doing();
        }
    }
    if (until > stage_->now().monotonic) stage_->go_to(until);
}

std::optional<std::size_t> Cast::number_in(const CopyStatus& copy) const {
    wire::FieldCursor cursor(as_octets(copy.fields));
    wire::FieldView field;
    while (cursor.next(field)) {
        if (field.tag != number_tag) continue;
        const auto number = wire::as_u64(field.value);
        if (number && *number < told_.size()) return static_cast<std::size_t>(*number);
    }
    const auto known = numbers_.find(copy.message);
    return known == numbers_.end() ? std::nullopt : std::optional(known->second);
}

}  // namespace ym::rehearsal
