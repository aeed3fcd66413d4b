#include "scenario/stage.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "scenario/words.h"
#include "settings/config.h"
#include "settings/units.h"

namespace ym::scenario {
namespace {

/// How often peers give a sign of life: half of what the broker asks for by default.
constexpr Duration heartbeat = 500ms;

std::string completed_settings(const std::string& settings) {
    std::string out = settings;
    if (out.find("listeners:") == std::string::npos) out += "listeners: {main: {bind: [\"ipc:///nowhere\"]}}\n";
    return out + "yardmaster: 1\n";
}

/// Nothing for what a peer is told as well, or what every command would bring.
std::optional<std::string> notice_in_words(const Notice& notice) {
    switch (notice.kind) {
        case NoticeKind::peer_silent: return notice.name + " is silent: " + notice.text;
        case NoticeKind::queue_created: return "the queue " + notice.name + " is made: " + notice.text;
        case NoticeKind::queue_removed: return "the queue " + notice.name + " is gone: " + notice.text;
        case NoticeKind::message_dead: return "a message of " + notice.name + " is dead: " + notice.text;
        case NoticeKind::peer_lost:
        case NoticeKind::peer_ignored:
        case NoticeKind::queue_orphaned:
        case NoticeKind::policy_failed: return notice.name + " " + notice.text;
        default: return std::nullopt;
    }
}

}  // namespace

Stage::Stage(const std::string& settings) {
    if (const auto loaded = host_.load_bundled(YM_PLUGINS); !loaded.ok()) throw ScriptError(loaded.error().text);
    std::vector<std::string> problems;
    auto topology = build(settings, problems);
    if (!topology) throw ScriptError(problems.empty() ? "these settings do not work" : problems.front());
    // The plugin `memory` keeps nothing; a script about durable queues is about a store that does.
    bench_ = std::make_unique<test::Bench>(std::move(topology), BrokerOptions{1, 1, true});
    heartbeats_at_ = bench_->now.monotonic + heartbeat;
    complete();
    told_notices_ = bench_->notices.size();
}

std::unique_ptr<Topology> Stage::build(const std::string& settings, std::vector<std::string>& problems) {
    settings::Problems found;
    const settings::Config config = settings::read_text(
        completed_settings(settings), "settings", [](const char*) -> const char* { return nullptr; }, found);
    std::unique_ptr<Topology> topology;
    if (found.empty()) topology = host_.build(config, found);
    for (const settings::Problem& problem : found.sorted()) problems.push_back(to_line(problem));
    return topology;
}

const std::map<std::string, Stage::Command>& Stage::commands() {
    static const std::map<std::string, Command> all = {{"producer", &Stage::producer},   {"worker", &Stage::worker},
                                                       {"publish", &Stage::publish},     {"ack", &Stage::ack},
                                                       {"nack", &Stage::nack},           {"reject", &Stage::reject},
                                                       {"throttled", &Stage::throttled}, {"release", &Stage::release},
                                                       {"extend", &Stage::extend},       {"part", &Stage::part},
                                                       {"credit", &Stage::credit},       {"crash", &Stage::crash},
                                                       {"resume", &Stage::resume},       {"silent", &Stage::silent},
                                                       {"speaks", &Stage::speaks},       {"bye", &Stage::bye},
                                                       {"advance", &Stage::advance},     {"drain", &Stage::drain},
                                                       {"store", &Stage::store},         {"ledger", &Stage::ledger},
                                                       {"status", &Stage::status},       {"totals", &Stage::totals}};
    return all;
}

std::vector<std::string> Stage::run(Line line) {
    const std::string verb = line.take("command");
    const auto found = commands().find(verb);
    if (found == commands().end()) throw ScriptError("'" + verb + "' is no command");
    (this->*found->second)(line);
    line.expect_end();
    return std::exchange(said_, {});
}

std::vector<std::string> Stage::change_settings(const std::string& settings) {
    std::vector<std::string> problems;
    auto topology = build(settings, problems);
    for (const std::string& problem : problems) say("settings", problem);
    if (topology) {
        bench_->events.emplace_back(SettingsChanged{std::move(topology)});
        play();
    }
    return std::exchange(said_, {});
}

void Stage::advance(Line& line) {
    const std::string text = line.take("duration");
    const auto duration = settings::parse_duration(text);
    if (!duration) throw ScriptError("'" + text + "' is no duration");
    const Instant from = bench_->now.monotonic;
    const Instant until = from + *duration;
    const auto go_to = [&](Instant at) {
        bench_->advance(at - bench_->now.monotonic);
        if (at > from) when_ = "after " + settings::format_duration(at - from) + ", ";
        complete();
        collect();
    };
    for (;;) {
        const Instant next = std::min(bench_->broker.next_deadline(), heartbeats_at_);
        if (next > until) break;
        go_to(std::max(next, bench_->now.monotonic));
        if (next == heartbeats_at_) heartbeats();
    }
    go_to(until);
    when_.clear();
}

void Stage::heartbeats() {
    heartbeats_at_ = heartbeats_at_ + heartbeat;
    for (auto& [name, peer] : peers_) {
        if (peer.connected && !peer.silent) send_empty(peer, wire::Verb::heartbeat);
    }
}

void Stage::drain(Line& line) {
    if (!line.empty()) {
        send_empty(peer(line), wire::Verb::drain);
        return;
    }
    bench_->events.emplace_back(DrainRequested{});
    play();
}

void Stage::store(Line& line) {
    store_pauses_ = line.has("pauses");
    if (!store_pauses_ && !line.has("completes")) throw ScriptError("a store pauses or completes");
    complete();
    collect();
}

void Stage::ledger(Line& line) {
    const std::string name = line.take("queue");
    say(name, ledger_in_words(bench_->queue(name)));
}

void Stage::status(Line& line) {
    const std::string name = line.take("queue");
    const StatusReport report = bench_->broker.status(bench_->now.monotonic);
    const auto found = std::find_if(report.queues.begin(), report.queues.end(),
                                    [&](const QueueStatus& queue) { return queue.name == name; });
    say(name, found == report.queues.end() ? "no such queue" : status_in_words(*found));
}

void Stage::totals(Line&) {
    say("broker", totals_in_words(bench_->broker.status(bench_->now.monotonic)));
}

void Stage::play() {
    bench_->step();
    complete();
    collect();
}

void Stage::complete() {
    while (!store_pauses_ && completed_ < bench_->batches.size()) {
        bench_->events.emplace_back(StoreCompleted{bench_->batches[completed_++], StoreStatus::ok});
        bench_->step();
    }
}

void Stage::collect() {
    for (; told_notices_ < bench_->notices.size(); ++told_notices_) {
        if (const auto words = notice_in_words(bench_->notices[told_notices_])) say("broker", *words);
    }
    for (const std::string& name : order_) {
        Peer& peer = peers_.at(name);
        for (const test::Got& got : std::exchange(bench_->inbox[peer.id.value], {})) {
            if (!peer.connected) continue;  // it went into a connection that is gone
            if (got.verb == wire::Verb::confirm && got.code < 429) peer.unanswered.erase(got.id);
            const auto words = in_words(got);
            if (words && *words != "welcome") say(name, *words);
        }
    }
    if (bench_->finish != Finish::no) {
        say("broker", bench_->finish == Finish::drained ? "has drained" : "has ended");
        bench_->finish = Finish::no;
    }
}

}  // namespace ym::scenario
