// The messages of a run: what a producer means to publish, and how to know it again in whatever comes out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "wire/ymp.h"

namespace ym::simulation {

/// A message's number in this run; its body begins with it.
using Uid = std::uint32_t;
inline constexpr Uid no_uid = 0xffffffffU;

struct Message {
    std::uint64_t serial = 0;  // of its producer; what becomes of it depends on this, not on when it is published
    std::string address;
    std::string topic;
    std::optional<std::uint8_t> priority;
    std::uint32_t body = 0;  // octets
    bool wants_reply = false;
    std::uint32_t frames = 1;  // of its body; more of Majordomo clients only
    bool majordomo = false;    // asked for by a client that knows its reply by the body
    bool has_fields = false;   // key, type, correlation and a property, all made from the uid
};

class Messages {
  public:
    explicit Messages(std::uint64_t seed) : seed_(seed) {}

    Uid add(Message message);
    [[nodiscard]] const Message& operator[](Uid uid) const { return list_[uid]; }
    [[nodiscard]] std::size_t size() const { return list_.size(); }

    /// Writes the fields of a PUBLISH record.
    void write_fields(Uid uid, wire::FrameWriter& writer) const;
    [[nodiscard]] std::vector<std::byte> body(Uid uid) const;
    /// Its body, frame by frame.
    [[nodiscard]] std::vector<std::string> body_frames(Uid uid) const;
    /// Which message a body is of: nothing if it is none of this run's, or not octet for octet what was published.
    [[nodiscard]] std::optional<Uid> recognise(Octets body) const;
    /// True if every field that the producer gave is there as it gave it.
    [[nodiscard]] bool fields_intact(Uid uid, Octets fields) const;

    static constexpr std::uint64_t last_part = ~0ULL;
    /// The body of part number `part` of a reply to it; recognised like a body.
    void reply_body(Uid uid, std::uint64_t part, Buffer& out) const;
    [[nodiscard]] bool is_reply(Uid uid, std::uint64_t part, Octets body) const;

    static constexpr std::size_t body_min = 16;

  private:
    [[nodiscard]] std::uint64_t check(Uid uid) const;

    std::uint64_t seed_;
    std::vector<Message> list_;
};

/// Octets of a session; its number in this run can be read from them.
using SessionNumber = std::uint32_t;
[[nodiscard]] std::string session_octets(std::uint64_t seed, SessionNumber number);
[[nodiscard]] std::optional<SessionNumber> session_number(std::uint64_t seed, Octets octets);

}  // namespace ym::simulation
