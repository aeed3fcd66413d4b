#include "base/ring.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "base/prng.h"

namespace ym {
namespace {

TEST(Ring, HoldsWhatADequeHoldsWhateverIsDone) {
    Prng prng(3);
    Ring<std::uint64_t> ring;
    std::deque<std::uint64_t> wanted;
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        // Long runs of growth and of shrinking, so that the ring's memory is moved in both directions.
        const bool growing = (i / 20'000) % 2 == 0;
        if (wanted.empty() || prng.chance(growing ? 3 : 1, 4)) {
            ring.push_back(i);
            wanted.push_back(i);
        } else if (prng.chance(1, 8)) {
            ring.pop_back();
            wanted.pop_back();
        } else {
            ring.pop_front();
            wanted.pop_front();
        }
        ASSERT_EQ(ring.size(), wanted.size());
        ASSERT_EQ(ring.empty(), wanted.empty());
        if (wanted.empty()) continue;
        ASSERT_EQ(ring.front(), wanted.front());
        ASSERT_EQ(ring.back(), wanted.back());
        const auto at = static_cast<std::size_t>(prng.below(wanted.size()));
        ASSERT_EQ(ring[at], wanted[at]);
    }
}

TEST(Ring, GivesItsMemoryBackWhenItWasLongOnce) {
    Ring<std::uint64_t> ring;
    for (std::uint64_t i = 0; i < 100'000; ++i) ring.push_back(i);
    const std::size_t most = ring.memory();
    while (ring.size() > 1) ring.pop_front();
    EXPECT_EQ(ring.front(), 99'999U);
    EXPECT_LT(ring.memory(), most / 8);
}

TEST(Ring, LetsGoOfWhatAPoppedItemOwns) {
    Ring<std::shared_ptr<int>> ring;
    const auto owned = std::make_shared<int>(1);
    ring.push_back(owned);
    ring.pop_front();
    EXPECT_EQ(owned.use_count(), 1);
}

TEST(Ring, KeepsItsMemoryWhenClearedAndTakesItemsThatOnlyMove) {
    Ring<std::unique_ptr<int>> ring;
    for (int i = 0; i < 40; ++i) ring.push_back(std::make_unique<int>(i));
    EXPECT_EQ(*ring[39], 39);
    const std::size_t memory = ring.memory();
    ring.clear();
    EXPECT_TRUE(ring.empty());
    EXPECT_EQ(ring.memory(), memory);
    ring.push_back(std::make_unique<int>(7));
    EXPECT_EQ(*ring.front(), 7);
}

}  // namespace
}  // namespace ym
