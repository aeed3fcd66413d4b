// What the store has makes sense by itself, batch by batch in the order in which they were stored, as a broker that
// starts would read it: no number is used before it has a name; each message is there once, for the queues that it
// belongs to; each of its copies is settled at most once, and never before it was there; a dead letter that goes on in
// another queue is a message of its own, and gone from where it was. In the end nothing is left.
#include <algorithm>
#include <map>
#include <set>

#include "checker.h"

namespace ym::simulation {
namespace {

class ImageChecker final : public Checker {
  public:
    explicit ImageChecker(Evidence& evidence) : Checker(evidence, "image") {}

    void on(const RecordFact& fact) override {
        if (fact.kind == RecordKind::accepted) {
            if (fact.message <= last_message_)
                wrong("message number ", fact.message, " is stored after ", last_message_);
            last_message_ = fact.message;
        }
        on_the_way_[fact.batch].push_back(fact);
    }

    void stored(std::uint64_t batch) override {
        while (!on_the_way_.empty() && on_the_way_.begin()->first <= batch) {
            for (const RecordFact& fact : on_the_way_.begin()->second) read(fact);
            on_the_way_.erase(on_the_way_.begin());
        }
    }
    void not_stored(std::uint64_t batch) override { on_the_way_.erase(batch); }

    void end(const StatusReport& /*status*/) override {
        if (!on_the_way_.empty()) return;
        for (const auto& [key, copy] : copies_) {
            if (!copy.settled && !copy.dead)
                wrong("message number ", key.first, " of queue ", copy.queue, " is still in the store");
        }
    }

    void broker_ended() override {
        on_the_way_.clear();
        names_.clear();
        copies_.clear();
        messages_.clear();
        taken_.clear();
        last_message_ = 0;
    }

  private:
    struct Stored {
        bool settled = false;
        bool dead = false;  // a letter that is kept beside its queue
        Outcome outcome{};
        std::uint32_t attempts = 0;
        std::string queue;
    };

    void read(const RecordFact& fact) {
        switch (fact.kind) {
            case RecordKind::queue: return named(fact);
            case RecordKind::accepted: return accepted(fact);
            case RecordKind::settled: return settled(fact);
            case RecordKind::attempted: return attempted(fact);
            case RecordKind::moved: return moved(fact);
            case RecordKind::dead: return dead(fact);
            default: break;
        }
    }

    void named(const RecordFact& fact) {
        const std::uint32_t number = fact.queues.front();
        const auto [at, fresh] = names_.emplace(number, fact.name);
        if (fresh || at->second == fact.name) return;
        // A number stands for another queue only when nothing is left of the one before.
        for (const auto& [key, copy] : copies_) {
            if (key.second == number && !copy.settled)
                wrong("number ", number, " of queue ", at->second, ", which is not empty, is given to ", fact.name);
        }
        at->second = fact.name;
    }

    void accepted(const RecordFact& fact) {
        if (!messages_.insert(fact.message).second) wrong("message number ", fact.message, " is stored twice");
        if (fact.sequence != 0 && !taken_.emplace(fact.session, fact.sequence).second) {
            wrong("sequence ", fact.sequence, " of session ", fact.session, " is stored twice");
        }
        if (fact.uid == no_uid) wrong("message ", fact.message, " is stored with a body that nobody published");
        if (fact.queues.empty()) wrong("message ", fact.message, " is stored for no queue");
        for (const std::uint32_t queue : fact.queues) {
            const std::string& name = add(fact.message, queue);
            const std::size_t index = book_.scene().find_queue(name);
            if (fact.uid != no_uid && index < book_.queues() && book_.find(fact.uid, index) == no_copy) {
                wrong("message ", fact.uid, " is stored for queue ", name, ", which it was not sent to");
            }
        }
    }

    /// Makes a copy. The name of its queue.
    const std::string& add(std::uint64_t message, std::uint32_t queue) {
        if (!names_.contains(queue)) {
            wrong("message ", message, " is stored for queue number ", queue, ", which has no name");
        }
        Stored& copy = copies_[{message, queue}];
        copy = {false, false, {}, 0, names_[queue]};
        return copy.queue;
    }

    /// A dead letter goes on in another queue.
    void moved(const RecordFact& fact) {
        if (!messages_.insert(fact.message).second) wrong("message number ", fact.message, " is stored twice");
        if (fact.uid == no_uid) wrong("dead letter ", fact.message, " is stored with a body that nobody published");
        if (fact.message <= fact.origin) wrong("dead letter ", fact.origin, " gets number ", fact.message);
        const std::string& name = add(fact.message, fact.queues.front());
        const auto origin = copies_.find({fact.origin, fact.from});
        if (!names_.contains(fact.from)) return;  // nothing of that queue is kept
        if (origin == copies_.end() || origin->second.settled || origin->second.dead) {
            wrong("message number ", fact.origin, " goes on in queue ", name, ", and was not where it came from");
            return;
        }
        origin->second.settled = true;
    }

    void settled(const RecordFact& fact) {
        Stored* copy = find(fact, "settled");
        if (copy == nullptr) return;
        if (copy->settled) wrong("message number ", fact.message, " of queue ", copy->queue, " is settled twice");
        copy->settled = true;
        copy->outcome = fact.outcome;
    }

    void dead(const RecordFact& fact) {
        Stored* copy = find(fact, "a dead letter");
        if (copy == nullptr) return;
        if (copy->settled || copy->dead)
            wrong("message number ", fact.message, " of queue ", copy->queue, " dies twice");
        copy->dead = true;
    }

    void attempted(const RecordFact& fact) {
        Stored* copy = find(fact, "attempted");
        if (copy == nullptr) return;
        // What a full store did not take comes again behind what it took meanwhile: the highest count is the right one,
        // and what was settled stays so (decision 0009).
        const bool late = book_.options().store_full != 0;
        if (copy->settled && !late) wrong("message number ", fact.message, " is attempted after it was settled");
        if (fact.attempt <= copy->attempts && !late)
            wrong("attempts of message number ", fact.message, " fall to ", fact.attempt);
        copy->attempts = std::max(copy->attempts, fact.attempt);
    }

    Stored* find(const RecordFact& fact, const char* what) {
        const auto found = copies_.find({fact.message, fact.queues.front()});
        if (found != copies_.end()) return &found->second;
        wrong("message number ", fact.message, " is ", what, ", and was never stored");
        return nullptr;
    }

    std::map<std::uint64_t, std::vector<RecordFact>> on_the_way_;  // by batch
    std::map<std::uint32_t, std::string> names_;
    std::map<std::pair<std::uint64_t, std::uint32_t>, Stored> copies_;
    std::set<std::uint64_t> messages_;
    std::set<std::pair<SessionNumber, std::uint64_t>> taken_;
    std::uint64_t last_message_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_image_checker(Evidence& evidence) {
    return std::make_unique<ImageChecker>(evidence);
}

}  // namespace ym::simulation
