#include "fuzz/mutate.h"

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "wire/ymp.h"

namespace ym::fuzz {
namespace {

std::size_t below(Prng& prng, std::size_t bound) {
    return static_cast<std::size_t>(prng.below(bound));
}

template <class T>
const T& one_of(const std::vector<T>& items, Prng& prng) {
    return items[below(prng, items.size())];
}

template <class T>
T load(const std::string& octets, std::size_t at) {
    return load_be<T>(as_octets(octets).data() + at);
}
template <class T>
void store(std::string& octets, std::size_t at, T value) {
    store_be(reinterpret_cast<std::byte*>(octets.data()) + at, value);
}

/// Where the records of a frame begin, and after them the end of what can be walked.
std::vector<std::size_t> boundaries(const std::string& frame) {
    std::vector<std::size_t> found;
    if (frame.size() < wire::head_bytes) return found;
    std::size_t at = wire::head_bytes + load<std::uint16_t>(frame, 6);
    while (at + wire::record_head_bytes <= frame.size()) {
        found.push_back(at);
        const std::size_t length = load<std::uint32_t>(frame, at);
        if (length < wire::record_head_bytes || length > frame.size() - at) return found;
        at += length;
    }
    if (at <= frame.size()) found.push_back(at);
    return found;
}

/// Where the fields of the record at `at` begin, and after them the start of its body; as far as can be walked.
std::vector<std::size_t> field_boundaries(const std::string& frame, std::size_t at) {
    std::vector<std::size_t> found;
    if (at + wire::record_head_bytes > frame.size()) return found;
    std::size_t end = at + load<std::uint16_t>(frame, at + 4);
    if (end > frame.size()) end = frame.size();
    std::size_t field = at + wire::record_head_bytes;
    while (field + wire::field_head_bytes <= end) {
        found.push_back(field);
        field += wire::field_head_bytes + load<std::uint16_t>(frame, field + 1);
    }
    if (field == end) found.push_back(end);
    return found;
}

/// A length that is wrong by little, by much, or right at an edge.
std::uint64_t wrong_length(std::uint64_t right, std::uint64_t edge, std::uint64_t most, Prng& prng) {
    const std::array<std::uint64_t, 10> choices{right + 1, right - 1, 0,        1,    15,
                                                16,        edge,      edge + 1, most, prng.below(most)};
    return choices.at(below(prng, choices.size())) & most;
}

void edit_length(std::string& frame, Prng& prng) {
    const std::vector<std::size_t> records = boundaries(frame);
    if (records.empty() || prng.chance(1, 8)) {
        if (frame.size() < wire::head_bytes) return;
        const std::uint64_t wrong =
            wrong_length(load<std::uint16_t>(frame, 6), frame.size() - wire::head_bytes, 0xffff, prng);
        store(frame, 6, static_cast<std::uint16_t>(wrong));
        return;
    }
    const std::size_t at = one_of(records, prng);
    if (at + wire::record_head_bytes > frame.size()) return;
    const std::vector<std::size_t> fields = field_boundaries(frame, at);
    const std::uint64_t kind = prng.below(fields.empty() ? 2 : 3);
    if (kind == 0) {
        const std::uint64_t wrong = wrong_length(load<std::uint32_t>(frame, at), frame.size() - at, 0xffffffff, prng);
        store(frame, at, static_cast<std::uint32_t>(wrong));
    } else if (kind == 1) {
        const std::uint64_t length = load<std::uint32_t>(frame, at);
        const std::uint64_t wrong = wrong_length(load<std::uint16_t>(frame, at + 4), length, 0xffff, prng);
        store(frame, at + 4, static_cast<std::uint16_t>(wrong));
    } else {
        const std::size_t field = one_of(fields, prng);
        if (field + wire::field_head_bytes > frame.size()) return;
        const std::uint64_t left = frame.size() - field - wire::field_head_bytes;
        const std::uint64_t wrong = wrong_length(load<std::uint16_t>(frame, field + 1), left, 0xffff, prng);
        store(frame, field + 1, static_cast<std::uint16_t>(wrong));
    }
}

/// Takes whole records out, doubles them or puts those of another frame in: the frame stays well-formed.
void move_records(std::string& frame, const std::string& other, Prng& prng) {
    const std::vector<std::size_t> here = boundaries(frame);
    const std::vector<std::size_t> there = boundaries(other);
    if (here.size() < 2 || there.size() < 2) return;
    const std::size_t from = below(prng, there.size() - 1);
    const std::string records = other.substr(there[from], there[from + 1] - there[from]);
    const std::size_t at = below(prng, here.size() - 1);
    if (prng.chance(1, 2)) frame.erase(here[at], here[at + 1] - here[at]);
    frame.insert(here[at], records);
}

/// Puts a field into a record and mends the record's lengths, so that what comes behind is still read.
void add_field(std::string& frame, std::size_t size_max, Prng& prng) {
    const std::vector<std::size_t> records = boundaries(frame);
    if (records.size() < 2) return;
    const std::size_t at = records[below(prng, records.size() - 1)];
    const std::vector<std::size_t> fields = field_boundaries(frame, at);
    if (fields.empty() || fields.size() > 200) return;
    const std::size_t room = wire::record_head_bytes + wire::fields_bytes_max - load<std::uint16_t>(frame, at + 4);
    std::size_t length = below(prng, 20);
    if (room > 200 && room < size_max && prng.chance(1, 8))
        length = room - below(prng, 100);  // the record is filled to its brim
    if (length + wire::field_head_bytes > room) return;
    std::string field(wire::field_head_bytes + length, '\0');
    const bool letters = prng.chance(1, 2);  // a name or text, as far as anybody looks
    for (char& octet : field) octet = static_cast<char>(letters ? 'q' : prng.below(256));
    constexpr std::array<wire::Field, 7> tags{wire::Field::property, wire::Field::property, wire::Field::queue,
                                              wire::Field::topic,    wire::Field::key,      wire::Field::through,
                                              wire::Field::text};
    if (prng.chance(2, 3)) field[0] = static_cast<char>(tags.at(below(prng, tags.size())));
    store(field, 1, static_cast<std::uint16_t>(field.size() - wire::field_head_bytes));
    if (field.size() > 3 && prng.chance(1, 2)) field[3] = static_cast<char>(prng.below(field.size()));
    const std::size_t body_at = load<std::uint16_t>(frame, at + 4) + field.size();
    store(frame, at, static_cast<std::uint32_t>(load<std::uint32_t>(frame, at) + field.size()));
    store(frame, at + 4, static_cast<std::uint16_t>(body_at));
    frame.insert(one_of(fields, prng), field);
}

void flip(std::string& octets, Prng& prng) {
    if (octets.empty()) return;
    char& octet = octets[below(prng, octets.size())];
    if (prng.chance(1, 2)) {
        octet = static_cast<char>(octet ^ static_cast<char>(1U << prng.below(8)));
    } else {
        constexpr std::string_view edges("\x00\x01\x0f\x10\x7f\x80\xff", 7);
        octet = edges[below(prng, edges.size())];
    }
}

void cut(std::string& octets, Prng& prng) {
    if (octets.empty()) return;
    const std::size_t at = below(prng, octets.size());
    if (prng.chance(1, 2)) {
        octets.resize(at);
    } else {
        octets.erase(at, 1 + below(prng, 8));
    }
}

void put_in(std::string& octets, Prng& prng) {
    std::string more(1 + below(prng, 8), '\0');
    for (char& octet : more) octet = static_cast<char>(prng.below(256));
    octets.insert(below(prng, octets.size() + 1), more);
}

void splice(std::string& octets, const std::string& other, Prng& prng) {
    const std::size_t from = below(prng, other.size() + 1);
    octets = octets.substr(0, below(prng, octets.size() + 1)) + other.substr(from);
}

/// Start and length of a line, its end included.
std::pair<std::size_t, std::size_t> line_of(const std::string& text, Prng& prng) {
    const std::size_t somewhere = below(prng, text.size());
    const std::size_t before = somewhere == 0 ? std::string::npos : text.rfind('\n', somewhere - 1);
    const std::size_t start = before == std::string::npos ? 0 : before + 1;
    const std::size_t end = text.find('\n', start);
    return {start, (end == std::string::npos ? text.size() : end + 1) - start};
}

void move_line(std::string& text, const std::string& other, Prng& prng) {
    if (text.empty() || other.empty()) return;
    const auto [from, count] = line_of(other, prng);
    const std::string line = other.substr(from, count);
    const auto [at, length] = line_of(text, prng);
    if (prng.chance(1, 3)) text.erase(at, length);
    if (prng.chance(2, 3)) text.insert(at, line);
}

}  // namespace

void mutate_frame(std::string& frame, const std::vector<std::string>& corpus, std::uint64_t times, std::size_t size_max,
                  Prng& prng) {
    for (std::uint64_t i = 0; i < times; ++i) {
        switch (prng.below(8)) {
            case 0: flip(frame, prng); break;
            case 1: cut(frame, prng); break;
            case 2: put_in(frame, prng); break;
            case 3: splice(frame, one_of(corpus, prng), prng); break;
            case 4: edit_length(frame, prng); break;
            case 5:
            case 6: move_records(frame, one_of(corpus, prng), prng); break;
            default: add_field(frame, size_max, prng); break;
        }
        if (frame.size() > size_max) frame.resize(size_max);
    }
}

std::string mutated_frame(const std::vector<std::string>& corpus, Prng& prng) {
    // A few rounds of doubling are enough to reach every check; long frames only cost time.
    constexpr std::size_t size_max = 4096;
    std::string frame = one_of(corpus, prng);
    mutate_frame(frame, corpus, prng.below(7), size_max, prng);
    return frame;
}

std::string mutated_octets(const std::vector<std::string>& corpus, Prng& prng) {
    std::string octets = one_of(corpus, prng);
    for (std::uint64_t i = prng.below(5); i > 0; --i) {
        switch (prng.below(6)) {
            case 0: flip(octets, prng); break;
            case 1: cut(octets, prng); break;
            case 2: put_in(octets, prng); break;
            case 3: splice(octets, one_of(corpus, prng), prng); break;
            default: {
                if (octets.size() < 4) break;
                const std::size_t at = below(prng, octets.size() - 3);
                const std::uint64_t right = load<std::uint32_t>(octets, at);
                store(octets, at,
                      static_cast<std::uint32_t>(wrong_length(right, octets.size() - at, 0xffffffff, prng)));
            }
        }
    }
    return octets;
}

std::string mutated_text(const std::vector<std::string>& corpus, const std::vector<std::string>& words, Prng& prng) {
    std::string text = one_of(corpus, prng);
    const std::uint64_t times = 1 + prng.below(5);
    for (std::uint64_t i = 0; i < times; ++i) {
        switch (prng.below(8)) {
            case 0: flip(text, prng); break;
            case 1: cut(text, prng); break;
            case 2: put_in(text, prng); break;
            case 3: splice(text, one_of(corpus, prng), prng); break;
            case 4: text.insert(below(prng, text.size() + 1), one_of(words, prng)); break;
            default: move_line(text, one_of(corpus, prng), prng); break;
        }
        if (text.size() > 16384) text.resize(16384);
    }
    return text;
}

}  // namespace ym::fuzz
