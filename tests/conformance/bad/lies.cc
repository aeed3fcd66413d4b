// Plugins that a settings file can name, and that misbehave once messages come.
#include <chrono>
#include <stdexcept>
#include <thread>
#include <yardmaster/retry.hpp>
#include <yardmaster/routing.hpp>

namespace {

constexpr ym_setting target[] = {{"to", YM_TARGET, nullptr, nullptr, "where to", nullptr}, {}};

struct Lies {
    static constexpr const ym_setting* settings = target;
    explicit Lies(ym::Settings given) : to(given["to"].target()) {}
    ym_target to;
};

struct Throws : Lies {
    using Lies::Lies;
    void route(ym::Batch /*batch*/, ym::Routes out) const {
        out.add(0, to);
        throw std::runtime_error("thrown on purpose");
    }
};

/// Every second message goes to an address that there is not.
struct WrongTarget : Lies {
    using Lies::Lies;
    void route(ym::Batch batch, ym::Routes out) {
        for (std::uint32_t i = 0; i < batch.count(); ++i) out.add(i, messages++ % 2 == 0 ? to : to + 1);
    }
    std::uint64_t messages = 0;
};

struct Sleeps : Lies {
    using Lies::Lies;
    void route(ym::Batch batch, ym::Routes out) const {
        std::this_thread::sleep_for(std::chrono::milliseconds(60));
        for (std::uint32_t i = 0; i < batch.count(); ++i) out.add(i, to);
    }
};

struct OnlyRetry {
    static constexpr ym_setting settings[] = {{}};
    explicit OnlyRetry(ym::Settings /*given*/) {}
    static std::uint64_t decide(const ym::Failed& /*failed*/) { return 0; }
};

}  // namespace

YM_PLUGINS(YM_ROUTING_ENTRY(Throws, "example.com/throws", "1", ""),
           YM_ROUTING_ENTRY(WrongTarget, "example.com/wrong-target", "1", ""),
           YM_ROUTING_ENTRY(Sleeps, "example.com/sleeps", "1", ""),
           YM_RETRY_ENTRY(OnlyRetry, "example.com/only-retry", "1", ""))
