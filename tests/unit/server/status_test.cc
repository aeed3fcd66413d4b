#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/status_json.h"
#include "server/status_text.h"
#include "server/table.h"

namespace ym::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A report in which no two numbers are the same.
StatusReport full_report() {
    StatusReport report;
    report.broker = "yard \"1\"";
    report.uptime = 7384s;
    report.draining = true;
    report.epoch = 2;
    report.memory = 1000;
    report.memory_max = 1U << 20U;
    report.duplicates = 3;
    report.refused = 4;
    report.dropped_unmatched = 5;
    report.malformed = 6;
    report.stale = 7;
    report.replies_sent = 8;
    report.replies_dropped = 9;
    QueueStatus queue;
    queue.name = "orders";
    queue.durable = false;
    queue.orphan = true;
    queue.created = true;
    queue.ledger = {1000, 101, 502, 13, 24, {35, 46, 57}, 68, 79};
    queue.dead_letters = {81, 72, 9};
    queue.live = queue.ledger.in() - queue.ledger.out();
    queue.ready = 91;
    queue.waiting = 92;
    queue.in_flight = 93;
    queue.storing = 94;
    queue.bytes = 95;
    queue.delivered = 96;
    queue.redelivered = 97;
    queue.failures = {11, 12, 14, 15, 16};
    queue.refused = 99;
    queue.oldest = 61s;
    queue.processed = 200;
    queue.processing = 3s;
    queue.workers = 17;
    report.queues.push_back(queue);
    PeerStatus peer;
    peer.name = "w1";
    peer.session = "00112233445566778899aabbccddeeff";
    peer.queues = {"orders", "rest"};
    peer.connected = false;
    peer.silent = true;
    peer.credit = 21;
    peer.in_flight = 22;
    peer.published = 23;
    peer.acked = 25;
    peer.unconfirmed = 26;
    report.peers.push_back(peer);
    report.plugins.push_back({"pipeline in", "example.com/by-country", 31, 32, 33});
    return report;
}

TEST(StatusJson, TellsTheWholeReport) {
    const StatusReport report = full_report();
    const Result<StatusReport> read = report_from_json(to_json(report));
    ASSERT_TRUE(read.ok()) << read.error().text;
    // Comparing the texts compares every member that is told; the ledger and names are compared as values too.
    EXPECT_EQ(to_json(read.value(), 2), to_json(report, 2));
    EXPECT_EQ(read.value().queues.at(0).ledger, report.queues.at(0).ledger);
    EXPECT_EQ(read.value().queues.at(0).failures, report.queues.at(0).failures);
    EXPECT_EQ(read.value().queues.at(0).processing, report.queues.at(0).processing);
    EXPECT_EQ(read.value().peers.at(0).session, report.peers.at(0).session);
    const std::string json = to_json(report);
    for (
        const char* member :
        {R"("ready":91)",
         R"("waiting":92)",
         R"("in_flight":93)",
         R"("storing":94)",
         R"("bytes":95)",
         R"("delivered":96)",
         R"("redelivered":97)",
         R"("refused":99)",
         R"("processed":200)",
         R"("workers":17)",
         R"("oldest_ms":61000)",
         R"("processing_us":3000000)",
         R"("lease_expired":15)",
         R"("optional_full":46)",
         R"("in":81,"dropped":72,"live":9)",
         R"("balances":true)",
         R"("credit":21,"in_flight":22,"published":23)",
         R"("acked":25,"unconfirmed":26)",
         R"("draining":true,"epoch":2)",
         R"({"place":"pipeline in","plugin":"example.com/by-country","failed":31,"slow":32,"spared":33})",
         R"("memory_bytes":1000)",
         R"("duplicates":3,"refused":4,"dropped_unmatched":5,"malformed":6,"stale":7,"histories_lost":0,"replies_sent":8)"}) {
        EXPECT_THAT(json, HasSubstr(member));
    }
}

TEST(StatusJson, NamesThatAreNoUtf8DoNotBreakIt) {
    StatusReport report;
    report.broker = "\xff\xfe";
    EXPECT_TRUE(report_from_json(to_json(report)).ok());
}

TEST(StatusJson, AnAnswerThatIsAnErrorOrNoReportIsAFailure) {
    EXPECT_EQ(report_from_json(error_to_json("no such thing")).error().text, "no such thing");
    for (const char* answer : {"", "{", "[]", "{}", "3", R"({"broker":1,"queues":[],"peers":[]})",
                               R"({"broker":"b","queues":[{}],"peers":[]})"}) {
        EXPECT_FALSE(report_from_json(answer).ok()) << answer;
    }
}

TEST(StatusJson, ACommandIsReadAndAnUnknownOneListsThoseThatAreKnown) {
    ASSERT_TRUE(command_from_json(command_to_json(AdminVerb::status)).ok());
    EXPECT_EQ(command_from_json(command_to_json(AdminVerb::status)).value(), AdminVerb::status);
    for (const char* request : {"", "status", "{}", R"({"command": 1})", R"({"command": "explode"})", "[", "null"}) {
        const Result<AdminVerb> read = command_from_json(request);
        ASSERT_FALSE(read.ok()) << request;
        EXPECT_THAT(read.error().text, HasSubstr("one of: status")) << request;
    }
    EXPECT_THAT(command_from_json(R"({"command": "explode"})").error().text, HasSubstr("explode"));
}

TEST(StatusText, SaysWhetherTheLedgerBalances) {
    StatusReport report = full_report();
    EXPECT_TRUE(balances(report));
    EXPECT_THAT(ledger_text(report), HasSubstr("The ledger balances: 1101 in, 824 out, 277 live."));
    --report.queues[0].live;
    EXPECT_FALSE(balances(report));
    EXPECT_THAT(ledger_text(report), HasSubstr("orders"));
    EXPECT_THAT(ledger_text(report), HasSubstr("DOES NOT BALANCE"));
}

TEST(StatusText, ShowsQueuesPeersAndTheMeanTimeOfProcessing) {
    const std::string text = status_text(full_report());
    EXPECT_THAT(text, HasSubstr("yard \"1\", up 2h 3m, epoch 2, memory 1000 B of 1 MiB, DRAINING"));
    EXPECT_THAT(text, HasSubstr("orders (orphan)"));
    EXPECT_THAT(text, HasSubstr("15 ms"));
    EXPECT_THAT(text, HasSubstr("1m 1s"));
    EXPECT_THAT(text, HasSubstr("orders rest"));
    EXPECT_THAT(text,
                HasSubstr("PLUGIN TROUBLE: example.com/by-country of pipeline in failed 31 times, was too slow 32 "
                          "times (plugins.budget), and was spared 33 calls"));
    EXPECT_THAT(status_text({}), Not(HasSubstr("TROUBLE")));
    EXPECT_THAT(text, Not(HasSubstr("IN/s")));
}

TEST(StatusText, ShowsRatesBetweenTwoReports) {
    const StatusReport before = full_report();
    StatusReport after = before;
    after.queues[0].ledger.accepted += 500;
    after.queues[0].ledger.acked += 250;
    const std::string text = status_text(after, {&before, 2s});
    EXPECT_THAT(text, HasSubstr("IN/s"));
    EXPECT_THAT(text, ::testing::ContainsRegex(" 250 +125\n"));
}

TEST(StatusText, ShowsNoOctetThatATerminalWouldActOn) {
    StatusReport report = full_report();
    report.peers[0].name = "evil\x1b[2J";
    EXPECT_THAT(status_text(report), Not(HasSubstr("\x1b")));
}

TEST(Table, RoundsToWhatOneCanGrasp) {
    EXPECT_EQ(rough_bytes(0), "0 B");
    EXPECT_EQ(rough_bytes(1023), "1023 B");
    EXPECT_EQ(rough_bytes(1536), "1.5 KiB");
    EXPECT_EQ(rough_bytes(20U << 20U), "20 MiB");
    EXPECT_EQ(rough_duration(0s), "0");
    EXPECT_EQ(rough_duration(850us), "850 us");
    EXPECT_EQ(rough_duration(3400ms), "3.4 s");
    EXPECT_EQ(rough_duration(320s), "5m 20s");
    EXPECT_EQ(rough_duration(97h), "4d 1h");
}

TEST(Table, LinesUpItsColumns) {
    Table table({{"NAME", Table::Align::left}, {"COUNT"}});
    table.add({"a", "1"});
    table.add({"länger", "1000"});
    EXPECT_EQ(table.text(), "NAME    COUNT\na           1\nlänger   1000\n");
}

}  // namespace
}  // namespace ym::server
