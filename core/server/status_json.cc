#include "server/status_json.h"

#include <array>
#include <nlohmann/json.hpp>

namespace ym::server {
namespace {

// Members keep the order in which they are written: people read this too.
using Json = nlohmann::ordered_json;

constexpr std::array<std::pair<std::string_view, AdminVerb>, 1> commands{{{"status", AdminVerb::status}}};

std::int64_t whole_ms(Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}
std::int64_t whole_us(Duration duration) {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

/// A counter that the report and its JSON have in common.
template <class Of>
struct Counter {
    const char* name;
    std::uint64_t Of::*member;
};

constexpr Counter<Ledger> ledger_counters[] = {
    {"accepted", &Ledger::accepted},   {"moved_in", &Ledger::moved_in}, {"acked", &Ledger::acked},
    {"dead", &Ledger::dead},           {"expired", &Ledger::expired},   {"deleted", &Ledger::deleted},
    {"moved_out", &Ledger::moved_out},
};
constexpr Counter<DeadLedger> dead_counters[] = {
    {"in", &DeadLedger::in}, {"dropped", &DeadLedger::dropped}, {"live", &DeadLedger::live}};
constexpr Counter<QueueStatus> queue_counters[] = {
    {"live", &QueueStatus::live},           {"ready", &QueueStatus::ready},
    {"waiting", &QueueStatus::waiting},     {"in_flight", &QueueStatus::in_flight},
    {"storing", &QueueStatus::storing},     {"bytes", &QueueStatus::bytes},
    {"delivered", &QueueStatus::delivered}, {"redelivered", &QueueStatus::redelivered},
    {"refused", &QueueStatus::refused},     {"processed", &QueueStatus::processed},
    {"workers", &QueueStatus::workers},
};
constexpr Counter<PeerStatus> peer_counters[] = {
    {"credit", &PeerStatus::credit}, {"in_flight", &PeerStatus::in_flight},     {"published", &PeerStatus::published},
    {"acked", &PeerStatus::acked},   {"unconfirmed", &PeerStatus::unconfirmed},
};
constexpr Counter<StatusReport> report_counters[] = {
    {"memory_bytes", &StatusReport::memory},
    {"memory_bytes_max", &StatusReport::memory_max},
    {"duplicates", &StatusReport::duplicates},
    {"refused", &StatusReport::refused},
    {"dropped_unmatched", &StatusReport::dropped_unmatched},
    {"malformed", &StatusReport::malformed},
    {"stale", &StatusReport::stale},
    {"histories_lost", &StatusReport::histories_lost},
    {"replies_sent", &StatusReport::replies_sent},
    {"replies_dropped", &StatusReport::replies_dropped},
};

constexpr Counter<PluginStatus> plugin_counters[] = {
    {"failed", &PluginStatus::failed}, {"slow", &PluginStatus::slow}, {"spared", &PluginStatus::spared}};

template <class Of, std::size_t N>
void put(Json& into, const Of& from, const Counter<Of> (&counters)[N]) {
    for (const Counter<Of>& counter : counters) into[counter.name] = from.*counter.member;
}
template <class Of, std::size_t N>
void take(const Json& from, Of& into, const Counter<Of> (&counters)[N]) {
    for (const Counter<Of>& counter : counters) into.*counter.member = from.value(counter.name, std::uint64_t{0});
}

/// Counters by reason, named as name_of() names the reason.
template <class Reason, std::size_t N>
Json by_reason(const std::array<std::uint64_t, N>& counts) {
    Json json = Json::object();
    for (std::size_t i = 0; i < N; ++i) json[std::string(name_of(static_cast<Reason>(i)))] = counts[i];
    return json;
}
template <class Reason, std::size_t N>
void take_by_reason(const Json& json, std::array<std::uint64_t, N>& counts) {
    for (std::size_t i = 0; i < N; ++i) {
        counts[i] = json.value(std::string(name_of(static_cast<Reason>(i))), std::uint64_t{0});
    }
}

Json queue_json(const QueueStatus& queue) {
    Json json;
    json["name"] = queue.name;
    json["durable"] = queue.durable;
    json["orphan"] = queue.orphan;
    json["created"] = queue.created;
    json["group"] = queue.group;
    put(json, queue, queue_counters);
    json["oldest_ms"] = whole_ms(queue.oldest);
    json["processing_us"] = whole_us(queue.processing);
    json["failures"] = by_reason<FailureReason>(queue.failures);
    Json ledger;
    put(ledger, queue.ledger, ledger_counters);
    ledger["dropped"] = by_reason<DropReason>(queue.ledger.dropped);
    ledger["balances"] = queue.ledger.in() == queue.ledger.out() + queue.live;
    json["ledger"] = std::move(ledger);
    put(json["dead_letters"], queue.dead_letters, dead_counters);
    return json;
}

QueueStatus queue_from(const Json& json) {
    QueueStatus queue;
    queue.name = json.at("name").get<std::string>();
    queue.durable = json.value("durable", true);
    queue.orphan = json.value("orphan", false);
    queue.created = json.value("created", false);
    queue.group = json.value("group", 0U);
    take(json, queue, queue_counters);
    queue.oldest = std::chrono::milliseconds(json.value("oldest_ms", std::int64_t{0}));
    queue.processing = std::chrono::microseconds(json.value("processing_us", std::int64_t{0}));
    take_by_reason<FailureReason>(json.value("failures", Json::object()), queue.failures);
    const Json& ledger = json.at("ledger");
    take(ledger, queue.ledger, ledger_counters);
    take_by_reason<DropReason>(ledger.value("dropped", Json::object()), queue.ledger.dropped);
    take(json.value("dead_letters", Json::object()), queue.dead_letters, dead_counters);
    return queue;
}

Json peer_json(const PeerStatus& peer) {
    Json json;
    json["name"] = peer.name;
    json["session"] = peer.session;
    json["queues"] = peer.queues;
    json["connected"] = peer.connected;
    json["silent"] = peer.silent;
    put(json, peer, peer_counters);
    return json;
}

PeerStatus peer_from(const Json& json) {
    PeerStatus peer;
    peer.name = json.at("name").get<std::string>();
    peer.session = json.value("session", std::string());
    peer.queues = json.value("queues", std::vector<std::string>());
    peer.connected = json.value("connected", true);
    peer.silent = json.value("silent", false);
    take(json, peer, peer_counters);
    return peer;
}

StatusReport report_from(const Json& json) {
    StatusReport report;
    report.broker = json.at("broker").get<std::string>();
    report.uptime = std::chrono::milliseconds(json.value("uptime_ms", std::int64_t{0}));
    report.draining = json.value("draining", false);
    report.epoch = json.value("epoch", std::uint32_t{0});
    take(json, report, report_counters);
    for (const Json& queue : json.at("queues")) report.queues.push_back(queue_from(queue));
    for (const Json& peer : json.at("peers")) report.peers.push_back(peer_from(peer));
    for (const Json& plugin : json.value("plugins", Json::array())) {
        PluginStatus& status = report.plugins.emplace_back();
        status.place = plugin.at("place").get<std::string>();
        status.plugin = plugin.value("plugin", std::string());
        take(plugin, status, plugin_counters);
    }
    return report;
}

/// Names come from peers and may be any octets: what is no UTF-8 is replaced.
std::string dump(const Json& json, int indent = -1) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string to_json(const StatusReport& report, int indent) {
    Json json;
    json["broker"] = report.broker;
    json["uptime_ms"] = whole_ms(report.uptime);
    json["draining"] = report.draining;
    json["epoch"] = report.epoch;
    put(json, report, report_counters);
    json["queues"] = Json::array();
    for (const QueueStatus& queue : report.queues) json["queues"].push_back(queue_json(queue));
    json["peers"] = Json::array();
    for (const PeerStatus& peer : report.peers) json["peers"].push_back(peer_json(peer));
    json["plugins"] = Json::array();
    for (const PluginStatus& plugin : report.plugins) {
        Json& status = json["plugins"].emplace_back(Json{{"place", plugin.place}, {"plugin", plugin.plugin}});
        put(status, plugin, plugin_counters);
    }
    return dump(json, indent);
}

Result<StatusReport> report_from_json(std::string_view answer) {
    try {
        const Json json = Json::parse(answer);
        if (json.contains("error")) return Failure{json.at("error").get<std::string>()};
        return report_from(json);
    } catch (const Json::exception& error) {
        return Failure{std::string("the answer is no status report: ") + error.what()};
    }
}

Result<AdminVerb> command_from_json(std::string_view request) {
    std::string found = "no command";
    const Json json = Json::parse(request, nullptr, false);
    if (json.is_object() && json.contains("command") && json["command"].is_string()) {
        const auto& name = json["command"].get_ref<const std::string&>();
        for (const auto& [known, verb] : commands) {
            if (name == known) return verb;
        }
        found = "unknown command '" + name + "'";
    }
    std::string text = found + R"(; expected {"command": NAME}, where NAME is one of:)";
    for (const auto& [known, verb] : commands) text += " " + std::string(known);
    return Failure{text};
}

std::string command_to_json(AdminVerb verb) {
    for (const auto& [name, known] : commands) {
        if (known == verb) return dump(Json{{"command", name}});
    }
    constexpr bool every_verb_has_a_name = false;
    YM_CHECK(every_verb_has_a_name);
    return {};
}

std::string error_to_json(std::string_view why) {
    return dump(Json{{"error", why}});
}

std::string line_to_json(std::span<const std::pair<std::string_view, std::string_view>> members) {
    Json json;
    for (const auto& [name, text] : members) json[std::string(name)] = text;
    return dump(json);
}

}  // namespace ym::server
