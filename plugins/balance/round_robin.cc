// The workers in turn. The host shows them in turn already: the first is the one after the last that was served.
#include <vector>
#include <yardmaster/balance.hpp>

namespace {

class RoundRobin {
  public:
    static constexpr ym_setting settings[] = {{}};

    explicit RoundRobin(ym::Settings /*given*/) {}

    void pick(ym::Workers workers, ym::Picks picks) {
        turn_.clear();
        for (std::uint32_t w = 0; w < workers.count(); ++w) turn_.push_back({w, workers.credit(w)});
        std::uint32_t message = 0;
        while (message < picks.count() && !turn_.empty()) message = one_round(picks, message);
    }

  private:
    struct Turn {
        std::uint32_t worker;
        std::uint64_t credit;
    };

    /// Gives each worker one message and leaves those in the turn that would take more.
    std::uint32_t one_round(ym::Picks picks, std::uint32_t message) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < turn_.size() && message < picks.count(); ++i) {
            Turn turn = turn_[i];
            picks.give(message++, turn.worker);
            if (--turn.credit > 0) turn_[kept++] = turn;
        }
        turn_.resize(kept);
        return message;
    }

    std::vector<Turn> turn_;  // kept for its memory only
};

}  // namespace

YM_BALANCE(RoundRobin, "round_robin", "1.0.0", "serves the workers in turn")
