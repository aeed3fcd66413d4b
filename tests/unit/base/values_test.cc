// Result, ids, time and checks: small values that everything is made of.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>
#include <unordered_set>

#include "base/check.h"
#include "base/id.h"
#include "base/result.h"
#include "base/time.h"

namespace ym {
namespace {

static_assert(!std::is_convertible_v<MessageId, AddressId> && !std::is_constructible_v<MessageId, AddressId>,
              "two kinds of id cannot be mixed up");

TEST(Result, HoldsAValueOrWhyThereIsNone) {
    const Result<int> good = 5;
    const Result<int> bad = Failure{"no number"};
    ASSERT_TRUE(good.ok());
    EXPECT_EQ(good.value(), 5);
    ASSERT_FALSE(bad.ok());
    EXPECT_EQ(bad.error().text, "no number");
    EXPECT_FALSE(static_cast<bool>(bad));
}

TEST(Result, TellsValueAndErrorApartThoughTheyAreOfOneType) {
    using Text = Result<std::string, Failure>;
    EXPECT_TRUE(Text(std::string("x")).ok());
    EXPECT_FALSE(Text(Failure{"x"}).ok());
}

TEST(Result, LetsAValueThatOnlyMovesBeTaken) {
    Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
    const std::unique_ptr<int> taken = std::move(*result);
    EXPECT_EQ(*taken, 3);
}

TEST(ResultDeathTest, EndsTheProgramWhenTheWrongSideIsTaken) {
    const Result<int> good = 5;
    const Result<int> bad = Failure{"no number"};
    EXPECT_DEATH(static_cast<void>(bad.value()), "result.h:[0-9]+: check failed: ok\\(\\)");
    EXPECT_DEATH(static_cast<void>(good.error()), "check failed: !ok\\(\\)");
}

TEST(CheckDeathTest, SaysWhereAndWhat) {
    const int three = 3;
    YM_CHECK(three == 3);
    EXPECT_DEATH(YM_CHECK(three == 4), "values_test.cc:[0-9]+: check failed: three == 4");
}

TEST(Id, IsOrderedAndHashedByItsNumber) {
    EXPECT_LT(MessageId{1}, MessageId{2});
    EXPECT_EQ(MessageId{2}, MessageId{2});
    const std::unordered_set<MessageId> seen{MessageId{1}, MessageId{2}, MessageId{1}};
    EXPECT_EQ(seen.size(), 2U);
    EXPECT_NE(no_address, AddressId{});
}

TEST(Time, IsAddedAndComparedAsValues) {
    const Instant start{5s};
    EXPECT_EQ(start + 3s, Instant{8s});
    EXPECT_EQ(start - 1s, Instant{4s});
    EXPECT_EQ((start + 3s) - start, Duration(3s));
    EXPECT_LT(start, Instant::never());
}

TEST(Time, IsWholeMillisecondsOnTheWireRoundedDownAndNeverNegative) {
    EXPECT_EQ(to_ms(1999us), 1U);
    EXPECT_EQ(to_ms(999us), 0U);
    EXPECT_EQ(to_ms(2s), 2000U);
    EXPECT_EQ(to_ms(-5s), 0U);
}

}  // namespace
}  // namespace ym
