// Reads what peers sent, in bursts, and makes events of it. The octets stay where ZeroMQ put them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "broker/event.h"
#include "server/outbox.h"
#include "server/peers.h"
#include "server/socket.h"

namespace ym::server {

/// What one turn takes of each listener at most, so that no listener starves another, nor the clock.
struct IntakeLimits {
    std::size_t messages = 256;
    std::uint64_t bytes = std::uint64_t{4} << 20U;
    std::size_t parts = 1000;  // frames of one message that are passed on; one with more is cut, and refused
};

class Intake {
  public:
    explicit Intake(IntakeLimits limits);

    /// Takes what `socket` holds, up to the limits. Call for each listener, then add_events().
    void read(Socket& socket, std::uint32_t listener, Peers& peers, Outbox& outbox);

    /// Appends a FrameReceived for each message read since the last clear(); they borrow until clear().
    void add_events(std::vector<Event>& events);

    /// Gives the memory of what was read back to ZeroMQ.
    void clear();

    /// Messages of peers beyond the number that can be known; they were dropped.
    [[nodiscard]] std::uint64_t turned_away() const { return turned_away_; }

  private:
    struct Item {
        PeerId peer;
        std::uint32_t listener = 0;
        std::size_t first_part = 0;
        std::size_t parts = 0;
        bool cut = false;
    };

    bool read_one(Socket& socket, std::uint32_t listener, Peers& peers, Outbox& outbox, std::uint64_t& bytes);

    IntakeLimits limits_;
    std::vector<Message> frames_;  // used again each turn; grows only between messages
    std::size_t used_ = 0;
    std::vector<Item> items_;
    std::vector<Octets> parts_;
    Message scratch_;
    std::uint64_t turned_away_ = 0;
};

}  // namespace ym::server
