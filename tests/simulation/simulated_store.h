// A store as the broker sees one: many batches in flight, answers in order and late; full, unsure, fenced or failed by
// chance. It keeps what it has stored, as octets, so that a broker that starts finds it again; what was in flight when
// a broker ended is kept up to some batch, and not beyond it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "agenda.h"
#include "base/prng.h"
#include "broker/event.h"
#include "coverage.h"
#include "options.h"
#include "store/records.h"

namespace ym::simulation {

class SimulatedStore {
  public:
    /// What the store says besides its answers.
    struct Listener {
        std::function<void(std::uint64_t batch)> kept;          // it will be read back
        std::function<void(const std::string& text)> violated;  // the broker broke the contract
    };

    SimulatedStore(const Options& options, Agenda& agenda, Coverage& coverage, Listener listener)
        : options_(options),
          agenda_(agenda),
          coverage_(coverage),
          listener_(std::move(listener)),
          prng_(mix64(options.seed) ^ 0x73746f7265ULL) {}

    void append(std::uint64_t batch, Octets octets, bool may_wait, Instant now, bool healing);
    /// Asks for an answer by store_acquired in the agenda.
    void acquire(Instant now);
    /// The answer of the agenda's entry; false if the store has nothing to say.
    bool complete(const Entry& entry, StoreCompleted& event);
    /// The broker is told this now. What it appended before it knew of a batch that found no room finds none either.
    void told(const StoreCompleted& event) { untold_ -= event.status == StoreStatus::full ? 1 : 0; }
    StoreAcquired acquired(Instant now);
    /// Asks for an answer by store_fetched in the agenda.
    void fetch(std::uint64_t batch, Instant now);
    /// The batch of the agenda's entry; false if the store has nothing to say.
    bool fetched(const Entry& entry, std::uint64_t& batch, Octets& octets);
    void reclaim(std::uint64_t through);

    /// The broker is gone. Of what was in flight a first part is kept, maybe none.
    void broker_ended();
    struct Kept {
        std::uint64_t number = 0;
        Octets octets;
    };
    /// What a broker that starts may read, in order: of what was given up, a last part may still be there.
    [[nodiscard]] std::vector<Kept> read();
    /// What was not given up.
    [[nodiscard]] std::vector<Kept> needed() const;
    /// The shard for a broker that starts.
    StoreAcquired start();

  private:
    struct Batch {
        std::uint64_t number = 0;
        StoreStatus status{};
        std::vector<std::byte> octets;
    };

    [[nodiscard]] StoreStatus draw(bool healing);
    void schedule(Instant now, Duration wait);
    void keep_front();
    void refuse_behind();

    const Options& options_;
    Agenda& agenda_;
    Coverage& coverage_;
    Listener listener_;
    Prng prng_;
    std::deque<Batch> in_flight_;
    std::map<std::uint64_t, std::vector<std::byte>> kept_;
    std::map<std::uint64_t, std::uint64_t> fetches_;  // under way: the batch, by the number of the fetch
    std::uint64_t fetch_ = 0;
    std::uint64_t life_ = 0;  // entries of the agenda from before an acquisition say nothing
    std::uint64_t stored_ = 0;
    std::uint64_t reclaimed_ = 0;  // batches up to here are not needed any more
    std::uint64_t appended_ = 0;   // of this broker
    std::uint32_t epoch_ = 0;
    std::uint64_t untold_ = 0;  // answers that a batch found no room
    bool ended_ = false;        // fenced or failed
    bool unsure_ = false;
    Instant last_;
};

}  // namespace ym::simulation
