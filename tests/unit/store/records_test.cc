#include "store/records.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/prng.h"

namespace ym::store {
namespace {

/// A record that owns what its views show.
struct Owned {
    std::string name, session, fields, body;
    std::vector<AddressId> queues;
    StoreRecord record;
};

std::string some_octets(Prng& random, std::uint64_t most) {
    std::string octets(random.below(most + 1), '\0');
    for (char& octet : octets) octet = static_cast<char>(random.below(256));
    return octets;
}

std::unique_ptr<Owned> some_record(Prng& random) {
    auto made = std::make_unique<Owned>();
    StoreRecord& record = made->record;
    record.kind = static_cast<RecordKind>(1 + random.below(5));
    if (record.kind != RecordKind::queue) record.message = MessageId{random.next()};
    if (record.kind != RecordKind::accepted) record.queue = AddressId{static_cast<std::uint32_t>(random.next())};
    if (record.kind == RecordKind::queue) {
        made->name = some_octets(random, 255);
        record.name = made->name;
    }
    if (record.kind == RecordKind::settled) record.outcome = static_cast<Outcome>(1 + random.below(6));
    const bool moved = record.kind == RecordKind::moved;
    if (moved || record.kind == RecordKind::attempted) record.attempt = static_cast<std::uint32_t>(random.next());
    if (record.kind != RecordKind::queue && record.kind != RecordKind::settled) {
        record.at = WallTime{std::chrono::milliseconds(static_cast<std::int64_t>(random.next()))};
    }
    if (moved) {
        record.origin = MessageId{random.next()};
        record.from = AddressId{static_cast<std::uint32_t>(random.next())};
        record.reason = static_cast<FailureReason>(random.below(dead_reason_count));
        record.priority = static_cast<std::uint8_t>(random.below(32));
        made->fields = some_octets(random, 300);
        made->body = some_octets(random, 2000);
        record.fields = as_octets(made->fields);
        record.body = as_octets(made->body);
    }
    if (record.kind != RecordKind::accepted) return made;
    for (std::uint64_t left = random.below(5); left > 0; --left) {
        made->queues.push_back(AddressId{static_cast<std::uint32_t>(random.next())});
    }
    made->session = some_octets(random, random.chance(1, 2) ? 16 : 0);
    made->fields = some_octets(random, 300);
    made->body = some_octets(random, 2000);
    record.queues = made->queues;
    record.priority = static_cast<std::uint8_t>(random.below(32));
    record.principal = Principal{static_cast<std::uint32_t>(random.next())};
    record.sequence = random.next();
    record.session = as_octets(made->session);
    record.fields = as_octets(made->fields);
    record.body = as_octets(made->body);
    return made;
}

void expect_same(const StoreRecord& a, const StoreRecord& b) {
    EXPECT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.message, b.message);
    EXPECT_EQ(a.queue, b.queue);
    EXPECT_EQ(std::vector<AddressId>(a.queues.begin(), a.queues.end()),
              std::vector<AddressId>(b.queues.begin(), b.queues.end()));
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.outcome, b.outcome);
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
        for (const Octets part : {record.session, record.fields, record.body, as_octets(record.name)}) {
            for (const std::byte octet : part) sum += static_cast<std::size_t>(octet);
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
