// A peer hears from the broker at least once a heartbeat, which is as it was told last; one that was silent for too
// long, or said DRAIN, gets no deliveries.
#include <map>
#include <set>

#include "checker.h"

namespace ym::simulation {
namespace {

class HeartbeatChecker final : public Checker {
  public:
    explicit HeartbeatChecker(Evidence& evidence) : Checker(evidence, "heartbeats") {}

    void on(const WelcomeFact& fact) override {
        heard_[fact.hello.session] = now();
        spoken_[fact.hello.session] = now();
        if (fact.heartbeat > Duration{0}) told_[fact.hello.session] = fact.heartbeat;
        resting_.erase(fact.hello.session);
    }

    void on(const FrameFact& fact) override {
        if (fact.from_peer) {
            heard_[fact.session] = now();
            if (fact.verb == wire::Verb::drain) resting_.insert(fact.session);
            return;
        }
        const Duration pause = now() - spoken_[fact.session];
        if (pause > heartbeat(fact.session)) wrong("session ", fact.session, " heard nothing for ", to_ms(pause), "ms");
        if (fact.verb == wire::Verb::heartbeat && fact.number != 0) {
            told_[fact.session] = std::chrono::milliseconds(fact.number);
        }
        spoken_[fact.session] = now();
    }

    void on(const DeliverFact& fact) override {
        if (now() - heard_[fact.session] >= heartbeat(fact.session) * book_.scene().limits.missed) {
            wrong("session ", fact.session, " is silent, and gets a delivery");
        }
        if (resting_.contains(fact.session)) wrong("session ", fact.session, " said DRAIN, and gets a delivery");
    }

    void broker_ended() override {
        heard_.clear();
        spoken_.clear();
        told_.clear();
        resting_.clear();
    }

  private:
    /// Majordomo's is not told, and stays as it is set.
    [[nodiscard]] Duration heartbeat(SessionNumber session) const {
        const auto told = told_.find(session);
        return told == told_.end() ? book_.scene().limits.heartbeat : told->second;
    }

    std::map<SessionNumber, Instant> heard_;
    std::map<SessionNumber, Instant> spoken_;
    std::map<SessionNumber, Duration> told_;
    std::set<SessionNumber> resting_;
};

}  // namespace

std::unique_ptr<Checker> make_heartbeat_checker(Evidence& evidence) {
    return std::make_unique<HeartbeatChecker>(evidence);
}

}  // namespace ym::simulation
