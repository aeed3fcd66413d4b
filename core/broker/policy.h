// What the broker asks of plugins. The host implements these over the C ABI; a test may implement them
// directly. All are deterministic: the same calls in the same order give the same answers. No call may keep
// what it was lent. Each instance belongs to one shard and is called by that shard's thread only.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/time.h"

namespace ym {

/// How well a policy's plugin has behaved.
struct PolicyHealth {
    std::string_view plugin;   // valid as long as the policy
    std::uint64_t failed = 0;  // calls with an error, an exception, or a wrong answer
    std::uint64_t slow = 0;    // calls that took longer than they may
    std::uint64_t spared = 0;  // calls that were not made, to make up for slow ones
};

/// Messages to route, as columns. `columns[c][m]` is what field c of message m holds; a missing field has a null
/// data().
struct RouteBatch {
    std::uint32_t count = 0;
    std::span<const std::string_view* const> columns;
    const std::uint64_t* random = nullptr;  // one a message, the same when the message is resent
};

/// Where a routing policy puts its answers.
class RouteSink {
  public:
    virtual ~RouteSink() = default;
    /// `message` < count goes to `to`. A target named twice for a message counts once.
    virtual void add(std::uint32_t message, AddressId to) = 0;
    /// The answer for `message` was wrong: it meets the pipeline's `on_failure`, whatever was added for it.
    virtual void fail(std::uint32_t message) = 0;
};

/// Names the addresses of each message.
class RoutingPolicy {
  public:
    virtual ~RoutingPolicy() = default;
    /// The fields it reads: "topic", "type", "key", "header.NAME". Order as in RouteBatch::columns.
    [[nodiscard]] virtual const std::vector<std::string>& columns() const = 0;
    /// False: failed, or gave a wrong answer; what it added is then discarded and every message of the batch
    /// meets the pipeline's `on_failure`. A message with no add() is unmatched.
    virtual bool route(const RouteBatch& batch, RouteSink& sink) = 0;
    [[nodiscard]] virtual PolicyHealth health() const { return {}; }
};

/// A worker that could take a message of a queue now.
struct WorkerView {
    std::uint64_t credit = 0;     // deliveries it would still take, at least 1
    std::uint64_t in_flight = 0;  // deliveries of all queues that it has not settled
    Duration idle{0};             // since its last delivery or settlement
    std::string_view session;     // 16 octets
    std::string_view name;        // its own, for people
};

/// Chooses the worker of each message.
class BalancePolicy {
  public:
    virtual ~BalancePolicy() = default;
    /// Writes the index of a worker (or `nobody`, to wait) for each of picks.size() messages. The broker takes an
    /// answer beyond a worker's credit, or out of range, as `nobody`, and hands out no message behind one that
    /// nobody takes. `workers` begins with the one after the worker that the queue used last; it holds at most
    /// `candidates_max` of them, unless the policy follows_workers().
    virtual void pick(std::span<const WorkerView> workers, std::span<std::uint32_t> picks) = 0;

    /// The fields of messages that it reads; names as in RoutingPolicy::columns().
    [[nodiscard]] virtual const std::vector<std::string>& columns() const { return no_columns; }
    /// Before each pick() of a policy with columns: `columns[c][m]` is what field c of its message m holds. Lent until
    /// pick() returns.
    virtual void show(std::span<const std::string_view* const> /*columns*/) {}

    /// Whether it wants to see all workers with credit, and to be told when one is gone().
    [[nodiscard]] virtual bool follows_workers() const { return false; }
    /// The worker of this session has left the queue.
    virtual void gone(std::string_view /*session*/) {}
    [[nodiscard]] virtual PolicyHealth health() const { return {}; }

    static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();
    static constexpr std::size_t candidates_max = 256;

  private:
    static inline const std::vector<std::string> no_columns;
};

/// Why an attempt failed; `queue_full`: why a message became a dead letter without one (limits.when_full), which no
/// retry policy is asked about.
enum class FailureReason : std::uint8_t { nack = 0, reject, throttled, lease_expired, worker_lost, queue_full };
inline constexpr std::size_t failure_reason_count = 5;  // of failed attempts
inline constexpr std::size_t dead_reason_count = 6;     // of dead letters
[[nodiscard]] std::string_view name_of(FailureReason reason);

struct FailedAttempt {
    FailureReason reason{};
    std::uint32_t attempt = 1;  // the attempt that failed, from 1
    Duration age{0};            // since acceptance
    Duration retry_after{0};    // what the worker asked for; 0 = nothing
    std::uint64_t random = 0;   // for jitter
};

/// Chooses what follows a failed attempt.
class RetryPolicy {
  public:
    virtual ~RetryPolicy() = default;
    /// Writes the wait before the next attempt, or `dead_letter`, for each failure (same length).
    virtual void decide(std::span<const FailedAttempt> failures, std::span<Duration> waits) = 0;
    [[nodiscard]] virtual PolicyHealth health() const { return {}; }

    static constexpr Duration dead_letter = Duration::max();
};

}  // namespace ym
