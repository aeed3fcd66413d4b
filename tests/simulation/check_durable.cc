// A worker that asks is told when its settlement is stored: not before it is, and only what it said. What it was told
// holds when another broker begins, since that one has what the store has.
#include <map>

#include "checker.h"

namespace ym::simulation {
namespace {

class DurableChecker final : public Checker {
  public:
    explicit DurableChecker(Evidence& evidence) : Checker(evidence, "durable") {}

    void on(const SettleFact& fact) override {
        const Lease* lease = book_.lease(fact.session, fact.tag);
        if (!fact.tell || fact.bad || lease == nullptr || !lease->live || lease->copy == no_copy) return;
        const Copy& copy = book_.copy(lease->copy);
        const auto code = static_cast<wire::SettleCode>(fact.code);
        Asked& asked = asked_[{fact.session, fact.tag}];
        // What is not stored is answered at once, and nothing tells the one answer from the other.
        if (code >= wire::SettleCode::release) {
            ++asked.at_once;
            return;
        }
        asked.uid = copy.uid;
        asked.queue = copy.queue;
        asked.attempt = lease->attempt;
        asked.code = code;
    }

    void on(const DurableFact& fact) override {
        evidence_.coverage.count(Fault::told_durable);
        const auto found = asked_.find({fact.session, fact.tag});
        if (found == asked_.end()) {
            wrong("session ", fact.session, " is told that tag ", fact.tag, " is stored, and did not ask");
            return;
        }
        const Asked asked = found->second;
        if (asked.at_once > 0) {
            --found->second.at_once;
            return;
        }
        if (!book_.keeps(asked.queue)) return;
        const bool ends = asked.code == wire::SettleCode::ack || asked.code == wire::SettleCode::reject;
        const bool fails = asked.code == wire::SettleCode::nack || asked.code == wire::SettleCode::throttled;
        if (!ends && !fails) return;
        const std::string& queue = book_.scene().queues[asked.queue].name;
        const Image::Copy* kept = evidence_.image.find(asked.uid, queue);
        const bool live = kept != nullptr && kept->state == Image::State::live;
        const bool stored = kept != nullptr && (!live || (fails && kept->attempts >= asked.attempt));
        if (!stored) {
            wrong("session ", fact.session, " is told that its settlement of tag ", fact.tag, " (message ", asked.uid,
                  " of queue ", queue, ") is stored, and it is not");
        }
    }

    void broker_ended() override { asked_.clear(); }

  private:
    struct Asked {
        Uid uid = no_uid;
        std::size_t queue = 0;
        std::uint32_t attempt = 0;
        wire::SettleCode code{};
        std::uint32_t at_once = 0;  // answers to what is not stored
    };
    std::map<std::pair<SessionNumber, std::uint64_t>, Asked> asked_;
};

}  // namespace

std::unique_ptr<Checker> make_durable_checker(Evidence& evidence) {
    return std::make_unique<DurableChecker>(evidence);
}

}  // namespace ym::simulation
