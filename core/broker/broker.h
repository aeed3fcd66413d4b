// The broker: one deterministic state machine. Events and the time go in, effects come out.
//
// It reads no clock, socket, file, thread, environment variable or random device, and writes no log. One shard =
// one Broker = one thread. No result depends on how events are cut into steps (DESIGN, "Batches everywhere").
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/time.h"
#include "broker/effect.h"
#include "broker/event.h"

namespace ym {

/// What is fixed when a broker is made.
struct BrokerOptions {
    std::uint64_t seed = 0;    // of all its randomness: jitter, routing by weight
    std::uint64_t boot = 0;    // told in WELCOME; changes with each start
    bool store_keeps = false;  // the store keeps what it is given (its durability is not `none`)
    /// Octets of dead records that the store may hold beside three times what is alive.
    std::uint64_t store_slack = std::uint64_t{192} << 20U;
};

class Broker {
  public:
    explicit Broker(const BrokerOptions& options);
    ~Broker();
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    /// Applies `events` in order, then what has become due by `now`, then hands out messages, and appends
    /// what is to be done to `effects`. `now` never goes back on the monotonic clock.
    /// Legal order: StoreAcquired and SettingsChanged come before the first frame.
    void step(Now now, std::span<Event> events, Effects& effects);

    /// When step() must be called again though no event came; Instant::never() if nothing waits for time.
    [[nodiscard]] Instant next_deadline() const;

    /// The books, without a step: what status answers. Walks every queue.
    [[nodiscard]] StatusReport status(Instant now) const;

    /// Every copy of every message, each queue's in the order that it would deliver them in. For tests of settings:
    /// takes time and memory in proportion.
    [[nodiscard]] std::vector<CopyStatus> copies() const;

  private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

}  // namespace ym
