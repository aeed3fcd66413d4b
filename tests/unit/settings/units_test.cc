#include "settings/units.h"

#include <gmock/gmock.h>

namespace ym::settings {
namespace {

using testing::Eq;
using testing::Optional;

TEST(Units, ADurationHasItsUnitAndTheLargerUnitsComeFirst) {
    EXPECT_THAT(parse_duration("500ms"), Optional(Eq(Duration(500ms))));
    EXPECT_THAT(parse_duration("30s"), Optional(Eq(Duration(30s))));
    EXPECT_THAT(parse_duration("5m"), Optional(Eq(Duration(5min))));
    EXPECT_THAT(parse_duration("1h30m"), Optional(Eq(Duration(90min))));
    EXPECT_THAT(parse_duration("1d"), Optional(Eq(Duration(24h))));
    EXPECT_THAT(parse_duration("1d2h3m4s5ms"), Optional(Eq(Duration(26h + 3min + 4s + 5ms))));
    EXPECT_THAT(parse_duration("0s"), Optional(Eq(Duration(0s))));
    for (const char* wrong : {"", "5", "s", "5 s", " 5s", "5s ", "5S", "5us", "5ns", "-5s", "+5s", "1.5h", "30m1h",
                              "1h1h", "1h30", "5w", "0x5s", "none", "5s\n"})
        EXPECT_EQ(parse_duration(wrong), std::nullopt) << wrong;
}

TEST(Units, ADurationBeyondWhatNanosecondsHoldIsNothing) {
    EXPECT_NE(parse_duration("106751d"), std::nullopt);
    EXPECT_EQ(parse_duration("106752d"), std::nullopt);
    EXPECT_EQ(parse_duration("106751d24h"), std::nullopt);
    EXPECT_EQ(parse_duration("99999999999999999999s"), std::nullopt);
    EXPECT_EQ(parse_duration("18446744073709551615d"), std::nullopt);
}

TEST(Units, OctetsCountInPowersOfTwo) {
    EXPECT_THAT(parse_bytes("100B"), Optional(Eq(100U)));
    EXPECT_THAT(parse_bytes("64KiB"), Optional(Eq(65536U)));
    EXPECT_THAT(parse_bytes("16MiB"), Optional(Eq(16U << 20U)));
    EXPECT_THAT(parse_bytes("10GiB"), Optional(Eq(std::uint64_t{10} << 30U)));
    for (const char* wrong : {"", "5", "5K", "5KB", "5 MiB", "MiB", "1TiB", "-1B", "1.5GiB", "9999999999999GiB"})
        EXPECT_EQ(parse_bytes(wrong), std::nullopt) << wrong;
}

TEST(Units, CountsMayHaveThousandsAndMillions) {
    EXPECT_THAT(parse_count("0"), Optional(Eq(0U)));
    EXPECT_THAT(parse_count("2000"), Optional(Eq(2000U)));
    EXPECT_THAT(parse_count("10k"), Optional(Eq(10'000U)));
    EXPECT_THAT(parse_count("1M"), Optional(Eq(1'000'000U)));
    for (const char* wrong :
         {"", "k", "10K", "1m", "1e3", "1_000", "-1", "1.5k", "9223372036854775808", "9999999999999999M"})
        EXPECT_EQ(parse_count(wrong), std::nullopt) << wrong;
}

TEST(Units, ARateIsACountInASecond) {
    EXPECT_THAT(parse_rate("10/s"), Optional(Eq(10U)));
    EXPECT_THAT(parse_rate("5k/s"), Optional(Eq(5000U)));
    for (const char* wrong : {"", "/s", "10", "10/m", "10 /s", "10/ss"})
        EXPECT_EQ(parse_rate(wrong), std::nullopt) << wrong;
}

TEST(Units, AShareIsBetweenNothingAndAll) {
    EXPECT_THAT(parse_share("5%"), Optional(testing::DoubleEq(0.05)));
    EXPECT_THAT(parse_share("0.5%"), Optional(testing::DoubleEq(0.005)));
    EXPECT_THAT(parse_share("100%"), Optional(testing::DoubleEq(1)));
    for (const char* wrong : {"", "%", "5", "0.05", "101%", "-5%", "1e1%", "inf%", "nan%", "5 %", "1.2.3%", ".%"})
        EXPECT_EQ(parse_share(wrong), std::nullopt) << wrong;
}

TEST(Units, AValueIsPrintedWithTheLargestUnitThatNeedsNoFraction) {
    EXPECT_EQ(format_duration(0s), "0s");
    EXPECT_EQ(format_duration(1500ms), "1500ms");
    EXPECT_EQ(format_duration(30s), "30s");
    EXPECT_EQ(format_duration(90min), "90m");
    EXPECT_EQ(format_duration(12h), "12h");
    EXPECT_EQ(format_duration(24h * 30), "30d");
    EXPECT_EQ(format_bytes(0), "0B");
    EXPECT_EQ(format_bytes(1025), "1025B");
    EXPECT_EQ(format_bytes(64U << 20U), "64MiB");
    EXPECT_EQ(format_count(0), "0");
    EXPECT_EQ(format_count(2500), "2500");
    EXPECT_EQ(format_count(10'000), "10k");
    EXPECT_EQ(format_count(10'000'000), "10M");
    EXPECT_EQ(format_rate(5000), "5k/s");
}

TEST(Units, APrintedValueReadsBackAsItself) {
    for (const Duration value : {Duration(0), Duration(1ms), Duration(999ms), Duration(3601s), Duration(24h * 365)})
        EXPECT_THAT(parse_duration(format_duration(value)), Optional(Eq(value)));
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{123456}, number_max}) {
        EXPECT_THAT(parse_bytes(format_bytes(value)), Optional(Eq(value)));
        EXPECT_THAT(parse_count(format_count(value)), Optional(Eq(value)));
        EXPECT_THAT(parse_rate(format_rate(value)), Optional(Eq(value)));
    }
    for (int percent = 0; percent <= 100; ++percent)
        EXPECT_EQ(format_share(percent / 100.0), std::to_string(percent) + "%");
}

}  // namespace
}  // namespace ym::settings
