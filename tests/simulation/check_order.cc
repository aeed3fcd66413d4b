// In a queue, higher priority first, then order of acceptance; a returned message keeps its place. So in no step a
// message is handed out while one that stands before it, and could be handed out, is not; and none is handed out before
// one of its priority that was accepted before it, though that one has to be stored first.
#include <map>
#include <string>

#include "checker.h"

namespace ym::simulation {
namespace {

class OrderChecker final : public Checker {
  public:
    explicit OrderChecker(Evidence& evidence) : Checker(evidence, "order") {}

    void on(const DeliverFact& fact) override {
        if (fact.uid == no_uid || fact.queue >= book_.queues()) return;
        const CopyId id = book_.find(fact.uid, fact.queue);
        if (id == no_copy) return;
        const Copy& copy = book_.copy(id);
        if (!copy.place_certain) return;
        const Place place{static_cast<std::uint8_t>(31 - copy.priority), copy.place, id};
        const auto [at, fresh] = last_.emplace(fact.queue, place);
        if (!fresh && at->second < place) at->second = place;
        if (copy.dead_letter) return;
        std::uint64_t& most = most_[{fact.queue, copy.priority}];
        most = std::max(most, copy.place);
    }

    void on(const AnswerFact& fact) override {
        if (static_cast<std::uint16_t>(fact.status) / 100 != 2) return;
        const auto& sequences = book_.session(fact.session).sequences;
        const auto found = sequences.find(fact.sequence);
        if (found == sequences.end() || found->second.accepted) return;
        for (const Target& target : found->second.route.targets) {
            const CopyId id = book_.find(found->second.uid, target.queue);
            if (id == no_copy) continue;
            const Copy& copy = book_.copy(id);
            if (copy.state != CopyState::offered || !copy.place_certain || copy.optional) continue;
            if (book_.queue(target.queue).drops) continue;
            const auto most = most_.find({target.queue, copy.priority});
            if (most == most_.end() || most->second < copy.place) continue;
            wrong("in queue ", book_.scene().queues[target.queue].name, " message ", copy.uid, " (place ", copy.place,
                  ") was accepted, and one behind it (place ", most->second, ") was delivered before");
        }
    }

    void broker_ended() override {
        most_.clear();
        last_.clear();
    }

    void end_step() override {
        for (const auto& [queue, place] : last_) {
            const std::set<Place>& ready = book_.queue(queue).ready;
            if (ready.empty() || *ready.begin() > place) continue;
            wrong("in queue ", book_.scene().queues[queue].name, " ", describe(place), " was delivered while ",
                  describe(*ready.begin()), " stands before it");
        }
        last_.clear();
    }

  private:
    std::string describe(const Place& place) {
        const Copy& copy = book_.copy(std::get<2>(place));
        return "message " + std::to_string(copy.uid) + " (priority " + std::to_string(copy.priority) + ", place " +
               std::to_string(copy.place) + ", attempt " + std::to_string(copy.attempt) + ")";
    }

    std::map<std::size_t, Place> last_;
    std::map<std::pair<std::size_t, std::uint8_t>, std::uint64_t> most_;  // place delivered, by queue and priority
};

}  // namespace

std::unique_ptr<Checker> make_order_checker(Evidence& evidence) {
    return std::make_unique<OrderChecker>(evidence);
}

}  // namespace ym::simulation
