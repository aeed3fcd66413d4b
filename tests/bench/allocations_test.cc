// On the way of one message nothing is allocated: publish, route, lease, deliver, settle. Batches of 100 from two
// producers to two workers, through a pipeline with the bundled topic plugin; settings are read from YAML.
#include <gtest/gtest.h>

#include "bench/counted.h"
#include "bench/traffic.h"

namespace ym::bench {
namespace {

/// Counts only what happens inside Broker::step.
class CountedTraffic final : public Traffic {
  public:
    using Traffic::Traffic;

  private:
    void step_broker() override {
        const Counted counted;
        Traffic::step_broker();
    }
};

void expect_no_allocation(bool durable) {
    TrafficOptions options;
    options.plugins = YM_PLUGINS;
    options.durable = durable;
    options.store_slack = std::uint64_t{1} << 20U;  // old batches are given up early, while containers find their size
    CountedTraffic traffic(options);
    for (int i = 0; i < 500; ++i) traffic.turn();  // containers find their size
    const std::uint64_t acked = traffic.acked();
    const std::uint64_t confirmed = traffic.confirmed();
    const std::uint64_t before = allocations();
    constexpr std::uint64_t turns = 1000;
    for (std::uint64_t i = 0; i < turns; ++i) traffic.turn();
    const std::uint64_t messages = turns * Traffic::producers * options.batch;
    EXPECT_EQ(allocations() - before, 0U) << "in " << messages << " messages";
    EXPECT_EQ(traffic.acked() - acked, messages);
    EXPECT_EQ(traffic.confirmed() - confirmed, messages);
}

TEST(Allocations, NoneOnTheWayOfAMessageThroughAMemoryQueue) {
    expect_no_allocation(false);
}

TEST(Allocations, NoneOnTheWayOfAMessageThroughADurableQueue) {
    expect_no_allocation(true);
}

TEST(Allocations, AreSeenWhenTheyHappen) {
    const std::uint64_t before = allocations();
    {
        const Counted counted;
        const auto kept = std::make_unique<std::vector<int>>(1000);
        EXPECT_EQ(kept->size(), 1000U);
    }
    EXPECT_EQ(allocations() - before, 2U);
}

}  // namespace
}  // namespace ym::bench
