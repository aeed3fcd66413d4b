#include "wire/ymp.h"

#include "base/check.h"

namespace ym::wire {
namespace {

// Offsets in a head and in a record, as PROTOCOL.md numbers them.
constexpr std::size_t verb_at = 4;
constexpr std::size_t flags_at = 5;
constexpr std::size_t name_length_at = 6;
constexpr std::size_t number_at = 8;
constexpr std::size_t body_at_at = 4;
constexpr std::size_t code_at = 6;
constexpr std::size_t id_at = 8;

DecodeError malformed(std::string_view field, std::size_t at) {
    return {Status::malformed, field, static_cast<std::uint32_t>(at)};
}

/// "YMP" and a digit other than ours. What follows it may look different, so this is asked before all else.
bool is_other_version(Octets octets) {
    if (octets.size() < 4) return false;
    const auto word = load_be<std::uint32_t>(octets.data());
    const std::uint32_t digit = word & 0xffU;
    return (word >> 8U) == (magic >> 8U) && word != magic && digit >= '0' && digit <= '9';
}

bool is_verb(std::uint8_t verb) {
    return (verb >= 1 && verb <= 7) || (verb >= 17 && verb <= 22);
}

/// Where in `fields` the walk of fields ends: its size when all of them fit.
std::size_t fields_end(Octets fields) {
    std::size_t end = 0;
    while (fields.size() - end >= field_head_bytes) {
        const std::size_t next = end + field_head_bytes + load_be<std::uint16_t>(fields.data() + end + 1);
        if (next > fields.size()) break;
        end = next;
    }
    return end;
}

}  // namespace

std::optional<DecodeError> parse_frame(Octets octets, Frame& frame) {
    if (is_other_version(octets)) return DecodeError{Status::version, "magic", 0};
    if (octets.size() < head_bytes) return malformed("head", 0);
    const std::byte* at = octets.data();
    if (load_be<std::uint32_t>(at) != magic) return malformed("magic", 0);
    const auto verb = static_cast<std::uint8_t>(at[verb_at]);
    if (!is_verb(verb)) return malformed("verb", verb_at);
    const std::size_t name_bytes = load_be<std::uint16_t>(at + name_length_at);
    if (name_bytes > octets.size() - head_bytes || name_bytes > name_bytes_max) {
        return malformed("name length", name_length_at);
    }
    frame.verb = static_cast<Verb>(verb);
    frame.flags = static_cast<std::uint8_t>(at[flags_at]);
    frame.number = load_be<std::uint64_t>(at + number_at);
    frame.name = as_text(octets.subspan(head_bytes, name_bytes));
    frame.records = octets.subspan(head_bytes + name_bytes);
    frame.records_at = static_cast<std::uint32_t>(head_bytes + name_bytes);
    return std::nullopt;
}

RecordCursor::Step RecordCursor::next(Record& out) {
    if (left_.empty()) return Step::end;
    const std::size_t start = at_;
    const auto spoil = [&](std::string_view field, std::size_t at) {
        error_ = malformed(field, start + at);
        out.fields = out.body = {};
        return Step::bad;
    };
    const auto spoil_rest = [&](std::string_view field) {
        left_ = {};
        out.code = 0;
        out.id = 0;
        return spoil(field, 0);
    };
    out.at = at_;
    if (left_.size() < record_head_bytes) return spoil_rest("record");
    const std::size_t length = load_be<std::uint32_t>(left_.data());
    if (length < record_head_bytes || length > left_.size()) return spoil_rest("length");

    const Octets record = left_.first(length);
    left_ = left_.subspan(length);
    at_ += static_cast<std::uint32_t>(length);
    out.code = load_be<std::uint16_t>(record.data() + code_at);
    out.id = load_be<std::uint64_t>(record.data() + id_at);

    const std::size_t body_at = load_be<std::uint16_t>(record.data() + body_at_at);
    if (body_at < record_head_bytes || body_at > length) return spoil("body at", body_at_at);
    const Octets fields = record.subspan(record_head_bytes, body_at - record_head_bytes);
    const std::size_t end = fields_end(fields);
    if (end != fields.size()) return spoil("field", record_head_bytes + end);
    out.fields = fields;
    out.body = record.subspan(body_at);
    return Step::record;
}

std::optional<Property> as_property(Octets value) {
    if (value.empty()) return std::nullopt;
    const auto name_bytes = static_cast<std::size_t>(value[0]);
    if (name_bytes == 0 || name_bytes > value.size() - 1) return std::nullopt;
    return Property{as_text(value.subspan(1, name_bytes)), as_text(value.subspan(1 + name_bytes))};
}

void FrameWriter::property(std::string_view name, std::string_view value) {
    const std::size_t bytes = 1 + name.size() + value.size();
    YM_CHECK(!name.empty() && name.size() <= 255 && bytes <= 0xffff);
    std::byte* at = out_.grow(field_head_bytes + 1);
    at[0] = static_cast<std::byte>(Field::property);
    store_be(at + 1, static_cast<std::uint16_t>(bytes));
    at[3] = static_cast<std::byte>(name.size());
    out_.append(as_octets(name));
    out_.append(as_octets(value));
}

std::string_view name_of(Verb verb) {
    switch (verb) {
        case Verb::hello: return "HELLO";
        case Verb::publish: return "PUBLISH";
        case Verb::settle: return "SETTLE";
        case Verb::credit: return "CREDIT";
        case Verb::heartbeat: return "HEARTBEAT";
        case Verb::drain: return "DRAIN";
        case Verb::bye: return "BYE";
        case Verb::welcome: return "WELCOME";
        case Verb::confirm: return "CONFIRM";
        case Verb::deliver: return "DELIVER";
        case Verb::lost: return "LOST";
        case Verb::reply: return "REPLY";
        case Verb::error: return "ERROR";
    }
    return "unknown";
}

std::string_view name_of(Field field) {
    switch (field) {
        case Field::session: return "session";
        case Field::versions: return "versions";
        case Field::queue: return "queue";
        case Field::heartbeat_ms: return "heartbeat-ms";
        case Field::bytes: return "bytes";
        case Field::through: return "through";
        case Field::priority: return "priority";
        case Field::ttl_ms: return "ttl-ms";
        case Field::not_before_ms: return "not-before-ms";
        case Field::key: return "key";
        case Field::message_id: return "message-id";
        case Field::retry_after_ms: return "retry-after-ms";
        case Field::parts: return "parts";
        case Field::text: return "text";
        case Field::topic: return "topic";
        case Field::type: return "type";
        case Field::timestamp_ms: return "timestamp-ms";
        case Field::reply_to: return "reply-to";
        case Field::correlation: return "correlation";
        case Field::content_type: return "content-type";
        case Field::encoding: return "encoding";
        case Field::traceparent: return "traceparent";
        case Field::tracestate: return "tracestate";
        case Field::fence: return "fence";
        case Field::first_accepted_ms: return "first-accepted-ms";
        case Field::property: return "property";
        case Field::boot: return "boot";
        case Field::epoch: return "epoch";
        case Field::broker_time_ms: return "broker-time-ms";
        case Field::frame_max: return "frame-max";
        case Field::records_max: return "records-max";
        case Field::last_tag: return "last-tag";
        case Field::endpoint: return "endpoint";
    }
    return "unknown";
}

std::string_view name_of(Status status) {
    switch (status) {
        case Status::ok: return "ok";
        case Status::part: return "part";
        case Status::duplicate: return "duplicate";
        case Status::malformed: return "malformed";
        case Status::no_address: return "no such address";
        case Status::unmatched: return "unmatched";
        case Status::stale_tag: return "stale tag";
        case Status::too_old: return "too old";
        case Status::too_large: return "too large";
        case Status::version: return "version";
        case Status::say_hello: return "say HELLO";
        case Status::beyond_window: return "beyond window";
        case Status::draining: return "draining";
        case Status::timeout: return "timeout";
        case Status::full: return "full";
    }
    return "unknown";
}

}  // namespace ym::wire
