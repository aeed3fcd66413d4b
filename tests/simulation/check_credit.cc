// A worker gets no more than it allowed, in messages and in octets; its tags are dense.
#include "checker.h"

namespace ym::simulation {
namespace {

class CreditChecker final : public Checker {
  public:
    explicit CreditChecker(Evidence& evidence) : Checker(evidence, "credit") {}

    void on(const DeliverFact& fact) override {
        const Session& s = book_.session(fact.session);
        if (fact.tag != s.leases.size() + 1) {
            wrong("tag ", fact.tag, " of session ", fact.session, " follows tag ", s.leases.size());
        }
        if (fact.tag > s.credit)
            wrong("session ", fact.session, " allowed tags up to ", s.credit, " and got ", fact.tag);
        if (s.bytes_delivered >= s.bytes_credit && fact.body_bytes > 0) {
            wrong("session ", fact.session, " allowed ", s.bytes_credit, " octets, had got ", s.bytes_delivered,
                  ", and got ", fact.body_bytes, " more");
        }
    }

    void on(const WelcomeFact& fact) override {
        const Session& s = book_.session(fact.hello.session);
        if (fact.last_tag != 0 && fact.last_tag != s.leases.size()) {
            wrong("session ", fact.hello.session, " is told that its last tag was ", fact.last_tag, ", and it was ",
                  s.leases.size());
        }
        if (fact.last_tag == 0 && s.joined && !s.leases.empty() && !(s.away && s.lost_at <= now())) {
            wrong("session ", fact.hello.session, " was forgotten before its grace was over");
        }
    }
};

}  // namespace

std::unique_ptr<Checker> make_credit_checker(Evidence& evidence) {
    return std::make_unique<CreditChecker>(evidence);
}

}  // namespace ym::simulation
