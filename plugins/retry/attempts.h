// What ends the attempts of a message, whatever the wait between them.
#pragma once

#include <algorithm>
#include <yardmaster/retry.hpp>

namespace retry {

/// The keys `attempts` and `age`, for a schema.
inline constexpr ym_setting attempts_setting = {
    "attempts", YM_INTEGER, "8", "1..1M", "how many deliveries a message gets in all, the first included", nullptr};
inline constexpr ym_setting age_setting = {
    "age",  YM_DURATION_NS, "1d", "1s..365d", "no attempt starts later than this after the message was accepted",
    nullptr};

class Limits {
  public:
    explicit Limits(ym::Settings given)
        : attempts_(static_cast<std::uint64_t>(given["attempts"].integer())), age_ns_(given["age"].nanoseconds()) {}

    /// `wait_ns`, at least what the worker asked for, or YM_DEAD_LETTER if that attempt would be one too many or too
    /// late.
    [[nodiscard]] std::uint64_t apply(const ym::Failed& failed, std::uint64_t wait_ns) const {
        if (failed.attempt >= attempts_) return YM_DEAD_LETTER;
        const std::uint64_t wait = std::max(wait_ns, failed.retry_after_ns);
        if (failed.age_ns > age_ns_ || wait > age_ns_ - failed.age_ns) return YM_DEAD_LETTER;
        return wait;
    }

  private:
    std::uint64_t attempts_;
    std::uint64_t age_ns_;
};

}  // namespace retry
