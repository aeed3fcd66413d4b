#include "majordomo_peers.h"

#include <algorithm>

namespace ym::simulation {
namespace {

constexpr Duration patience = 4s;
constexpr std::size_t at_once = 5;

}  // namespace

void MajordomoPeer::on_beat() {
    alarm(world_.options.scene.limits.heartbeat, Alarm::heartbeat);
    beat();
}

void MajordomoPeer::receive_now(Octets octets) {
    const std::optional<Frames> frames = unpack(octets);
    if (frames) hear_frames(*frames);
}

MajordomoClient::MajordomoClient(Surroundings& world, std::uint32_t index, std::string name, std::uint32_t messages)
    : MajordomoPeer(world, index, std::move(name)), left_(messages) {
    speech_ = static_cast<Speech>(prng_.below(speech_count));
    correlates_ = prng_.chance(1, 2);
    delimited_ = speech_ != Speech::v02 || correlates_ || prng_.chance(1, 2);
}

void MajordomoClient::on_start() {
    alarm(up_to(50ms), Alarm::publish);
    alarm(patience, Alarm::retry);
}

void MajordomoClient::on_death() {
    waiting_.clear();
}

std::string MajordomoClient::draw_service() {
    const Scene& scene = world_.options.scene;
    if (prng_.chance(1, 30)) return "no-such-service";
    if (prng_.chance(1, 2)) return scene.queues[prng_.below(scene.queues.size())].name;
    return scene.pipelines[prng_.below(scene.pipelines.size())].name;
}

void MajordomoClient::ask() {
    --left_;
    Message message;
    message.serial = (std::uint64_t{index()} << 32U) | made_++;
    message.address = draw_service();
    message.body = static_cast<std::uint32_t>(16 + prng_.below(world_.options.body + 1));
    message.frames = prng_.chance(1, 3) ? static_cast<std::uint32_t>(2 + prng_.below(3)) : 1;
    message.wants_reply = true;
    message.majordomo = true;
    const std::string service = message.address;
    const Uid uid = world_.messages.add(std::move(message));
    Frames envelope;
    const std::string number = correlates_ ? "n" + std::to_string(++asked_) : "";
    if (correlates_) envelope.push_back(number);
    if (delimited_) envelope.emplace_back();
    waiting_[number] = world_.now;
    send_frames(client_request(speech_, envelope, service, world_.messages.body_frames(uid)));
}

/// The services that the broker has itself.
void MajordomoClient::ask_broker() {
    const Scene& scene = world_.options.scene;
    Frames envelope;
    const std::string number = correlates_ ? "n" + std::to_string(++asked_) : "";
    if (correlates_) envelope.push_back(number);
    if (delimited_) envelope.emplace_back();
    waiting_[number] = world_.now;
    Frames body{prng_.chance(1, 4) ? "no-such-service" : scene.queues[prng_.below(scene.queues.size())].name};
    if (prng_.chance(1, 4)) body.insert(body.begin(), "in front");
    send_frames(client_request(speech_, envelope, prng_.chance(1, 4) ? "mmi.other" : "mmi.service", body));
}

void MajordomoClient::on_alarm(Alarm kind, std::uint64_t /*detail*/) {
    if (kind == Alarm::retry) {
        alarm(patience / 4, Alarm::retry);
        const bool tired = std::any_of(waiting_.begin(), waiting_.end(),
                                       [&](const auto& asked) { return world_.now - asked.second > patience; });
        // As clients of the field do: a new connection, and no further thought of what was asked by the old one.
        if (tired) die(up_to(200ms));
        return;
    }
    if (kind != Alarm::publish) return;
    alarm(1ms + up_to(world_.options.pause / 2), Alarm::publish);
    const std::size_t most = correlates_ ? at_once : 1;
    while (left_ > 0 && waiting_.size() < most) {
        if (prng_.chance(1, 12)) {
            ask_broker();
        } else {
            ask();
        }
    }
    if (!world_.healing && prng_.chance(1, 200)) die(up_to(500ms));
}

void MajordomoClient::hear_frames(const Frames& frames) {
    const Heard heard = hear(frames);
    const std::string number = correlates_ && !heard.envelope.empty() ? heard.envelope[0] : "";
    const bool part = speech_ != Speech::v01 && frames.size() > heard.envelope.size() + 1 &&
                      frames[heard.envelope.size() + 1] == std::string(1, speech_ == Speech::v02 ? '\x02' : '\x03');
    if (!part) waiting_.erase(number);
}

MajordomoWorker::MajordomoWorker(Surroundings& world, std::uint32_t index, std::string name, std::string service)
    : MajordomoPeer(world, index, std::move(name)), service_(std::move(service)) {}

void MajordomoWorker::on_start() {
    is_v02_ = prng_.chance(1, 2);
    delimited_ = !is_v02_ || prng_.chance(1, 2);
    heard_at_ = world_.now;
}

void MajordomoWorker::greet() {
    if (!world_.healing && prng_.chance(1, 12)) {
        static constexpr const char* wrong[] = {"mmi.mine", "no-such-service", "topics"};
        say(WorkerWord::ready, {wrong[prng_.below(std::size(wrong))]});
        return;
    }
    // Some say something before they say what they are.
    if (!world_.healing && prng_.chance(1, 8)) say(WorkerWord::heartbeat);
    if (!world_.healing && prng_.chance(1, 20)) say(WorkerWord::disconnect);
    say(WorkerWord::ready, {service_});
}

void MajordomoWorker::on_death() {
    token_.clear();
    uid_ = no_uid;
    ++request_;
}

void MajordomoWorker::heal() {
    if (!alive()) return;
    hang_until({});
    go_on();
}

void MajordomoWorker::say(WorkerWord word, const Frames& behind) {
    send_frames(worker_command(is_v02_, delimited_, word, behind));
}

void MajordomoWorker::begin_again(Duration after) {
    die(after);
}

void MajordomoWorker::beat() {
    // One with a single thread says nothing while it works.
    if (token_.empty() || prng_.chance(1, 2)) say(WorkerWord::heartbeat);
    const PeerLimits& limits = world_.options.scene.limits;
    if (world_.now - heard_at_ > 3 * limits.heartbeat + 4 * world_.options.delay) begin_again(up_to(200ms));
}

void MajordomoWorker::hear_frames(const Frames& frames) {
    heard_at_ = world_.now;
    const std::size_t at = delimited_ ? 2 : 1;
    if (frames.size() <= at || frames[at].size() != 1) return;
    const char code = frames[at][0];
    if (code == (is_v02_ ? 6 : 5)) return begin_again(up_to(200ms));
    if (code != 2) return;
    on_request({frames.begin() + static_cast<std::ptrdiff_t>(at) + 1, frames.end()});
}

void MajordomoWorker::on_request(const Frames& rest) {
    if (rest.size() < 3) return;
    token_ = rest[0];
    uid_ = world_.messages.recognise(as_octets(join(rest, 2))).value_or(no_uid);
    parts_ = 0;
    pauses_ = 0;
    ++request_;
    if (misbehave()) return;
    alarm(up_to(world_.options.service), Alarm::done, request_ & 0xffffU);
}

bool MajordomoWorker::misbehave() {
    const Options& o = world_.options;
    if (fault(o.die)) {
        die(up_to(1s));
        return true;
    }
    if (fault(o.hang)) {
        const Duration time = up_to(o.scene.busy_max * 2);
        hang_until(world_.now + time);
        alarm(time, Alarm::go_on);
        return false;
    }
    if (fault(o.leave)) {
        say(WorkerWord::disconnect);
        begin_again(up_to(500ms));
        return true;
    }
    if (fault(o.rest)) {
        // Takes itself for new, though the broker knows it.
        say(WorkerWord::ready, {service_});
        return true;
    }
    if (fault(o.release)) {
        say(WorkerWord::unknown);
        return true;
    }
    return false;
}

void MajordomoWorker::answer_with(WorkerWord word, std::uint64_t part, const std::string& token) {
    Frames behind{token};
    Buffer body;
    if (uid_ != no_uid) world_.messages.reply_body(uid_, part, body);
    const std::string whole(as_text(body.octets()));
    // Those in the field lose the body at times, and the empty frame with it; a client of ours that waits wants it.
    const bool native = uid_ != no_uid && !world_.messages[uid_].majordomo;
    if (word == WorkerWord::final && native && prng_.chance(1, 6)) {
        if (prng_.chance(1, 2)) behind.emplace_back();
    } else {
        behind.emplace_back();
        const std::size_t cut = prng_.chance(1, 3) ? prng_.below(whole.size() + 1) : 0;
        if (cut > 0) behind.push_back(whole.substr(0, cut));
        behind.push_back(whole.substr(cut));
    }
    say(word, behind);
}

void MajordomoWorker::answer() {
    const Options& o = world_.options;
    const std::string token = token_;
    if (is_v02_ && pauses_ < 4 && fault(o.extend)) {
        // Longer than its lease: the parts of its reply begin that anew.
        ++pauses_;
        answer_with(WorkerWord::partial, parts_++, token);
        alarm(o.scene.busy_max * 2 / 3, Alarm::done, request_ & 0xffffU);
        return;
    }
    if (is_v02_) {
        for (int i = 0; i < 3 && odds(o.part); ++i) answer_with(WorkerWord::partial, parts_++, token);
    }
    if (fault(o.lie))
        answer_with(is_v02_ && prng_.chance(1, 2) ? WorkerWord::partial : WorkerWord::final, 0,
                    old_token_.empty() ? "d0" : old_token_);
    answer_with(WorkerWord::final, Messages::last_part, token);
    old_token_ = token;
    token_.clear();
    // A stray PARTIAL behind the FINAL, as streams in the field end; or the answer once more.
    if (fault(o.lie))
        answer_with(is_v02_ ? WorkerWord::partial : WorkerWord::final, 0, prng_.chance(1, 2) ? "undefined" : token);
}

void MajordomoWorker::on_alarm(Alarm kind, std::uint64_t detail) {
    if (kind == Alarm::done && detail == (request_ & 0xffffU) && !token_.empty()) answer();
}

void MajordomoVandal::on_start() {
    MajordomoWorker::on_start();
    as_client_ = prng_.chance(1, 3);
    alarm(up_to(100ms), Alarm::publish);
}

void MajordomoVandal::spoil_as_client() {
    switch (prng_.below(7)) {
        case 0: return send_frames({"", "MDPC01"});
        case 1: return send_frames({"", "MDPC01", "no-such-service"});
        case 2: return send_frames({"", "MDPC01", "mmi.service"});
        case 3: return send_frames({"", "MDPC02", "\x09", "no-such-service", "x"});
        case 4: return send_frames({"", "MDPC02", "\x01"});
        case 5: return send_frames({"MDPC02", "\x01", "no-such-service", "x"});
        default: return send_frames({"", "MDPC01", ""});
    }
}

void MajordomoVandal::hear_frames(const Frames& frames) {
    const std::size_t at = delimited_ ? 2 : 1;
    if (frames.size() > at + 1 && frames[at].size() == 1 && frames[at][0] == 2) token_ = frames[at + 1];
}

void MajordomoVandal::on_alarm(Alarm kind, std::uint64_t /*detail*/) {
    if (kind != Alarm::publish) return;
    if (world_.healing) {
        // What it holds would wait for as long as a lease may last.
        if (!token_.empty()) say(WorkerWord::disconnect);
        token_.clear();
        return;
    }
    for (std::uint64_t i = prng_.below(3) + 1; i > 0; --i) spoil();
    if (prng_.chance(1, 15)) return die(up_to(500ms));
    alarm(up_to(200ms), Alarm::publish);
}

/// The hostile and merely unexpected messages that end brokers in the field, and more like them.
void MajordomoVandal::spoil() {
    if (as_client_) return spoil_as_client();
    const std::string header = is_v02_ ? "MDPW02" : "MDPW01";
    switch (prng_.below(20)) {
        case 0: return send_frames({"x"});
        case 1: return send_frames({""});
        case 2: return send_frames({"", "MDPC01"});
        case 3: return send_frames({"", "MDPW01"});
        case 4: return send_frames({"", "MDPW02", "\x01"});
        case 5: return send_frames({"", header, std::string(1, is_v02_ ? '\x04' : '\x03')});
        case 6: return send_frames({"", header, std::string(1, is_v02_ ? '\x04' : '\x03'), "token", "no empty frame"});
        case 7: return say(WorkerWord::ready, {service_});
        case 8: say(WorkerWord::ready, {service_}); return say(WorkerWord::ready, {service_});
        case 9: return say(WorkerWord::ready, {"mmi.mine"});
        case 10: return say(WorkerWord::heartbeat);
        case 11: return say(WorkerWord::unknown);
        case 12: return say(WorkerWord::disconnect);
        case 13: return say(WorkerWord::final, {token_.empty() ? "d0000000000000001" : "d" + token_, "", "body"});
        case 14:
            if (!is_v02_) return;
            return say(WorkerWord::partial, {"nobody", "", "body"});
        case 15: return send_frames({"", "MDPW09", "\x01", service_});
        case 16: return send_frames({"", header, "two", service_});
        case 17: return send_frames({"a", "b", "c", "d", "e", "f", "g", "h", "i", ""});
        case 18: return send_frames({"", "", "", ""});
        default: return send_frames({"", header, "\x01", ""});
    }
}

}  // namespace ym::simulation
