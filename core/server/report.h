// What the broker tells the log: notices as lines, in text or JSON. What peers can cause as often as they like is
// limited in rate; what was left out is counted.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "broker/effect.h"

namespace ym::server {

enum class Level : std::uint8_t { trace, debug, info, warning, error };

/// The level of this name, as the settings write it.
[[nodiscard]] Result<Level> level_named(std::string_view name);

struct ReportOptions {
    Level level = Level::info;
    bool json = false;
    std::uint32_t burst = 20;  // lines of one kind in each `window`
    Duration window = 10s;
    /// Takes each finished line, without an end of line; empty: standard error.
    std::function<void(const std::string&)> sink{};
};

class Report {
  public:
    explicit Report(const ReportOptions& options);
    ~Report();
    Report(const Report&) = delete;
    Report& operator=(const Report&) = delete;

    /// A line of the server's own.
    void line(Level level, std::string_view text);

    /// A notice of the broker, unless too many of its kind came in this window.
    void notice(const Notice& notice, Instant now);

    /// Tells how many were left out, once their window is over.
    void summary(Instant now);

  private:
    struct Kind {
        Instant window_end{};
        std::uint32_t lines = 0;
        std::uint64_t left_out = 0;
    };
    static constexpr std::size_t kind_count = static_cast<std::size_t>(NoticeKind::drain_begun) + 1;

    void tell_left_out(std::size_t kind);

    class Sink;
    std::unique_ptr<Sink> sink_;
    ReportOptions options_;
    std::array<Kind, kind_count> kinds_{};
    bool any_left_out_ = false;
};

}  // namespace ym::server
