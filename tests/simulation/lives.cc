// How a broker ends, in the middle of whatever it does, and how the next one begins: with what the store has.
#include <algorithm>

#include "status_text.h"
#include "world.h"

namespace ym::simulation {
namespace {

constexpr std::uint64_t twin_goes_along = 300;  // steps

}  // namespace

std::unique_ptr<Broker> World::make_broker() const {
    BrokerOptions options;
    options.seed = options_.seed;
    options.boot = boot_;
    options.store_keeps = options_.store;
    options.store_slack = options_.store_slack;
    return std::make_unique<Broker>(options);
}

void World::start_broker() {
    network_.cut_all(now_);
    for (LineId line = 0; line < by_line_.size(); ++line) {
        if (by_line_[line]->alive()) agenda_.add(now_ + up_to(300ms), What::line_restored, line, network_.life(line));
    }
    ++boot_;
    draining_ = false;
    replay();
}

/// A start is one reading of what the store has, from beginning to end; but the broker may end while it reads, and it
/// may be told again what it has read.
void World::replay() {
    const bool again = boot_ > 1;
    const auto happens = [&](Odds odds) { return again && !healing_ && odds != 0 && prng_.chance(1, odds); };
    to_replay_ = store_.read();
    if (!to_replay_.empty() && happens(options_.crash_in_replay)) {
        coverage_.count(Fault::crash_in_replay);
        broker_ = make_broker();
        replay_up_to(prng_.below(to_replay_.size() + 1));
        step_all();
        ++boot_;
        to_replay_ = store_.read();
    }
    broker_ = make_broker();
    const bool twice = !to_replay_.empty() && happens(options_.replay_twice);
    if (twice || happens(options_.twin)) {
        twin_ = make_broker();
        twin_steps_ = 0;
        twin_compares_ = false;
    }
    if (again) witness_.left(to_replay_, true);
    if (twice) {
        // The twin is fed once; what is fed here first is told to the broker alone.
        coverage_.count(Fault::replayed_twice);
        std::unique_ptr<Broker> twin = std::move(twin_);
        replay_up_to(1 + prng_.below(to_replay_.size()));
        step_all();
        twin_ = std::move(twin);
    }
    replay_up_to(to_replay_.size());
    if (twice) {
        // It knows its settings already.
        events_.erase(events_.begin());
        Event settings = SettingsChanged{build(scene_)};
        Effects ignored;
        twin_->step(clock(), std::span(&settings, 1), ignored);
    }
    events_.emplace_back(store_.start());
    step_all(prng_.chance(1, 3) ? events_.size() : prng_.chance(1, 2) ? 1 + prng_.below(events_.size()) : 0);
    to_replay_.clear();
    if (again && broker_ != nullptr && !failed()) witness_.recovered(broker_->status(now_));
}

void World::replay_up_to(std::size_t count) {
    events_.emplace_back(SettingsChanged{build(scene_)});
    for (std::size_t i = 0; i < count; ++i) {
        events_.emplace_back(StoreReplayed{to_replay_[i].number, decode(to_replay_[i].octets)});
    }
}

void World::end_broker(Finish how) {
    crashing_ = false;
    twin_.reset();
    store_.broker_ended();
    witness_.broker_ended(how, clock());
    broker_.reset();
    events_.clear();
    incoming_.clear();
    if (how == Finish::drained && draining_ && healing_) {
        drained_ = true;
        return;
    }
    coverage_.count(Fault::broker_restarted);
    change_settings_by_crash();
    agenda_.add(now_ + 10ms + up_to(1s), What::broker_starts);
}

void World::crash() {
    if (broker_ == nullptr) return;
    coverage_.count(Fault::broker_crashed);
    if (prng_.chance(1, 2)) {
        crashing_ = true;
    } else {
        end_broker(Finish::no);
    }
}

/// A broker that starts may find other settings than the last one had.
void World::change_settings_by_crash() {
    const Odds odds = options_.crash_changes;
    if (!healing_ && odds != 0 && prng_.chance(1, odds)) {
        coverage_.count(Fault::settings_changed_by_crash);
        const bool passing = options_.settings_change && prng_.chance(1, 2);
        const bool demand = !scene_.create_match.empty() && prng_.chance(1, 2);
        if (demand) scene_.create_match = scene_.create_match == "dyn.*" ? "other.*" : "dyn.*";
        for (QueueScene& q : scene_.queues) {
            const bool changes = (passing && q.name == "passing") || (demand && q.on_demand);
            if (!changes) continue;
            const bool removed = !q.removed;
            q = as_planned(q.name);
            q.removed = removed;
        }
    }
    forget_settings();
}

/// What a queue was to be that nobody names any more is known to none but the broker that has ended.
void World::forget_settings() {
    for (QueueScene& q : scene_.queues) {
        if (!q.removed) continue;
        const QueueSettings standard;
        q.retry = 0;
        q.lease = standard.lease;
        q.lease_max = standard.lease_max;
        q.messages = q.in_flight = q.rate = unlimited;
        q.dead_to.clear();
    }
}

/// The twin is told what the broker was told, and must want the same.
void World::compare_twin() {
    twin_effects_.clear();
    twin_->step(clock(), twin_events_, twin_effects_);
    // One of them may have read before what the other reads now, until both have all.
    const auto acquired = [](const Event& event) { return std::holds_alternative<StoreAcquired>(event); };
    twin_compares_ = twin_compares_ || std::any_of(twin_events_.begin(), twin_events_.end(), acquired);
    if (!twin_compares_) return;
    const std::string mine = to_text(effects_);
    const std::string other = to_text(twin_effects_);
    coverage_.count(Fault::twin_compared);
    if (mine != other) {
        witness_.violation("twin",
                           "two brokers that were told the same do not do the same: " + first_difference(mine, other));
    } else if (effects_.finish == Finish::no && twin_steps_ % 16 == 0) {
        const std::string status = to_text(broker_->status(now_));
        const std::string twin = to_text(twin_->status(now_));
        if (status != twin) {
            witness_.violation("twin", "two brokers that were told the same do not say the same of themselves: " +
                                           first_difference(status, twin));
        }
    }
    if (++twin_steps_ >= twin_goes_along) twin_.reset();
}

}  // namespace ym::simulation
