// A worker that is throttled says for how long; where settings say so, the queue waits as long, or all of its messages
// that have the same key.
#include <map>
#include <vector>

#include "checker.h"

namespace ym::simulation {
namespace {

class PauseChecker final : public Checker {
  public:
    explicit PauseChecker(Evidence& evidence) : Checker(evidence, "pauses") {}

    void on(const SettleFact& fact) override {
        const Lease* lease = book_.lease(fact.session, fact.tag);
        const bool is_throttled = fact.code == static_cast<std::uint16_t>(wire::SettleCode::throttled) && !fact.bad;
        if (!is_throttled || fact.retry_after.count() == 0 || lease == nullptr || !lease->live) return;
        if (lease->copy == no_copy) return;
        const RetryScene& retry = book_.scene().retry_of(lease->queue);
        if (retry.kind != RetryKind::backoff || retry.throttled_pauses == Pause::message) return;
        if (retry.throttled_counts && lease->attempt >= retry.attempts) return;  // a dead letter
        Pausing pausing{fact.session, fact.tag, lease->queue, {}, now() + fact.retry_after};
        if (retry.throttled_pauses == Pause::key) {
            pausing.key = book_.messages().key(book_.copy(lease->copy).uid);
            if (pausing.key.empty()) return;
        }
        this_step_.push_back(std::move(pausing));
    }

    /// It came too late.
    void on(const LostFact& fact) override {
        std::erase_if(this_step_, [&](const Pausing& pausing) {
            return pausing.session == fact.session && fact.tag <= pausing.tag && pausing.tag <= fact.through;
        });
    }

    void on(const DeliverFact& fact) override {
        pause();
        if (fact.uid == no_uid) return;
        check(fact, "the queue", {});
        const std::string key = book_.messages().key(fact.uid);
        if (!key.empty()) check(fact, "its key", key);
    }

    void end_step() override { pause(); }
    void broker_ended() override {
        until_.clear();
        this_step_.clear();
    }

  private:
    struct Pausing {
        SessionNumber session = 0;
        std::uint64_t tag = 0;
        std::size_t queue = 0;
        std::string key;  // empty: the whole queue
        Instant until;
    };

    void pause() {
        for (Pausing& pausing : this_step_) {
            evidence_.coverage.count(pausing.key.empty() ? Fault::queue_paused : Fault::key_paused);
            Instant& until = until_[{pausing.queue, std::move(pausing.key)}];
            until = std::max(until, pausing.until);
        }
        this_step_.clear();
    }

    void check(const DeliverFact& fact, const char* what, const std::string& key) {
        const auto found = until_.find({fact.queue, key});
        if (found == until_.end() || found->second <= now()) return;
        wrong("message ", fact.uid, " of queue ", fact.queue_name, " is delivered ", to_ms(found->second - now()),
              "ms before the end of a pause of ", what);
    }

    std::map<std::pair<std::size_t, std::string>, Instant> until_;
    std::vector<Pausing> this_step_;
};

}  // namespace

std::unique_ptr<Checker> make_pause_checker(Evidence& evidence) {
    return std::make_unique<PauseChecker>(evidence);
}

}  // namespace ym::simulation
