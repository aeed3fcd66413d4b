// In a queue, higher priority first, then order of acceptance; a returned message keeps its place. So in no step a
// message is handed out while one that stands before it, and could be handed out, is not.
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
};

}  // namespace

std::unique_ptr<Checker> make_order_checker(Evidence& evidence) {
    return std::make_unique<OrderChecker>(evidence);
}

}  // namespace ym::simulation
