// The worker with the fewest deliveries in flight; of equals, the next in turn.
#include <algorithm>
#include <vector>
#include <yardmaster/balance.hpp>

namespace {

class LeastLoaded {
  public:
    static constexpr ym_setting settings[] = {{}};

    explicit LeastLoaded(ym::Settings /*given*/) {}

    void pick(ym::Workers workers, ym::Picks picks) {
        loads_.clear();
        for (std::uint32_t w = 0; w < workers.count(); ++w) {
            loads_.push_back({w, workers.in_flight(w), workers.credit(w)});
        }
        std::uint32_t message = 0;
        first_ = 0;
        while (message < picks.count() && !loads_.empty()) message = one_level(picks, message);
    }

  private:
    struct Load {
        std::uint32_t worker;
        std::uint64_t in_flight;
        std::uint64_t credit;
    };

    /// Gives one message to each of the least loaded, in turn from the one after the last pick: in the order that
    /// single calls would give, since the host begins each with that worker.
    std::uint32_t one_level(ym::Picks picks, std::uint32_t message) {
        const auto lightest = std::min_element(loads_.begin(), loads_.end(),
                                               [](const Load& a, const Load& b) { return a.in_flight < b.in_flight; });
        const std::uint64_t level = lightest->in_flight;
        const auto after = std::partition_point(loads_.begin(), loads_.end(),
                                                [this](const Load& load) { return load.worker < first_; });
        std::rotate(loads_.begin(), after, loads_.end());
        for (Load& load : loads_) {
            if (load.in_flight != level) continue;
            if (message == picks.count()) break;
            picks.give(message++, load.worker);
            ++load.in_flight;
            --load.credit;
            first_ = load.worker + 1;
        }
        loads_.erase(std::remove_if(loads_.begin(), loads_.end(), [](const Load& load) { return load.credit == 0; }),
                     loads_.end());
        std::sort(loads_.begin(), loads_.end(), [](const Load& a, const Load& b) { return a.worker < b.worker; });
        return message;
    }

    std::vector<Load> loads_;  // by worker; kept for its memory only
    std::uint32_t first_ = 0;  // the worker after the last pick
};

}  // namespace

YM_BALANCE(LeastLoaded, "least_loaded", "1.0.0", "serves the worker that has the fewest deliveries in flight")
