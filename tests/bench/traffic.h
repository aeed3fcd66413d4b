// The state machine alone, fed with frames of two producers and two workers, through a pipeline with the bundled topic
// plugin; settings are read from YAML. A store that answers at once stands behind it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "host/host.h"
#include "wire/ymp.h"

namespace ym::bench {

struct TrafficOptions {
    std::string plugins;  // folder of the plugins
    std::uint32_t batch = 100;
    std::uint32_t body = 100;
    std::uint64_t behind = 0;  // deliveries that may wait to be settled
    bool durable = false;
    std::uint64_t store_slack = std::uint64_t{64} << 20U;  // octets, see BrokerOptions
};

class Traffic {
  public:
    static constexpr unsigned producers = 2;
    static constexpr unsigned workers = 2;

    explicit Traffic(const TrafficOptions& options);
    virtual ~Traffic() = default;
    Traffic(const Traffic&) = delete;
    Traffic& operator=(const Traffic&) = delete;

    /// Each producer publishes a batch, and what was handed out is settled but for what may wait.
    void turn();
    /// Settles the rest.
    void finish();

    [[nodiscard]] std::uint64_t acked() const { return broker_.status(now_.monotonic).queues.at(0).ledger.acked; }
    [[nodiscard]] std::uint64_t confirmed() const { return confirmed_; }

  protected:
    /// Broker::step and nothing else, for who measures it. Settings and HELLOs are behind it when a turn begins.
    virtual void step_broker() { broker_.step(now_, events_, effects_); }

  private:
    struct Settle {
        std::uint32_t peer = 0;
        std::uint64_t first = 0;
        std::uint64_t last = 0;
    };
    using Frame = std::vector<std::byte>;

    void hello(unsigned peer);
    Frame make_publish();
    void publish(unsigned producer);
    void settle();
    void step();
    void answer(PeerId peer, Octets octets);
    void from(unsigned peer, Octets octets);
    void lend(unsigned peer, Octets octets);

    TrafficOptions options_;
    host::Host host_;
    Broker broker_;
    Now now_{Instant{1s}, WallTime{std::chrono::milliseconds(1'700'000'000'000)}};
    std::vector<Event> events_;
    std::vector<std::unique_ptr<Octets>> parts_;  // what events borrow until a step is over
    std::deque<Frame> lent_;
    std::vector<Frame> frames_;  // of each producer: only its sequences change
    std::deque<Settle> settles_;
    Effects effects_;
    std::uint64_t sequence_[producers] = {};
    std::size_t first_record_ = 0;  // where it begins in a frame
    std::size_t record_bytes_ = 0;
    std::uint64_t sealed_ = 0;
    std::uint64_t unsettled_ = 0;
    std::uint64_t confirmed_ = 0;
};

}  // namespace ym::bench
