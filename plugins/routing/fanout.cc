// Every message goes to all addresses of a list.
#include <vector>
#include <yardmaster/routing.hpp>

namespace {

class Fanout {
  public:
    static constexpr ym_setting target[] = {{"*", YM_TARGET, nullptr, nullptr, "a queue or pipeline", nullptr}, {}};
    static constexpr ym_setting settings[] = {
        {"to", YM_LIST, nullptr, "1..", "the queues and pipelines that each take every message", target}, {}};

    explicit Fanout(ym::Settings given) {
        for (const auto& [key, to] : given["to"]) to_.push_back(to.target());
    }

    void route(ym::Batch batch, ym::Routes out) const {
        for (std::uint32_t i = 0; i < batch.count(); ++i) {
            for (const ym_target to : to_) out.add(i, to);
        }
    }

  private:
    std::vector<ym_target> to_;
};

}  // namespace

YM_ROUTING(Fanout, "fanout", "1.0.0", "sends every message to all addresses of a list")
