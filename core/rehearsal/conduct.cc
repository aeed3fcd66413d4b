// What peers are told, and what they do then.
#include <algorithm>

#include "base/pattern.h"
#include "rehearsal/cast.h"
#include "settings/units.h"

namespace ym::rehearsal {

using wire::Field;
using wire::FrameWriter;
using wire::Verb;

namespace {

/// What a rule can look at of a delivery.
std::optional<std::string> field_of(const Got& got, const std::string& name) {
    if (name == "queue") return got.name;
    if (name == "body") return got.body;
    if (name == "topic") return got.text(Field::topic);
    if (name == "type") return got.text(Field::type);
    if (name == "key") return got.text(Field::key);
    const auto found = got.headers.find(name.substr(std::string_view("header.").size()));
    if (found == got.headers.end()) return std::nullopt;
    return found->second;
}

}  // namespace

void Cast::got(PeerId peer, const Got& got) {
    Actor& actor = actors_.at(by_id_.at(peer.value));
    if (actor.id != peer || !actor.connected) return;  // it went into a connection that is gone
    switch (got.verb) {
        case Verb::deliver: return got_delivery(actor, got);
        case Verb::confirm: return got_confirm(actor, got);
        case Verb::reply: return got_reply(actor, got);
        case Verb::welcome: return got_welcome(actor, got);
        case Verb::lost: return got_lost(actor, got);
        case Verb::error: say(actor.name, "is told an error: " + got.text(Field::text)); return;
        default: return;
    }
}

/// The session goes on, or the broker has forgotten it: then all that the worker holds is stale.
void Cast::got_welcome(Actor& actor, const Got& got) {
    if (actor.produces || actor.life == 1) return;
    const std::uint64_t last_tag = got.number_of(Field::last_tag);
    if (last_tag < actor.last_tag) actor.holds.clear();
    actor.last_tag = last_tag;
    plan(Duration{0}, [this, name = actor.name, life = actor.life] {
        Actor& who = actors_.at(name);
        if (who.life == life) go_on(who);
    });
}

/// A worker that is back does what it left undone, and has room again.
void Cast::go_on(Actor& worker) {
    if (worker.produces) return;
    worker.hung.clear();
    worker.stuck = 0;
    const auto held = worker.holds;
    for (const auto& [tag, message] : held) settle(worker, tag, Conduct{});
    send_empty(worker, Verb::credit, credit_of(worker));
}

std::uint64_t Cast::credit_of(const Actor& worker) {
    const std::uint64_t used = std::min(worker.holds.size() + worker.stuck, worker.given.credit);
    return worker.last_tag + worker.given.credit - used;
}

void Cast::got_lost(Actor& worker, const Got& got) {
    const std::uint64_t last = std::max(got.number_of(Field::through), got.id);
    for (std::uint64_t tag = got.id; tag <= last; ++tag) {
        worker.holds.erase(tag);
        worker.stuck += worker.hung.erase(tag);
        ++worker.lost;
    }
    say(worker.name, "has lost " + std::to_string(last - got.id + 1) + ": " + std::to_string(got.code) + " " +
                         std::string(wire::name_of(static_cast<wire::Status>(got.code))));
    plan(Duration{0}, [this, name = worker.name, life = worker.life] {
        Actor& who = actors_.at(name);
        if (who.life == life && who.connected && !who.frozen) send_empty(who, Verb::credit, credit_of(who));
    });
}

const Conduct& Cast::conduct_for(const Actor& worker, const Got& got) {
    static const Conduct ack;
    for (const Conduct& conduct : worker.given.conducts) {
        const bool fits = got.code >= conduct.attempt_first && got.code <= conduct.attempt_last &&
                          std::all_of(conduct.patterns.begin(), conduct.patterns.end(), [&](const auto& pattern) {
                              const auto value = field_of(got, pattern.first);
                              return value && fits_pattern(pattern.second, *value);
                          });
        if (fits) return conduct;
    }
    return ack;
}

void Cast::got_delivery(Actor& worker, const Got& got) {
    const auto found = got.fields.find(number_tag);
    const std::uint64_t number =
        found == got.fields.end() ? told_.size() : wire::as_u64(as_octets(found->second)).value_or(told_.size());
    if (number >= told_.size()) return;
    const auto message = static_cast<std::size_t>(number);
    const std::uint64_t tag = got.id;
    worker.last_tag = std::max(worker.last_tag, tag);
    worker.holds[tag] = message;
    given_.push_back({stage_->now().monotonic, message, worker.name, got.name, got.code});
    CopyKnown& copy = told_[message].copies[got.name];
    copy.attempts = got.code;
    copy.fate.reset();
    say(worker.name,
        "is given \"" + told_[message].name + "\" of " + got.name + ", attempt " + std::to_string(got.code));
    const Conduct& conduct = conduct_for(worker, got);
    if (conduct.does == Does::hang) {
        worker.hung.insert(tag);
        return;
    }
    const std::uint64_t life = worker.life;
    plan(conduct.after, [this, name = worker.name, tag, life, conduct] {
        Actor& who = actors_.at(name);
        if (who.life == life && who.holds.contains(tag)) answer(who, tag, conduct);
    });
}

void Cast::answer(Actor& worker, std::uint64_t tag, const Conduct& conduct) {
    switch (conduct.does) {
        case Does::hang: return;
        case Does::freeze: return act(PeerDoes::freeze, worker.name);
        case Does::crash: say(worker.name, "crashes"); return lose(worker);
        default: return settle(worker, tag, conduct);
    }
}

void Cast::settle(Actor& worker, std::uint64_t tag, const Conduct& conduct) {
    static constexpr wire::SettleCode codes[] = {wire::SettleCode::ack, wire::SettleCode::nack,
                                                 wire::SettleCode::reject, wire::SettleCode::throttled,
                                                 wire::SettleCode::release};
    static constexpr const char* words[] = {"acks", "nacks", "rejects", "throttles", "releases"};
    const auto index = static_cast<std::size_t>(conduct.does);
    const std::string& name = told_[worker.holds.at(tag)].name;
    say(worker.name, std::string(words[index]) + " \"" + name + "\"" +
                         (conduct.retry_after > Duration{0}
                              ? ", to come again after " + settings::format_duration(conduct.retry_after)
                              : ""));
    const bool acks = conduct.does == Does::ack;
    for (const std::string& part : conduct.parts) {
        stage_->send(worker.id, [&](FrameWriter& w) {
            w.begin(Verb::settle, 0, "", 0);
            w.begin_record(static_cast<std::uint16_t>(wire::SettleCode::part), tag);
            w.body(as_octets(part));
        });
    }
    worker.holds.erase(tag);
    acking_ = acks ? worker.name : "";
    stage_->send(worker.id, [&](FrameWriter& w) {
        // The head's number is the worker's new credit: one more for the one that is settled.
        w.begin(Verb::settle, 0, "", credit_of(worker));
        w.begin_record(static_cast<std::uint16_t>(codes[index]), tag);
        if (conduct.retry_after > Duration{0}) w.field(Field::retry_after_ms, to_ms(conduct.retry_after));
        if (!acks && !conduct.text.empty()) w.field(Field::text, conduct.text);
        if (acks && !conduct.text.empty()) w.body(as_octets(conduct.text));
    });
    acking_.clear();
}

Told* Cast::told_of(const Actor& producer, std::uint64_t sequence) {
    for (Told& told : told_) {
        if (told.producer == producer.name && told.sequence == sequence) return &told;
    }
    return nullptr;
}

void Cast::got_confirm(const Actor& producer, const Got& got) {
    const std::uint64_t last = std::max(got.id, got.number_of(Field::through));
    for (std::uint64_t sequence = got.id; sequence != 0 && sequence <= last; ++sequence) {
        Told* told = told_of(producer, sequence);
        if (told == nullptr) continue;
        told->status = got.code;
        told->text = got.text(Field::text);
        actors_.at(producer.name).unconfirmed.erase(sequence);
        const auto status = static_cast<wire::Status>(got.code);
        say(producer.name, "is told of \"" + told->name + "\": " + std::to_string(got.code) + " " +
                               std::string(wire::name_of(status)) + (told->text.empty() ? "" : ", " + told->text));
    }
}

void Cast::got_reply(const Actor& producer, const Got& got) {
    Told* told = told_of(producer, got.number);
    if (told == nullptr) return;
    if (got.code == static_cast<std::uint16_t>(wire::Status::part)) {
        told->parts.push_back(got.body);
    } else {
        told->replied = true;
        told->reply_status = got.code;
        told->reply = got.body;
    }
    say(producer.name,
        "has the reply to \"" + told->name + "\": " + std::to_string(got.code) + " \"" + got.body + "\"");
}

}  // namespace ym::rehearsal
