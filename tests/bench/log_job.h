// What `bench_log` measures: the log through its C ABI, and bare writes of the same. Calls of the C library that write
// and sync are counted in this process, whoever makes them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/persistence.h"
#include "host/registry.h"

namespace ym::bench {

/// Octets of a record of each kind in a batch, as core/store writes them.
inline constexpr std::size_t put_octets = 128;
inline constexpr std::size_t ack_octets = 20;

/// `steps` batches of `batch` puts, each followed by a batch of as many acks, which may wait; `window` batches of puts
/// are under way at a time.
struct LogJob {
    std::uint32_t batch = 1;
    std::uint32_t window = 1;
    std::uint64_t steps = 1;

    [[nodiscard]] std::uint64_t messages() const { return steps * batch; }
};

struct LogRun {
    double seconds = 0;  // first append to last completion
    double p50_us = 0;   // from the append of puts to its completion
    double p99_us = 0;
    double cpu_us = 0;  // user and system time of the process
    std::uint64_t syncs = 0;
    std::uint64_t writes = 0;
    std::uint64_t octets_given = 0;    // batches as they are handed to the log
    std::uint64_t octets_written = 0;  // to files
};

/// What the process has written and synced so far.
struct Counted {
    std::uint64_t syncs = 0;
    std::uint64_t writes = 0;
    std::uint64_t octets = 0;
};
[[nodiscard]] Counted counted();

/// One instance of the log for all runs, so that its files are used again as they are in a broker.
class LogBench {
  public:
    /// Ends the process with a sentence if the log cannot be opened or refuses anything.
    LogBench(const std::string& library, const std::string& dir);
    ~LogBench();
    LogBench(const LogBench&) = delete;
    LogBench& operator=(const LogBench&) = delete;

    /// Fills segments until old ones are used again.
    void warm_up();
    [[nodiscard]] LogRun run(const LogJob& job);

  private:
    static constexpr std::uint64_t acquire_ticket = UINT64_MAX, other_ticket = UINT64_MAX - 1;

    void take(const host::StoreCompletion& completion);
    void wait_until(std::uint64_t number);
    void append(Octets octets, Duration wait);
    void reclaim();

    host::Registry registry_;
    std::unique_ptr<host::Persistence> store_;
    std::uint64_t epoch_ = 0;
    std::uint64_t next_ = 1;                 // number of the next batch; also its ticket
    std::atomic<std::uint64_t> through_{0};  // completed
    std::atomic<bool> answered_{false};      // a call that is no append
    std::uint64_t given_since_reclaim_ = 0;
    std::vector<std::uint64_t> begun_ns_;    // of the appends that are under way, by number modulo size
    std::vector<std::uint64_t> confirm_ns_;  // of puts
};

/// A file of zeroed blocks that is written round and round.
class BareBench {
  public:
    explicit BareBench(const std::string& file);
    ~BareBench();
    BareBench(const BareBench&) = delete;
    BareBench& operator=(const BareBench&) = delete;

    /// As many octets in as many syncs as `log` took.
    [[nodiscard]] LogRun run(const LogRun& log);

  private:
    static constexpr std::uint64_t file_bytes = std::uint64_t{64} << 20U;

    int descriptor_;
    std::uint64_t position_ = 0;
    std::vector<std::byte> octets_;
};

}  // namespace ym::bench
