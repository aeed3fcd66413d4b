#include "base/pattern.h"

#include <gmock/gmock.h>

namespace ym {
namespace {

TEST(Pattern, AStarStandsForAnyRunOfOctets) {
    EXPECT_TRUE(fits_pattern("*", ""));
    EXPECT_TRUE(fits_pattern("*", "orders"));
    EXPECT_TRUE(fits_pattern("orders-*", "orders-"));
    EXPECT_TRUE(fits_pattern("orders-*", "orders-eu"));
    EXPECT_TRUE(fits_pattern("*-*-eu", "a-b-c-eu"));
    EXPECT_TRUE(fits_pattern("a**b", "ab"));
    EXPECT_FALSE(fits_pattern("orders-*", "orders"));
    EXPECT_FALSE(fits_pattern("*-eu", "orders-us"));
    EXPECT_FALSE(fits_pattern("a*b", "ba"));
}

TEST(Pattern, WithoutAStarOnlyTheTextItselfFits) {
    EXPECT_TRUE(fits_pattern("orders", "orders"));
    EXPECT_FALSE(fits_pattern("orders", "Orders"));
    EXPECT_FALSE(fits_pattern("orders", "orders-eu"));
    EXPECT_TRUE(fits_pattern("", ""));
    EXPECT_FALSE(fits_pattern("", "a"));
}

}  // namespace
}  // namespace ym
