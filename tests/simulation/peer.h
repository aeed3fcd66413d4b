// A simulated peer, as PROTOCOL describes one: says HELLO, waits for WELCOME, sends heartbeats, says HELLO again when
// the broker asks for it. Written apart from the clients of the project, so that both are measured against the
// protocol.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "agenda.h"
#include "base/prng.h"
#include "coverage.h"
#include "message.h"
#include "network.h"
#include "options.h"

namespace ym::simulation {

/// What peers share.
struct Surroundings {
    const Options& options;
    Agenda& agenda;
    Network& network;
    Messages& messages;
    Coverage& coverage;
    Instant now;
    bool healing = false;  // faults have stopped
    SessionNumber sessions = 0;
};

/// What WELCOME says.
struct Welcome {
    std::uint64_t taken = 0;      // highest sequence taken of the session
    std::uint64_t window = 0;     // highest sequence that may be sent
    std::uint64_t bytes = ~0ULL;  // body octets that may be published from now on
    std::uint64_t last_tag = 0;
    std::uint64_t boot = 0;
    std::uint64_t heartbeat_ms = 0;
};

class Peer {
  public:
    Peer(Surroundings& world, std::uint32_t index, std::string name);
    virtual ~Peer() = default;
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    /// The peer's process begins: a connection and a session of its own.
    void start();
    /// The process ends; it begins anew `after` that.
    void die(Duration after);
    void receive(Octets frame);
    void wake(std::uint64_t token);
    /// Faults have stopped: what hangs goes on.
    virtual void heal() {}

    [[nodiscard]] LineId line() const { return line_; }
    [[nodiscard]] bool alive() const { return alive_; }
    [[nodiscard]] bool joined() const { return joined_; }
    [[nodiscard]] SessionNumber session() const { return session_; }

  protected:
    enum class Alarm : std::uint8_t { begin, heartbeat, publish, retry, done, flush, go_on, again, extend };

    virtual void on_start() = 0;
    virtual void on_death() = 0;
    virtual void on_welcome(const Welcome& welcome, bool resumed) = 0;
    virtual void on_frame(const wire::Frame& frame) = 0;
    virtual void on_alarm(Alarm alarm, std::uint64_t detail) = 0;
    /// Its HELLO was refused.
    virtual void on_refused(wire::Status /*status*/, std::string_view /*text*/) {}
    /// Adds what this kind of peer says in its HELLO; returns the frame's number.
    virtual std::uint64_t hello_number() = 0;
    virtual std::uint64_t lowest_open() { return 1; }
    virtual void hello_fields(wire::FrameWriter& writer) = 0;

    void say_hello();
    /// What it says first on a connection of its own.
    virtual void greet() { say_hello(); }
    virtual void on_beat();
    virtual void receive_now(Octets frame);
    /// Begins a session of its own: the old one is not used again.
    void new_session();
    void send_bare(wire::Verb verb);
    /// Starts a frame; end_frame() sends it.
    wire::FrameWriter& begin_frame(wire::Verb verb, std::uint8_t flags, std::string_view name, std::uint64_t number);
    void end_frame(Octets second = {});
    void send_octets(Octets frame, Octets second = {});
    void send_frames(const std::vector<std::string>& frames);
    void alarm(Duration after, Alarm alarm, std::uint64_t detail = 0);
    bool odds(Odds once_in) { return once_in != 0 && prng_.chance(1, once_in); }
    /// As odds(), but never while the run heals.
    bool fault(Odds once_in) { return !world_.healing && odds(once_in); }
    Duration up_to(Duration most) {
        return Duration(static_cast<std::int64_t>(prng_.below(1 + static_cast<std::uint64_t>(most.count()))));
    }
    void hang_until(Instant until) { hung_until_ = until; }
    [[nodiscard]] bool hung() const { return world_.now < hung_until_; }
    /// True when the session was welcomed before: its next HELLO resumes it.
    [[nodiscard]] bool resuming() const { return resuming_; }
    [[nodiscard]] std::uint32_t index() const { return index_; }
    /// Handles what came in, and was due, while it hung.
    void go_on();

    Surroundings& world_;
    Prng prng_;
    std::string name_;

  private:
    std::uint32_t index_;
    LineId line_;
    SessionNumber session_ = 0;
    bool alive_ = false;
    bool joined_ = false;
    bool resuming_ = false;
    std::uint64_t boot_ = 0;
    std::uint64_t life_ = 0;
    Instant hello_at_;
    Duration heartbeat_{0};  // as the broker told last
    Instant heard_at_;
    Instant hung_until_;
    std::deque<FrameOctets> inbox_;            // while it hangs
    std::deque<std::uint64_t> alarms_missed_;  // likewise
    Buffer buffer_;
    wire::FrameWriter writer_;
};

}  // namespace ym::simulation
