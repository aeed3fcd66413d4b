// What the store has makes sense by itself, batch by batch in the order in which they were stored, as a broker that
// starts would read it: no number is used before it has a name; each message is there once, for the queues that it
// belongs to; each of its copies is settled at most once, and never before it was there; a dead letter that goes on in
// another queue is a message of its own, and gone from where it was; books and windows that are written down say what
// all records before them do. What is left when old batches were given up says the same as all of them. In the end
// nothing is left.
#include <map>

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

    void kept(std::uint64_t batch) override {
        const auto found = on_the_way_.find(batch);
        if (found == on_the_way_.end()) return;
        Image& image = evidence_.image;
        for (const RecordFact& fact : found->second) {
            image.read(fact);
            if (fact.kind == RecordKind::accepted) belongs(fact);
        }
        on_the_way_.erase(found);
        for (const std::string& fault : image.faults()) wrong(fault);
        image.clear_faults();
    }
    void not_stored(std::uint64_t batch) override { on_the_way_.erase(batch); }

    void left(const Image& left) override {
        const std::string difference = evidence_.image.difference(left);
        if (!difference.empty()) wrong("by what is left in the store, ", difference);
    }

    void end(const StatusReport& /*status*/) override {
        if (!on_the_way_.empty()) return;
        for (const auto& [key, copy] : evidence_.image.copies()) {
            if (copy.state == Image::State::live)
                wrong("message number ", key.first, " of queue ", evidence_.image.name_of(key.second),
                      " is still in the store");
        }
    }

    void broker_ended() override {
        on_the_way_.clear();
        last_message_ = evidence_.image.next_message() - 1;
    }

  private:
    void belongs(const RecordFact& fact) {
        for (const std::uint32_t queue : fact.queues) {
            const std::string& name = evidence_.image.name_of(queue);
            if (fact.uid == no_uid) continue;
            const std::size_t index = book_.scene().find_queue(name);
            if (index < book_.queues() && book_.find(fact.uid, index) == no_copy)
                wrong("message ", fact.uid, " is stored for queue ", name, ", which it was not sent to");
        }
    }

    std::map<std::uint64_t, std::vector<RecordFact>> on_the_way_;  // by batch
    std::uint64_t last_message_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_image_checker(Evidence& evidence) {
    return std::make_unique<ImageChecker>(evidence);
}

}  // namespace ym::simulation
