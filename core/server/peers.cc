#include "server/peers.h"

#include <cstring>

#include "base/check.h"
#include "base/prng.h"

namespace ym::server {

Peers::Peers(std::size_t peers_max, std::uint64_t seed) : peers_max_(peers_max), seed_(seed), buckets_(64, none) {
    mask_ = buckets_.size() - 1;
}

std::uint64_t Peers::hash(std::uint32_t listener, Octets routing_id) const {
    std::uint64_t state = mix64(seed_ ^ (std::uint64_t{listener} << 32U) ^ routing_id.size());
    for (std::size_t at = 0; at < routing_id.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, routing_id.data() + at, std::min<std::size_t>(8, routing_id.size() - at));
        state = mix64(state ^ word);
    }
    return state;
}

std::optional<PeerId> Peers::find_or_add(std::uint32_t listener, Octets routing_id) {
    const std::uint64_t wanted = hash(listener, routing_id);
    std::size_t bucket = home(wanted);
    for (; buckets_[bucket] != none; bucket = (bucket + 1) & mask_) {
        const Entry& entry = entries_[buckets_[bucket]];
        if (entry.hash == wanted && entry.listener == listener && entry.routing_id == as_text(routing_id)) {
            return PeerId{buckets_[bucket]};
        }
    }
    if (size() >= peers_max_) return std::nullopt;
    std::uint32_t number = 0;
    if (free_.empty()) {
        number = static_cast<std::uint32_t>(entries_.size());
        entries_.emplace_back();
    } else {
        number = free_.back();
        free_.pop_back();
    }
    entries_[number] = Entry{wanted, listener, true, std::string(as_text(routing_id))};
    buckets_[bucket] = number;
    if (size() * 2 > buckets_.size()) grow();
    return PeerId{number};
}

bool Peers::knows(PeerId peer) const {
    return peer.value < entries_.size() && entries_[peer.value].used;
}

void Peers::forget(PeerId peer) {
    YM_CHECK(knows(peer));
    std::size_t hole = home(entries_[peer.value].hash);
    while (buckets_[hole] != peer.value) hole = (hole + 1) & mask_;
    // Close the hole, so that a probe never ends too early: move back whatever may stand there.
    for (std::size_t at = (hole + 1) & mask_; buckets_[at] != none; at = (at + 1) & mask_) {
        const std::size_t wish = home(entries_[buckets_[at]].hash);
        if (((at - wish) & mask_) >= ((at - hole) & mask_)) {
            buckets_[hole] = buckets_[at];
            hole = at;
        }
    }
    buckets_[hole] = none;
    entries_[peer.value] = Entry{};
    free_.push_back(peer.value);
}

void Peers::grow() {
    buckets_.assign(buckets_.size() * 2, none);
    mask_ = buckets_.size() - 1;
    for (std::uint32_t number = 0; number < entries_.size(); ++number) {
        if (!entries_[number].used) continue;
        std::size_t bucket = home(entries_[number].hash);
        while (buckets_[bucket] != none) bucket = (bucket + 1) & mask_;
        buckets_[bucket] = number;
    }
}

}  // namespace ym::server
