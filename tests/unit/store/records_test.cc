#include "store/records.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>

#include "base/prng.h"
#include "broker/history.h"

namespace ym::store {
namespace {

/// A record that owns what its views show.
struct Owned {
    std::string name, session, fields, body, history;
    std::vector<AddressId> queues;
    std::vector<std::uint64_t> numbers;
    std::deque<std::string> contents;
    std::vector<Content> more;
    StoreRecord record;
};

std::string some_octets(Prng& random, std::uint64_t most) {
    std::string octets(random.below(most + 1), '\0');
    for (char& octet : octets) octet = static_cast<char>(random.below(256));
    return octets;
}

std::uint32_t some_word(Prng& random) {
    return static_cast<std::uint32_t>(random.next());
}

/// What a message brings along: of accepted, relocated and moved.
void add_message(Prng& random, Owned& made) {
    StoreRecord& record = made.record;
    record.priority = static_cast<std::uint8_t>(random.below(32));
    made.fields = some_octets(random, 300);
    made.body = some_octets(random, 2000);
    record.fields = as_octets(made.fields);
    record.body = as_octets(made.body);
}

void add_numbers(Prng& random, Owned& made, std::uint64_t most) {
    for (std::uint64_t left = random.below(most + 1); left > 0; --left) made.numbers.push_back(random.next());
    made.record.numbers = made.numbers;
}

void add_session(Prng& random, Owned& made) {
    made.session = some_octets(random, random.chance(1, 2) ? 16 : 0);
    made.record.session = as_octets(made.session);
    made.record.principal = Principal{some_word(random)};
}

/// Messages behind the first one: of accepted and relocated.
void add_more(Prng& random, Owned& made) {
    for (std::uint64_t left = random.chance(1, 2) ? random.below(20) : 0; left > 0; --left) {
        const std::string& octets = made.contents.emplace_back(some_octets(random, 200));
        const auto fields = static_cast<std::uint32_t>(random.below(octets.size() + 1));
        made.more.push_back({as_octets(octets).data(), fields, static_cast<std::uint32_t>(octets.size()) - fields});
    }
    made.record.more = made.more;
}

void add_history(Prng& random, Owned& made) {
    Histories histories;
    const std::string name = some_octets(random, 64);
    const std::string error = some_octets(random, 256);
    const PastAttempt past{{}, some_word(random), FailureReason::reject, name, error};
    for (std::uint64_t left = random.below(10); left > 0; --left) histories.add({}, {}, past);
    made.history = as_text(histories.of({}, {}));
    made.record.history = as_octets(made.history);
}

std::unique_ptr<Owned> some_record(Prng& random, RecordKind kind) {
    auto made = std::make_unique<Owned>();
    StoreRecord& record = made->record;
    record.kind = kind;
    record.queue = AddressId{some_word(random)};
    record.message = MessageId{random.next()};
    record.at = WallTime{std::chrono::milliseconds(static_cast<std::int64_t>(random.next()))};
    switch (kind) {
        case RecordKind::queue:
            made->name = some_octets(random, 255);
            record.name = made->name;
            break;
        case RecordKind::settled:
            record.outcome = static_cast<Outcome>(1 + random.below(6));
            for (std::uint64_t left = random.below(40); left > 0; --left) {
                made->fields += static_cast<char>(1 + random.below(255));
            }
            record.steps = as_octets(made->fields);
            record.message = MessageId{random.next() >> 1U};
            break;
        case RecordKind::dead: record.reason = static_cast<FailureReason>(random.below(dead_reason_count)); break;
        case RecordKind::moved:
            record.origin = MessageId{random.next()};
            record.from = AddressId{some_word(random)};
            record.reason = static_cast<FailureReason>(random.below(dead_reason_count));
            add_message(random, *made);
            break;
        case RecordKind::accepted:
        case RecordKind::relocated:
            record.queue = AddressId{};
            for (std::uint64_t left = random.below(5); left > 0; --left) {
                made->queues.push_back(AddressId{some_word(random)});
            }
            record.queues = made->queues;
            record.sequence = random.next();
            add_session(random, *made);
            add_message(random, *made);
            add_more(random, *made);
            break;
        case RecordKind::window:
            record.queue = AddressId{};
            add_session(random, *made);
            add_numbers(random, *made, 40);
            break;
        case RecordKind::attempted: break;
        case RecordKind::ledger:
        case RecordKind::totals: add_numbers(random, *made, 40); break;
    }
    if (kind == RecordKind::attempted || kind == RecordKind::dead || kind == RecordKind::moved) {
        record.attempt = some_word(random);
    }
    if (is_note(kind)) add_history(random, *made);
    const bool numbers_alone = kind == RecordKind::ledger || kind == RecordKind::window || kind == RecordKind::totals;
    if (numbers_alone || kind == RecordKind::queue) record.message = MessageId{};
    if (numbers_alone || kind == RecordKind::queue || kind == RecordKind::settled) record.at = WallTime{};
    return made;
}

constexpr std::uint64_t kind_count = 10;

std::unique_ptr<Owned> some_record(Prng& random) {
    return some_record(random, static_cast<RecordKind>(1 + random.below(kind_count)));
}

void expect_same(const StoreRecord& a, const StoreRecord& b) {
    EXPECT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.message, b.message);
    EXPECT_EQ(a.queue, b.queue);
    EXPECT_EQ(std::vector<AddressId>(a.queues.begin(), a.queues.end()),
              std::vector<AddressId>(b.queues.begin(), b.queues.end()));
    EXPECT_EQ(std::vector<std::uint64_t>(a.numbers.begin(), a.numbers.end()),
              std::vector<std::uint64_t>(b.numbers.begin(), b.numbers.end()));
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.outcome, b.outcome);
    EXPECT_EQ(as_text(a.steps), as_text(b.steps));
    EXPECT_EQ(as_text(a.history), as_text(b.history));
    EXPECT_EQ(a.attempt, b.attempt);
    EXPECT_EQ(a.origin, b.origin);
    EXPECT_EQ(a.from, b.from);
    EXPECT_EQ(a.reason, b.reason);
    EXPECT_EQ(a.at, b.at);
    EXPECT_EQ(a.priority, b.priority);
    EXPECT_EQ(a.principal, b.principal);
    EXPECT_EQ(a.sequence, b.sequence);
    EXPECT_EQ(as_text(a.session), as_text(b.session));
    EXPECT_EQ(as_text(a.fields), as_text(b.fields));
    EXPECT_EQ(as_text(a.body), as_text(b.body));
    ASSERT_EQ(a.more.size(), b.more.size());
    for (std::size_t i = 0; i < a.more.size(); ++i) {
        EXPECT_EQ(as_text(a.more[i].fields()), as_text(b.more[i].fields()));
        EXPECT_EQ(as_text(a.more[i].body()), as_text(b.more[i].body()));
    }
}

TEST(Records, ComeBackAsTheyWereWritten) {
    Prng random(20240601);
    for (int round = 0; round < 2000; ++round) {
        std::vector<std::unique_ptr<Owned>> written;
        for (std::uint64_t left = random.below(20); left > 0; --left) written.push_back(some_record(random));
        Buffer batch;
        BatchWriter writer(batch);
        std::size_t bytes = batch_head_bytes;
        for (const auto& owned : written) {
            writer.add(owned->record);
            bytes += encoded_bytes(owned->record);
        }
        writer.finish(7, 1000);
        ASSERT_EQ(batch.size(), bytes);

        Result<BatchReader> reader = BatchReader::open(batch.octets());
        ASSERT_TRUE(reader.ok());
        EXPECT_EQ(reader->head().epoch, 7U);
        EXPECT_EQ(reader->head().number, 1000U);
        StoreRecord record;
        for (const auto& owned : written) {
            Result<bool> step = reader->next(record);
            ASSERT_TRUE(step.ok() && step.value());
            expect_same(owned->record, record);
        }
        Result<bool> end = reader->next(record);
        ASSERT_TRUE(end.ok() && !end.value());
    }
}

TEST(Records, OfEveryKindComeBackAsTheyWereWritten) {
    for (std::uint64_t kind = 1; kind <= kind_count; ++kind) {
        Prng random(kind);
        for (int round = 0; round < 100; ++round) {
            const auto owned = some_record(random, static_cast<RecordKind>(kind));
            Buffer batch;
            BatchWriter writer(batch);
            writer.add(owned->record);
            writer.finish(1, 1);
            BatchRecords records;
            ASSERT_TRUE(records.add(batch.octets()).ok()) << kind;
            ASSERT_EQ(records.records().size(), 1U);
            expect_same(owned->record, records.records()[0]);
        }
    }
}

TEST(Records, OfSeveralBatchesStandInOneList) {
    Prng random(3);
    BatchRecords records;
    for (int round = 0; round < 20; ++round) {
        records.clear();
        std::vector<std::unique_ptr<Owned>> written;
        std::vector<std::unique_ptr<Buffer>> batches;  // borrowed as long as the records are
        for (std::uint64_t number = 1; number <= 50; ++number) {
            batches.push_back(std::make_unique<Buffer>());
            BatchWriter writer(*batches.back());
            for (std::uint64_t left = random.below(40); left > 0; --left) {
                written.push_back(some_record(random));
                writer.add(written.back()->record);
            }
            writer.finish(4, number);
            const auto head = records.add(batches.back()->octets());
            ASSERT_TRUE(head.ok());
            EXPECT_EQ(head.value().number, number);
        }
        ASSERT_EQ(records.records().size(), written.size());
        for (std::size_t i = 0; i < written.size(); ++i) expect_same(written[i]->record, records.records()[i]);
    }
}

TEST(Records, OfABrokenBatchAreNotAdded) {
    Prng random(4);
    Buffer batch;
    BatchWriter writer(batch);
    writer.add(some_record(random)->record);
    StoreRecord settled = some_record(random, RecordKind::settled)->record;
    settled.steps = {};
    writer.add(settled);
    writer.finish(1, 8);
    BatchRecords records;
    ASSERT_TRUE(records.add(batch.octets()).ok());
    batch.data()[batch.size() - 15] = std::byte{9};  // the outcome of the second record
    const auto head = records.add(batch.octets());
    ASSERT_FALSE(head.ok());
    EXPECT_EQ(head.error().text, "record 2 of batch 8: a layout that is unknown");
    EXPECT_EQ(records.records().size(), 2U);
}

/// Reads all records; true if none broke the layout.
bool reads_whole(Octets octets) {
    Result<BatchReader> reader = BatchReader::open(octets);
    if (!reader) return false;
    StoreRecord record;
    for (;;) {
        const Result<bool> step = reader->next(record);
        if (!step) return false;
        if (!step.value()) return true;
        // Every octet that the record claims must be there: a sanitizer sees a view beyond the batch.
        std::size_t sum = record.queues.size();
        for (const std::uint64_t number : record.numbers) sum += static_cast<std::size_t>(number);
        for (const Octets part : {record.session, record.fields, record.body, record.steps, as_octets(record.name)}) {
            for (const std::byte octet : part) sum += static_cast<std::size_t>(octet);
        }
        for (const Content& content : record.more) {
            for (const std::byte octet : content.body()) sum += static_cast<std::size_t>(octet);
        }
        [[maybe_unused]] volatile std::size_t sink = sum;
    }
}

TEST(Records, RefuseEveryCutOfABatch) {
    Prng random(5);
    Buffer batch;
    BatchWriter writer(batch);
    for (int count = 0; count < 5; ++count) {
        const auto owned = some_record(random);
        writer.add(owned->record);
    }
    writer.finish(1, 1);
    ASSERT_TRUE(reads_whole(batch.octets()));
    for (std::size_t size = 0; size < batch.size(); ++size) {
        ASSERT_FALSE(reads_whole(batch.octets(0, size))) << size;
    }
}

TEST(Records, SurviveAnyChangeOfOctets) {
    Prng random(6);
    for (int round = 0; round < 300; ++round) {
        Buffer batch;
        BatchWriter writer(batch);
        for (int count = 0; count < 4; ++count) {
            const auto owned = some_record(random);
            writer.add(owned->record);
        }
        writer.finish(1, 1);
        for (int change = 0; change < 100; ++change) {
            const std::unique_ptr<std::byte[]> copy(new std::byte[batch.size()]);
            std::memcpy(copy.get(), batch.data(), batch.size());
            for (std::uint64_t left = 1 + random.below(3); left > 0; --left) {
                copy[random.below(batch.size())] = static_cast<std::byte>(random.below(256));
            }
            (void)reads_whole({copy.get(), batch.size()});
        }
    }
}

TEST(Records, OfAnotherVersionAreRefusedByName) {
    Buffer batch;
    BatchWriter(batch).finish(1, 1);
    batch.data()[3] = std::byte{9};
    const Result<BatchReader> reader = BatchReader::open(batch.octets());
    ASSERT_FALSE(reader.ok());
    EXPECT_NE(reader.error().text.find("version 9"), std::string::npos) << reader.error().text;
}

TEST(Records, ThatAreAppendedAgainNameTheNewOwner) {
    Buffer batch;
    BatchWriter(batch).finish(1, 10);
    readdress(batch, 2, 11);
    const Result<BatchReader> reader = BatchReader::open(batch.octets());
    ASSERT_TRUE(reader.ok());
    EXPECT_EQ(reader.value().head().epoch, 2U);
    EXPECT_EQ(reader.value().head().number, 11U);
}

}  // namespace
}  // namespace ym::store
