// The same wait before each attempt. A worker's `reject` (never again) is a dead letter at once.
#include "attempts.h"

namespace {

class Fixed {
  public:
    static constexpr ym_setting settings[] = {
        {"delay", YM_DURATION_NS, nullptr, "0s..365d", "the wait before each further attempt", nullptr},
        retry::attempts_setting,
        retry::age_setting,
        {}};

    explicit Fixed(ym::Settings given) : delay_ns_(given["delay"].nanoseconds()), limits_(given) {}

    [[nodiscard]] std::uint64_t decide(const ym::Failed& failed) const {
        return failed.reason == YM_REJECT ? YM_DEAD_LETTER : limits_.apply(failed, delay_ns_);
    }

  private:
    std::uint64_t delay_ns_;
    retry::Limits limits_;
};

}  // namespace

YM_RETRY(Fixed, "fixed", "1.0.0", "waits the same time before each attempt")
