// Measurements are only as good as their arithmetic: what is printed and written is what was measured.
#include "bench/report.h"

#include <gmock/gmock.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "bench/callgrind.h"
#include "bench/job.h"

namespace ym::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

const std::vector<Column> columns{{"rate", Show::spread}, {"syncs"}};

TEST(Report, PrintsMedianAndSpreadOfAllRounds) {
    Table table("Speed", {"middle"}, columns);
    for (const double rate : {30.0, 10.0, 20.0}) table.row({"broker"}).add({rate, nothing});
    EXPECT_EQ(table.text(),
              "Speed\n"
              "middle  rate  (low to high)  syncs\n"
              "broker    20     (10 to 30)      -\n");
}

TEST(Report, TakesRatiosRoundByRound) {
    Report report("test");
    Table& table = report.table("Speed", {"middle"}, columns);
    // Medians by themselves would say 1; each round says otherwise.
    for (const double rate : {10.0, 20.0, 30.0}) table.row({"a"}).add({rate});
    for (const double rate : {20.0, 40.0, 10.0}) table.row({"b"}).add({rate});
    report.ratio("a : b", table.find({"a"}), table.find({"b"}), "rate", at_least(1));
    report.ratio("a : c", table.find({"a"}), table.find({"c"}), "rate");
    testing::internal::CaptureStdout();
    EXPECT_EQ(report.finish(""), 0);
    EXPECT_THAT(testing::internal::GetCapturedStdout(),
                HasSubstr("a : b  at least 1.00  MISSED  0.50  (0.50 to 3.00)\n"));
}

TEST(Report, FailsByWhatIsIncompleteAndByNothingElse) {
    Report report("test");
    report.figure("slow", {1}, at_least(100));
    testing::internal::CaptureStdout();
    EXPECT_EQ(report.finish(""), 0);
    report.incomplete();
    EXPECT_EQ(report.finish(""), 1);
    testing::internal::GetCapturedStdout();
}

TEST(Report, WritesEveryRoundOfEveryFigure) {
    const Folder folder;
    const std::string file = folder.path / "report.json";
    Report report("test");
    Table& table = report.table("Speed", {"middle", "batch"}, columns);
    for (const double rate : {1.0, 3.0, 7.0}) table.row({"broker", "10"}).add({rate, nothing});
    report.ratio("to itself", &table.row({"broker", "10"}), &table.row({"broker", "10"}), "rate", at_most(0.5));
    ASSERT_TRUE(report.write_json(file));
    std::ifstream in(file);
    const auto all = nlohmann::json::parse(in);
    EXPECT_EQ(all["complete"], true);
    const auto& row = all["tables"][0]["rows"][0];
    EXPECT_EQ(row["middle"], "broker");
    EXPECT_EQ(row["batch"], "10");
    ASSERT_EQ(row["rounds"].size(), 3U);
    EXPECT_EQ(row["rounds"][2]["rate"], 7);
    EXPECT_TRUE(row["rounds"][2]["syncs"].is_null());
    const auto& figure = all["figures"][0];
    EXPECT_EQ(figure["rounds"], (std::vector<double>{1, 1, 1}));
    EXPECT_EQ(figure["at_most"], 0.5);
    EXPECT_EQ(figure["reached"], false);
}

TEST(Latency, IsThatOfThePartOfAllMessagesToOnePercent) {
    SharedLatency shared{};
    for (std::uint64_t us = 1; us <= 1000; ++us) shared.add(us * 1000);
    const Latency latency = shared.read();
    EXPECT_NEAR(latency.us(0.5), 500, 5);
    EXPECT_NEAR(latency.us(0.99), 990, 10);
    EXPECT_EQ(latency.us(1), 1000);
}

TEST(Latency, RunsFromWhenAMessageWasDueAndLeavesTheWarmUpOut) {
    Job job;
    job.rate = 1000;
    job.warm_up = 2;
    const auto shared = std::make_unique<Shared>();
    shared->first_due[1] = now_ns() - 10'000'000;
    Receipts receipts(job, *shared);
    receipts.take(stamp(1, 1));
    receipts.take(stamp(1, 4));  // due 6 ms ago
    const Latency latency = shared->receipts.read();
    EXPECT_EQ(std::accumulate(latency.counts.begin(), latency.counts.end(), std::uint64_t{0}), 1U);
    EXPECT_GE(latency.us(1), 6000);
}

TEST(Callgrind, CountsInstructionsWhereTheyWereRunAndNotAgainInCallers) {
    const Folder folder;
    std::ofstream(folder.path / "cost-01") << "thread: 1\n"
                                              "events: Ir\n"
                                              "ob=(1) /usr/bin/yardmaster\n"
                                              "fn=(1) main\n"
                                              "10 5\n"
                                              "+1 7\n"
                                              "cob=(2) /usr/lib/libzmq.so.5\n"
                                              "cfn=(2) zmq_poll\n"
                                              "calls=3 0\n"
                                              "+1 1000\n"
                                              "* 1\n"
                                              "\n"
                                              "ob=(2)\n"
                                              "fn=(2)\n"
                                              "0 1000\n"
                                              "totals: 1013\n";
    std::ofstream(folder.path / "cost-02") << "thread: 2\nevents: Ir\nob=(1) /lib/libc.so.6\nfn=(1) x\n1 4\n";
    std::ofstream(folder.path / "other") << "thread: 3\n";
    const std::vector<ThreadCost> threads = read_callgrind(folder.path, "cost");
    ASSERT_EQ(threads.size(), 2U);
    const ThreadCost& first = threads[0].number == 1 ? threads[0] : threads[1];
    EXPECT_THAT(first.by_object, UnorderedElementsAre(Pair("yardmaster", 13), Pair("libzmq.so.5", 1000)));
    EXPECT_EQ(threads[0].total() + threads[1].total(), 1017U);
}

}  // namespace
}  // namespace ym::bench
