// The network between peers and broker, as libzmq shows it: frames of a line arrive in order or not at all; a lost
// connection comes back by itself under a new PeerId; what the peer sends meanwhile waits for that; a send of the
// broker to a line that is gone fails, at once or, if the line went silently, after a while.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "agenda.h"
#include "base/bytes.h"
#include "base/id.h"
#include "base/prng.h"
#include "base/time.h"

namespace ym::simulation {

using LineId = std::uint32_t;
using FrameOctets = std::vector<std::byte>;

/// One ZeroMQ message: a frame, and maybe a second one behind it; or the frames of another protocol.
struct Parcel {
    FrameOctets octets;
    std::size_t first = 0;            // octets of the first frame
    std::vector<std::size_t> frames;  // octets of each frame, if this is no YMP

    [[nodiscard]] bool split() const { return first < octets.size(); }
};

inline constexpr LineId no_line = 0xffffffffU;

class Network {
  public:
    Network(Agenda& agenda, std::uint64_t seed, Duration delay, Duration grain)
        : agenda_(agenda), prng_(mix64(seed) ^ 0x6e6574ULL), delay_(delay), grain_(grain) {}

    /// A new line, not connected yet.
    LineId add_line();
    void connect(LineId line, Instant now);
    /// Loses the connection with all that is in flight. The broker's sends fail from `noticed` on. Frames that the peer
    /// sends wait until the line is connected again, unless `close`d: then its process is gone, and they with it.
    void cut(LineId line, Instant noticed);
    void close(LineId line, Instant noticed);
    /// All connections end because the broker does.
    void cut_all(Instant now);

    /// `second` is a second frame of the same message, if it is not empty.
    void send_to_broker(LineId line, Instant now, Octets frame, Octets second = {});
    /// A message of other frames than those of YMP.
    void send_frames_to_broker(LineId line, Instant now, const std::vector<std::string>& frames);
    /// What the broker sends. Asks for an `unreachable` entry in the agenda if nobody can get it any more.
    void send_to_peer(PeerId peer, Instant now, Octets frame);
    /// The broker knows nothing of `peer` any more: the number may be given again.
    void forget(PeerId peer);

    /// The peer of an `unreachable` entry; false if its number means another one by now.
    [[nodiscard]] bool still_unreachable(const Entry& entry, PeerId& peer) const;
    /// The frame of an agenda entry; false if the connection that it was on is gone.
    bool arrived_at_broker(const Entry& entry, PeerId& from, Parcel& parcel);
    bool arrived_at_peer(const Entry& entry, FrameOctets& frame);

    /// Whether the number means a connection, as far as the broker knows; and one more for a frame that has arrived
    /// already.
    [[nodiscard]] bool is_given(PeerId peer) const { return peer.value < uses_.size() && uses_[peer.value].given; }
    PeerId name_again(LineId line, Instant now);
    [[nodiscard]] bool up(LineId line) const { return lines_[line].up; }
    /// Counts the connections of a line, so that an entry of the agenda can name one.
    [[nodiscard]] std::uint64_t life(LineId line) const { return lines_[line].life; }
    /// True when no frame of a line is on its way, in either direction.
    [[nodiscard]] bool quiet() const;

  private:
    struct Line {
        bool up = false;
        bool has_id = false;
        PeerId id;
        std::uint64_t life = 0;
        Instant last_in, last_out;  // arrivals never overtake each other
        std::deque<Parcel> to_broker;
        std::deque<FrameOctets> to_peer;
        std::deque<Parcel> held;
    };
    /// A PeerId in use, or one whose line is gone but which the broker has not forgotten.
    struct Use {
        LineId line = no_line;
        Instant noticed;  // sends fail from then on; while `line` is set it does not count
        bool told = false;
        bool given = false;  // in use, as far as the broker knows
        std::uint32_t generation = 0;
    };

    PeerId take_id(LineId line);
    Instant arrival(Instant now, Instant& last);
    void schedule_in(LineId line, Instant now, Parcel parcel);
    void send_in(LineId line, Instant now, Parcel parcel);

    Agenda& agenda_;
    Prng prng_;
    Duration delay_;
    Duration grain_;
    std::vector<Line> lines_;
    std::vector<Use> uses_;  // by PeerId
    std::vector<PeerId> free_;
    std::uint32_t generation_ = 0;
};

}  // namespace ym::simulation
