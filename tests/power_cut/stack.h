// The broker, its store and the log on a disk in memory, in one thread and without a clock; one producer and one worker
// speak YMP to it, and keep what they were told.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "log_calls.h"
#include "store/store.h"
#include "wire/ymp.h"

namespace ym::power_cut {

/// A message's number, and the producer's sequence; its body is made of it.
using Uid = std::uint64_t;

struct Delivered {
    Uid uid = 0;  // 0: a body that nobody published
    std::string queue;
    std::uint32_t attempt = 0;
    std::uint64_t tag = 0;
};

class Stack {
  public:
    explicit Stack(disklog::Disk& disk, std::uint64_t boot);

    /// Reads back what is there. False if it refuses: see why().
    bool start();
    [[nodiscard]] std::string why() const;

    /// The producer says who it is, and which of its sequences it may send again.
    void producer(Uid lowest, Uid highest);
    void worker(std::uint64_t credit);
    void publish(const std::string& address, const std::vector<Uid>& uids, std::size_t body);
    void settle(wire::SettleCode code, std::uint64_t tag, bool tell);
    void tick(Duration time);

    /// Since the last call of it: answers to the producer, by sequence; deliveries; tags of settlements that are
    /// stored.
    std::map<Uid, std::uint16_t> take_answers() { return std::exchange(answers_, {}); }
    std::vector<Delivered> take_deliveries() { return std::exchange(deliveries_, {}); }
    std::set<std::uint64_t> take_told() { return std::exchange(told_, {}); }
    [[nodiscard]] StatusReport status() const { return broker_.status(now_.monotonic); }
    [[nodiscard]] std::uint64_t reclaims() const { return reclaims_; }
    [[nodiscard]] std::uint64_t fetches() const { return fetches_; }

    /// Octets of message `uid`.
    [[nodiscard]] static std::string body_of(Uid uid, std::size_t size);
    [[nodiscard]] static Uid uid_of(std::string_view body);

  private:
    void frame(PeerId from, Octets octets);
    void pump();
    void perform();
    void take(PeerId to, Octets octets);

    LogCalls* log_ = nullptr;  // set while the next one is made
    std::unique_ptr<host::Persistence> plugin_;
    store::Store store_;
    Broker broker_;
    Now now_{Instant{1s}, WallTime{std::chrono::milliseconds(1'700'000'000'000)}};
    Effects effects_;
    std::vector<Event> events_;
    std::deque<std::vector<std::byte>> frames_;
    std::deque<Octets> parts_;
    std::map<Uid, std::uint16_t> answers_;
    std::vector<Delivered> deliveries_;
    std::set<std::uint64_t> told_;
    std::uint64_t reclaims_ = 0;
    std::uint64_t fetches_ = 0;
    bool acquired_ = false;
    bool finished_ = false;
};

}  // namespace ym::power_cut
