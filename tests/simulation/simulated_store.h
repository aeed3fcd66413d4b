// A store as the broker sees one: many batches in flight, answers in order and late; full, unsure, fenced or failed by
// chance.
#pragma once

#include <cstdint>
#include <deque>

#include "agenda.h"
#include "base/prng.h"
#include "broker/event.h"
#include "coverage.h"
#include "options.h"

namespace ym::simulation {

class SimulatedStore {
  public:
    SimulatedStore(const Options& options, Agenda& agenda, Coverage& coverage)
        : options_(options), agenda_(agenda), coverage_(coverage), prng_(mix64(options.seed) ^ 0x73746f7265ULL) {}

    void append(std::uint64_t batch, Instant now, bool healing);
    /// Asks for an answer by store_acquired in the agenda.
    void acquire(Instant now);
    /// The answer of the agenda's entry; false if the store has nothing to say.
    bool complete(const Entry& entry, StoreCompleted& event);
    StoreAcquired acquired(Instant now);
    /// The shard for a broker that starts.
    StoreAcquired start();

  private:
    struct Batch {
        std::uint64_t number = 0;
        StoreStatus status{};
    };

    [[nodiscard]] StoreStatus draw(bool healing);
    void schedule(Instant now);

    const Options& options_;
    Agenda& agenda_;
    Coverage& coverage_;
    Prng prng_;
    std::deque<Batch> in_flight_;
    std::uint64_t life_ = 0;  // entries of the agenda from before an acquisition say nothing
    std::uint64_t stored_ = 0;
    std::uint64_t appended_ = 0;  // of this broker
    std::uint32_t epoch_ = 0;
    bool unsure_ = false;
    Instant last_;
};

}  // namespace ym::simulation
