// A confirm is the truth: it comes after the store has the message, to who published it, once; a duplicate is one; a
// refusal has its reason; and what was confirmed is acked, dead or still there in the end, and in the store of a broker
// that ends.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "checker.h"

namespace ym::simulation {
namespace {

class ConfirmChecker final : public Checker {
  public:
    explicit ConfirmChecker(Evidence& evidence) : Checker(evidence, "confirms") {}

    void on(const RecordFact& fact) override {
        if (fact.kind == RecordKind::accepted) batches_[{fact.session, fact.sequence}] = fact.batch;
    }
    void stored(std::uint64_t batch) override { stored_ = std::max(stored_, batch); }
    void not_stored(std::uint64_t batch) override {
        // What it held may be taken again, by queues that need no store.
        std::erase_if(batches_, [&](const auto& taken) { return taken.second == batch; });
    }
    void broker_ended() override {
        lost();
        batches_.clear();
        for (const auto& [number, session] : book_.sessions()) {
            for (const auto& [sequence, known] : session.sequences) {
                if (known.accepted) taken_before_.insert({number, sequence});
            }
        }
        for (const auto& [number, window] : evidence_.image.windows()) {
            for (const std::uint64_t sequence : window.taken) {
                if (!taken_before_.insert({number, sequence}).second) continue;
                evidence_.coverage.count(Fault::recovered_unconfirmed);
            }
        }
        stored_ = 0;
    }

    void on(const AnswerFact& fact) override {
        Session& s = book_.session(fact.session);
        const auto found = s.sequences.find(fact.sequence);
        if (found == s.sequences.end()) {
            if (fact.sequence > s.floor) wrong("answer to sequence ", fact.sequence, " that this session never sent");
            return;
        }
        const Sequence& sequence = found->second;
        const auto code = static_cast<std::uint16_t>(fact.status);
        if (sequence.answers >= sequence.arrivals) {
            wrong("sequence ", fact.sequence, " of session ", fact.session, " was sent ", sequence.arrivals,
                  " times and answered more often, now with ", code);
        }
        if (code / 100 == 2) {
            taken(fact, sequence);
        } else {
            refused(fact, s, sequence);
        }
    }

    void on(const WindowFact& fact) override {
        if (fact.window < book_.session(fact.session).window) wrong("a publish window fell to ", fact.window);
    }

    void end(const StatusReport& status) override {
        std::map<std::string, std::uint64_t> kept;  // dead letters that their queue could not take, by that queue
        for (const QueueStatus& q : status.queues) {
            const std::size_t queue = book_.scene().find_queue(q.name);
            if (queue < book_.queues()) kept[book_.scene().queues[queue].dead_to] += q.dead_letters.in;
        }
        for (const Copy& copy : book_.copies()) {
            if (!copy.confirmed || copy.optional || book_.queue(copy.queue).drops) continue;
            const bool ended =
                copy.state == CopyState::acked || copy.state == CopyState::dead || copy.state == CopyState::moved;
            if (ended) continue;
            std::uint64_t& beside = kept[queue_name(copy)];
            if (copy.dead_letter && beside > 0) {
                --beside;
            } else {
                wrong("message ", copy.uid, " was confirmed, and is lost from queue ", queue_name(copy), ", state ",
                      static_cast<int>(copy.state), ", attempt ", copy.attempt);
            }
        }
    }

  private:
    /// What a queue that keeps its messages was confirmed to have is in the store, whatever became of it there.
    void lost() {
        for (const Copy& copy : book_.copies()) {
            if (!copy.confirmed || copy.optional || !book_.keeps(copy.queue)) continue;
            if (evidence_.image.had(copy.uid, queue_name(copy)) || copy.dead_letter) continue;
            wrong("message ", copy.uid, " was confirmed, and the store has lost it for queue ", queue_name(copy));
        }
    }

    [[nodiscard]] const std::string& queue_name(const Copy& copy) const {
        return book_.scene().queues[copy.queue].name;
    }

    void taken(const AnswerFact& fact, const Sequence& sequence) {
        const bool duplicate = fact.status == wire::Status::duplicate;
        if (!duplicate && sequence.accepted) {
            wrong("sequence ", fact.sequence, " of session ", fact.session, " was taken twice");
        }
        if (sequence.earlier) evidence_.coverage.count(Fault::duplicate_of_earlier_life);
        if (sequence.accepted) return;
        if (sequence.route.way != Way::routed && sequence.route.way != Way::dropped) {
            wrong("sequence ", fact.sequence, " was taken, though nothing is at its address");
        }
        bool durable = false;
        for (const Target& target : sequence.route.targets) durable |= book_.keeps(target.queue) && !target.optional;
        // What an earlier broker took for queues that keep nothing may be known to this one, or not.
        if (duplicate && !durable && taken_before_.contains({fact.session, fact.sequence})) return;
        // One that was stored while its producer was away was never confirmed: then 208 is the first word about it.
        const auto batch = batches_.find({fact.session, fact.sequence});
        if (batch == batches_.end()) {
            const char* what = durable ? " was confirmed, and the store knows nothing of it"
                                       : " is called a duplicate, and was never taken";
            if (durable || duplicate) wrong("sequence ", fact.sequence, " of session ", fact.session, what);
        } else if (batch->second > stored_) {
            wrong("sequence ", fact.sequence, " of session ", fact.session, " was confirmed before batch ",
                  batch->second, " was stored");
        }
    }

    /// It may have come in before settings changed, and after.
    static bool may_go(const Sequence& sequence, Way way) {
        return sequence.route.way == way ||
               std::any_of(sequence.open.begin(), sequence.open.end(),
                           [&](const Arrival& arrival) { return arrival.route.way == way; });
    }

    void refused(const AnswerFact& fact, const Session& s, const Sequence& sequence) {
        const Options& options = book_.options();
        switch (fact.status) {
            case wire::Status::no_address:
                if (!may_go(sequence, Way::no_address)) wrong("sequence ", fact.sequence, ": 404 for a good address");
                break;
            case wire::Status::unmatched:
                if (!may_go(sequence, Way::unmatched)) wrong("sequence ", fact.sequence, ": 406 for a good topic");
                break;
            case wire::Status::too_large:
                if (options.oversized == 0) wrong("sequence ", fact.sequence, ": 413 though nothing is too large");
                break;
            case wire::Status::malformed:
                if (options.spoiled == 0 && fact.sequence != 0)
                    wrong("sequence ", fact.sequence, ": 400 for a good record");
                break;
            case wire::Status::too_old:
                if (fact.sequence > s.floor && fact.sequence + 2 * options.scene.limits.unconfirmed > s.highest) {
                    wrong("sequence ", fact.sequence, ": 410 though the highest was ", s.highest);
                }
                break;
            case wire::Status::beyond_window:
                if (fact.sequence <= s.window && s.bytes_published <= s.bytes_window && options.request == 0) {
                    wrong("sequence ", fact.sequence, ": 429 though the window is ", s.window);
                }
                break;
            case wire::Status::full: full(fact, sequence); break;
            case wire::Status::draining:
                if (!options.drain_midway && !options.drain_at_end && options.store_unknown == 0) {
                    wrong("sequence ", fact.sequence, ": 503 though nothing drains");
                }
                break;
            default: wrong("sequence ", fact.sequence, " was answered ", static_cast<int>(fact.status));
        }
    }

    /// A queue that must take the message has a limit, or memory or the store have; an optional queue never refuses.
    void full(const AnswerFact& fact, const Sequence& sequence) {
        const Options& options = book_.options();
        if (options.scene.memory_max < (std::uint64_t{8} << 20U) || options.store_full != 0) return;
        for (const Target& target : sequence.route.targets) {
            if (!target.optional && book_.scene().queues[target.queue].messages != unlimited) return;
        }
        wrong("sequence ", fact.sequence, ": 507 though no queue that must take it can be full");
    }

    std::map<std::pair<SessionNumber, std::uint64_t>, std::uint64_t> batches_;
    std::set<std::pair<SessionNumber, std::uint64_t>> taken_before_;  // by brokers that have ended
    std::uint64_t stored_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_confirm_checker(Evidence& evidence) {
    return std::make_unique<ConfirmChecker>(evidence);
}

}  // namespace ym::simulation
