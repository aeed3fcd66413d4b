// Fields of a record, found by their tag.
#pragma once

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

}  // namespace ym::simulation
