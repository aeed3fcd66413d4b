#include "server/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ym::server {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class ReportTest : public ::testing::Test {
  protected:
    ReportOptions options(bool json = false) {
        ReportOptions options;
        options.json = json;
        options.burst = 3;
        options.window = 10s;
        options.sink = [this](const std::string& line) { lines_.push_back(line); };
        return options;
    }
    std::vector<std::string> lines_;
};

TEST_F(ReportTest, WritesALineWithTimeLevelAndText) {
    Report report(options());
    report.notice({NoticeKind::peer_lost, "w1", "its connection is gone", 4}, Instant{});
    ASSERT_THAT(lines_, SizeIs(1));
    EXPECT_THAT(lines_[0], ContainsRegex("^20..-..-..T..:..:..[.]...Z warning peer lost 'w1': its connection is gone"));
    EXPECT_THAT(lines_[0], HasSubstr("(4)"));
}

TEST_F(ReportTest, WritesJsonThatKeepsQuotesApart) {
    Report report(options(true));
    report.notice({NoticeKind::queue_created, "a\"b", "", 0}, Instant{});
    ASSERT_THAT(lines_, SizeIs(1));
    EXPECT_THAT(lines_[0], ContainsRegex("^[{]\"time\":\"20[^\"]*Z\",\"level\":\"info\",\"event\":\"queue_created\","));
    EXPECT_THAT(lines_[0], HasSubstr(R"("name":"a\"b"})"));
}

TEST_F(ReportTest, LeavesOutWhatIsBelowItsLevel) {
    ReportOptions quiet = options();
    quiet.level = Level::error;
    Report report(quiet);
    report.line(Level::info, "nobody reads this");
    report.line(Level::error, "this counts");
    EXPECT_THAT(lines_, SizeIs(1));
}

TEST_F(ReportTest, LimitsWhatPeersCanCauseAndCountsTheRest) {
    Report report(options());
    for (int count = 0; count < 100; ++count) report.notice({NoticeKind::peer_joined, "p", "", 0}, Instant{1s});
    EXPECT_THAT(lines_, SizeIs(3));
    report.summary(Instant{2s});
    EXPECT_THAT(lines_, SizeIs(3));
    report.summary(Instant{12s});
    ASSERT_THAT(lines_, SizeIs(4));
    EXPECT_THAT(lines_[3], HasSubstr("97 more like it"));
    report.notice({NoticeKind::peer_joined, "p", "", 0}, Instant{12s});
    EXPECT_THAT(lines_, SizeIs(5));
}

TEST_F(ReportTest, NeverLeavesOutWhatTheStoreSays) {
    Report report(options());
    for (int count = 0; count < 10; ++count) report.notice({NoticeKind::store_unknown, "", "", 0}, Instant{1s});
    EXPECT_THAT(lines_, SizeIs(10));
}

TEST_F(ReportTest, ANameWithAnEndOfLineStaysOneLine) {
    Report report(options());
    report.notice({NoticeKind::peer_joined, "p\n2026 error forged", "", 0}, Instant{});
    ASSERT_THAT(lines_, SizeIs(1));
    EXPECT_THAT(lines_[0], HasSubstr("p?2026"));
}

TEST(Report, KnowsItsLevelsByName) {
    EXPECT_EQ(level_named("warning").value(), Level::warning);
    EXPECT_THAT(level_named("loud").error().text, HasSubstr("trace, debug, info"));
}

}  // namespace
}  // namespace ym::server
