#include "broker/column.h"

#include "base/check.h"
#include "wire/ymp.h"

namespace ym {

using wire::Field;

Column column_of(const std::string& name) {
    if (name == "topic") return {ColumnKind::topic, {}};
    if (name == "type") return {ColumnKind::type, {}};
    if (name == "key") return {ColumnKind::key, {}};
    constexpr std::string_view header = "header.";
    YM_CHECK(name.starts_with(header));
    return {ColumnKind::header, name.substr(header.size())};
}

std::string_view header_of(Octets fields, std::string_view name) {
    wire::FieldCursor cursor(fields);
    wire::FieldView field;
    while (cursor.next(field)) {
        if (static_cast<Field>(field.tag) != Field::property) continue;
        const auto property = wire::as_property(field.value);
        if (property && property->name == name) return property->value;
    }
    return {};
}

std::string_view field_of(Octets fields, const Column& column) {
    if (column.kind == ColumnKind::header) return header_of(fields, column.header);
    const Field wanted = column.kind == ColumnKind::topic  ? Field::topic
                         : column.kind == ColumnKind::type ? Field::type
                                                           : Field::key;
    wire::FieldCursor cursor(fields);
    wire::FieldView field;
    while (cursor.next(field)) {
        if (static_cast<Field>(field.tag) == wanted) return as_text(field.value);
    }
    return {};
}

}  // namespace ym
