// Majordomo and Paranoid Pirate as values: ZeroMQ RFCs 7/MDP (0.1), 18/MDP (0.2), 8/MMI and 6/PPP. MAJORDOMO.md beside
// this file has the frames and the dialects. Pure: no clock, socket, file or thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace ym::mdp {

/// What a peer speaks, of those that are not YMP. The same words lie differently in each.
enum class Dialect : std::uint8_t {
    v01,            // 7/MDP
    v02,            // 18/MDP as specified, with or without an empty frame in front
    v02_shifted,    // 18/MDP whose clients ask with 02 and are answered with 03 and 04, without the service's name
    pirate_octets,  // 6/PPP: READY and HEARTBEAT are the octets 01 and 02
    pirate_words,   // 6/PPP: they are the words READY and HEARTBEAT
};

/// Whether it is 6/PPP, which has no header, no service and no DISCONNECT.
[[nodiscard]] constexpr bool is_pirate(Dialect dialect) {
    return dialect == Dialect::pirate_octets || dialect == Dialect::pirate_words;
}

enum class Side : std::uint8_t { client, worker };

enum class Verb : std::uint8_t {
    ready,
    request,
    partial,  // 0.2: a part of the reply
    reply,    // 0.1: REPLY; 0.2: FINAL
    heartbeat,
    disconnect,
    unknown,  // the header is right, the command is none of its side
};

/// A decoded message. Views into the parts that were given.
struct Message {
    Dialect dialect{};
    Side side{};
    Verb verb{};
    /// Frames in front of the header, the empty one that ends them included; none if the header came first. They stand
    /// in front of the answer as well (ZMQ_REQ_CORRELATE puts a number there).
    std::span<const Octets> envelope;
    std::string_view service;  // of a client's request, and of a worker's READY
    std::string_view token;    // of a worker's PARTIAL and REPLY: names the delivery
    std::span<const Octets> body;
};

enum class Decoded : std::uint8_t {
    message,
    malformed,  // meant as Majordomo; `why` says what is wrong
    foreign,    // not Majordomo
};

inline constexpr std::size_t envelope_max = 8;         // frames, the empty one included
inline constexpr std::size_t envelope_part_max = 255;  // octets of a frame of it: ZeroMQ's addresses have no more
inline constexpr std::size_t service_max = 255;        // octets of a service's name
inline constexpr std::size_t token_max = 255;          // octets

/// Decodes a message of MDP 0.1 or 0.2. `why` is static.
[[nodiscard]] Decoded decode(std::span<const Octets> parts, Message& out, std::string_view& why);

/// Decodes a message at the two ports of PPP. A client's has no header: all behind its envelope is its body. Only READY
/// and HEARTBEAT tell a worker's dialect.
[[nodiscard]] Decoded decode_pirate_client(std::span<const Octets> parts, Message& out, std::string_view& why);
[[nodiscard]] Decoded decode_pirate_worker(std::span<const Octets> parts, Message& out, std::string_view& why);

/// Writes a message as parts (wire/parts.h) to the end of `out`. The body is appended by the caller, a part each.
/// `envelope` holds parts.
void begin_to_client(Buffer& out, Dialect dialect, Octets envelope, Verb verb, std::string_view service);
void begin_to_worker(Buffer& out, Dialect dialect, bool delimited, Verb verb, std::string_view token);

/// The delivery token that a worker sees as its client's address: printable, and another one for each delivery.
using Token = std::array<char, 17>;
[[nodiscard]] Token token_of(std::uint64_t fence);
[[nodiscard]] inline std::string_view as_text(const Token& token) {
    return {token.data(), token.size()};
}

/// The answer of 8/MMI: exactly three octets.
inline constexpr std::string_view mmi_prefix = "mmi.";
inline constexpr std::string_view mmi_service = "mmi.service";
inline constexpr std::string_view mmi_found = "200";
inline constexpr std::string_view mmi_not_found = "404";
inline constexpr std::string_view mmi_not_implemented = "501";

[[nodiscard]] std::string_view name_of(Dialect dialect);
[[nodiscard]] std::string_view name_of(Verb verb);

}  // namespace ym::mdp
