#include "rehearsal/play.h"

#include <utility>

#include "rehearsal/cast.h"
#include "rehearsal/judge.h"
#include "settings/units.h"

namespace ym::rehearsal {
namespace {

class Player {
  public:
    Player(const Script& script, const Build& build, Outcome& outcome)
        : script_(script),
          build_(build),
          cast_({script.seed, 0, script.config.store.plugin != "memory"}, {Instant{1s}, script.time}),
          judge_(cast_, outcome),
          config_(&script.config) {}

    void begin() {
        cast_.stage().start(build_(*config_));
        for (const std::string& name : script_.producers) cast_.add_producer(name);
        for (const WorkerGiven& worker : script_.workers) cast_.add_worker(worker);
    }
    void play(const Step& step) {
        place_ = step.place;
        std::visit([this](const auto& what) { play(what); }, step.what);
    }
    [[nodiscard]] Cast& cast() { return cast_; }

  private:
    void play(const Sending& sending) {
        cast_.send(sending);
        cast_.advance(Duration{0});
    }
    void play(const Advance& advance) { cast_.advance(advance.by); }
    void play(const Clock& clock) {
        const std::string by = settings::format_duration(clock.by.count() < 0 ? -clock.by : clock.by);
        cast_.say("clock", "the wall clock jumps by " + std::string(clock.by.count() < 0 ? "-" : "+") + by);
        cast_.stage().turn_wall_clock(clock.by);
        cast_.advance(Duration{0});
    }
    void play(const PeerStep& step) {
        if (step.name != "broker") return cast_.act(step.does, step.name);
        if (step.does == PeerDoes::crash) return cast_.restart(build_(*config_));
        if (step.does != PeerDoes::drain) throw CannotPlay{"the broker only does `crash` and `drain`"};
        cast_.say("broker", "is told to end");
        cast_.stage().drain();
        cast_.advance(Duration{0});
    }
    void play(const Workers& step) {
        for (const WorkerGiven& worker : step.workers) cast_.add_worker(worker);
        cast_.advance(Duration{0});
    }
    void play(const Reconfigure& step) {
        cast_.say("broker", "has other settings");
        config_ = &step.config;
        cast_.stage().change(build_(*config_));
        cast_.advance(Duration{0});
    }
    void play(const StoreStep& step) {
        cast_.say("store", step.pauses ? "pauses" : "completes");
        cast_.stage().pause_store(step.pauses);
        cast_.advance(Duration{0});
    }
    void play(const Expectation& expectation) { judge_.look(expectation, place_); }

    const Script& script_;
    const Build& build_;
    Cast cast_;
    Judge judge_;
    const settings::Config* config_;
    settings::Place place_;
};

}  // namespace

Outcome play(const Script& script, const Build& build) {
    Outcome outcome;
    Player player(script, build, outcome);
    settings::Place place{script.file, 1, 1};
    try {
        player.begin();
        for (const Step& step : script.steps) {
            place = step.place;
            player.play(step);
        }
        Judge(player.cast(), outcome).look_at_books(place);
    } catch (const CannotPlay& end) {
        outcome.unmet.push_back({place, "step", "that it can be done", end.found});
    }
    outcome.timeline = player.cast().timeline();
    outcome.played = player.cast().since_start();
    outcome.steps = player.cast().steps();
    return outcome;
}

}  // namespace ym::rehearsal
