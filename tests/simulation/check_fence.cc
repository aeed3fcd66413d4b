// The fence of a delivery is larger than that of every delivery before it, over restarts too. Within one step frames
// are grouped by worker, so there it grows for each worker and is unique.
#include <algorithm>
#include <map>

#include "checker.h"

namespace ym::simulation {
namespace {

class FenceChecker final : public Checker {
  public:
    explicit FenceChecker(Evidence& evidence) : Checker(evidence, "fence") {}

    void on(const DeliverFact& fact) override {
        if (fact.fence <= before_) wrong("fence ", fact.fence, " follows fence ", before_, " of an earlier step");
        step_.push_back(fact.fence);
        // A message may be handed out twice in one step, if it was given back in between: later is larger, too.
        std::uint64_t& last = by_message_[std::uint64_t{fact.uid} * book_.queues() + fact.queue];
        if (fact.fence <= last) wrong("fence ", fact.fence, " of message ", fact.uid, " follows fence ", last);
        last = fact.fence;
    }

    void end_step() override {
        if (step_.empty()) return;
        std::sort(step_.begin(), step_.end());
        const auto twice = std::adjacent_find(step_.begin(), step_.end());
        if (twice != step_.end()) wrong("two deliveries have the fence ", *twice);
        before_ = step_.back();
        step_.clear();
    }

    /// What it handed out in its last step counts.
    void broker_ended() override { end_step(); }

  private:
    std::uint64_t before_ = 0;
    std::vector<std::uint64_t> step_;
    std::unordered_map<std::uint64_t, std::uint64_t> by_message_;
};

}  // namespace

std::unique_ptr<Checker> make_fence_checker(Evidence& evidence) {
    return std::make_unique<FenceChecker>(evidence);
}

}  // namespace ym::simulation
