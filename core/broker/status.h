// What the broker tells about itself: the ledger of each queue, its workers, its limits.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "broker/policy.h"

namespace ym {

/// Why a message was dropped.
enum class DropReason : std::uint8_t { queue_full = 0, optional_full, unmatched };
inline constexpr std::size_t drop_reason_count = 3;
[[nodiscard]] std::string_view name_of(DropReason reason);

/// The books of one queue. They balance when `accepted + moved_in` = all that left + `live`, and `live` is counted by
/// walking the queue. Every term is a counter of its own.
struct Ledger {
    std::uint64_t accepted = 0;
    std::uint64_t moved_in = 0;  // dead letters of other queues
    std::uint64_t acked = 0;
    std::uint64_t dead = 0;
    std::uint64_t expired = 0;
    std::array<std::uint64_t, drop_reason_count> dropped{};
    std::uint64_t deleted = 0;
    std::uint64_t moved_out = 0;

    [[nodiscard]] std::uint64_t in() const { return accepted + moved_in; }
    [[nodiscard]] std::uint64_t out() const {
        std::uint64_t sum = acked + dead + expired + deleted + moved_out;
        for (const std::uint64_t n : dropped) sum += n;
        return sum;
    }
    friend bool operator==(const Ledger&, const Ledger&) = default;
};

/// The books of the dead letters that are kept beside a queue: `in` = `live` + `dropped` (beyond `max` or `keep`).
struct DeadLedger {
    std::uint64_t in = 0;
    std::uint64_t dropped = 0;
    std::uint64_t live = 0;
};

struct QueueStatus {
    std::string name;
    bool durable = true;
    bool orphan = false;      // no longer in the settings: takes no message, drains
    bool created = false;     // on demand
    std::uint32_t group = 0;  // queues of one number are connected by settings
    Ledger ledger;
    DeadLedger dead_letters;
    std::uint64_t live = 0;  // counted by walking: ready + waiting + in flight
    std::uint64_t ready = 0;
    std::uint64_t waiting = 0;  // for backoff, or behind copies that are not yet stored
    std::uint64_t in_flight = 0;
    std::uint64_t storing = 0;  // not yet completed by the store
    std::uint64_t bytes = 0;    // octets of fields and bodies of the live ones
    std::uint64_t delivered = 0;
    std::uint64_t redelivered = 0;  // deliveries with attempt > 1
    std::array<std::uint64_t, failure_reason_count> failures{};
    std::uint64_t refused = 0;    // publishes that this queue refused
    Duration oldest{0};           // age of the oldest live message
    std::uint64_t processed = 0;  // acked deliveries that `processing` sums up
    Duration processing{0};       // from delivery to ack, summed
    std::uint64_t workers = 0;
};

struct PeerStatus {
    std::string name;
    std::string session;  // 32 hex digits
    std::vector<std::string> queues;
    bool connected = true;
    bool silent = false;
    std::uint64_t credit = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t published = 0;
    std::uint64_t acked = 0;
    std::uint64_t unconfirmed = 0;
};

/// Where one queue's copy of a message is.
enum class CopyState : std::uint8_t { storing, ready, waiting, leased, dead };
struct CopyStatus {
    MessageId message;
    std::string queue;
    CopyState state{};
    Instant until;          // waiting: when it is due; leased: when the lease ends; dead: since when
    std::string worker;     // leased: its name
    FailureReason why{};    // dead
    std::string fields{};   // encoded; empty while they are in the store alone
    std::string history{};  // the attempts that failed, as HistoryCursor reads them
};

/// A plugin that has not behaved well, at one place of the settings.
struct PluginStatus {
    std::string place;  // "pipeline orders", "queue hello", "retry default"
    std::string plugin;
    std::uint64_t failed = 0;
    std::uint64_t slow = 0;
    std::uint64_t spared = 0;
};

struct StatusReport {
    std::string broker;
    Duration uptime{0};
    bool draining = false;
    std::uint32_t epoch = 0;
    std::uint64_t memory = 0;
    std::uint64_t memory_max = 0;
    std::uint64_t duplicates = 0;  // publishes recognised as sent before
    std::uint64_t refused = 0;     // publishes refused, whatever the reason
    std::uint64_t dropped_unmatched = 0;
    std::uint64_t malformed = 0;  // frames and records
    std::uint64_t stale = 0;
    std::uint64_t histories_lost = 0;  // of copies that failed, for lack of room
    std::uint64_t replies_sent = 0;
    std::uint64_t replies_dropped = 0;  // late, second, or nobody there to take them
    std::vector<QueueStatus> queues;
    std::vector<PeerStatus> peers;
    std::vector<PluginStatus> plugins;  // only those with anything to tell
};

}  // namespace ym
