// The loop: wait, read, step, perform; again. No system call and no allocation a message.
#pragma once

#include <poll.h>

#include <memory>
#include <span>
#include <vector>

#include "broker/broker.h"
#include "server/server.h"

namespace ym::server {

/// What the loop works with, all lent.
struct Parts {
    const Signals& signals;
    Report& report;
    const Wake& wake;
    Admin& admin;
    std::span<Socket> sockets;
    Peers& peers;
    Outbox& outbox;
    Intake& intake;
    store::Store& store;
};

class Turns {
  public:
    Turns(Parts parts, const BrokerOptions& options);

    /// Runs until a signal or the store ends it.
    [[nodiscard]] Ended run(std::unique_ptr<Topology> topology);

  private:
    void gather(Now now);
    void step(Now now);
    void perform(Now now);
    void keep_house(Instant now);
    void take_signals();
    void watch_store();
    void tell_progress();
    void tell_replay(Instant now);
    /// True if there is something to do without waiting.
    [[nodiscard]] bool busy();
    void wait(bool busy);
    /// Sends what is left, for a bounded time.
    void flush_out();
    [[nodiscard]] Ended ended();

    Parts parts_;
    Broker broker_;
    Effects effects_;
    std::vector<Event> events_;
    std::vector<pollfd> descriptors_;  // signals, wake, admin, listeners
    Instant polled_at_{};
    Instant house_at_{};
    Instant started_at_{};
    bool acquired_ = false;  // for the first time: what the store kept is read back, and peers are served
    bool replay_told_ = false;
    bool draining_ = false;
    bool over_ = false;
    Ending ending_ = Ending::drained;
    std::string why_;
    std::uint64_t turned_away_told_ = 0;
};

}  // namespace ym::server
