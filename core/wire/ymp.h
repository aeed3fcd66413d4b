// YMP/1 as values: verbs, fields, statuses, and the views that a decoder gives. The specification is
// PROTOCOL.md beside this file. Pure: no clock, socket, file or thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"

namespace ym::wire {

inline constexpr std::uint32_t magic = 0x594d5031;  // "YMP1"
inline constexpr std::size_t head_bytes = 16;
inline constexpr std::size_t record_head_bytes = 16;
inline constexpr std::size_t field_head_bytes = 3;
inline constexpr std::size_t session_bytes = 16;
inline constexpr std::size_t name_bytes_max = 255;  // of a queue, pipeline or peer

enum class Verb : std::uint8_t {
    hello = 1,  // number: highest tag that may be used; its record's id: the lowest sequence that may still come
    publish = 2,
    settle = 3,
    credit = 4,
    heartbeat = 5,
    drain = 6,
    bye = 7,
    welcome = 17,
    confirm = 18,
    deliver = 19,
    lost = 20,
    reply = 21,
    error = 22,
};

/// Bits of the head's flags.
inline constexpr std::uint8_t flag_body_in_second_frame = 1;
inline constexpr std::uint8_t flag_tell_durable = 2;  // SETTLE: answer when the settlement is durable

/// Code of a PUBLISH record.
inline constexpr std::uint16_t publish_plain = 0;
inline constexpr std::uint16_t publish_wants_reply = 1;

/// Code of a CONFIRM record that answers a SETTLE with flag_tell_durable: its ids are tags, not sequences.
inline constexpr std::uint16_t confirm_settled = 1000;

/// Code of a SETTLE record.
enum class SettleCode : std::uint16_t {
    ack = 0,        // done; the body, if any, is the reply
    nack = 1,       // failed: another attempt, by the queue's retry plugin
    reject = 2,     // failed: never again
    throttled = 3,  // not now: after retry-after-ms
    release = 4,    // not begun: another worker may have it at once, no attempt is used up
    extend = 5,     // the lease begins anew
    part = 6,       // a part of the reply; the last comes with the ack
    result = 7,     // for the queue's `next`; stands before its ack in the same frame
};

/// As HTTP's classes: 2xx taken, 4xx do not send again as it is, 429 and 5xx send again later.
enum class Status : std::uint16_t {
    ok = 200,
    part = 206,
    duplicate = 208,
    malformed = 400,
    no_address = 404,
    unmatched = 406,
    stale_tag = 409,
    too_old = 410,  // CONFIRM: below the window. REPLY: the request became a dead letter
    too_large = 413,
    version = 426,
    say_hello = 428,
    beyond_window = 429,
    draining = 503,
    timeout = 504,
    full = 507,
};

/// Tags of fields. High bit clear: the receiver must understand it or refuse; set: pass on.
enum class Field : std::uint8_t {
    session = 0x01,         // 16 octets
    versions = 0x02,        // one octet each, wanted versions of YMP
    queue = 0x03,           // text, repeated: queues to work on
    heartbeat_ms = 0x04,    // u64
    bytes = 0x05,           // u64: body octets that may be sent in all since the last WELCOME
    through = 0x06,         // u64: the record stands for id..through; HELLO: highest sent; WELCOME: first window
    priority = 0x07,        // u64, 0..31, 31 first
    ttl_ms = 0x08,          // u64
    not_before_ms = 0x09,   // u64, wall time
    key = 0x0a,             // text
    message_id = 0x0b,      // text
    retry_after_ms = 0x0c,  // u64
    parts = 0x0d,           // no value: the body is `u32 length, octets` repeated
    text = 0x80,
    topic = 0x81,
    type = 0x82,
    timestamp_ms = 0x83,  // u64
    reply_to = 0x84,
    correlation = 0x85,
    content_type = 0x86,
    encoding = 0x87,
    traceparent = 0x88,
    tracestate = 0x89,
    fence = 0x8a,              // u64
    first_accepted_ms = 0x8b,  // u64, wall time
    property = 0x8c,           // u8 n, n octets of name, value
    boot = 0x8d,               // u64: changes with each start of the broker
    epoch = 0x8e,              // u64
    broker_time_ms = 0x8f,     // u64, wall time
    frame_max = 0x90,          // u64, octets of one frame
    records_max = 0x91,        // u64, records of one frame
    last_tag = 0x92,           // u64, highest tag of this session
    endpoint = 0x93,           // text; reserved for a redirect in DRAIN
};

[[nodiscard]] constexpr bool must_understand(std::uint8_t tag) {
    return (tag & 0x80U) == 0;
}

/// A decoded head. Views into the frame.
struct Frame {
    Verb verb{};
    std::uint8_t flags = 0;
    std::uint64_t number = 0;
    std::string_view name;
    Octets records;
    std::uint32_t records_at = 0;  // offset of `records` in the frame
};

/// A decoded record. Views into the frame.
struct Record {
    std::uint16_t code = 0;
    std::uint64_t id = 0;
    Octets fields;
    Octets body;
    std::uint32_t at = 0;  // offset of the record in the frame
};

struct FieldView {
    std::uint8_t tag = 0;
    Octets value;
};

/// Whether the octets are meant as YMP, of whatever version.
[[nodiscard]] inline bool looks_like_ymp(Octets octets) {
    return octets.size() >= 4 && as_text(octets).starts_with("YMP");
}

/// Why octets are not YMP. `field` is a static text: the part at fault.
struct DecodeError {
    Status status = Status::malformed;
    std::string_view field;
    std::uint32_t at = 0;  // octet offset in the frame
};

/// Decodes the head of `octets`. Records are not looked at yet. 426 if the magic says another version of YMP.
[[nodiscard]] std::optional<DecodeError> parse_frame(Octets octets, Frame& frame);

/// Reads the records of a frame one by one. A bad record whose length can be believed spoils only
/// itself; after one whose length cannot, next() returns `end`.
class RecordCursor {
  public:
    enum class Step : std::uint8_t { record, bad, end };

    explicit RecordCursor(const Frame& frame) : left_(frame.records), at_(frame.records_at) {}

    /// `record`: out is set, fields and body are within bounds, each field's length is within `fields`.
    /// `bad`: error() tells why. out.id is set when the record's length can be believed; else it is 0, and
    /// all that follows in the frame is lost with it.
    Step next(Record& out);
    [[nodiscard]] const DecodeError& error() const { return error_; }

  private:
    Octets left_;
    std::uint32_t at_;
    DecodeError error_;
};

/// Walks fields that RecordCursor has checked.
class FieldCursor {
  public:
    explicit FieldCursor(Octets fields) : left_(fields) {}

    bool next(FieldView& out) {
        if (left_.size() < field_head_bytes) return false;
        const std::size_t length = load_be<std::uint16_t>(left_.data() + 1);
        if (left_.size() - field_head_bytes < length) return false;
        out.tag = static_cast<std::uint8_t>(left_[0]);
        out.value = left_.subspan(field_head_bytes, length);
        left_ = left_.subspan(field_head_bytes + length);
        return true;
    }

  private:
    Octets left_;
};

/// Whether one of the fields has this tag.
[[nodiscard]] inline bool has_field(Octets fields, Field tag) {
    FieldCursor cursor(fields);
    FieldView field;
    while (cursor.next(field)) {
        if (field.tag == static_cast<std::uint8_t>(tag)) return true;
    }
    return false;
}

/// The value of an integer field; nothing when it is not 8 octets.
[[nodiscard]] inline std::optional<std::uint64_t> as_u64(Octets value) {
    if (value.size() != 8) return std::nullopt;
    return load_be<std::uint64_t>(value.data());
}

/// Name and value of a user property; nothing when the name's length is 0 or beyond the value.
struct Property {
    std::string_view name;
    std::string_view value;
};
[[nodiscard]] std::optional<Property> as_property(Octets value);

/// What people call a verb, field or status: "PUBLISH", "not-before-ms", "beyond window".
[[nodiscard]] std::string_view name_of(Verb verb);
[[nodiscard]] std::string_view name_of(Field field);
[[nodiscard]] std::string_view name_of(Status status);

struct NumberField {
    Field tag{};
    std::uint64_t number = 0;
};

/// Writes frames to the end of a buffer, each as `begin (begin_record field* [body])* end`.
/// Lengths are put in when a record ends. Names and field values beyond their limit are our bug.
class FrameWriter {
  public:
    explicit FrameWriter(Buffer& out) : out_(out) {}

    void begin(Verb verb, std::uint8_t flags, std::string_view name, std::uint64_t number) {
        YM_CHECK(name.size() <= name_bytes_max);
        start_ = out_.size();
        std::byte* at = out_.grow(head_bytes);
        store_be(at, magic);
        at[4] = static_cast<std::byte>(verb);
        at[5] = static_cast<std::byte>(flags);
        store_be(at + 6, static_cast<std::uint16_t>(name.size()));
        store_be(at + 8, number);
        out_.append(as_octets(name));
        record_ = none;
    }
    void begin_record(std::uint16_t code, std::uint64_t id) {
        end_record();
        record_ = out_.size();
        std::byte* at = out_.grow(record_head_bytes);
        store_be(at + 6, code);
        store_be(at + 8, id);
        body_at_ = 0;
    }
    void field(Field tag, Octets value) { raw_field(static_cast<std::uint8_t>(tag), value); }
    void field(Field tag, std::string_view text) { field(tag, as_octets(text)); }
    void field(Field tag, std::uint64_t number) { put(out_.grow(field_head_bytes + 8), {tag, number}); }
    void raw_field(std::uint8_t tag, Octets value) {
        YM_CHECK(value.size() <= 0xffff);
        std::byte* at = out_.grow(field_head_bytes);
        at[0] = static_cast<std::byte>(tag);
        store_be(at + 1, static_cast<std::uint16_t>(value.size()));
        out_.append(value);
    }
    /// A user property; name 1..255 octets.
    void property(std::string_view name, std::string_view value);
    /// Fields that are encoded already.
    void encoded_fields(Octets fields) { out_.append(fields); }
    /// The body; at most once a record, after its fields.
    void body(Octets octets) {
        begin_body(out_.size() - record_);
        out_.append(octets);
    }
    /// Encoded fields and body that stand together already (`fields_bytes` of fields first).
    void fields_and_body(Octets octets, std::size_t fields_bytes) {
        begin_body(out_.size() - record_ + fields_bytes);
        out_.append(octets);
    }
    /// A record of numbers, then of fields and a body that stand together encoded already (`fields_bytes` of fields).
    template <std::size_t count>
    void whole_record(std::uint16_t code, std::uint64_t id, const std::array<NumberField, count>& numbers,
                      Octets octets, std::size_t fields_bytes) {
        end_record();
        const std::size_t head = record_head_bytes + count * (field_head_bytes + 8);
        const std::size_t size = head + octets.size();
        YM_CHECK(size <= 0xffffffffU && head + fields_bytes <= 0xffff);
        std::byte* at = out_.grow(size);
        store_be(at, static_cast<std::uint32_t>(size));
        store_be(at + 4, static_cast<std::uint16_t>(head + fields_bytes));
        store_be(at + 6, code);
        store_be(at + 8, id);
        at += record_head_bytes;
        for (const NumberField& number : numbers) at = put(at, number);
        if (!octets.empty()) std::memcpy(at, octets.data(), octets.size());
    }
    /// Ends the frame and returns its octets, borrowed until the buffer changes.
    Octets end() {
        end_record();
        return out_.octets(start_, out_.size() - start_);
    }
    /// Octets of the frame so far.
    [[nodiscard]] std::size_t size() const { return out_.size() - start_; }

  private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    static std::byte* put(std::byte* at, const NumberField& field) {
        at[0] = static_cast<std::byte>(field.tag);
        store_be(at + 1, std::uint16_t{8});
        store_be(at + 3, field.number);
        return at + field_head_bytes + 8;
    }
    void begin_body(std::size_t at) {
        YM_CHECK(at <= 0xffff);
        body_at_ = static_cast<std::uint16_t>(at);
    }
    void end_record() {
        if (record_ == none) return;
        const std::size_t length = out_.size() - record_;
        YM_CHECK(length <= 0xffffffffU);
        if (body_at_ == 0) begin_body(length);
        std::byte* at = out_.data() + record_;
        store_be(at, static_cast<std::uint32_t>(length));
        store_be(at + 4, body_at_);
        record_ = none;
    }

    Buffer& out_;
    std::size_t start_ = 0;
    std::size_t record_ = none;
    std::uint16_t body_at_ = 0;
};

/// Octets that fields may take in one record: `body at` is a u16 that counts the record's head too.
inline constexpr std::size_t fields_bytes_max = 0xffff - record_head_bytes;

/// Octets that fields of one record may take when a peer sends them; more is refused with 413. The rest is room for
/// what the broker adds before it delivers, so that no peer can make it write a record that cannot be encoded.
inline constexpr std::size_t peer_fields_bytes_max = 60'000;

}  // namespace ym::wire
