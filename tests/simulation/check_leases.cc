// A message is in one worker's hands at a time, for as long as its lease says; and the broker wakes in time to end it.
#include "checker.h"

namespace ym::simulation {
namespace {

class LeaseChecker final : public Checker {
  public:
    explicit LeaseChecker(Evidence& evidence) : Checker(evidence, "leases") {}

    void on(const DeliverFact& fact) override {
        if (fact.uid == no_uid || fact.queue >= book_.queues()) return;
        const CopyId id = book_.find(fact.uid, fact.queue);
        if (id == no_copy) return;
        const Copy& copy = book_.copy(id);
        if (copy.state != CopyState::leased) return;
        const Lease* lease = book_.lease(copy.holder, copy.tag);
        if (lease != nullptr && lease->live) {
            wrong("message ", fact.uid, " is given to session ", fact.session, " while session ", copy.holder,
                  " holds it for another ",
                  std::chrono::duration_cast<std::chrono::microseconds>(lease->deadline - now()).count(), "us");
        }
    }

    /// 504 tells a worker that its lease is over: not before it is.
    void on(const LostFact& fact) override {
        if (fact.status != static_cast<std::uint16_t>(wire::Status::timeout)) return;
        const Session& s = book_.session(fact.session);
        for (std::uint64_t tag = fact.tag; tag <= fact.through && tag <= s.leases.size(); ++tag) {
            const Lease& lease = s.leases[static_cast<std::size_t>(tag - 1)];
            evidence_.coverage.count(Fault::lease_expired);
            if (lease.live && lease.deadline > now())
                wrong("the lease of tag ", tag, " was ended in the middle of its time");
        }
    }

    void after_step(Instant next) override {
        const Instant due = book_.next_end();
        if (due < next) {
            wrong("a lease or a grace ends in ",
                  std::chrono::duration_cast<std::chrono::microseconds>(due - now()).count(),
                  "us, and the broker wants to sleep beyond that");
        }
        if (next <= now()) wrong("the broker wants to be called at a time that has passed, for ever");
    }
};

}  // namespace

std::unique_ptr<Checker> make_lease_checker(Evidence& evidence) {
    return std::make_unique<LeaseChecker>(evidence);
}

}  // namespace ym::simulation
