// A request gets one last reply, exactly one while its producer stays connected: what a worker answered, or that none
// did in time, or that it is dead.
#include <map>
#include <set>

#include "checker.h"

namespace ym::simulation {
namespace {

class ReplyChecker final : public Checker {
  public:
    explicit ReplyChecker(Evidence& evidence) : Checker(evidence, "replies") {}

    void on(const PublishFact& fact) override {
        if (fact.bad || !fact.wants_reply || fact.uid == no_uid) return;
        const auto [at, fresh] = requests_.try_emplace({fact.session, fact.sequence});
        Request& request = at->second;
        const std::uint64_t connection = book_.session(fact.session).connections;
        if (!fresh && request.finals > 0) return;
        // Where memory is short, a reply to a producer that is away may be dropped: asking again does not bring it
        // back.
        const bool taken = book_.session(fact.session).sequences[fact.sequence].accepted;
        if (taken && book_.scene().memory_max < (std::uint64_t{8} << 20U)) return;
        request.uid = fact.uid;
        request.connection = connection;
        if (fresh) request.since = now();
    }

    /// One that is refused after all, and sent again, is another request, whatever its time brought meanwhile.
    void on(const AnswerFact& fact) override {
        const auto found = requests_.find({fact.session, fact.sequence});
        const bool refused = static_cast<std::uint16_t>(fact.status) / 100 != 2 && fact.status != wire::Status::too_old;
        if (found != requests_.end() && refused) found->second.finals = 0;
    }

    void on(const SettleFact& fact) override {
        const Lease* lease = book_.lease(fact.session, fact.tag);
        if (lease == nullptr || !lease->live || fact.bad || lease->copy == no_copy) return;
        if (fact.code == static_cast<std::uint16_t>(wire::SettleCode::ack)) acked_.insert(book_.copy(lease->copy).uid);
    }

    void on(const ReplyFact& fact) override {
        const auto found = requests_.find({fact.session, fact.sequence});
        if (found == requests_.end()) {
            wrong("session ", fact.session, " gets a reply to sequence ", fact.sequence, ", which is no request of it");
            return;
        }
        Request& request = found->second;
        const std::uint64_t connection = book_.session(fact.session).connections;
        // Who asks again on another connection may be told again: the first reply may have been lost with the old one.
        if (request.finals > 0 && request.final_connection == connection) {
            wrong("sequence ", fact.sequence, " of session ", fact.session, " gets a reply after its last one");
        }
        if (fact.status == wire::Status::part) {
            part(fact, request);
            return;
        }
        ++request.finals;
        request.final_connection = connection;
        final(fact, request);
    }

    void on(const WelcomeFact& fact) override {
        if (!book_.session(fact.hello.session).away) return;
        evidence_.coverage.count(Fault::reply_to_absent_producer);
    }

    void broker_ended() override {
        requests_.clear();
        acked_.clear();
    }

    void end(const StatusReport& /*status*/) override {
        for (const auto& [key, request] : requests_) {
            const Session& s = book_.session(key.first);
            const auto sequence = s.sequences.find(key.second);
            // Who asked is known to the broker that took the request, and to none that comes after it.
            if (sequence == s.sequences.end() || !sequence->second.accepted || sequence->second.earlier) continue;
            evidence_.coverage.count(Fault::request);
            const bool stayed = s.joined && !s.away && s.connections == request.connection;
            if (stayed && request.finals == 0 && sequence->second.route.way == Way::routed) {
                wrong("request ", key.second, " of session ", key.first, " (message ", request.uid,
                      ") got no last reply");
            }
        }
    }

  private:
    struct Request {
        Uid uid = no_uid;
        Instant since;
        std::uint64_t connection = 0;
        std::uint64_t final_connection = 0;
        std::uint32_t finals = 0;
        std::uint64_t parts = 0;
    };

    void part(const ReplyFact& fact, Request& request) {
        // Workers of several queues may answer one request, each with parts of its own.
        const bool alone = book_.session(fact.session).sequences[fact.sequence].route.targets.size() == 1;
        if (alone && fact.part != 0 && fact.part != request.parts) {
            wrong("part ", fact.part, " of the reply to sequence ", fact.sequence, " comes after ", request.parts,
                  " parts");
        }
        request.parts = fact.part + 1;
        if (!book_.messages().is_reply(request.uid, fact.part, fact.body)) {
            wrong("part ", fact.part, " of the reply to message ", request.uid, " is not what a worker sent");
        }
    }

    void final(const ReplyFact& fact, const Request& request) {
        switch (fact.status) {
            case wire::Status::ok:
                if (!acked_.contains(request.uid))
                    wrong("message ", request.uid, " is answered, and no worker has acked it");
                if (!fact.body.empty() && !book_.messages().is_reply(request.uid, Messages::last_part, fact.body)) {
                    wrong("the reply to message ", request.uid, " is not what a worker sent");
                }
                break;
            case wire::Status::timeout: {
                const Sequence& sequence = book_.session(fact.session).sequences[fact.sequence];
                if (now() < request.since + sequence.route.reply_timeout) {
                    wrong("message ", request.uid, " is answered 504 before its time is over");
                }
                break;
            }
            case wire::Status::too_old: dead(request); break;
            default: wrong("message ", request.uid, " is answered ", static_cast<int>(fact.status));
        }
    }

    /// 410: it became a dead letter in every queue that had it; or a limit may have taken it.
    void dead(const Request& request) {
        bool any = false;
        for (std::size_t queue = 0; queue < book_.queues(); ++queue) {
            const CopyId id = book_.find(request.uid, queue);
            if (id == no_copy || book_.copy(id).dead_letter) continue;
            const Copy& copy = book_.copy(id);
            any = any || copy.state == CopyState::dead || copy.state == CopyState::moved || book_.queue(queue).drops;
            if (copy.state == CopyState::leased || copy.state == CopyState::ready) {
                wrong("message ", request.uid, " is answered 410, and queue ", book_.scene().queues[queue].name,
                      " may still answer it");
            }
        }
        if (!any) wrong("message ", request.uid, " is answered 410, and is not dead");
    }

    std::map<std::pair<SessionNumber, std::uint64_t>, Request> requests_;
    std::set<Uid> acked_;
};

}  // namespace

std::unique_ptr<Checker> make_reply_checker(Evidence& evidence) {
    return std::make_unique<ReplyChecker>(evidence);
}

}  // namespace ym::simulation
