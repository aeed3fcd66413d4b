// What goes wrong in a run, and the moment from which nothing does any more.
#include <algorithm>

#include "world.h"

namespace ym::simulation {

void World::on_nemesis(Nemesis fault) {
    if (healing_) return;
    const auto again = [&](Duration mean) {
        agenda_.add(now_ + 1ms + up_to(2 * mean), What::nemesis, 0, static_cast<std::uint64_t>(fault));
    };
    switch (fault) {
        case Nemesis::cut: cut_line(); return again(options_.cut_every);
        case Nemesis::kill_producer:
            producers_[prng_.below(producers_.size())]->die(up_to(500ms));
            return again(options_.producer_dies);
        case Nemesis::change_settings:
            change_settings(true);
            if (prng_.chance(1, 2)) {
                agenda_.add(now_ + up_to(1s), What::nemesis, 0, static_cast<std::uint64_t>(Nemesis::restore_settings));
            }
            return;
        case Nemesis::restore_settings: return change_settings(false);
        case Nemesis::drain:
            if (broker_ == nullptr) return;
            coverage_.count(Fault::drained_midway);
            events_.emplace_back(DrainRequested{});
            return;
        case Nemesis::crash: crash(); return again(options_.crash_every);
        case Nemesis::jump: {
            coverage_.count(Fault::wall_clock_jumped);
            const auto jump = std::chrono::duration_cast<std::chrono::milliseconds>(up_to(options_.wall_jump));
            wall_ += prng_.chance(1, 2) ? jump : -jump;
            return again(1s);
        }
    }
}

void World::cut_line() {
    if (broker_ == nullptr) return;
    const LineId line = static_cast<LineId>(prng_.below(by_line_.size()));
    if (!network_.up(line)) return;
    const auto happens = [&](Odds odds) { return odds != 0 && prng_.chance(1, odds); };
    const bool away_long = happens(options_.cut_long);
    const bool silent = happens(options_.cut_silent);
    const Duration grace = scene_.limits.grace;
    coverage_.count(away_long ? Fault::line_cut_long : Fault::line_cut_short);
    if (silent) coverage_.count(Fault::line_cut_silent);
    network_.cut(line, silent ? now_ + up_to(6s) : now_);
    const Duration away = away_long ? grace + up_to(2 * grace) : up_to(grace / 2);
    agenda_.add(now_ + away, What::line_restored, line, network_.life(line));
}

void World::change_settings(bool remove) {
    // The order of events is the order of facts: those before it are still judged by the old settings.
    if (broker_ == nullptr) return;
    if (!events_.empty()) step_all();
    if (broker_ == nullptr || failed()) return;
    for (QueueScene& q : scene_.queues) {
        if (q.name != "passing") continue;
        q.removed = remove;
        if (!remove) q = as_planned(q.name);
    }
    events_.emplace_back(SettingsChanged{build(scene_)});
    step_all();
}

void World::heal() {
    healing_ = true;
    surroundings_.healing = true;
    heal_at_ = now_;
    for (LineId line = 0; line < by_line_.size(); ++line) {
        if (by_line_[line]->alive()) network_.connect(line, now_);
    }
    for (const auto& peer : peers_) peer->heal();
    // A worker for everything, so that nothing waits for one that is gone.
    std::vector<std::string> queues;
    for (const QueueScene& q : scene_.queues) {
        // Where settings change, what is left of queues that nobody names any more, too.
        if ((!q.removed && !q.on_demand) || options_.crash_changes != 0) queues.push_back(q.name);
    }
    const auto index = static_cast<std::uint32_t>(peers_.size());
    auto worker = std::make_unique<Worker>(surroundings_, index, "healer", std::move(queues));
    workers_.push_back(worker.get());
    by_line_.push_back(worker.get());
    peers_.push_back(std::move(worker));
}

}  // namespace ym::simulation
