// Batches as they stand on disks already: the example of FORMAT.md, and one with a record of every kind. When a test
// here fails, the layout has changed, and with it the version has to.
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "store/records.h"

namespace ym::store {
namespace {

/// The octets of the lines `offset | octets in hex | what they are`; all other lines are text.
std::string octets_in(const std::string& file) {
    std::ifstream in(std::string(YM_SOURCE "/") + file);
    EXPECT_TRUE(in.good()) << file;
    std::string octets;
    for (std::string line; std::getline(in, line);) {
        const std::size_t from = line.find(" | ");
        const std::size_t to = line.find(" |", from + 1);
        if (from != 4 || to == std::string::npos || line[0] == '|') continue;
        EXPECT_EQ(std::stoul(line.substr(0, 4), nullptr, 16), octets.size()) << line;
        std::istringstream row(line.substr(from + 3, to - from - 3));
        for (std::string octet; row >> octet;) octets += static_cast<char>(std::stoul(octet, nullptr, 16));
    }
    return octets;
}

constexpr std::array<AddressId, 2> queues{AddressId{7}, AddressId{8}};
constexpr std::array<std::uint64_t, 10> ledger_numbers{10, 1, 5, 1, 1, 0, 1, 1, 0, 2};
constexpr std::array<std::uint64_t, 5> window_numbers{3, 12, 12, 5, 12};
constexpr std::array<std::uint64_t, 4> totals_numbers{1003, 4, 5, 6};

WallTime at(std::int64_t ms) {
    return WallTime{std::chrono::milliseconds(ms)};
}

StoreRecord of_copy(RecordKind kind) {
    StoreRecord record;
    record.kind = kind;
    record.queue = queues[0];
    record.message = MessageId{1000};
    return record;
}

StoreRecord a_queue() {
    StoreRecord record;
    record.kind = RecordKind::queue;
    record.queue = queues[0];
    record.name = "orders";
    return record;
}

StoreRecord a_message() {
    static const std::string next = std::string("\x81\x00\x01t", 4) + "world!";
    static const std::array<Content, 1> more{Content{as_octets(next).data(), 4, 6}};
    StoreRecord record;
    record.kind = RecordKind::accepted;
    record.priority = 4;
    record.message = MessageId{1000};
    record.at = at(1'800'000'000'000);
    record.sequence = 12;
    record.principal = Principal{1};
    record.queues = std::span(queues).first(1);
    record.session = as_octets("session 16 octet");
    record.fields = as_octets(std::string_view("\x81\x00\x01t", 4));
    record.body = as_octets("hello");
    record.more = more;
    return record;
}

std::vector<StoreRecord> every_kind() {
    StoreRecord settled = of_copy(RecordKind::settled);
    settled.outcome = Outcome::acked;
    settled.steps = as_octets("\x01\x03");
    StoreRecord attempted = of_copy(RecordKind::attempted);
    attempted.attempt = 2;
    attempted.at = at(1'800'000'005'000);
    static const std::string history = std::string("\0\0\1\xa3\x18\x5c\x50\1\0\0\0\1\0\x02\0\x03w1bad", 21) +
                                       std::string("\0\0\1\xa3\x18\x5c\x50\2\0\0\0\2\3\0\0\0", 16);
    attempted.history = as_octets(history);
    StoreRecord moved = a_message();
    moved.kind = RecordKind::moved;
    moved.queue = queues[1];
    moved.message = MessageId{1002};
    moved.origin = MessageId{1000};
    moved.from = queues[0];
    moved.reason = FailureReason::queue_full;
    moved.attempt = 3;
    moved.more = {};
    StoreRecord dead = of_copy(RecordKind::dead);
    dead.reason = FailureReason::lease_expired;
    dead.attempt = 5;
    dead.at = at(1'800'000'009'000);
    StoreRecord relocated = a_message();
    relocated.kind = RecordKind::relocated;
    relocated.priority = 31;
    relocated.message = MessageId{1001};
    relocated.at = at(1'800'000'000'001);
    relocated.sequence = 13;
    relocated.principal = Principal{2};
    relocated.queues = queues;
    relocated.session = {};
    relocated.body = as_octets("again");
    relocated.more = {};
    StoreRecord ledger;
    ledger.kind = RecordKind::ledger;
    ledger.queue = queues[0];
    ledger.numbers = ledger_numbers;
    StoreRecord window;
    window.kind = RecordKind::window;
    window.principal = Principal{1};
    window.session = as_octets("session 16 octet");
    window.numbers = window_numbers;
    StoreRecord totals;
    totals.kind = RecordKind::totals;
    totals.numbers = totals_numbers;
    return {a_queue(), a_message(), settled, attempted, moved, dead, relocated, ledger, window, totals};
}

std::string written(const std::vector<StoreRecord>& records, std::uint32_t epoch, std::uint64_t number) {
    Buffer batch;
    BatchWriter writer(batch);
    for (const StoreRecord& record : records) writer.add(record);
    writer.finish(epoch, number);
    return std::string(as_text(batch.octets()));
}

/// Reads `golden` and writes what was read.
std::string rewritten(const std::string& golden, std::uint32_t epoch, std::uint64_t number) {
    BatchRecords records;
    const auto head = records.add(as_octets(golden));
    EXPECT_TRUE(head.ok()) << head.error().text;
    EXPECT_EQ(head.value().epoch, epoch);
    EXPECT_EQ(head.value().number, number);
    return written({records.records().begin(), records.records().end()}, epoch, number);
}

TEST(GoldenBatch, OfThePageIsWhatIsWritten) {
    const std::string golden = octets_in("core/store/FORMAT.md");
    EXPECT_EQ(golden, written({a_queue(), a_message()}, 3, 41));
    EXPECT_EQ(golden, rewritten(golden, 3, 41));
}

TEST(GoldenBatch, WithARecordOfEveryKindIsWhatIsWritten) {
    const std::string golden = octets_in("tests/unit/store/golden_every_kind.txt");
    EXPECT_EQ(golden, written(every_kind(), 0x01020304, 0x0102030405060708));
    EXPECT_EQ(golden, rewritten(golden, 0x01020304, 0x0102030405060708));
}

}  // namespace
}  // namespace ym::store
