// Sends to peers that never block: what a peer cannot take now is parked, in order, within a bound.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/id.h"
#include "server/peers.h"
#include "server/socket.h"

namespace ym::server {

struct OutboxLimits {
    std::uint64_t peer_bytes_max = std::uint64_t{64} << 20U;  // parked for one peer
    std::uint64_t bytes_max = std::uint64_t{256} << 20U;      // parked for all
};

class Outbox {
  public:
    /// `sockets[listener]` is the socket of that listener. Both are lent for the life of the outbox.
    Outbox(std::span<Socket> sockets, const Peers& peers, OutboxLimits limits)
        : sockets_(sockets), peers_(peers), limits_(limits) {}

    /// Sends a message of one frame now, or parks a copy; with `parts`, one of several frames. A peer that is gone, or
    /// for which more than the bound would be parked, is unreachable: what is parked for it is dropped, and so is all
    /// that follows, until it is heard again. So is the one with the most parked when that is too much for all.
    void send(PeerId peer, Octets octets, bool parts = false);

    /// Tries again what is parked. To be called whenever a socket woke.
    void flush();

    /// The peer sent something: it may be sent to again.
    void heard(PeerId peer) {
        if (peer.value < lines_.size()) lines_[peer.value].unreachable = false;
    }
    /// The number of the peer is given back: nothing is kept of it.
    void forget(PeerId peer);

    /// Peers that became unreachable since the last call of clear_unreachable(); each once.
    [[nodiscard]] const std::vector<PeerId>& unreachable() const { return unreachable_; }
    void clear_unreachable() { unreachable_.clear(); }

    [[nodiscard]] bool idle() const { return waiting_.empty(); }
    [[nodiscard]] std::uint64_t parked_bytes() const { return parked_bytes_; }

  private:
    struct Parked {
        Message octets;
        bool parts = false;
    };
    struct Line {
        std::vector<Parked> parked;
        std::size_t next = 0;  // the first of `parked` that is not yet sent
        std::uint64_t bytes = 0;
        bool unreachable = false;
    };

    Line& line(PeerId peer);
    void park(PeerId peer, Line& line, Octets octets, bool parts);
    void give_up(PeerId peer, Line& line);
    void drop_parked(Line& line);
    /// Sends from the front of the line; true if nothing is left.
    bool drain(PeerId peer, Line& line);

    std::span<Socket> sockets_;
    const Peers& peers_;
    OutboxLimits limits_;
    std::vector<Line> lines_;      // by PeerId
    std::vector<PeerId> waiting_;  // those with something parked
    std::vector<PeerId> unreachable_;
    std::uint64_t parked_bytes_ = 0;
};

}  // namespace ym::server
