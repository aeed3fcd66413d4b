// Time as values. Nothing here reads a clock: the shell does, and passes what it read.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace ym {

/// A length of time in nanoseconds. Units live in the type: `30s`, `500ms`.
using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;

/// A point on the monotonic clock, counted from an arbitrary start. Leases, heartbeats, backoff.
struct Instant {
    Duration since_start{0};

    friend constexpr auto operator<=>(const Instant&, const Instant&) = default;
    friend constexpr Instant operator+(Instant a, Duration d) { return {a.since_start + d}; }
    friend constexpr Instant operator-(Instant a, Duration d) { return {a.since_start - d}; }
    friend constexpr Duration operator-(Instant a, Instant b) { return a.since_start - b.since_start; }
    static constexpr Instant never() { return {Duration::max()}; }
};

/// A point on the wall clock: milliseconds since 1970-01-01 UTC. Time to live, not-before.
struct WallTime {
    std::chrono::milliseconds since_epoch{0};

    friend constexpr auto operator<=>(const WallTime&, const WallTime&) = default;
};

/// What time it is, on both clocks, as the shell read them at the start of a turn.
struct Now {
    Instant monotonic;
    WallTime wall;
};

/// Whole milliseconds, rounded down, never negative: the unit of times on the wire.
constexpr std::uint64_t to_ms(Duration d) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
    return ms < 0 ? 0 : static_cast<std::uint64_t>(ms);
}

}  // namespace ym
