// A settlement of a tag that is held is applied; any other is answered LOST 409, at once, and has no effect.
#include <set>

#include "checker.h"

namespace ym::simulation {
namespace {

class SettlementChecker final : public Checker {
  public:
    explicit SettlementChecker(Evidence& evidence) : Checker(evidence, "settlements") {}

    void on(const SettleFact& fact) override {
        if (fact.bad) {
            // Refused whatever it names: 400 if the tag is held, 409 if not.
            stale_again_.insert({fact.session, fact.tag});
            return;
        }
        Session& s = book_.session(fact.session);
        const Lease* lease = book_.lease(fact.session, fact.tag);
        if (lease != nullptr && lease->live) {
            const bool in_doubt = lease->deadline <= now() || (s.away && s.lost_at <= now());
            if (!in_doubt) applied_.insert({fact.session, fact.tag});
            return;
        }
        evidence_.coverage.count(Fault::stale_settlement);
        stale_.insert({fact.session, fact.tag});
        // Settled twice within a step: the first counts, the second is stale.
        if (applied_.contains({fact.session, fact.tag})) stale_again_.insert({fact.session, fact.tag});
    }

    void on(const LostFact& fact) override {
        if (fact.status != static_cast<std::uint16_t>(wire::Status::stale_tag)) return;
        for (auto at = stale_.lower_bound({fact.session, fact.tag});
             at != stale_.end() && at->first == fact.session && at->second <= fact.through;) {
            at = stale_.erase(at);
        }
        const auto refused = applied_.lower_bound({fact.session, fact.tag});
        if (refused != applied_.end() && refused->first == fact.session && refused->second <= fact.through &&
            !stale_again_.contains(*refused)) {
            wrong("tag ", refused->second, " of session ", fact.session, " was held, and its settlement was refused");
        }
    }

    void end_step() override {
        if (!stale_.empty()) {
            wrong("tag ", stale_.begin()->second, " of session ", stale_.begin()->first,
                  " was not held, and its settlement was not answered LOST 409");
        }
        stale_.clear();
        applied_.clear();
        stale_again_.clear();
    }

    void broker_ended() override {
        stale_.clear();
        applied_.clear();
        stale_again_.clear();
    }

  private:
    using Tag = std::pair<SessionNumber, std::uint64_t>;
    std::set<Tag> stale_;
    std::set<Tag> applied_;
    std::set<Tag> stale_again_;
};

}  // namespace

std::unique_ptr<Checker> make_settlement_checker(Evidence& evidence) {
    return std::make_unique<SettlementChecker>(evidence);
}

}  // namespace ym::simulation
