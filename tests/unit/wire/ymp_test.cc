// What vectors cannot show: limits of the writer, several frames in one buffer, names, allocations.
#include "wire/ymp.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <new>
#include <set>
#include <string>

namespace {
std::size_t allocations = 0;
}

// The decoder promises to allocate nothing; this program counts.
void* operator new(std::size_t size) {
    ++allocations;
    if (void* at = std::malloc(size)) return at;
    throw std::bad_alloc();
}
void operator delete(void* at) noexcept {
    std::free(at);
}
void operator delete(void* at, std::size_t) noexcept {
    std::free(at);
}

namespace ym::wire {
namespace {

Frame parsed(Octets octets) {
    Frame frame;
    EXPECT_FALSE(parse_frame(octets, frame).has_value());
    return frame;
}

TEST(FrameWriter, PutsSeveralFramesIntoOneBuffer) {
    Buffer buffer;
    FrameWriter writer(buffer);
    writer.begin(Verb::publish, 0, "orders", 0);
    writer.begin_record(0, 1);
    writer.body(as_octets("one"));
    const std::size_t first = writer.end().size();
    EXPECT_EQ(first, head_bytes + 6 + record_head_bytes + 3);
    writer.begin(Verb::heartbeat, 0, "", 0);
    EXPECT_EQ(writer.size(), head_bytes);
    const Octets second = writer.end();
    EXPECT_EQ(second.size(), head_bytes);
    EXPECT_EQ(buffer.size(), first + head_bytes);
    EXPECT_EQ(parsed(second).verb, Verb::heartbeat);
    EXPECT_EQ(parsed(buffer.octets(0, first)).verb, Verb::publish);
}

TEST(FrameWriter, TakesFieldsAndBodyThatAreEncodedAlready) {
    Buffer source;
    FrameWriter original(source);
    original.begin(Verb::publish, 0, "q", 0);
    original.begin_record(0, 7);
    original.field(Field::topic, "a.b");
    original.property("colour", "red");
    original.body(as_octets("body"));
    RecordCursor cursor(parsed(original.end()));
    Record record;
    ASSERT_EQ(cursor.next(record), RecordCursor::Step::record);
    const std::string together = std::string(as_text(record.fields)) + std::string(as_text(record.body));

    Buffer apart;
    FrameWriter one(apart);
    one.begin(Verb::publish, 0, "q", 0);
    one.begin_record(0, 7);
    one.encoded_fields(record.fields);
    one.body(record.body);
    EXPECT_EQ(as_text(one.end()), as_text(source.octets()));

    Buffer joined;
    FrameWriter other(joined);
    other.begin(Verb::publish, 0, "q", 0);
    other.begin_record(0, 7);
    other.fields_and_body(as_octets(together), record.fields.size());
    EXPECT_EQ(as_text(other.end()), as_text(source.octets()));
}

TEST(FrameWriter, FillsARecordWithFieldsUpToItsLimit) {
    const std::string value(fields_bytes_max - field_head_bytes, 'v');
    Buffer buffer;
    FrameWriter writer(buffer);
    writer.begin(Verb::publish, 0, "q", 0);
    writer.begin_record(0, 1);
    writer.field(Field::topic, value);
    writer.body(as_octets("body"));
    RecordCursor cursor(parsed(writer.end()));
    Record record;
    ASSERT_EQ(cursor.next(record), RecordCursor::Step::record);
    EXPECT_EQ(record.fields.size(), fields_bytes_max);
    EXPECT_EQ(as_text(record.body), "body");
}

TEST(FrameWriterDeathTest, RefusesWhatNoFrameCanHold) {
    const std::string long_name(name_bytes_max + 1, 'n');
    const std::string long_value(0x10000, 'v');
    const std::string half(0x9000, 'h');
    Buffer buffer;
    FrameWriter writer(buffer);
    EXPECT_DEATH(writer.begin(Verb::publish, 0, long_name, 0), "name.size");
    writer.begin(Verb::publish, 0, "q", 0);
    writer.begin_record(0, 1);
    EXPECT_DEATH(writer.field(Field::topic, long_value), "value.size");
    EXPECT_DEATH(writer.property("", "value"), "name.empty");
    EXPECT_DEATH(writer.property(long_name, "value"), "name.size");
    EXPECT_DEATH(writer.property("n", std::string_view(long_value).substr(2)), "bytes <= 0xffff");
    writer.field(Field::topic, half);
    writer.field(Field::type, half);
    EXPECT_DEATH(writer.body({}), "at <= 0xffff");
    EXPECT_DEATH(static_cast<void>(writer.end()), "at <= 0xffff");
}

TEST(FieldCursor, StopsAtOctetsThatAreNoField) {
    const std::string cut(
        "\x81\x00\x05"
        "abcd",
        7);
    FieldCursor cursor(as_octets(cut));
    FieldView field;
    EXPECT_FALSE(cursor.next(field));
    FieldCursor nothing(Octets{});
    EXPECT_FALSE(nothing.next(field));
}

TEST(RecordCursor, ClearsWhatTheRecordBeforeHeld) {
    Buffer buffer;
    FrameWriter writer(buffer);
    writer.begin(Verb::publish, 0, "q", 0);
    writer.begin_record(9, 1);
    writer.field(Field::topic, "t");
    writer.body(as_octets("body"));
    static_cast<void>(writer.end());
    buffer.append(as_octets("cut"));
    RecordCursor cursor(parsed(buffer.octets()));
    Record record;
    ASSERT_EQ(cursor.next(record), RecordCursor::Step::record);
    ASSERT_EQ(cursor.next(record), RecordCursor::Step::bad);
    EXPECT_EQ(record.id, 0U);
    EXPECT_EQ(record.code, 0U);
    EXPECT_TRUE(record.fields.empty());
    EXPECT_TRUE(record.body.empty());
}

TEST(Decoder, AllocatesNothing) {
    Buffer buffer;
    FrameWriter writer(buffer);
    writer.begin(Verb::publish, 0, "orders", 0);
    for (std::uint64_t i = 0; i < 100; ++i) {
        writer.begin_record(0, i);
        writer.field(Field::priority, i);
        writer.property("n", "v");
    }
    const Octets octets = writer.end();
    const std::size_t before = allocations;
    Frame frame;
    const bool failed = parse_frame(octets, frame).has_value();
    RecordCursor cursor(frame);
    Record record;
    std::uint64_t sum = 0;
    while (cursor.next(record) == RecordCursor::Step::record) {
        FieldCursor fields(record.fields);
        FieldView field;
        while (fields.next(field)) sum += as_u64(field.value).value_or(0);
    }
    const std::size_t after = allocations;
    EXPECT_FALSE(failed);
    EXPECT_EQ(sum, 4950U);
    EXPECT_EQ(after, before);
    EXPECT_GT(before, 0U);  // the count works
}

TEST(Names, AreThereForEachVerbFieldAndStatusAndNoneTwice) {
    std::multiset<std::string_view> names;
    for (unsigned i = 0; i < 2000; ++i) {
        if (i < 256) names.insert(name_of(static_cast<Verb>(i)));
        if (i < 256) names.insert(name_of(static_cast<Field>(i)));
        names.insert(name_of(static_cast<Status>(i)));
    }
    EXPECT_EQ(names.count("unknown"), 256U + 256U + 2000U - 13U - 33U - 15U);
    names.erase("unknown");
    for (const std::string_view name : names) {
        // `draining` and the like may not be said of two things.
        EXPECT_EQ(names.count(name), 1U) << name;
    }
}

TEST(Tags, TellWhetherTheyMustBeUnderstood) {
    EXPECT_TRUE(must_understand(static_cast<std::uint8_t>(Field::session)));
    EXPECT_TRUE(must_understand(0x7f));
    EXPECT_FALSE(must_understand(static_cast<std::uint8_t>(Field::text)));
    EXPECT_FALSE(must_understand(0xff));
}

}  // namespace
}  // namespace ym::wire
