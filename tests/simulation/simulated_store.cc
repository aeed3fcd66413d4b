#include "simulated_store.h"

#include <algorithm>

namespace ym::simulation {
namespace {

/// What nobody waits for is stored so much later at most.
constexpr Duration wait_max = 50ms;

}  // namespace

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

void SimulatedStore::schedule(Instant now, Duration wait) {
    const auto most = static_cast<std::uint64_t>((options_.store_delay + wait).count());
    const Duration delay(static_cast<std::int64_t>(1 + prng_.below(most)));
    last_ = std::max(last_, now + delay);
    agenda_.add(last_, What::store_completes, 0, life_);
}

void SimulatedStore::append(std::uint64_t batch, Octets octets, bool may_wait, Instant now, bool healing) {
    if (ended_) return;
    const std::uint64_t before = in_flight_.empty() ? stored_ : in_flight_.back().number;
    if (batch <= before)
        listener_.violated("batch " + std::to_string(batch) + " is appended behind batch " + std::to_string(before));
    in_flight_.push_back({batch, draw(healing), {octets.begin(), octets.end()}});
    if (untold_ > 0) in_flight_.back().status = StoreStatus::full;
    if (in_flight_.size() >= 4) coverage_.count(Fault::store_many_in_flight);
    if (may_wait) coverage_.count(Fault::store_batch_waits);
    if (!unsure_) schedule(now, may_wait ? wait_max : Duration{0});
}

void SimulatedStore::keep_front() {
    Batch& batch = in_flight_.front();
    stored_ = batch.number;
    kept_[batch.number] = std::move(batch.octets);
    in_flight_.pop_front();
    listener_.kept(stored_);
}

/// What is under way behind a batch that found no room finds none either.
void SimulatedStore::refuse_behind() {
    for (std::size_t i = 1; i < in_flight_.size(); ++i) {
        in_flight_[i].status = StoreStatus::full;
        coverage_.count(Fault::store_full_behind_full);
    }
}

bool SimulatedStore::complete(const Entry& entry, StoreCompleted& event) {
    if (entry.detail != life_ || unsure_ || in_flight_.empty()) return false;
    event = {in_flight_.front().number, in_flight_.front().status};
    switch (event.status) {
        case StoreStatus::ok:
            if (options_.store_delay >= 20ms) coverage_.count(Fault::store_late);
            keep_front();
            return true;
        case StoreStatus::full:
            coverage_.count(Fault::store_full);
            ++untold_;
            refuse_behind();
            break;
        case StoreStatus::unknown:
            // It stays in flight: whether it has landed is seen by the one who acquires the shard again.
            unsure_ = true;
            return true;
        case StoreStatus::fenced: coverage_.count(Fault::store_fenced); break;
        case StoreStatus::failed: coverage_.count(Fault::store_failed); break;
    }
    in_flight_.pop_front();
    // Nothing behind it is stored: the broker that is told so ends.
    ended_ = event.status != StoreStatus::full;
    if (ended_) in_flight_.clear();
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
    for (std::size_t i = 0; i < landed; ++i) keep_front();
    for (Batch& batch : in_flight_) {
        batch.status = StoreStatus::ok;
        schedule(now, Duration{0});
    }
    return {++epoch_, stored_};
}

void SimulatedStore::fetch(std::uint64_t batch, Instant now) {
    coverage_.count(Fault::store_fetched);
    if (batch <= reclaimed_ || !kept_.contains(batch)) {
        listener_.violated("batch " + std::to_string(batch) +
                           " is fetched, and the store does not have it; given up up to " + std::to_string(reclaimed_));
        return;
    }
    fetches_[++fetch_] = batch;
    const bool late = prng_.chance(1, 8);
    if (late) coverage_.count(Fault::store_fetched_late);
    const auto most = static_cast<std::uint64_t>((late ? options_.store_delay + 500ms : options_.store_delay).count());
    agenda_.add(now + Duration(static_cast<std::int64_t>(prng_.below(most + 1))), What::store_fetched, 0, fetch_);
}

bool SimulatedStore::fetched(const Entry& entry, std::uint64_t& batch, Octets& octets) {
    const auto found = fetches_.find(entry.detail);
    if (found == fetches_.end()) return false;
    batch = found->second;
    fetches_.erase(found);
    octets = kept_.at(batch);
    return true;
}

void SimulatedStore::reclaim(std::uint64_t through) {
    if (through > stored_)
        listener_.violated("batches up to " + std::to_string(through) + " are given up, and batch " +
                           std::to_string(stored_) + " is the last that is stored");
    for (const auto& [fetch, batch] : fetches_) {
        if (batch <= through) listener_.violated("batch " + std::to_string(batch) + " is given up while it is fetched");
    }
    if (through > reclaimed_) coverage_.count(Fault::store_reclaimed);
    reclaimed_ = std::max(reclaimed_, through);
}

void SimulatedStore::broker_ended() {
    if (!in_flight_.empty()) {
        std::size_t could = 0;
        while (could < in_flight_.size() &&
               (in_flight_[could].status == StoreStatus::ok || in_flight_[could].status == StoreStatus::unknown))
            ++could;
        const std::size_t landed = prng_.below(could + 1);
        if (landed > 0) coverage_.count(Fault::crash_kept_in_flight);
        if (landed < in_flight_.size()) coverage_.count(Fault::crash_lost_in_flight);
        for (std::size_t i = 0; i < landed; ++i) keep_front();
    }
    ++life_;
    appended_ = 0;
    untold_ = 0;
    ended_ = false;
    unsure_ = false;
    in_flight_.clear();
    fetches_.clear();
}

std::vector<SimulatedStore::Kept> SimulatedStore::read() {
    // What was given up goes when it suits the store: all of it, or some, the oldest first.
    const auto first_needed = kept_.upper_bound(reclaimed_);
    const auto given_up = static_cast<std::uint64_t>(std::distance(kept_.begin(), first_needed));
    const std::uint64_t gone = prng_.chance(1, 2) ? given_up : prng_.below(given_up + 1);
    kept_.erase(kept_.begin(), std::next(kept_.begin(), static_cast<std::ptrdiff_t>(gone)));
    if (gone < given_up) coverage_.count(Fault::replayed_given_up);
    // What is read back is asked for again, and given up again.
    if (!kept_.empty()) reclaimed_ = kept_.begin()->first - 1;
    std::vector<Kept> all;
    for (const auto& [number, octets] : kept_) all.push_back({number, octets});
    return all;
}

StoreAcquired SimulatedStore::start() {
    return {++epoch_, stored_};
}

std::vector<SimulatedStore::Kept> SimulatedStore::needed() const {
    std::vector<Kept> all;
    for (auto at = kept_.upper_bound(reclaimed_); at != kept_.end(); ++at) all.push_back({at->first, at->second});
    return all;
}

}  // namespace ym::simulation
