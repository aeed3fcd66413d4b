// What peers do in a script.
#include "scenario/stage.h"
#include "settings/units.h"

namespace ym::scenario {

using wire::Field;
using wire::FrameWriter;
using wire::Verb;

Peer& Stage::peer(Line& line) {
    const std::string name = line.take("peer");
    const auto found = peers_.find(name);
    if (found == peers_.end()) throw ScriptError("nobody is called " + name);
    return found->second;
}

void Stage::send(Peer& peer, const std::function<void(FrameWriter&)>& write) {
    if (!peer.connected) throw ScriptError(peer.name + " is not connected");
    bench_->from(peer.id, write);
    play();
}

void Stage::send_empty(Peer& peer, Verb verb) {
    send(peer, [&](FrameWriter& w) { w.begin(verb, 0, "", 0); });
}

void Stage::hello(Peer& peer, std::uint64_t credit, std::uint64_t lowest, std::uint64_t through) {
    peer.id = PeerId{++last_id_};
    peer.connected = true;
    peer.silent = false;
    send(peer, [&](FrameWriter& w) {
        w.begin(Verb::hello, 0, peer.name, credit);
        w.begin_record(0, lowest);
        std::string session = "session of " + peer.name;
        session.resize(wire::session_bytes, '.');
        w.field(Field::session, session);
        w.field(Field::versions, std::string_view("\1"));
        for (const std::string& queue : peer.queues) w.field(Field::queue, queue);
        if (through > 0) w.field(Field::through, through);
    });
}

void Stage::producer(Line& line) {
    const std::string name = line.take("name");
    order_.push_back(name);
    Peer& peer = peers_[name];
    peer.name = name;
    hello(peer, 0, 1, 0);
}

void Stage::worker(Line& line) {
    const std::string name = line.take("name");
    order_.push_back(name);
    Peer& peer = peers_[name];
    peer.name = name;
    const std::uint64_t credit = line.number_after("credit").value_or(0);
    if (!line.has("takes")) throw ScriptError("a worker takes a queue, or several");
    peer.queues = line.words();
    hello(peer, credit, 0, 0);
}

void Stage::publish(Line& line) {
    Peer& from = peer(line);
    const std::string to = line.take("address");
    const auto texts = line.texts();
    if (texts.empty()) throw ScriptError("nothing to publish: give a text in quotes");
    const auto sequence = line.number_after("sequence");
    const auto topic = line.after("topic");
    const auto type = line.after("type");
    const auto key = line.after("key");
    const auto priority = line.number_after("priority");
    const bool wants_reply = line.has("wants-reply");
    std::uint64_t next = sequence.value_or(from.next);
    send(from, [&](FrameWriter& w) {
        w.begin(Verb::publish, 0, to, 0);
        for (const std::string& text : texts) {
            from.unanswered.insert(next);
            w.begin_record(wants_reply ? wire::publish_wants_reply : wire::publish_plain, next++);
            if (topic) w.field(Field::topic, *topic);
            if (type) w.field(Field::type, *type);
            if (key) w.field(Field::key, *key);
            if (priority) w.field(Field::priority, *priority);
            w.body(as_octets(text));
        }
        from.next = std::max(from.next, next);
    });
}

void Stage::settle(Line& line, wire::SettleCode code) {
    Peer& worker = peer(line);
    const std::uint64_t tag = line.take_number("tag");
    const auto through = line.number_after("to");
    const auto after = line.after("after");
    const auto texts = line.texts();
    const bool durably = line.has("durably");
    send(worker, [&](FrameWriter& w) {
        w.begin(Verb::settle, durably ? wire::flag_tell_durable : std::uint8_t{0}, "", 0);
        w.begin_record(static_cast<std::uint16_t>(code), tag);
        if (through) w.field(Field::through, *through);
        if (after) {
            const auto wait = settings::parse_duration(*after);
            if (!wait) throw ScriptError("'" + *after + "' is no duration");
            w.field(Field::retry_after_ms, to_ms(*wait));
        }
        for (const std::string& text : texts) w.body(as_octets(text));
    });
}

void Stage::credit(Line& line) {
    Peer& worker = peer(line);
    const std::uint64_t tag = line.take_number("highest tag");
    send(worker, [&](FrameWriter& w) { w.begin(Verb::credit, 0, "", tag); });
}

void Stage::crash(Line& line) {
    Peer& gone = peer(line);
    gone.connected = false;
    bench_->events.emplace_back(PeerUnreachable{gone.id});
    play();
}

void Stage::resume(Line& line) {
    Peer& back = peer(line);
    const std::uint64_t lowest = back.unanswered.empty() ? back.next : *back.unanswered.begin();
    hello(back, 0, back.queues.empty() ? lowest : 0, back.next - 1);
}

void Stage::silent(Line& line) {
    peer(line).silent = true;
}

void Stage::speaks(Line& line) {
    Peer& speaker = peer(line);
    speaker.silent = false;
    send_empty(speaker, Verb::heartbeat);
}

void Stage::bye(Line& line) {
    Peer& leaver = peer(line);
    send_empty(leaver, Verb::bye);
    leaver.connected = false;
}

}  // namespace ym::scenario
