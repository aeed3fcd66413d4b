#include "base/nearest.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace ym {
namespace {

std::string nearest(std::string_view wanted, std::initializer_list<std::string_view> names) {
    Nearest nearest(wanted);
    for (const std::string_view name : names) nearest.offer(name);
    return std::string(nearest.best());
}

TEST(EditDistance, CountsOctetsPutInTakenOutAndReplaced) {
    EXPECT_EQ(edit_distance("kitten", "sitting", 9), 3U);
    EXPECT_EQ(edit_distance("", "abc", 9), 3U);
    EXPECT_EQ(edit_distance("abc", "", 9), 3U);
    EXPECT_EQ(edit_distance("same", "same", 9), 0U);
    EXPECT_EQ(edit_distance("ab", "ba", 9), 2U);
}

TEST(EditDistance, SaysNoMoreThanOneAboveWhatIsAskedFor) {
    EXPECT_EQ(edit_distance("abcdef", "uvwxyz", 2), 3U);
    EXPECT_EQ(edit_distance("a", "abcdef", 2), 3U);
    EXPECT_EQ(edit_distance(std::string(300, 'a'), std::string(300, 'a'), 2), 3U);
    EXPECT_EQ(edit_distance("kitten", "sitting", 3), 3U);
}

TEST(Nearest, KeepsTheBestOfTheNames) {
    EXPECT_EQ(nearest("ordres", {"audit", "orders-eu", "orders", "border"}), "orders");
    EXPECT_EQ(nearest("leese", {"lease_max", "lease"}), "lease");
}

TEST(Nearest, KeepsTheFirstOfEquals) {
    EXPECT_EQ(nearest("cat", {"bat", "hat"}), "bat");
    EXPECT_EQ(nearest("cat", {"hat", "bat"}), "hat");
}

TEST(Nearest, KeepsTheNameItselfWhateverComesBehindIt) {
    EXPECT_EQ(nearest("orders", {"orders", "order", "borders"}), "orders");
    EXPECT_EQ(nearest("orders", {"order", "orders", "borders"}), "orders");
}

TEST(Nearest, IsEmptyWhenTooMuchDiffers) {
    EXPECT_EQ(nearest("thumbs", {"orders", "audit"}), "");
    EXPECT_EQ(nearest("thumbs", {}), "");
}

}  // namespace
}  // namespace ym
