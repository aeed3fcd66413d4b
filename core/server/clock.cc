#include "server/clock.h"

#include <ctime>

namespace ym::server {

Now read_clocks() {
    timespec monotonic{};
    timespec wall{};
    ::clock_gettime(CLOCK_MONOTONIC, &monotonic);
    ::clock_gettime(CLOCK_REALTIME, &wall);
    const auto since_epoch = std::chrono::seconds(wall.tv_sec) + std::chrono::nanoseconds(wall.tv_nsec);
    return {Instant{std::chrono::seconds(monotonic.tv_sec) + std::chrono::nanoseconds(monotonic.tv_nsec)},
            WallTime{std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch)}};
}

}  // namespace ym::server
