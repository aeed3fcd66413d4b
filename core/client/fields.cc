#include "client/fields.h"

#include <utility>
#include <vector>

#include "base/time.h"

namespace ym::client {
namespace {

using wire::Field;

/// How the value of a known field reads.
bool is_number(Field field) {
    switch (field) {
        case Field::heartbeat_ms:
        case Field::bytes:
        case Field::through:
        case Field::priority:
        case Field::ttl_ms:
        case Field::not_before_ms:
        case Field::retry_after_ms:
        case Field::timestamp_ms:
        case Field::fence:
        case Field::first_accepted_ms:
        case Field::boot:
        case Field::epoch:
        case Field::broker_time_ms:
        case Field::frame_max:
        case Field::records_max:
        case Field::last_tag: return true;
        default: return false;
    }
}

Encoded finish(const Buffer& fields, std::string_view body) {
    Encoded encoded;
    encoded.fields_bytes = fields.size();
    encoded.octets.reserve(fields.size() + body.size());
    encoded.octets.append(as_text(fields.octets()));
    encoded.octets.append(body);
    return encoded;
}

void put(wire::FrameWriter& writer, Field field, std::string_view text) {
    // A value beyond 65,535 octets has no length on the wire; the broker's room for fields is smaller still.
    if (!text.empty()) writer.field(field, text.substr(0, 0xffff));
}

Octets view(const std::string& octets, std::size_t bytes) {
    return as_octets(octets).first(bytes);
}

}  // namespace

Encoded encode(const Message& message) {
    thread_local Buffer fields;
    fields.clear();
    wire::FrameWriter writer(fields);
    put(writer, Field::topic, message.topic);
    put(writer, Field::type, message.type);
    put(writer, Field::key, message.key);
    put(writer, Field::message_id, message.message_id);
    put(writer, Field::correlation, message.correlation);
    put(writer, Field::content_type, message.content_type);
    if (message.priority) writer.field(Field::priority, std::uint64_t{*message.priority});
    if (message.ttl) writer.field(Field::ttl_ms, to_ms(*message.ttl));
    if (message.not_before_ms) writer.field(Field::not_before_ms, *message.not_before_ms);
    for (const Header& header : message.headers) {
        if (header.name.empty() || header.name.size() > 255) continue;
        writer.property(header.name, header.value.substr(0, 0xffff - 1 - header.name.size()));
    }
    return finish(fields, message.body);
}

Encoded encode(std::string_view text, std::optional<Milliseconds> retry_after, std::string_view body) {
    thread_local Buffer fields;
    fields.clear();
    wire::FrameWriter writer(fields);
    put(writer, Field::text, text);
    if (retry_after) writer.field(Field::retry_after_ms, to_ms(*retry_after));
    return finish(fields, body);
}

std::string_view text_of(Octets fields, Field field) {
    wire::FieldCursor cursor(fields);
    for (wire::FieldView view; cursor.next(view);) {
        if (view.tag == static_cast<std::uint8_t>(field)) return as_text(view.value);
    }
    return {};
}

std::uint64_t number_of(Octets fields, Field field, std::uint64_t otherwise) {
    wire::FieldCursor cursor(fields);
    for (wire::FieldView view; cursor.next(view);) {
        if (view.tag == static_cast<std::uint8_t>(field)) return wire::as_u64(view.value).value_or(otherwise);
    }
    return otherwise;
}

std::uint8_t not_understood(Octets fields) {
    wire::FieldCursor cursor(fields);
    for (wire::FieldView view; cursor.next(view);) {
        if (wire::must_understand(view.tag) && (view.tag == 0 || view.tag > static_cast<std::uint8_t>(Field::parts))) {
            return view.tag;
        }
    }
    return 0;
}

std::string_view Delivery::text(std::uint8_t field) const {
    return text_of(view(octets_, fields_bytes_), static_cast<Field>(field));
}

std::uint64_t Delivery::number(std::uint8_t field) const {
    return number_of(view(octets_, fields_bytes_), static_cast<Field>(field), 0);
}

std::vector<std::pair<std::string, std::string>> fields_of(Octets fields) {
    std::vector<std::pair<std::string, std::string>> all;
    wire::FieldCursor cursor(fields);
    for (wire::FieldView one; cursor.next(one);) {
        const auto field = static_cast<Field>(one.tag);
        if (field == Field::property) continue;
        const std::string_view name = wire::name_of(field);
        const auto number = is_number(field) ? wire::as_u64(one.value) : std::nullopt;
        all.emplace_back(name, number ? std::to_string(*number) : std::string(as_text(one.value)));
    }
    return all;
}

std::vector<std::pair<std::string, std::string>> headers_of(Octets fields) {
    std::vector<std::pair<std::string, std::string>> all;
    wire::FieldCursor cursor(fields);
    for (wire::FieldView one; cursor.next(one);) {
        if (one.tag != static_cast<std::uint8_t>(Field::property)) continue;
        if (const auto property = wire::as_property(one.value)) all.emplace_back(property->name, property->value);
    }
    return all;
}

std::vector<std::pair<std::string, std::string>> Delivery::fields() const {
    return fields_of(view(octets_, fields_bytes_));
}

std::vector<std::pair<std::string, std::string>> Delivery::headers() const {
    return headers_of(view(octets_, fields_bytes_));
}

std::optional<std::string_view> Delivery::header(std::string_view name) const {
    wire::FieldCursor cursor(view(octets_, fields_bytes_));
    for (wire::FieldView one; cursor.next(one);) {
        if (one.tag != static_cast<std::uint8_t>(Field::property)) continue;
        const auto property = wire::as_property(one.value);
        if (property && property->name == name) return property->value;
    }
    return std::nullopt;
}

}  // namespace ym::client
