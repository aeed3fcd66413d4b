#include "base/pages.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace ym {
namespace {

TEST(Pages, AreZeroAtFirstAndKeepWhatIsWritten) {
    Pages pages(8192);
    ASSERT_EQ(pages.size(), 8192U);
    EXPECT_EQ(pages.get()[0], std::byte{0});
    EXPECT_EQ(pages.get()[8191], std::byte{0});
    pages.get()[8191] = std::byte{7};
    const Pages moved = std::move(pages);
    EXPECT_EQ(moved.get()[8191], std::byte{7});
}

TEST(Pages, AreNoneAfterAResetOrAMove) {
    Pages pages(4096);
    Pages other = std::move(pages);
    EXPECT_EQ(pages.get(), nullptr);  // NOLINT(bugprone-use-after-move): that is what is looked at
    other.reset();
    EXPECT_EQ(other.get(), nullptr);
    EXPECT_EQ(other.size(), 0U);
}

TEST(Pages, CanBeManyAndGoInAnyOrder) {
    std::vector<Pages> all;
    for (int i = 0; i < 1000; ++i) all.emplace_back(std::size_t{256} << 10U).get()[i] = std::byte{1};
    for (int i = 0; i < 1000; i += 2) all[static_cast<std::size_t>(i)].reset();
    for (int i = 1; i < 1000; i += 2) EXPECT_EQ(all[static_cast<std::size_t>(i)].get()[i], std::byte{1});
}

}  // namespace
}  // namespace ym
