// What it is for, in one sentence.
#include <yardmaster/routing.hpp>

/// Sends each message to `to`, and those whose key begins with `prefix` to `special`.
class MyRouter {
  public:
    // key, kind, default (nullptr: required), range, what it is for, what is inside a list or map
    static constexpr ym_setting settings[] = {
        {"prefix", YM_TEXT, "vip.", "1..100", "how the keys of special messages begin", nullptr},
        {"special", YM_TARGET, nullptr, nullptr, "where special messages go", nullptr},
        {"to", YM_TARGET, nullptr, nullptr, "where all others go", nullptr},
        {}};

    // Once, before any message. The values fit the list above, and every address exists.
    explicit MyRouter(ym::Settings given)
        : key_(given.column("key")),
          prefix_(given["prefix"].text()),
          special_(given["special"].target()),
          to_(given["to"].target()) {
        if (special_ == to_) given["special"].refuse("it is the same as `to`, so there is nothing to decide");
    }

    // The same messages have the same answers, whenever they come and whatever came before them.
    void route(ym::Batch batch, ym::Routes out) const {
        for (std::uint32_t i = 0; i < batch.count(); ++i) {
            const bool special = batch.text(key_, i).substr(0, prefix_.size()) == prefix_;
            out.add(i, special ? special_ : to_);
        }
    }

  private:
    std::uint32_t key_;
    std::string prefix_;
    ym_target special_;
    ym_target to_;
};

YM_ROUTING(MyRouter, "example.com/my-router", "0.1.0", "sends messages with special keys another way")
