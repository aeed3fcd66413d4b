// Our decoder and encoder against the vectors that an independent script made.
#include "unit/wire/vectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace ym::wire::test {
namespace {

const std::vector<Vector>& vectors() {
    static const std::vector<Vector> all = read_vectors(YM_VECTORS);
    return all;
}

void expect_error(const DecodeError& found, const VectorError& wanted) {
    EXPECT_EQ(static_cast<std::uint16_t>(found.status), wanted.status);
    EXPECT_EQ(found.field, wanted.field);
    EXPECT_EQ(found.at, wanted.at);
}

void expect_field(const FieldView& found, const VectorField& wanted) {
    EXPECT_EQ(found.tag, wanted.tag);
    const bool is_property = found.tag == static_cast<std::uint8_t>(Field::property);
    switch (wanted.kind) {
        case ValueKind::number: EXPECT_EQ(as_u64(found.value), wanted.number); break;
        case ValueKind::octets:
            EXPECT_EQ(as_text(found.value), wanted.value);
            if (wanted.bad) {
                EXPECT_FALSE(is_property ? as_property(found.value).has_value() : as_u64(found.value).has_value());
            }
            break;
        case ValueKind::property: {
            const auto property = as_property(found.value);
            ASSERT_TRUE(property.has_value());
            EXPECT_EQ(property->name, wanted.name);
            EXPECT_EQ(property->value, wanted.value);
            break;
        }
    }
}

void expect_record(const Record& found, const VectorRecord& wanted) {
    EXPECT_EQ(found.code, wanted.code);
    EXPECT_EQ(as_text(found.body), wanted.body);
    FieldCursor fields(found.fields);
    FieldView field;
    for (const VectorField& one : wanted.fields) {
        ASSERT_TRUE(fields.next(field));
        expect_field(field, one);
    }
    EXPECT_FALSE(fields.next(field));
}

void expect_frame(const Vector& wanted) {
    Frame frame;
    const auto error = parse_frame(as_octets(wanted.octets), frame);
    ASSERT_EQ(error.has_value(), wanted.error.has_value());
    if (error) {
        expect_error(*error, *wanted.error);
        return;
    }
    EXPECT_EQ(frame.verb, wanted.verb);
    EXPECT_EQ(frame.flags, wanted.flags);
    EXPECT_EQ(frame.number, wanted.number);
    EXPECT_EQ(frame.name, wanted.to);
    RecordCursor cursor(frame);
    Record record;
    for (const VectorRecord& one : wanted.records) {
        const RecordCursor::Step step = cursor.next(record);
        ASSERT_EQ(step, one.error ? RecordCursor::Step::bad : RecordCursor::Step::record);
        EXPECT_EQ(record.at, one.at);
        EXPECT_EQ(record.id, one.id);
        if (one.error) {
            expect_error(cursor.error(), *one.error);
        } else {
            expect_record(record, one);
        }
    }
    EXPECT_EQ(cursor.next(record), RecordCursor::Step::end);
    EXPECT_EQ(cursor.next(record), RecordCursor::Step::end);
}

TEST(Vectors, DecodeToWhatTheySay) {
    for (const Vector& vector : vectors()) {
        SCOPED_TRACE(vector.name);
        expect_frame(vector);
    }
}

TEST(Vectors, ThatAreWellFormedAreWhatTheWriterWrites) {
    for (const Vector& vector : vectors()) {
        if (!vector.well_formed()) continue;
        SCOPED_TRACE(vector.name);
        Buffer buffer;
        EXPECT_EQ(as_text(write(vector, buffer)), vector.octets);
    }
}

TEST(Vectors, CoverEveryVerbAndField) {
    std::set<unsigned> verbs;
    std::set<unsigned> tags;
    for (const Vector& vector : vectors()) {
        if (!vector.well_formed()) continue;
        verbs.insert(static_cast<unsigned>(vector.verb));
        for (const VectorRecord& record : vector.records) {
            for (const VectorField& field : record.fields) tags.insert(field.tag);
        }
    }
    for (unsigned i = 0; i < 256; ++i) {
        const bool is_verb = name_of(static_cast<Verb>(i)) != "unknown";
        const bool is_field = name_of(static_cast<Field>(i)) != "unknown";
        EXPECT_TRUE(!is_verb || verbs.count(i) > 0) << "verb " << i;
        EXPECT_TRUE(!is_field || tags.count(i) > 0) << "tag " << i;
    }
    EXPECT_EQ(verbs.size(), 13U);
    EXPECT_GE(tags.size(), 33U + 2U);  // two that nobody knows, on either side of 0x80
}

TEST(Vectors, CoverEachKindOfMalformation) {
    std::set<std::string> parts;
    std::size_t malformed = 0;
    for (const Vector& vector : vectors()) {
        if (!vector.well_formed()) ++malformed;
        if (vector.error) parts.insert(vector.error->field);
        for (const VectorRecord& record : vector.records) {
            if (record.error) parts.insert(record.error->field);
        }
    }
    EXPECT_THAT(parts, testing::UnorderedElementsAre("head", "magic", "verb", "name length", "record", "length",
                                                     "body at", "field"));
    EXPECT_GE(malformed, 30U);
    EXPECT_GE(vectors().size(), 80U);
}

}  // namespace
}  // namespace ym::wire::test
