// persistence/1 over the log of plugins/persistence/log, in one thread: each call is done when it returns, but for
// appends that may wait, which are synced with the next one that may not, or by tick().
#pragma once

#include <yardmaster/persistence.h>

#include <deque>
#include <memory>
#include <string>

#include "host/persistence.h"
#include "log/answers.h"
#include "log/log.h"

namespace ym::power_cut {

class LogCalls {
  public:
    /// A handle on it, as the host makes one of a plugin; the log lies on `disk`.
    [[nodiscard]] static std::unique_ptr<host::Persistence> make(disklog::Disk& disk, LogCalls*& calls);

    /// Time passes: what waits is synced, and a mark says so.
    void tick();
    /// Why the log could not be used; empty if it could.
    [[nodiscard]] const std::string& why() const { return why_; }

    // The calls of the table.
    void acquire(std::uint64_t ticket);
    void append(std::uint64_t number, ym_text octets, std::uint64_t wait, std::uint64_t ticket);
    void read(std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket);
    void fetch(const std::uint64_t* numbers, std::uint32_t count, std::uint64_t ticket);
    void reclaim(std::uint64_t last, std::uint64_t ticket);
    void answer(std::uint64_t ticket, ym_status status, std::uint64_t epoch = 0, std::uint64_t through = 0) const;

    static constexpr std::uint64_t segment_bytes = 65536;

  private:
    LogCalls(disklog::Disk& disk, const ym_completions* completions);
    [[nodiscard]] static const ym_persistence& table();
    void give(std::uint64_t ticket, const disklog::Answer& found) const;
    void fail(const disklog::Fault& fault);
    void sync();
    void make_segment();

    disklog::Disk& disk_;
    const ym_completions* completions_;
    std::unique_ptr<disklog::Log> log_;
    std::deque<std::uint64_t> waiting_;  // tickets of appends that are written
    std::string why_;
};

}  // namespace ym::power_cut
