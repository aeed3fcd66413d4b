// A peer hears from the broker at least once a heartbeat; one that was silent for too long, or said DRAIN, gets no
// deliveries.
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
        resting_.erase(fact.hello.session);
    }

    void on(const FrameFact& fact) override {
        if (fact.from_peer) {
            heard_[fact.session] = now();
            if (fact.verb == wire::Verb::drain) resting_.insert(fact.session);
            return;
        }
        const Duration pause = now() - spoken_[fact.session];
        if (pause > book_.scene().limits.heartbeat) {
            wrong("session ", fact.session, " heard nothing for ", to_ms(pause), "ms");
        }
        spoken_[fact.session] = now();
    }

    void on(const DeliverFact& fact) override {
        const PeerLimits& limits = book_.scene().limits;
        if (now() - heard_[fact.session] >= limits.heartbeat * limits.missed) {
            wrong("session ", fact.session, " is silent, and gets a delivery");
        }
        if (resting_.contains(fact.session)) wrong("session ", fact.session, " said DRAIN, and gets a delivery");
    }

    void broker_ended() override {
        heard_.clear();
        spoken_.clear();
        resting_.clear();
    }

  private:
    std::map<SessionNumber, Instant> heard_;
    std::map<SessionNumber, Instant> spoken_;
    std::set<SessionNumber> resting_;
};

}  // namespace

std::unique_ptr<Checker> make_heartbeat_checker(Evidence& evidence) {
    return std::make_unique<HeartbeatChecker>(evidence);
}

}  // namespace ym::simulation
