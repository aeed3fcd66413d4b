// One measured job: producers publish, something in the middle forwards, workers take and settle. Producers, workers
// and the middle are processes; they meet in a page of shared memory, where the counts are.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace ym::bench {

enum class Transport { tcp, ipc };
/// How the broker comes from an address to its queue: the plugin `direct`, or `topic` with Job::bindings.
enum class Routing { direct, topic };

/// What is to be moved, and how much of it may be under way.
struct Job {
    std::uint64_t messages = 0;  // a multiple of producers * batch
    std::uint32_t batch = 1;     // records that a producer puts into one frame
    std::uint32_t body = 100;    // octets; 8 or more
    std::uint64_t rate = 0;      // messages a second that each producer sends, whatever comes back; 0: all that it may
    std::uint64_t warm_up = 0;   // messages of each producer, at its start, that latencies leave out
    bool durable = false;        // a confirm waits until the message is synced to a disk
    unsigned producers = 2;
    unsigned workers = 2;
    Transport transport = Transport::tcp;
    Routing routing = Routing::topic;
    std::uint32_t bindings = 1;  // of the topic plugin; messages take turns in matching them
    std::filesystem::path disk;  // for what is durable; empty: the folder for temporary files

    [[nodiscard]] std::uint64_t each() const { return messages / producers; }
    /// Messages that a producer sends before it waits for a confirm, and that a worker holds.
    [[nodiscard]] std::uint64_t window() const { return batch * 8 > 2000 ? batch * 8 : 2000; }
    [[nodiscard]] std::uint64_t credit() const { return batch * 8 > 1000 ? batch * 8 : 1000; }
    /// `about` messages, rounded up to what all producers can send in whole batches.
    [[nodiscard]] std::uint64_t whole(std::uint64_t about) const;
};

/// A folder for settings, sockets and data, gone with its last owner.
struct Folder {
    std::filesystem::path path;
    /// In `above`, or where temporary files are.
    explicit Folder(const std::filesystem::path& above = {});
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
};

/// How often something took how long.
struct Latency {
    /// Steps of a sixty-fourth of an octave, from 1 us on: a time is known to 1 %.
    static constexpr std::size_t steps = 64 * 24;
    std::vector<std::uint64_t> counts;
    std::uint64_t longest_ns = 0;

    /// In us: no more than the share `part` of all took longer. 1: the longest.
    [[nodiscard]] double us(double part) const;
};

/// The same, in the page.
struct SharedLatency {
    std::atomic<std::uint64_t> counts[Latency::steps];
    std::atomic<std::uint64_t> longest_ns;

    void add(std::uint64_t ns);
    [[nodiscard]] Latency read() const;
};

inline constexpr unsigned producers_max = 64;

/// The page that all processes of a run share. Every count is of messages, unless it says otherwise.
struct Shared {
    std::atomic<unsigned> ready;  // processes that are connected
    std::atomic<bool> go;
    std::atomic<bool> stop;
    std::atomic<bool> bound;               // the middle can be reached, or will soon be
    std::atomic<pid_t> middle;             // the process to be measured, when it is not the one that was forked for it
    std::atomic<std::uint64_t> confirmed;  // by producers
    std::atomic<std::uint64_t> settled;    // by workers
    std::atomic<std::uint64_t> sum;        // of the numbers in the bodies that workers saw
    std::atomic<std::uint64_t> squares;    // of the same
    std::atomic<std::uint64_t> ended;      // ns, when the last count was complete
    std::atomic<std::uint64_t> syncs;      // calls of the middle that make a disk keep what was written
    std::uint64_t messages;
    bool confirms;                                        // false: nothing confirms (zmq_proxy)
    char front[128];                                      // endpoint for producers
    char back[128];                                       // endpoint for workers
    char syncs_file[128];                                 // see count_syncs()
    std::atomic<std::uint64_t> first_due[producers_max];  // ns, when the first message of a producer was due
    SharedLatency receipts;                               // from when a message was due until a worker had it
    SharedLatency confirms_late;                          // from when a message was due until it was confirmed

    /// Adds to a count and notes the time when everything has arrived.
    void count(std::atomic<std::uint64_t>& what, std::uint64_t messages_more);
};

/// Each body starts with a number of its own: who sent it, and as which. Sums of all tell whether each came once.
[[nodiscard]] constexpr std::uint64_t stamp(unsigned producer, std::uint64_t sequence) {
    return (static_cast<std::uint64_t>(producer + 1) << 40U) + sequence;
}

/// A producer's side of the counts. At a rate, each message has its time, whether the one before it was late or not,
/// and is late by that time (the wait of a load that is held up counts, too).
class Pace {
  public:
    /// The first message is due now.
    Pace(const Job& job, Shared& shared, unsigned producer);
    /// Whether the producer's message `sequence` (from 0) is due. If not, waits until it is, or `descriptor` has
    /// something to read. (Of a ZeroMQ socket: its ZMQ_FD, after everything was received.)
    [[nodiscard]] bool is_due(std::uint64_t sequence, int descriptor) const;
    /// The next `count` messages were confirmed.
    void confirmed(std::uint64_t count);

  private:
    Shared& shared_;
    std::uint64_t warm_up_;
    std::uint64_t interval_;  // ns; 0: no rate
    std::uint64_t began_;
    std::uint64_t confirmed_ = 0;
};

/// A worker's side of the counts.
class Receipts {
  public:
    Receipts(const Job& job, Shared& shared);
    /// A message has come, with this number at the start of its body.
    void take(std::uint64_t number);
    /// All that came was acked.
    void settled();

  private:
    Shared& shared_;
    std::uint64_t warm_up_;
    std::uint64_t interval_;
    std::uint64_t count_ = 0, sum_ = 0, squares_ = 0;
};

/// In the process of a middle, before it runs another program: the program's syncs are counted in Shared::syncs, too.
/// (A library that is loaded before all others stands between it and the C library.)
void count_syncs(const Shared& shared);

enum class Ending {
    killed,      // at once
    terminated,  // by SIGTERM, which it answers with an orderly end and status 0
    by_itself,   // by Shared::stop, with status 0
};

/// The processes of a run. Each function runs in a process of its own and ends when Shared::stop is set.
struct Roles {
    std::function<void(Shared&)> middle;
    std::function<void(Shared&, unsigned)> producer;
    std::function<void(Shared&, unsigned)> worker;
    bool confirms = true;
    Ending ending = Ending::killed;  // of the middle
    unsigned start_s = 10;           // that the middle, and then all others, may take until they are connected
    std::function<bool(const Shared&)> complete = {};  // whether the counts are right, where it is not once for each
};

/// What a run showed.
struct Run {
    double rate = 0;         // messages a second, first publish to last ack and last confirm
    double cpu = 0;          // seconds of user and system time of the middle, a million messages
    double load_cpu = 0;     // the same of all producers and workers
    double resident_mb = 0;  // most memory of the middle
    bool complete = false;   // every message confirmed and settled exactly once
    std::uint64_t confirmed = 0;
    std::uint64_t settled = 0;
    std::uint64_t syncs = 0;  // of the middle, between the first publish and the end
    Latency receipts;
    Latency confirms;
};

/// Forks the processes, lets them run until all is counted or `timeout_s` has passed, and ends them.
[[nodiscard]] Run measure(const Job& job, const Roles& roles, unsigned timeout_s = 120);

[[nodiscard]] std::uint64_t now_ns();
/// User and system time of a process so far, in seconds.
[[nodiscard]] double cpu_seconds(pid_t pid);
/// Of a process: the most memory so far, and that of now.
[[nodiscard]] double peak_mb(pid_t pid);
[[nodiscard]] double resident_mb(pid_t pid);

/// The three middles.
[[nodiscard]] Roles proxy_roles(const Job& job);
[[nodiscard]] Roles forwarder_roles(const Job& job);
/// `program` is the yardmaster binary; its settings are written to a folder of the run's own. `under`: a program and
/// its arguments that runs it and looks on.
[[nodiscard]] Roles broker_roles(const Job& job, const std::string& program,
                                 const std::vector<std::string>& under = {});

}  // namespace ym::bench
