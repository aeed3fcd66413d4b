#include "server/status_text.h"

#include <algorithm>
#include <numeric>

#include "server/table.h"

namespace ym::server {
namespace {

using Align = Table::Align;

bool balances(const QueueStatus& queue) {
    return queue.ledger.in() == queue.ledger.out() + queue.live;
}

std::uint64_t dropped(const Ledger& ledger) {
    return std::accumulate(ledger.dropped.begin(), ledger.dropped.end(), std::uint64_t{0});
}

std::string number(std::uint64_t value) {
    return std::to_string(value);
}

/// A rate in a second, of a counter that only grows.
std::string rate(std::uint64_t before, std::uint64_t after, Duration apart) {
    if (apart <= Duration{0} || after < before) return "-";
    const auto us = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(apart).count());
    return number((after - before) * 1'000'000 / std::max<std::uint64_t>(us, 1));
}

std::string queue_name(const QueueStatus& queue) {
    std::string name = printable(queue.name);
    if (queue.orphan) name += " (orphan)";
    return name;
}

std::string queues_text(const StatusReport& report, const RateBase& rates) {
    std::vector<Table::Column> columns{{"QUEUE", Align::left}, {"LIVE"},    {"BYTES"},     {"READY"},  {"WAITING"},
                                       {"IN FLIGHT"},          {"STORING"}, {"MEAN TIME"}, {"OLDEST"}, {"WORKERS"},
                                       {"REDELIVERED"},        {"DEAD"}};
    if (rates.earlier != nullptr) {
        columns.push_back({"IN/s"});
        columns.push_back({"OUT/s"});
    }
    Table table(std::move(columns));
    for (const QueueStatus& queue : report.queues) {
        const Duration mean = queue.processing / std::max<std::uint64_t>(queue.processed, 1);
        std::vector<std::string> cells{queue_name(queue),
                                       number(queue.live),
                                       rough_bytes(queue.bytes),
                                       number(queue.ready),
                                       number(queue.waiting),
                                       number(queue.in_flight),
                                       number(queue.storing),
                                       queue.processed == 0 ? "-" : rough_duration(mean),
                                       queue.live == 0 ? "-" : rough_duration(queue.oldest),
                                       number(queue.workers),
                                       number(queue.redelivered),
                                       number(queue.dead_letters.live)};
        if (rates.earlier != nullptr) {
            const auto& before = rates.earlier->queues;
            const auto found = std::find_if(before.begin(), before.end(),
                                            [&queue](const QueueStatus& other) { return other.name == queue.name; });
            const Ledger was = found == before.end() ? Ledger{} : found->ledger;
            cells.push_back(rate(was.in(), queue.ledger.in(), rates.apart));
            cells.push_back(rate(was.out(), queue.ledger.out(), rates.apart));
        }
        table.add(std::move(cells));
    }
    return table.text();
}

std::string state_of(const PeerStatus& peer) {
    if (!peer.connected) return "away";
    return peer.silent ? "silent" : "here";
}

std::string peers_text(const StatusReport& report) {
    Table table({{"PEER", Align::left},
                 {"STATE", Align::left},
                 {"CREDIT"},
                 {"IN FLIGHT"},
                 {"ACKED"},
                 {"PUBLISHED"},
                 {"UNCONFIRMED"},
                 {"WORKS ON", Align::left}});
    for (const PeerStatus& peer : report.peers) {
        std::string queues;
        for (const std::string& queue : peer.queues) queues += (queues.empty() ? "" : " ") + printable(queue);
        const std::string name = peer.name.empty() ? peer.session.substr(0, 8) : printable(peer.name);
        table.add({name, state_of(peer), number(peer.credit), number(peer.in_flight), number(peer.acked),
                   number(peer.published), number(peer.unconfirmed), queues});
    }
    return table.text();
}

}  // namespace

bool balances(const StatusReport& report) {
    return std::all_of(report.queues.begin(), report.queues.end(),
                       [](const QueueStatus& queue) { return balances(queue); });
}

std::string ledger_text(const StatusReport& report) {
    Table table({{"LEDGER", Align::left},
                 {"ACCEPTED"},
                 {"+ MOVED IN"},
                 {"= ACKED"},
                 {"+ DEAD"},
                 {"+ EXPIRED"},
                 {"+ DROPPED"},
                 {"+ DELETED"},
                 {"+ MOVED OUT"},
                 {"+ LIVE"},
                 {"", Align::left}});
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    std::uint64_t live = 0;
    for (const QueueStatus& queue : report.queues) {
        const Ledger& ledger = queue.ledger;
        table.add({queue_name(queue), number(ledger.accepted), number(ledger.moved_in), number(ledger.acked),
                   number(ledger.dead), number(ledger.expired), number(dropped(ledger)), number(ledger.deleted),
                   number(ledger.moved_out), number(queue.live), balances(queue) ? "" : "DOES NOT BALANCE"});
        in += ledger.in();
        out += ledger.out();
        live += queue.live;
    }
    std::string text = table.text();
    text += balances(report) ? "The ledger balances: " : "THE LEDGER DOES NOT BALANCE, please report this: ";
    text += number(in) + " in, " + number(out) + " out, " + number(live) + " live.\n";
    return text;
}

std::string status_text(const StatusReport& report, const RateBase& rates) {
    std::string text = printable(report.broker) + ", up " + rough_duration(report.uptime) + ", epoch " +
                       number(report.epoch) + ", memory " + rough_bytes(report.memory) + " of " +
                       rough_bytes(report.memory_max) + (report.draining ? ", DRAINING" : "") + "\n\n";
    text += report.queues.empty() ? "No queues.\n" : queues_text(report, rates);
    text += "\n";
    text += report.peers.empty() ? "No peers.\n" : peers_text(report);
    text += "\n" + ledger_text(report);
    text += "Publishes refused " + number(report.refused) + ", recognised as duplicates " + number(report.duplicates) +
            ", dropped as unmatched " + number(report.dropped_unmatched) + "; settlements stale " +
            number(report.stale) + "; malformed " + number(report.malformed) + "; replies sent " +
            number(report.replies_sent) + ", dropped " + number(report.replies_dropped) + ".\n";
    if (report.histories_lost > 0) {
        text += "Histories of failed attempts that there was no room for (an eighth of limits.memory): " +
                number(report.histories_lost) + ".\n";
    }
    for (const PluginStatus& plugin : report.plugins) {
        text += "PLUGIN TROUBLE: " + printable(plugin.plugin) + " of " + printable(plugin.place) + " failed " +
                number(plugin.failed) + " times, was too slow " + number(plugin.slow) +
                " times (plugins.budget), and was spared " + number(plugin.spared) + " calls to make up for it.\n";
    }
    return text;
}

}  // namespace ym::server
