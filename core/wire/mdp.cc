#include "wire/mdp.h"

#include "base/check.h"
#include "wire/parts.h"

namespace ym::mdp {

using wire::append_part;

namespace {

constexpr std::string_view client_01 = "MDPC01";
constexpr std::string_view worker_01 = "MDPW01";
constexpr std::string_view client_02 = "MDPC02";
constexpr std::string_view worker_02 = "MDPW02";
constexpr std::string_view word_ready = "READY";
constexpr std::string_view word_heartbeat = "HEARTBEAT";

bool is_header(Octets part) {
    const std::string_view text = ym::as_text(part);
    return text == client_01 || text == worker_01 || text == client_02 || text == worker_02;
}

/// The octet of a command; nothing if the part is not one octet.
std::optional<unsigned> octet(Octets part) {
    if (part.size() != 1) return std::nullopt;
    return static_cast<unsigned>(part[0]);
}

/// How many parts stand in front of the message, up to the first empty one; nothing if there is no empty one among
/// those that an envelope may have.
std::optional<std::size_t> envelope_of(std::span<const Octets> parts) {
    for (std::size_t i = 0; i < parts.size() && i < envelope_max; ++i) {
        if (parts[i].empty()) return i + 1;
    }
    return std::nullopt;
}

/// Whether the envelope is one of addresses, not of what ought to be a body.
bool is_envelope(std::span<const Octets> parts, std::string_view& why) {
    for (const Octets part : parts) {
        if (part.size() <= envelope_part_max) continue;
        why = "a frame of the envelope has more than 255 octets";
        return false;
    }
    return true;
}

Verb worker_verb(Dialect dialect, unsigned command) {
    const bool first = dialect == Dialect::v01;
    switch (command) {
        case 1: return Verb::ready;
        case 3: return first ? Verb::reply : Verb::partial;
        case 4: return first ? Verb::heartbeat : Verb::reply;
        case 5: return first ? Verb::disconnect : Verb::heartbeat;
        case 6: return first ? Verb::unknown : Verb::disconnect;
        default: return Verb::unknown;
    }
}

Decoded decode_client(std::span<const Octets> rest, Message& out, std::string_view& why) {
    if (out.dialect != Dialect::v01) {
        const auto command = rest.empty() ? std::nullopt : octet(rest[0]);
        if (!command) {
            why = "a command of one octet is missing";
            return Decoded::malformed;
        }
        if (*command == 2) out.dialect = Dialect::v02_shifted;
        if (*command != 1 && *command != 2) {
            out.verb = Verb::unknown;
            return Decoded::message;
        }
        rest = rest.subspan(1);
    }
    out.verb = Verb::request;
    if (rest.empty() || rest[0].empty() || rest[0].size() > service_max) {
        why = "a service's name of 1 to 255 octets is missing";
        return Decoded::malformed;
    }
    out.service = ym::as_text(rest[0]);
    out.body = rest.subspan(1);  // may be none: clients in the field send that
    return Decoded::message;
}

/// What follows the command in a worker's PARTIAL and REPLY. Without any frame of a body, and without the empty frame
/// in front of it, the body is empty: workers in the field send that.
Decoded decode_answer(std::span<const Octets> rest, Message& out, std::string_view& why) {
    if (rest.empty() || rest[0].size() > token_max) {
        why = "the client's address is missing";
        return Decoded::malformed;
    }
    out.token = ym::as_text(rest[0]);
    rest = rest.subspan(1);
    if (!rest.empty() && rest[0].empty()) {
        rest = rest.subspan(1);
    } else if (!rest.empty()) {
        why = "an empty frame stands behind the client's address";
        return Decoded::malformed;
    }
    out.body = rest;
    return Decoded::message;
}

Decoded decode_worker(std::span<const Octets> rest, Message& out, std::string_view& why) {
    const auto command = rest.empty() ? std::nullopt : octet(rest[0]);
    if (!command) {
        why = "a command of one octet is missing";
        return Decoded::malformed;
    }
    out.verb = worker_verb(out.dialect, *command);
    rest = rest.subspan(1);
    if (out.verb == Verb::partial || out.verb == Verb::reply) return decode_answer(rest, out, why);
    if (out.verb != Verb::ready) return Decoded::message;
    if (!rest.empty() && !rest[0].empty() && rest[0].size() <= service_max) {
        out.service = ym::as_text(rest[0]);
        return Decoded::message;
    }
    why = "READY names a service of 1 to 255 octets";
    return Decoded::malformed;
}

void append_octet(Buffer& out, unsigned command) {
    const std::byte octet{static_cast<unsigned char>(command)};
    append_part(out, {&octet, 1});
}

unsigned worker_command(Dialect dialect, Verb verb) {
    const bool first = dialect == Dialect::v01;
    switch (verb) {
        case Verb::request: return 2;
        case Verb::heartbeat: return first ? 4 : 5;
        case Verb::disconnect: return first ? 5 : 6;
        default: break;
    }
    YM_CHECK(false);
}

}  // namespace

Decoded decode(std::span<const Octets> parts, Message& out, std::string_view& why) {
    out = Message{};
    std::size_t at = 0;
    if (!parts.empty() && !is_header(parts[0])) {
        const auto envelope = envelope_of(parts);
        if (!envelope) return Decoded::foreign;
        at = *envelope;
    }
    out.envelope = parts.first(at);
    if (!is_envelope(out.envelope, why)) return Decoded::malformed;
    if (at == parts.size() || !is_header(parts[at])) {
        why = "no header of Majordomo 0.1 or 0.2";
        return Decoded::malformed;
    }
    const std::string_view header = ym::as_text(parts[at]);
    out.dialect = header == client_01 || header == worker_01 ? Dialect::v01 : Dialect::v02;
    out.side = header == client_01 || header == client_02 ? Side::client : Side::worker;
    const auto rest = parts.subspan(at + 1);
    return out.side == Side::client ? decode_client(rest, out, why) : decode_worker(rest, out, why);
}

Decoded decode_pirate_client(std::span<const Octets> parts, Message& out, std::string_view& why) {
    out = Message{};
    out.dialect = Dialect::pirate_octets;
    out.side = Side::client;
    out.verb = Verb::request;
    const std::size_t at = envelope_of(parts).value_or(0);
    out.envelope = parts.first(at);
    out.body = parts.subspan(at);
    if (!is_envelope(out.envelope, why)) return Decoded::malformed;
    if (!out.body.empty()) return Decoded::message;
    why = "a request has no body";
    return Decoded::malformed;
}

Decoded decode_pirate_worker(std::span<const Octets> parts, Message& out, std::string_view& why) {
    out = Message{};
    out.side = Side::worker;
    out.dialect = Dialect::pirate_octets;
    if (parts.size() == 1) {
        const std::string_view text = ym::as_text(parts[0]);
        const auto command = octet(parts[0]);
        if (text == word_ready || text == word_heartbeat) out.dialect = Dialect::pirate_words;
        if (command == 1U || text == word_ready) {
            out.verb = Verb::ready;
        } else if (command == 2U || text == word_heartbeat) {
            out.verb = Verb::heartbeat;
        } else {
            out.verb = Verb::unknown;
        }
        return Decoded::message;
    }
    out.verb = Verb::reply;
    return decode_answer(parts, out, why);
}

void begin_to_client(Buffer& out, Dialect dialect, Octets envelope, Verb verb, std::string_view service) {
    out.append(envelope);
    if (is_pirate(dialect)) return;
    append_part(out, as_octets(dialect == Dialect::v01 ? client_01 : client_02));
    if (dialect == Dialect::v02) append_octet(out, verb == Verb::partial ? 2 : 3);
    if (dialect == Dialect::v02_shifted) {
        append_octet(out, verb == Verb::partial ? 3 : 4);
    } else {
        append_part(out, as_octets(service));
    }
}

void begin_to_worker(Buffer& out, Dialect dialect, bool delimited, Verb verb, std::string_view token) {
    if (!is_pirate(dialect)) {
        if (delimited) append_part(out, {});
        append_part(out, as_octets(dialect == Dialect::v01 ? worker_01 : worker_02));
        append_octet(out, worker_command(dialect, verb));
    } else if (verb == Verb::heartbeat) {
        if (dialect == Dialect::pirate_words) return append_part(out, as_octets(word_heartbeat));
        return append_octet(out, 2);
    }
    if (verb != Verb::request) return;
    append_part(out, as_octets(token));
    append_part(out, {});
}

Token token_of(std::uint64_t fence) {
    constexpr std::string_view digits = "0123456789abcdef";
    Token token;
    token[0] = 'd';
    for (std::size_t i = 1; i < token.size(); ++i) token[i] = digits[(fence >> (4 * (token.size() - 1 - i))) & 0xfU];
    return token;
}

std::string_view name_of(Dialect dialect) {
    switch (dialect) {
        case Dialect::v01: return "MDP/0.1";
        case Dialect::v02: return "MDP/0.2";
        case Dialect::v02_shifted: return "MDP/0.2 shifted";
        case Dialect::pirate_octets: return "PPP octets";
        case Dialect::pirate_words: return "PPP words";
    }
    return "unknown";
}

std::string_view name_of(Verb verb) {
    switch (verb) {
        case Verb::ready: return "READY";
        case Verb::request: return "REQUEST";
        case Verb::partial: return "PARTIAL";
        case Verb::reply: return "REPLY";
        case Verb::heartbeat: return "HEARTBEAT";
        case Verb::disconnect: return "DISCONNECT";
        case Verb::unknown: return "an unknown command";
    }
    return "unknown";
}

}  // namespace ym::mdp
