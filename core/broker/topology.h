// The settings that the state machine needs, with names resolved and plugins made. Built by core/settings
// and core/host from YAML, or by a test by hand; handed to the broker as an event and owned by it from then on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "broker/policy.h"

namespace ym {

/// No limit, where a limit is a number.
inline constexpr std::uint64_t unlimited = ~std::uint64_t{0};

enum class WhenFull : std::uint8_t { reject, drop_oldest, dead_letter };

struct QueueLimits {
    std::uint64_t messages = 10'000'000;
    std::uint64_t bytes = std::uint64_t{10} << 30U;  // octets of fields and bodies
    std::uint64_t in_flight = unlimited;             // deliveries not settled, of all workers
    std::uint64_t rate = unlimited;                  // deliveries a second
    WhenFull when_full = WhenFull::reject;
};

/// A message may pass through so many pipelines, one behind the other; settings with a longer chain are refused.
inline constexpr int pipelines_chained_max = 16;

/// A name at which settings point; resolved by Topology::find.
using AddressName = std::string;

struct QueueSettings {
    std::string name;
    bool durable = true;
    std::string retry = "default";  // a name in Topology::retries
    Duration lease = 30s;
    Duration lease_max = 12h;
    QueueLimits limits;
    Duration dead_keep = std::chrono::hours(24 * 30);
    std::uint64_t dead_max = 1'000'000;
    AddressName dead_to;  // empty: kept beside the queue
    std::uint32_t weight = 1;
    bool publish_direct = true;  // false: only pipelines reach it
    std::unique_ptr<BalancePolicy> balance;
};

/// What a pipeline fills in where the producer left it empty.
struct PipelineSet {
    std::optional<std::uint8_t> priority;
    std::optional<std::string> key;
    std::optional<std::string> type;
};

enum class Unmatched : std::uint8_t { reject, drop, forward };

struct PipelineSettings {
    std::string name;
    std::unique_ptr<RoutingPolicy> route;
    /// All targets that `route` may name, in the policy's own order: its answer `AddressId{i}` means targets[i].
    std::vector<AddressName> targets;
    std::vector<AddressName> optional;  // those of the targets that cannot refuse
    Unmatched unmatched = Unmatched::reject;
    AddressName unmatched_to;           // with Unmatched::forward
    bool failure_is_unmatched = false;  // plugins.load.*.on_failure: unmatched
    Duration reply_timeout = 30s;
    Duration reply_keep = 5min;
    std::uint64_t reply_max = 10'000;
    PipelineSet set;
};

/// Queues on demand.
struct CreateSettings {
    std::string match;  // `*` any run of characters; empty: none
    std::uint64_t max = 1000;
    Duration idle = 1h;
    /// Makes the settings of a queue of this name.
    std::function<QueueSettings(const std::string& name)> make;
};

/// Limits of one peer, and its heartbeats.
struct PeerLimits {
    std::uint64_t peers = 10'000;
    std::uint64_t frame = std::uint64_t{16} << 20U;
    std::uint64_t records = 10'000;
    std::uint64_t unconfirmed = 2000;
    std::uint64_t replies = 200'000;
    Duration heartbeat = 1s;
    std::uint64_t heartbeats = 2000;  // a second, to all peers together; more peers each get theirs less often
    std::uint32_t missed = 10;
    Duration grace = 2s;
};

/// What is spoken at a listener.
enum class Protocol : std::uint8_t {
    ymp,             // YMP and Majordomo; the first octets of each message tell which
    pirate_clients,  // Paranoid Pirate has a port for each side
    pirate_workers,
};

struct ListenerSettings : PeerLimits {
    Protocol protocol = Protocol::ymp;
    AddressName to;  // Paranoid Pirate: the address of all messages
};

struct MajordomoSettings {
    std::map<std::string, AddressName, std::less<>> services;  // where name and address differ
    Duration busy_max = 1h;       // a busy worker's lease: it follows the connection, up to this
    bool reply_refusals = false;  // a client whose request is refused gets a reply that says so
};

struct NamedRetry {
    std::string name;
    std::unique_ptr<RetryPolicy> policy;
};

struct Topology {
    std::vector<QueueSettings> queues;
    std::vector<PipelineSettings> pipelines;
    std::vector<NamedRetry> retries;  // holds `default` at least
    std::optional<CreateSettings> create;
    /// Makes the settings of a queue that left them while the store holds messages of it.
    std::function<QueueSettings(const std::string& name)> orphan;
    std::vector<ListenerSettings> listeners;  // by FrameReceived::listener
    MajordomoSettings majordomo;
    std::uint64_t memory_max = std::uint64_t{1} << 30U;  // octets of bodies, fields and index
    std::uint64_t queues_max = 10'000;
    Duration drain = 30s;
    std::string broker_name = "yardmaster";
};

}  // namespace ym
