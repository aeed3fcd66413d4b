// What the store was given makes sense by itself: each message accepted once, under a number that grows, for the queues
// that it belongs to; each of its copies settled at most once, and never before it was accepted.
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
        switch (fact.kind) {
            case RecordKind::queue: names_[fact.queues.front()] = fact.name; break;
            case RecordKind::accepted: accepted(fact); break;
            case RecordKind::settled: settled(fact); break;
            case RecordKind::attempted: attempted(fact); break;
        }
    }

    void not_stored(std::uint64_t batch) override {
        // What a full store did not take may come again, under the same number or not at all.
        std::erase_if(copies_, [&](const auto& copy) { return copy.second.batch == batch; });
        std::erase_if(taken_, [&](const auto& taken) { return taken.second == batch; });
        for (auto& [key, copy] : copies_) {
            if (copy.settled_batch == batch) copy.settled_batch = 0;
        }
    }

    void broker_ended() override {
        names_.clear();
        copies_.clear();
        taken_.clear();
        last_message_ = 0;
    }

  private:
    struct Stored {
        std::uint64_t batch = 0;
        std::uint64_t settled_batch = 0;  // 0: not settled
        std::uint32_t attempts = 0;
        std::string queue;
    };

    void accepted(const RecordFact& fact) {
        if (is_grave(fact.queues.empty() ? 0 : fact.queues.front())) return moved(fact);
        if (fact.message <= last_message_) wrong("message number ", fact.message, " is stored after ", last_message_);
        last_message_ = fact.message;
        if (!taken_.emplace(std::pair{fact.session, fact.sequence}, fact.batch).second) {
            wrong("sequence ", fact.sequence, " of session ", fact.session, " is stored twice");
        }
        if (fact.uid == no_uid) wrong("message ", fact.message, " is stored with a body that nobody published");
        if (fact.queues.empty()) wrong("message ", fact.message, " is stored for no queue");
        for (const std::uint32_t queue : fact.queues) {
            const auto name = names_.find(queue);
            if (name == names_.end()) {
                wrong("message ", fact.message, " is stored for queue number ", queue, ", which has no name");
                continue;
            }
            copies_[{fact.message, queue}] = {fact.batch, 0, 0, name->second};
            const std::size_t index = book_.scene().find_queue(name->second);
            if (fact.uid != no_uid && book_.find(fact.uid, index) == no_copy) {
                wrong("message ", fact.uid, " is stored for queue ", name->second, ", which it was not sent to");
            }
        }
    }

    /// A dead letter goes on in another queue, under its own number.
    void moved(const RecordFact& fact) {
        const auto before = copies_.lower_bound({fact.message, 0});
        if (book_.options().store_full == 0 && (before == copies_.end() || before->first.first != fact.message)) {
            wrong("dead letter ", fact.message, " is stored, and its message was not");
        }
        const std::uint32_t queue = fact.queues.front();
        if (!copies_.emplace(std::pair{fact.message, queue}, Stored{fact.batch, 0, 0, names_[queue]}).second) {
            wrong("dead letter ", fact.message, " is stored twice for the same queue");
        }
    }

    void settled(const RecordFact& fact) {
        Stored* copy = find(fact, "settled");
        if (copy == nullptr) return;
        if (copy->settled_batch != 0)
            wrong("message number ", fact.message, " of queue ", copy->queue, " is settled twice");
        copy->settled_batch = fact.batch;
    }

    void attempted(const RecordFact& fact) {
        Stored* copy = find(fact, "attempted");
        if (copy == nullptr) return;
        // What a full store did not take comes again behind what it took meanwhile.
        if (copy->settled_batch != 0 && book_.options().store_full == 0) {
            wrong("message number ", fact.message, " is attempted after it was settled");
        }
        if (fact.attempt < copy->attempts && book_.options().store_full == 0)
            wrong("attempts of message number ", fact.message, " fall to ", fact.attempt);
        copy->attempts = fact.attempt;
    }

    Stored* find(const RecordFact& fact, const char* what) {
        const auto found = copies_.find({fact.message, fact.queues.front()});
        if (found != copies_.end()) return &found->second;
        // A copy that a store took in after it had been full is not known by number.
        if (book_.options().store_full == 0) {
            wrong("message number ", fact.message, " is ", what, ", and was never stored");
        }
        return nullptr;
    }

    bool is_grave(std::uint32_t queue) {
        const auto name = names_.find(queue);
        return name != names_.end() && name->second.starts_with("grave");
    }

    std::map<std::uint32_t, std::string> names_;
    std::map<std::pair<std::uint64_t, std::uint32_t>, Stored> copies_;
    std::map<std::pair<SessionNumber, std::uint64_t>, std::uint64_t> taken_;
    std::uint64_t last_message_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_image_checker(Evidence& evidence) {
    return std::make_unique<ImageChecker>(evidence);
}

}  // namespace ym::simulation
