#include "message.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/prng.h"

namespace ym::simulation {
namespace {

constexpr std::size_t pattern_bytes = 64 * 1024;

/// Octets from which bodies are cut: each message begins at a place of its own.
const std::vector<std::byte>& pattern() {
    static const std::vector<std::byte> octets = [] {
        std::vector<std::byte> made(pattern_bytes);
        Prng prng(1);
        for (std::byte& octet : made) octet = static_cast<std::byte>(prng.next());
        return made;
    }();
    return octets;
}

Octets padding(Uid uid, std::size_t size) {
    const std::size_t room = pattern_bytes - size;
    return Octets(pattern()).subspan(uid * 61 % room, size);
}

std::string word_of(Uid uid) {
    return "w" + std::to_string(uid);
}

/// Few keys, so that messages share them.
std::string key_of(Uid uid) {
    return "k" + std::to_string(uid % 5);
}

}  // namespace

Uid Messages::add(Message message) {
    message.body = std::max<std::uint32_t>(message.body, body_min);
    list_.push_back(std::move(message));
    return static_cast<Uid>(list_.size() - 1);
}

std::uint64_t Messages::check(Uid uid) const {
    return mix64(seed_ * 0x9e3779b97f4a7c15ULL + uid);
}

void Messages::write_fields(Uid uid, wire::FrameWriter& writer) const {
    const Message& message = list_[uid];
    if (!message.topic.empty()) writer.field(wire::Field::topic, message.topic);
    if (message.priority) writer.field(wire::Field::priority, std::uint64_t{*message.priority});
    if (message.has_fields) {
        const std::string word = word_of(uid);
        writer.field(wire::Field::key, key_of(uid));
        writer.field(wire::Field::type, word);
        writer.field(wire::Field::correlation, word);
        writer.property("uid", word);
        writer.raw_field(0xfe, as_octets(word));  // a field of the future: passed on
    }
}

std::vector<std::byte> Messages::body(Uid uid) const {
    std::vector<std::byte> body(list_[uid].body);
    store_be(body.data(), std::uint64_t{uid});
    store_be(body.data() + 8, check(uid));
    const Octets rest = padding(uid, body.size() - body_min);
    std::copy(rest.begin(), rest.end(), body.begin() + body_min);
    return body;
}

std::vector<std::string> Messages::body_frames(Uid uid) const {
    const std::vector<std::byte> whole = body(uid);
    std::vector<std::string> frames;
    const std::size_t count = list_[uid].frames;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t from = whole.size() * i / count;
        const std::size_t to = whole.size() * (i + 1) / count;
        frames.emplace_back(as_text(Octets(whole).subspan(from, to - from)));
    }
    return frames;
}

std::optional<Uid> Messages::recognise(Octets body) const {
    if (body.size() < body_min) return std::nullopt;
    const auto uid = load_be<std::uint64_t>(body.data());
    if (uid >= list_.size() || list_[uid].body != body.size()) return std::nullopt;
    if (load_be<std::uint64_t>(body.data() + 8) != check(static_cast<Uid>(uid))) return std::nullopt;
    const Octets rest = padding(static_cast<Uid>(uid), body.size() - body_min);
    if (std::memcmp(rest.data(), body.data() + body_min, rest.size()) != 0) return std::nullopt;
    return static_cast<Uid>(uid);
}

bool Messages::fields_intact(Uid uid, Octets fields) const {
    const Message& message = list_[uid];
    const std::string word = word_of(uid);
    std::size_t found = 0;
    wire::FieldCursor cursor(fields);
    wire::FieldView field;
    while (cursor.next(field)) {
        const std::string_view value = as_text(field.value);
        if (field.tag == 0xfe) {
            found += value == word ? 1 : 0;
            continue;
        }
        switch (static_cast<wire::Field>(field.tag)) {
            case wire::Field::topic:
                if (value != message.topic) return false;
                break;
            case wire::Field::key: found += value == key_of(uid) ? 1 : 0; break;
            case wire::Field::type:
            case wire::Field::correlation: found += value == word ? 1 : 0; break;
            case wire::Field::property: {
                const auto property = wire::as_property(field.value);
                found += property && property->name == "uid" && property->value == word ? 1 : 0;
                break;
            }
            default: break;
        }
    }
    return !message.has_fields || found == 5;
}

void Messages::reply_body(Uid uid, std::uint64_t part, Buffer& out) const {
    out.append_be(std::uint64_t{uid});
    out.append_be(check(uid) ^ (part + 1));
}

bool Messages::is_reply(Uid uid, std::uint64_t part, Octets body) const {
    return body.size() == 16 && load_be<std::uint64_t>(body.data()) == uid &&
           load_be<std::uint64_t>(body.data() + 8) == (check(uid) ^ (part + 1));
}

std::string session_octets(std::uint64_t seed, SessionNumber number) {
    std::array<std::byte, wire::session_bytes> octets{};
    store_be(octets.data(), std::uint64_t{number});
    store_be(octets.data() + 8, mix64(seed + number));
    return std::string(as_text(octets));
}

std::optional<SessionNumber> session_number(std::uint64_t seed, Octets octets) {
    if (octets.size() != wire::session_bytes) return std::nullopt;
    const auto number = load_be<std::uint64_t>(octets.data());
    if (load_be<std::uint64_t>(octets.data() + 8) != mix64(seed + number)) return std::nullopt;
    return static_cast<SessionNumber>(number);
}

}  // namespace ym::simulation
