// What the two scripts of `yardmaster probe` share: they hear until something is so, hold the client to what WELCOME
// told, look for its signs of life, greet it again, and say why they go no further.
#pragma once

#include "cli/probe.h"

namespace ym::cli::probe {

class Script {
  public:
    virtual ~Script() = default;
    Script(const Script&) = delete;
    Script& operator=(const Script&) = delete;

  protected:
    Script(Stage& stage, Report& report) : stage_(stage), report_(report) {}

    /// A message of the client. HELLO and BYE are looked at by collect() behind it.
    virtual void take(const Heard& heard) = 0;
    /// Why the script ends here. Always false, for a return.
    virtual bool stop(const std::string& why);

    /// Hears until `done`; false when it does not come true in time, or the client left or began anew.
    bool collect(Milliseconds patience, const std::function<bool()>& done);
    void watch(Milliseconds time);
    /// Holds a message against frame-max and records-max.
    void check_limits(const Heard& heard);
    /// Says nothing for a while, and looks whether the client gives signs of life. False if it left.
    bool listen_for_heartbeats();
    /// How long HELLO may take. Behind a broker that is `mute` the client notices only after ten heartbeats.
    [[nodiscard]] Milliseconds patience_for(bool mute) const;
    /// Has the client say HELLO again, after `what`; breaks `rule` and stops if it does not.
    bool greet_again(std::size_t rule, bool mute, const char* what, Heard& hello);

    Stage& stage_;
    Report& report_;
    bool gone_ = false;  // it left, or began anew
    bool left_ = false;  // it said BYE
};

}  // namespace ym::cli::probe
