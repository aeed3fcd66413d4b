// The wheel of waits, against a sorted map.
#include "broker/wheel.h"

#include <gmock/gmock.h>

#include <map>

#include "base/prng.h"

namespace ym {
namespace {

using ::testing::ElementsAre;
using Times = std::vector<std::pair<std::uint64_t, int>>;

Times take(Wheel<int>& wheel, std::uint64_t now) {
    Times out;
    wheel.take_due(now, 1'000'000, [&](std::uint64_t due, int item) { out.emplace_back(due, item); });
    std::sort(out.begin(), out.end());
    return out;
}

TEST(Wheel, GivesEachThingAtItsTime) {
    Wheel<int> wheel;
    EXPECT_EQ(wheel.earliest(), Wheel<int>::never);
    wheel.add(300, 100, 3);
    wheel.add(200, 100, 2);
    wheel.add(1'000'000'000'000, 100, 9);
    EXPECT_EQ(wheel.earliest(), 200U);
    EXPECT_TRUE(take(wheel, 199).empty());
    EXPECT_THAT(take(wheel, 200), ElementsAre(std::pair(200U, 2)));
    EXPECT_EQ(wheel.earliest(), 300U);
    EXPECT_THAT(take(wheel, 2'000'000'000'000), ElementsAre(std::pair(300U, 3), std::pair(1'000'000'000'000U, 9)));
    EXPECT_TRUE(wheel.empty());
    EXPECT_EQ(wheel.memory(), 0U) << "what waits for nothing takes nothing";
}

TEST(Wheel, TakesTimesThatArePast) {
    Wheel<int> wheel;
    wheel.add(500, 100, 1);
    EXPECT_EQ(take(wheel, 1000).size(), 1U);
    wheel.add(2000, 1000, 2);
    wheel.add(10, 1000, 3);
    EXPECT_EQ(wheel.earliest(), 10U);
    EXPECT_THAT(take(wheel, 1000), ElementsAre(std::pair(10U, 3)));
}

TEST(Wheel, FollowsAClockThatGoesBack) {
    Wheel<int> wheel;
    wheel.add(5000, 100, 1);
    wheel.add(90'000, 100, 2);
    EXPECT_EQ(take(wheel, 80'000).size(), 1U);
    for (int i = 0; i < 100; ++i) wheel.add(static_cast<std::uint64_t>(1000 + i), 900, i);
    EXPECT_EQ(wheel.earliest(), 1000U);
    EXPECT_EQ(take(wheel, 1049).size(), 50U);
    EXPECT_EQ(take(wheel, 89'999).size(), 50U);
    EXPECT_EQ(take(wheel, 90'000).size(), 1U);
}

TEST(Wheel, AddsWhatAVisitorPutsBack) {
    Wheel<int> wheel;
    for (int i = 0; i < 1000; ++i) wheel.add(static_cast<std::uint64_t>(i), 0, i);
    std::size_t seen = 0;
    wheel.take_due(999, 1000, [&](std::uint64_t due, int item) {
        ++seen;
        wheel.add(due + 1000, 999, item);
    });
    EXPECT_EQ(seen, 1000U);
    EXPECT_EQ(wheel.size(), 1000U);
    EXPECT_EQ(wheel.earliest(), 1000U);
}

TEST(Wheel, GivesNoMoreThanItIsAskedFor) {
    Wheel<int> wheel;
    for (int i = 0; i < 10; ++i) wheel.add(100, 0, i);
    wheel.add(200, 0, 10);
    std::vector<int> seen;
    const auto see = [&](std::uint64_t /*due*/, int item) { seen.push_back(item); };
    EXPECT_EQ(wheel.take_due(300, 4, see), 4U);
    EXPECT_EQ(wheel.size(), 7U);
    EXPECT_EQ(wheel.earliest(), 100U) << "what is left over is due";
    wheel.add(50, 40, 11);
    EXPECT_EQ(wheel.erase_if([](int item) { return item == 9; }), 1U);
    EXPECT_EQ(wheel.take_due(300, 100, see), 7U);
    EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 10));
}

/// Steps of all sizes, ends of digits, a clock that goes back now and then: the map says what is due.
TEST(Wheel, HoldsAgainstAMap) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        Prng prng(seed);
        Wheel<int> wheel;
        std::multimap<std::uint64_t, int> model;
        std::uint64_t now = prng.next() >> (1 + prng.below(60));
        int next = 0;
        for (int round = 0; round < 2000; ++round) {
            if (prng.chance(3, 4)) {
                const std::uint64_t due = now + (prng.next() >> (2 + prng.below(62)));
                wheel.add(due, now, next);
                model.emplace(due, next++);
            }
            if (prng.chance(1, 100)) now -= std::min(now, prng.next() >> prng.below(64));
            if (prng.chance(1, 2)) now += prng.next() >> (3 + prng.below(61));
            if (prng.chance(1, 50)) {
                const int odd = static_cast<int>(prng.below(7));
                const auto is_gone = [&](int item) { return item % 7 == odd; };
                const std::size_t before = model.size();
                std::erase_if(model, [&](const auto& entry) { return is_gone(entry.second); });
                ASSERT_EQ(wheel.erase_if(is_gone), before - model.size());
            }
            ASSERT_EQ(wheel.earliest(), model.empty() ? Wheel<int>::never : model.begin()->first);
            if (prng.chance(1, 2)) {
                Times expected(model.begin(), model.upper_bound(now));
                std::sort(expected.begin(), expected.end());
                model.erase(model.begin(), model.upper_bound(now));
                ASSERT_EQ(take(wheel, now), expected) << "seed " << seed << " round " << round;
            }
            ASSERT_EQ(wheel.size(), model.size());
        }
        std::size_t seen = 0;
        wheel.for_each([&](std::uint64_t, int) { ++seen; });
        EXPECT_EQ(seen, model.size());
    }
}

}  // namespace
}  // namespace ym
