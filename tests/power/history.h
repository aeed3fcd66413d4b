// A log in a test, what it was asked to keep, and what of it was confirmed: told apart from the log itself, so that
// what a recovered one gives back can be judged.
#pragma once

#include "log/answers.h"
#include "log/log.h"
#include "power/sim_disk.h"

namespace ym::disklog {

inline const LogOptions small_options{7, 65536, 65536, ""};

/// What may, and what must, be found after a crash.
struct History {
    std::vector<std::uint32_t> bytes;  // of batch 1, 2, ...: all that were ever given to the log
    std::uint64_t confirmed = 0;       // batches up to here were synced
    std::uint64_t reclaimed = 0;
    std::uint64_t epoch = 0;  // the last one that was told

    [[nodiscard]] std::uint64_t attempted() const { return bytes.size(); }
};

/// The octets of a batch follow from its number and size.
void fill(std::uint64_t number, std::span<std::byte> octets);

/// A log in use, and its history.
class Driven {
  public:
    explicit Driven(SimDisk& disk, LogOptions options = small_options, History before = {});

    Fault recover();
    /// Appends batches of these sizes, in as many frames and segments as it takes.
    Fault append(std::span<const std::uint32_t> sizes);
    Fault sync();
    Fault prepare();
    Fault reclaim(std::uint64_t last);
    Fault mark();
    Fault new_epoch();

    Log log;
    History history;

  private:
    SimDisk& disk_;
};

/// What an image holds.
struct Recovered {
    std::uint64_t epoch = 0;
    std::uint64_t through = 0;
    std::uint64_t first = 0;  // lowest batch, 0: none
    std::uint64_t batches = 0;
    bool operator==(const Recovered&) const = default;
};

/// Recovers a disk and reads all batches. A text: what is wrong, given the history; empty: all that was confirmed is
/// there with its octets, and nothing that was never attempted.
std::string check(SimDisk& disk, const History& history, Recovered& found, const LogOptions& options = small_options);

}  // namespace ym::disklog
