// Who is connected: a dense number for each (listener, routing id). The broker sees only the number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"

namespace ym::server {

/// The peers of all listeners. A number is given out again only after forget(). Looking up a peer hashes its
/// routing id once and allocates nothing; the hash is seeded, because peers choose their routing ids.
class Peers {
  public:
    /// At most `peers_max` are known at a time.
    Peers(std::size_t peers_max, std::uint64_t seed);

    /// The number of a peer, a new one if it is not known; nothing when there are `peers_max` already.
    [[nodiscard]] std::optional<PeerId> find_or_add(std::uint32_t listener, Octets routing_id);

    /// True until forget(), for a number that find_or_add() gave.
    [[nodiscard]] bool knows(PeerId peer) const;
    [[nodiscard]] std::uint32_t listener(PeerId peer) const { return entries_[peer.value].listener; }
    [[nodiscard]] Octets routing_id(PeerId peer) const { return as_octets(entries_[peer.value].routing_id); }
    [[nodiscard]] std::size_t size() const { return entries_.size() - free_.size(); }

    void forget(PeerId peer);

  private:
    struct Entry {
        std::uint64_t hash = 0;
        std::uint32_t listener = 0;
        bool used = false;
        std::string routing_id;
    };

    [[nodiscard]] std::uint64_t hash(std::uint32_t listener, Octets routing_id) const;
    [[nodiscard]] std::size_t home(std::uint64_t hash) const { return static_cast<std::size_t>(hash) & mask_; }
    void grow();

    static constexpr std::uint32_t none = 0xffffffffU;

    std::size_t peers_max_;
    std::uint64_t seed_;
    std::vector<Entry> entries_;          // by PeerId
    std::vector<std::uint32_t> free_;     // numbers to give out again
    std::vector<std::uint32_t> buckets_;  // open addressing with linear probing; indexes into entries_, or none
    std::size_t mask_ = 0;
};

}  // namespace ym::server
