#include <algorithm>
#include <optional>

#include "fuzz/lies_in.h"
#include "fuzz/one_input.h"
#include "wire/ymp.h"

namespace ym::fuzz {
namespace {

using wire::DecodeError;
using wire::FieldCursor;
using wire::FieldView;
using wire::Frame;
using wire::FrameWriter;
using wire::Record;
using wire::RecordCursor;

const char* check_error(const DecodeError& error, Octets input, WireCounts& counts) {
    const auto* const part = std::find(wire::name_of(error.status) == "unknown" ? wire_parts.end() : wire_parts.begin(),
                                       wire_parts.end(), error.field);
    if (part == wire_parts.end()) return "an error names a part of the frame and a status";
    if (error.at > input.size()) return "an error's offset lies in the frame";
    ++counts.refused.at(static_cast<std::size_t>(part - wire_parts.begin()));
    return nullptr;
}

/// Reads all that can be read from the fields of a good record, and writes them again.
const char* check_fields(const Record& record, FrameWriter& writer, WireCounts& counts) {
    FieldCursor cursor(record.fields);
    FieldView field;
    std::size_t octets = 0;
    while (cursor.next(field)) {
        if (!lies_in(field.value, record.fields)) return "a field's value lies in its record's fields";
        octets += wire::field_head_bytes + field.value.size();
        if (octets > record.fields.size()) return "fields end where the body begins";
        ++counts.fields;
        if (const auto number = wire::as_u64(field.value)) {
            ++counts.numbers;
            if (*number != load_be<std::uint64_t>(field.value.data())) return "a number is the octets of its field";
        }
        const auto property = wire::as_property(field.value);
        if (property && field.tag == static_cast<std::uint8_t>(wire::Field::property)) {
            ++counts.properties;
            if (!lies_in(as_octets(property->name), field.value) || !lies_in(as_octets(property->value), field.value)) {
                return "a property's name and value lie in its field";
            }
            writer.property(property->name, property->value);
        } else {
            writer.raw_field(field.tag, field.value);
        }
    }
    return octets == record.fields.size() ? nullptr : "fields fill a good record's fields";
}

const char* check_records(const Frame& frame, Octets input, FrameWriter& writer, bool& faultless, WireCounts& counts) {
    RecordCursor cursor(frame);
    Record record;
    std::size_t steps = 0;
    for (;;) {
        const RecordCursor::Step step = cursor.next(record);
        if (step == RecordCursor::Step::end) break;
        if (++steps > frame.records.size() / wire::record_head_bytes + 1) return "a cursor comes to its end";
        if (record.at < frame.records_at || record.at >= input.size()) return "a record's offset lies in the records";
        if (step == RecordCursor::Step::bad) {
            faultless = false;
            if (const char* broken = check_error(cursor.error(), input, counts)) return broken;
            if (!record.fields.empty() || !record.body.empty()) return "a bad record shows no fields and no body";
            continue;
        }
        ++counts.records;
        if (!faultless) ++counts.behind_bad;
        if (!lies_in(record.fields, frame.records)) return "a record's fields lie in the frame";
        if (!lies_in(record.body, frame.records)) return "a record's body lies in the frame";
        writer.begin_record(record.code, record.id);
        if (const char* broken = check_fields(record, writer, counts)) return broken;
        writer.body(record.body);
    }
    return cursor.next(record) == RecordCursor::Step::end ? nullptr : "a cursor stays at its end";
}

}  // namespace

const char* fuzz_one_wire(const std::uint8_t* data, std::size_t size, WireCounts& counts) {
    const Octets input{reinterpret_cast<const std::byte*>(data), size};
    // Values of fields reach these two on their own as well.
    static_cast<void>(wire::as_u64(input));
    if (const auto property = wire::as_property(input)) {
        if (!lies_in(as_octets(property->name), input)) return "a property's name lies in its field";
        if (property->name.size() + property->value.size() + 1 != size) return "a property fills its field";
    }

    Frame frame;
    if (const std::optional<DecodeError> error = wire::parse_frame(input, frame)) {
        return check_error(*error, input, counts);
    }
    ++counts.frames;
    if (wire::name_of(frame.verb) == "unknown") return "a good head has a verb of the protocol";
    if (!lies_in(as_octets(frame.name), input)) return "a frame's name lies in the frame";
    if (!lies_in(frame.records, input)) return "a frame's records lie in the frame";
    if (frame.records_at + frame.records.size() != size) return "a frame's records go up to its end";

    static Buffer buffer;  // kept for its memory
    buffer.clear();
    FrameWriter writer(buffer);
    writer.begin(frame.verb, frame.flags, frame.name, frame.number);
    bool faultless = true;
    if (const char* broken = check_records(frame, input, writer, faultless, counts)) return broken;
    const Octets again = writer.end();
    if (!faultless) return nullptr;
    ++counts.rewritten;
    const bool same = std::equal(again.begin(), again.end(), input.begin(), input.end());
    return same ? nullptr : "a frame without a fault is written again as it was";
}

}  // namespace ym::fuzz
