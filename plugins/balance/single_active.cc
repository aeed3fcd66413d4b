// One worker gets every message until it is gone, then the next one does.
#include <string>
#include <yardmaster/balance.hpp>

namespace {

class SingleActive {
  public:
    static constexpr ym_setting settings[] = {{}};

    explicit SingleActive(ym::Settings /*given*/) {}

    void pick(ym::Workers workers, ym::Picks picks) {
        if (workers.count() == 0) return;
        if (active_.empty()) active_ = workers.session(0);  // the one that has waited longest
        for (std::uint32_t w = 0; w < workers.count(); ++w) {
            if (workers.session(w) != active_) continue;
            for (std::uint32_t m = 0; m < picks.count() && m < workers.credit(w); ++m) picks.give(m, w);
            return;
        }
    }

    void gone(std::string_view session) {
        if (session == active_) active_.clear();
    }

  private:
    std::string active_;  // its session; empty: nobody yet
};

}  // namespace

YM_BALANCE(SingleActive, "single_active", "1.0.0", "serves one worker until it is gone, then the next")
