// Who has not said HELLO is told to, for each frame; a good peer is never told that it made an error.
#include <map>

#include "checker.h"

namespace ym::simulation {
namespace {

class ErrorChecker final : public Checker {
  public:
    explicit ErrorChecker(Evidence& evidence) : Checker(evidence, "errors") {}

    void on(const StrangerFact& fact) override { ++expected_[fact.peer]; }

    void on(const ErrorFact& fact) override {
        if (fact.status == wire::Status::say_hello) {
            if (fact.known) wrong("session ", fact.session, " said HELLO, and is asked to");
            std::int64_t& expected = expected_[fact.peer];
            if (expected > 0) {
                --expected;
            } else if (!fact.known && !fact.ignorable) {
                wrong("a peer is asked twice to say HELLO");
            }
            return;
        }
        if (!fact.known || fact.status == wire::Status::no_address) return;
        const bool spoils = book_.session(fact.session).vandal || book_.options().lie != 0;
        if (!spoils) wrong("session ", fact.session, " is told error ", static_cast<int>(fact.status));
    }

    void end_step() override {
        for (const auto& [peer, count] : expected_) {
            if (count > 0) wrong("peer ", peer, " has not said HELLO, and is not asked to");
        }
        expected_.clear();
    }

    void broker_ended() override { expected_.clear(); }

  private:
    std::map<std::uint32_t, std::int64_t> expected_;
};

}  // namespace

std::unique_ptr<Checker> make_error_checker(Evidence& evidence) {
    return std::make_unique<ErrorChecker>(evidence);
}

}  // namespace ym::simulation
