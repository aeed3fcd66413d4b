#include "base/prng.h"

#include <gtest/gtest.h>

#include <array>

namespace ym {
namespace {

TEST(Prng, GivesTheNumbersOfTheReferenceGenerator) {
    // SplitMix64 as published, seed 1234567: https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64
    Prng prng(1234567);
    EXPECT_EQ(prng.next(), 6457827717110365317U);
    EXPECT_EQ(prng.next(), 3203168211198807973U);
    EXPECT_EQ(prng.next(), 9817491932198370423U);
    EXPECT_EQ(prng.next(), 4593380528125082431U);
    EXPECT_EQ(prng.next(), 16408922859458223821U);
}

TEST(Prng, GivesTheSameStreamForTheSameSeedAndAnotherForAnother) {
    Prng a(7);
    Prng b(7);
    Prng c(8);
    bool differs = false;
    for (int i = 0; i < 1000; ++i) {
        const std::uint64_t word = a.next();
        EXPECT_EQ(word, b.next());
        differs |= word != c.next();
    }
    EXPECT_TRUE(differs);
}

TEST(Prng, StaysBelowItsBoundAndReachesEachNumber) {
    Prng prng(1);
    std::array<unsigned, 10> seen{};
    for (int i = 0; i < 10'000; ++i) ++seen.at(prng.below(10));
    for (const unsigned count : seen) {
        EXPECT_GT(count, 850U);
        EXPECT_LT(count, 1150U);
    }
    EXPECT_EQ(prng.below(1), 0U);
    EXPECT_LT(prng.below(~std::uint64_t{0}), ~std::uint64_t{0});
}

TEST(Prng, TakesAChanceAsOftenAsItSays) {
    Prng prng(2);
    unsigned taken = 0;
    for (int i = 0; i < 10'000; ++i) taken += prng.chance(1, 4) ? 1 : 0;
    EXPECT_GT(taken, 2350U);
    EXPECT_LT(taken, 2650U);
    EXPECT_FALSE(prng.chance(0, 4));
    EXPECT_TRUE(prng.chance(4, 4));
}

TEST(Mix64, ChangesAboutHalfOfTheBitsWhenOneChanges) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        int changed = 0;
        for (std::uint64_t word = 1; word <= 64; ++word) {
            changed += __builtin_popcountll(mix64(word) ^ mix64(word ^ (std::uint64_t{1} << bit)));
        }
        EXPECT_GT(changed, 64 * 25) << bit;
        EXPECT_LT(changed, 64 * 39) << bit;
    }
}

}  // namespace
}  // namespace ym
