// Fields of a record, found by their tag.
#pragma once

#include <vector>

#include "wire/ymp.h"

namespace ym::simulation {

inline Octets field_octets(const wire::Record& record, wire::Field tag) {
    wire::FieldCursor fields(record.fields);
    wire::FieldView field;
    while (fields.next(field)) {
        if (field.tag == static_cast<std::uint8_t>(tag)) return field.value;
    }
    return {};
}

inline std::uint64_t field_number(const wire::Record& record, wire::Field tag, std::uint64_t otherwise) {
    return wire::as_u64(field_octets(record, tag)).value_or(otherwise);
}

/// True if the record holds the one field that the simulated peers know to be unknown.
inline bool has_unknown_field(const wire::Record& record) {
    return !field_octets(record, static_cast<wire::Field>(0x7f)).empty();
}

inline std::size_t record_bytes(const wire::Record& record) {
    return wire::record_head_bytes + record.fields.size() + record.body.size();
}

/// The body as a Majordomo peer wrote it: of one with the field `parts` its frames, one behind the other. Nothing if
/// they are not `u32 length, octets` to the end.
inline std::vector<std::byte> whole_body(Octets fields, Octets body, std::size_t* frames = nullptr) {
    bool parted = false;
    wire::FieldCursor cursor(fields);
    wire::FieldView field;
    while (cursor.next(field)) parted = parted || field.tag == static_cast<std::uint8_t>(wire::Field::parts);
    if (frames != nullptr) *frames = 1;
    if (!parted) return {body.begin(), body.end()};
    std::vector<std::byte> whole;
    std::size_t count = 0;
    while (!body.empty()) {
        if (body.size() < 4) return {};
        const std::size_t length = load_be<std::uint32_t>(body.data());
        if (length > body.size() - 4) return {};
        const Octets part = body.subspan(4, length);
        whole.insert(whole.end(), part.begin(), part.end());
        body = body.subspan(4 + length);
        ++count;
    }
    if (frames != nullptr) *frames = count;
    return whole;
}

}  // namespace ym::simulation
