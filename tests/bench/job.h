// One measured job: two producers publish, something in the middle forwards, two workers take and settle. Producers,
// workers and the middle are processes; they meet in a page of shared memory, where the counts are.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ym::bench {

/// What is to be moved, and how much of it may be under way.
struct Job {
    std::uint64_t messages = 0;  // a multiple of producers * batch
    std::uint32_t batch = 1;     // records that a producer puts into one frame
    std::uint32_t body = 100;    // octets
    std::uint64_t rate = 0;      // messages a second that each producer sends, whatever comes back; 0: all that it may
    bool durable = false;        // a confirm waits until the message is synced to a disk
    unsigned producers = 2;
    unsigned workers = 2;

    [[nodiscard]] std::uint64_t each() const { return messages / producers; }
    /// Messages that a producer sends before it waits for a confirm, and that a worker holds.
    [[nodiscard]] std::uint64_t window() const { return batch * 8 > 2000 ? batch * 8 : 2000; }
    [[nodiscard]] std::uint64_t credit() const { return batch * 8 > 1000 ? batch * 8 : 1000; }
};

/// Steps of a sixteenth of an octave, from 1 us on: a latency is known to 4 %.
inline constexpr std::size_t latency_steps = 16 * 24;
[[nodiscard]] std::size_t latency_step(std::uint64_t ns);
[[nodiscard]] double latency_us(std::size_t step);

/// The page that all processes of a run share. Every count is of messages.
struct Shared {
    std::atomic<unsigned> ready;  // processes that are connected
    std::atomic<bool> go;
    std::atomic<bool> stop;
    std::atomic<std::uint64_t> confirmed;  // by producers
    std::atomic<std::uint64_t> settled;    // by workers
    std::atomic<std::uint64_t> sum;        // of the numbers in the bodies that workers saw
    std::atomic<std::uint64_t> ended;      // ns, when the last count was complete
    std::uint64_t messages;
    bool confirms;                                      // false: nothing confirms (zmq_proxy)
    char front[128];                                    // endpoint for producers
    char back[128];                                     // endpoint for workers
    std::atomic<bool> bound;                            // the endpoints are known
    std::atomic<std::uint64_t> latency[latency_steps];  // confirms by how late they came, see latency_step()

    /// Adds to a count and notes the time when everything has arrived.
    void count(std::atomic<std::uint64_t>& what, std::uint64_t messages_more);
};

/// Each body starts with a number of its own, so that the sum of all tells whether each came once.
/// When a producer sends at a rate of its own: each message has its time, whether the one before it was late or not,
/// and its confirm is late by that time (the wait of a load that is held up counts, too).
class Pace {
  public:
    Pace(const Job& job, Shared& shared);
    /// Whether message `sent` is due; waits a little if it is not.
    [[nodiscard]] bool is_due(std::uint64_t sent) const;
    /// The next `count` messages were confirmed.
    void confirmed(std::uint64_t count);

  private:
    [[nodiscard]] std::uint64_t due(std::uint64_t message) const { return began_ + message * interval_; }

    Shared& shared_;
    std::uint64_t interval_;  // ns; 0: no rate
    std::uint64_t began_;
    std::uint64_t confirmed_ = 0;
};

[[nodiscard]] constexpr std::uint64_t stamp(unsigned producer, std::uint64_t sequence) {
    return (static_cast<std::uint64_t>(producer + 1) << 40U) + sequence;
}

/// The processes of a run. Each function runs in a process of its own and ends when Shared::stop is set.
struct Roles {
    std::function<void(Shared&)> middle;
    std::function<void(Shared&, unsigned)> producer;
    std::function<void(Shared&, unsigned)> worker;
    bool confirms = true;
    bool middle_leaves_itself = false;  // it answers SIGTERM with an orderly end and status 0
};

/// What a run showed.
struct Run {
    double rate = 0;         // messages a second, first publish to last ack and last confirm
    double cpu = 0;          // seconds of user and system time of the middle, a million messages
    double resident_mb = 0;  // most memory of the middle
    bool complete = false;   // every message confirmed and settled exactly once
    std::uint64_t confirmed = 0;
    std::uint64_t settled = 0;
    std::vector<std::uint64_t> latency;  // confirms by step

    /// In us, of the share `part` of all confirms.
    [[nodiscard]] double latency_of(double part) const;
};

/// Forks the processes, lets them run until all is counted or `timeout_s` has passed, and ends them.
[[nodiscard]] Run measure(const Job& job, const Roles& roles, unsigned timeout_s = 120);

[[nodiscard]] std::uint64_t now_ns();

/// The three middles.
[[nodiscard]] Roles proxy_roles(const Job& job);
[[nodiscard]] Roles forwarder_roles(const Job& job);
/// `program` is the yardmaster binary; its settings are written to a folder of the run's own.
[[nodiscard]] Roles broker_roles(const Job& job, const std::string& program);

}  // namespace ym::bench
