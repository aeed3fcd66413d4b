#include "cli/probe_script.h"

namespace ym::cli::probe {

using wire::Verb;

bool Script::stop(const std::string& why) {
    report_.note(why);
    return false;
}

bool Script::collect(Milliseconds patience, const std::function<bool()>& done) {
    const auto end = Clock::now() + patience;
    while (!done()) {
        const auto heard = stage_.hear(end);
        if (!heard) return false;
        take(*heard);
        if (heard->verb == Verb::hello) {
            report_.broken(1, "a HELLO that nothing asked for",
                           "HELLO after 428, BYE or ten heartbeats of silence only", "5.2");
            gone_ = true;
        }
        if (heard->verb == Verb::bye) left_ = gone_ = true;
        if (gone_) return done();
    }
    return true;
}

void Script::watch(Milliseconds time) {
    collect(time, [] { return false; });
}

void Script::check_limits(const Heard& heard) {
    if (heard.octets > frame_max) {
        report_.broken(2, text("a message of ", heard.octets, " octets"),
                       text("at most ", frame_max, ", as WELCOME says"), "6");
    }
    if (heard.records.size() > records_max) {
        report_.broken(2, text(heard.records.size(), " records in a frame"),
                       text("at most ", records_max, ", as WELCOME says"), "6");
    }
}

bool Script::listen_for_heartbeats() {
    stage_.longest_silence();
    watch(8 * heartbeat);
    const auto longest = stage_.longest_silence();
    if (longest > 4 * heartbeat) {
        report_.broken(4, text("nothing for ", longest.count(), " ms"),
                       text("HEARTBEAT after ", heartbeat.count(), " ms, as WELCOME says"), "5.3");
    }
    return gone_ ? stop("the client left in the middle") : true;
}

Milliseconds Script::patience_for(bool mute) const {
    return stage_.patience() + (mute ? 10 * heartbeat : Milliseconds{0});
}

bool Script::greet_again(std::size_t rule, bool mute, const char* what, Heard& hello) {
    if (stage_.greet(rule, patience_for(mute), mute, nullptr, hello)) return true;
    report_.broken(rule, text("no HELLO after ", what), "HELLO with the same session", mute ? "5.2.3" : "5.2.2");
    return stop("the script ends here");
}

}  // namespace ym::cli::probe
