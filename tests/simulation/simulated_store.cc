#include "simulated_store.h"

#include <algorithm>

namespace ym::simulation {

StoreStatus SimulatedStore::draw(bool healing) {
    const auto happens = [&](Odds odds) { return odds != 0 && prng_.chance(1, odds); };
    if (healing) return StoreStatus::ok;
    // The first batches hold what all later ones lean on.
    if (options_.store_full != 0 && ++appended_ <= 3 && prng_.chance(1, 3)) return StoreStatus::full;
    if (happens(options_.store_full)) return StoreStatus::full;
    if (happens(options_.store_unknown)) return StoreStatus::unknown;
    if (happens(options_.store_fenced)) return StoreStatus::fenced;
    if (happens(options_.store_failed)) return StoreStatus::failed;
    return StoreStatus::ok;
}

void SimulatedStore::schedule(Instant now) {
    const auto most = static_cast<std::uint64_t>(options_.store_delay.count());
    const Duration delay(static_cast<std::int64_t>(1 + prng_.below(most)));
    last_ = std::max(last_, now + delay);
    agenda_.add(last_, What::store_completes, 0, life_);
}

void SimulatedStore::append(std::uint64_t batch, Instant now, bool healing) {
    in_flight_.push_back({batch, draw(healing)});
    if (in_flight_.size() >= 4) coverage_.count(Fault::store_many_in_flight);
    if (!unsure_) schedule(now);
}

bool SimulatedStore::complete(const Entry& entry, StoreCompleted& event) {
    if (entry.detail != life_ || unsure_ || in_flight_.empty()) return false;
    const Batch batch = in_flight_.front();
    event = {batch.number, batch.status};
    switch (batch.status) {
        case StoreStatus::ok:
            stored_ = batch.number;
            if (options_.store_delay >= 20ms) coverage_.count(Fault::store_late);
            break;
        case StoreStatus::full: coverage_.count(Fault::store_full); break;
        case StoreStatus::unknown:
            // It stays in flight: whether it has landed is seen by the one who acquires the shard again.
            unsure_ = true;
            return true;
        case StoreStatus::fenced: coverage_.count(Fault::store_fenced); break;
        case StoreStatus::failed: coverage_.count(Fault::store_failed); break;
    }
    in_flight_.pop_front();
    return true;
}

void SimulatedStore::acquire(Instant now) {
    agenda_.add(now + 1ms + options_.store_delay, What::store_acquired, 0, life_);
}

StoreAcquired SimulatedStore::acquired(Instant now) {
    ++life_;
    unsure_ = false;
    // Of the batches in flight a first part has landed, maybe none, and of these not even the one that was asked about.
    const std::size_t landed = prng_.below(in_flight_.size() + 1);
    coverage_.count(landed > 0 ? Fault::store_unknown_landed : Fault::store_unknown_lost);
    for (std::size_t i = 0; i < landed; ++i) {
        stored_ = in_flight_.front().number;
        in_flight_.pop_front();
    }
    for (Batch& batch : in_flight_) {
        batch.status = StoreStatus::ok;
        schedule(now);
    }
    return {++epoch_, stored_};
}

StoreAcquired SimulatedStore::start() {
    ++life_;
    appended_ = 0;
    unsure_ = false;
    in_flight_.clear();
    return {++epoch_, stored_};
}

}  // namespace ym::simulation
