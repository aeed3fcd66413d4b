// Waits that grow with each attempt, drawn at random around their middle, and a policy of its own for each reason.
#include <array>
#include <cmath>
#include <vector>

#include "attempts.h"

namespace {

class Backoff {
  public:
    static constexpr ym_setting delays[] = {{"*", YM_DURATION_NS, nullptr, "0s..365d", "a wait", nullptr}, {}};
    static constexpr ym_setting reason[] = {
        {"delay", YM_DURATION_NS, "~", "0s..365d", "the wait after this reason, in place of the growing one", nullptr},
        {}};
    static constexpr ym_setting lost[] = {
        {"delay", YM_DURATION_NS, "0s", "0s..365d", "the wait after this reason, in place of the growing one", nullptr},
        {}};
    static constexpr ym_setting reasons[] = {
        {"nack", YM_MAP, "{}", "dead_letter", "the worker said that it failed", reason},
        {"reject", YM_MAP, "dead_letter", "dead_letter", "the worker said: never again", reason},
        {"throttled", YM_MAP, "{}", "dead_letter", "the worker said: not now", reason},
        {"lease_expired", YM_MAP, "{}", "dead_letter", "no answer came in time", reason},
        {"worker_lost", YM_MAP, "{}", "dead_letter", "the worker's session ended; back in its place at once", lost},
        {}};
    static constexpr ym_setting settings[] = {
        {"initial", YM_DURATION_NS, "500ms", "0s..365d", "the wait before the second attempt", nullptr},
        {"factor", YM_NUMBER, "2", "1..1000", "how many times longer each wait is than the one before", nullptr},
        {"max", YM_DURATION_NS, "5m", "0s..365d", "no wait is longer than this", nullptr},
        {"delays", YM_LIST, "~", "1..1000", "all waits, in place of initial, factor and max; the last one goes on",
         delays},
        {"jitter", YM_SHARE, "20%", nullptr, "each wait is drawn from 100 % less this to 100 % and this", nullptr},
        retry::attempts_setting,
        retry::age_setting,
        {"reasons", YM_MAP, "{}", nullptr, "what holds for one reason alone", reasons},
        {}};

    static constexpr int delays_row = 3;  // what stands before it is in its place

    explicit Backoff(ym::Settings given)
        : jitter_ppm_(static_cast<std::uint64_t>(std::llround(given["jitter"].number() * 1e6))), limits_(given) {
        read_waits(given);
        for (std::size_t i = 0; i < reasons_.size(); ++i) {
            const ym::Settings value = given["reasons"][reasons[i].key];
            reasons_[i].is_dead = value.kind() == YM_CHOICE;
            const ym::Settings delay = value["delay"];
            if (!delay) continue;
            reasons_[i].has_delay = true;
            reasons_[i].delay_ns = delay.nanoseconds();
        }
    }

    [[nodiscard]] std::uint64_t decide(const ym::Failed& failed) const {
        const bool known = failed.reason >= 0 && static_cast<std::size_t>(failed.reason) < reasons_.size();
        const Reason& policy = reasons_[known ? static_cast<std::size_t>(failed.reason) : std::size_t{YM_NACK}];
        if (policy.is_dead) return YM_DEAD_LETTER;
        const std::size_t step = std::min<std::size_t>(failed.attempt, waits_.size()) - 1;
        const std::uint64_t wait = policy.has_delay ? policy.delay_ns : waits_[step];
        return limits_.apply(failed, with_jitter(wait, failed.random));
    }

  private:
    struct Reason {
        bool is_dead = false;
        bool has_delay = false;
        std::uint64_t delay_ns = 0;
    };

    /// Fills `waits_` up to the one that all further attempts share.
    void read_waits(ym::Settings given) {
        if (given["delays"]) {
            for (const auto& [key, delay] : given["delays"]) waits_.push_back(delay.nanoseconds());
            for (const ym_setting* other = settings; other != settings + delays_row; ++other) {
                const ym::Settings value = given[other->key];
                // What `check --print` shows must be a file again, and it shows the defaults too.
                const bool says_something = value.given() && value.text() != other->otherwise;
                if (says_something) value.refuse("delays holds all waits; take one of the two out");
            }
            return;
        }
        const double factor = given["factor"].number();
        const std::uint64_t max = given["max"].nanoseconds();
        std::uint64_t wait = given["initial"].nanoseconds();
        if (wait > max) given["initial"].refuse("the first wait is longer than max");
        // No message gets more attempts than the last wait of a table as long as this is reached.
        constexpr std::size_t steps_max = 100'000;
        while (wait < max && waits_.size() < steps_max) {
            waits_.push_back(wait);
            const double next = static_cast<double>(wait) * factor;
            if (next < static_cast<double>(wait) + 1) break;  // factor 1, or nothing to multiply
            wait = next < static_cast<double>(max) ? static_cast<std::uint64_t>(next) : max;
        }
        if (waits_.empty() || wait >= max) waits_.push_back(std::min(wait, max));
    }

    [[nodiscard]] std::uint64_t with_jitter(std::uint64_t wait, std::uint64_t random) const {
        // 365 days are 3.2e16 ns: times 10^6 would not fit.
        const std::uint64_t span = wait / 1'000'000 * jitter_ppm_ + wait % 1'000'000 * jitter_ppm_ / 1'000'000;
        return wait - span + random % (2 * span + 1);
    }

    std::vector<std::uint64_t> waits_;  // by attempt that failed, from 1; the last one goes on
    std::uint64_t jitter_ppm_;          // at most 10^6
    retry::Limits limits_;
    std::array<Reason, YM_REASON_COUNT> reasons_{};
};

}  // namespace

YM_RETRY(Backoff, "backoff", "1.0.0", "waits longer after each attempt")
