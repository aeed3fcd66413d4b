#include "format.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace ym::disklog {
namespace {

/// Byte by byte, so that it does not matter on which machine; compilers make one instruction of it.
template <class T>
void put(std::span<std::byte> octets, std::size_t at, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        octets[at + i] = static_cast<std::byte>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xFFU);
    }
}

template <class T>
T get(Octets octets, std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) value |= std::to_integer<std::uint64_t>(octets[at + i]) << (8 * i);
    return static_cast<T>(value);
}

constexpr std::size_t crc_at = 4;
constexpr std::size_t checked_from = 8;

}  // namespace

std::uint32_t crc32c(Octets octets) {
    // The library takes lengths as int, and begins with what it is given: CRC32C begins and ends inverted.
    constexpr std::size_t piece = std::size_t{1} << 30U;
    std::uint32_t crc = 0xFFFFFFFFU;
    while (!octets.empty()) {
        const Octets part = octets.first(std::min(octets.size(), piece));
        // It does not write, though its type lets it.
        auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(part.data()));
        crc = crc32_iscsi(data, static_cast<int>(part.size()), crc);
        octets = octets.subspan(part.size());
    }
    return ~crc;
}

void encode(const SegmentHeader& header, std::span<std::byte> block) {
    std::fill(block.begin(), block.end(), std::byte{0});
    put(block, 0, segment_magic);
    put(block, 8, header.version);
    put(block, 12, header.shard);
    put(block, 16, header.ordinal);
    put(block, 24, header.generation);
    put(block, 32, header.bytes);
    put(block, 40, header.store);
    put(block, crc_at, crc32c(block.subspan(checked_from, segment_header_bytes - checked_from)));
}

std::optional<SegmentHeader> decode_segment(Octets block) {
    if (block.size() < segment_header_bytes || get<std::uint32_t>(block, 0) != segment_magic) return std::nullopt;
    if (get<std::uint32_t>(block, crc_at) != crc32c(block.subspan(checked_from, segment_header_bytes - checked_from))) {
        return std::nullopt;
    }
    SegmentHeader header;
    header.version = get<std::uint16_t>(block, 8);
    header.shard = get<std::uint32_t>(block, 12);
    header.ordinal = get<std::uint64_t>(block, 16);
    header.generation = get<std::uint64_t>(block, 24);
    header.bytes = get<std::uint64_t>(block, 32);
    header.store = get<std::uint64_t>(block, 40);
    return header;
}

void encode(FrameHeader& header, std::span<std::byte> octets) {
    std::fill_n(octets.begin(), frame_header_bytes, std::byte{0});
    put(octets, 0, frame_magic);
    put(octets, 8, format_version);
    put(octets, 10, static_cast<std::uint16_t>(header.kind));
    put(octets, 12, header.count);
    put(octets, 16, header.generation);
    put(octets, 24, header.sequence);
    put(octets, 32, header.durable_through);
    put(octets, 40, header.first);
    put(octets, 48, header.epoch);
    put(octets, 56, header.kept_from);
    put(octets, 64, header.body_bytes);
    put(octets, 68, header.table_crc);
    put(octets, 72, header.chain);
    put(octets, 80, header.position);
    header.crc = crc32c(octets.subspan(checked_from, frame_header_bytes - checked_from));
    put(octets, crc_at, header.crc);
}

std::optional<FrameHeader> decode_frame(Octets octets) {
    if (octets.size() < frame_header_bytes || get<std::uint32_t>(octets, 0) != frame_magic) return std::nullopt;
    FrameHeader header;
    header.crc = get<std::uint32_t>(octets, crc_at);
    if (header.crc != crc32c(octets.subspan(checked_from, frame_header_bytes - checked_from))) return std::nullopt;
    if (get<std::uint16_t>(octets, 8) != format_version) return std::nullopt;
    header.kind = static_cast<FrameKind>(get<std::uint16_t>(octets, 10));
    header.count = get<std::uint32_t>(octets, 12);
    header.generation = get<std::uint64_t>(octets, 16);
    header.sequence = get<std::uint64_t>(octets, 24);
    header.durable_through = get<std::uint64_t>(octets, 32);
    header.first = get<std::uint64_t>(octets, 40);
    header.epoch = get<std::uint64_t>(octets, 48);
    header.kept_from = get<std::uint64_t>(octets, 56);
    header.body_bytes = get<std::uint32_t>(octets, 64);
    header.table_crc = get<std::uint32_t>(octets, 68);
    header.chain = get<std::uint32_t>(octets, 72);
    header.position = get<std::uint64_t>(octets, 80);
    const bool known =
        header.kind == FrameKind::batches || header.kind == FrameKind::mark || header.kind == FrameKind::epoch;
    if (!known || header.count * table_entry_bytes > header.body_bytes) return std::nullopt;
    // Nobody comes near these; what follows may count on.
    constexpr std::uint64_t number_max = std::uint64_t{1} << 62U;
    for (const std::uint64_t number : {header.sequence, header.first, header.epoch, header.kept_from}) {
        if (number == 0 || number > number_max) return std::nullopt;
    }
    return header;
}

void encode(const TableEntry& entry, std::span<std::byte> octets) {
    put(octets, 0, entry.bytes);
    put(octets, 4, entry.crc);
}

TableEntry decode_entry(Octets table, std::uint32_t index) {
    const std::size_t at = index * table_entry_bytes;
    return {get<std::uint32_t>(table, at), get<std::uint32_t>(table, at + 4)};
}

bool table_is_good(const FrameHeader& header, Octets table) {
    const std::uint64_t table_bytes = header.count * table_entry_bytes;
    if (crc32c(table.first(table_bytes)) != header.table_crc) return false;
    std::uint64_t octets = 0;
    for (std::uint32_t i = 0; i < header.count; ++i) octets += decode_entry(table, i).bytes;
    return table_bytes + octets == header.body_bytes;
}

bool body_is_good(const FrameHeader& header, Octets body) {
    if (header.count == 0) return crc32c(body.first(header.body_bytes)) == header.table_crc;
    if (!table_is_good(header, body)) return false;
    std::uint64_t at = header.count * table_entry_bytes;
    for (std::uint32_t i = 0; i < header.count; ++i) {
        const TableEntry entry = decode_entry(body, i);
        if (crc32c(body.subspan(at, entry.bytes)) != entry.crc) return false;
        at += entry.bytes;
    }
    return true;
}

std::vector<std::byte> encode(std::span<const Loss> losses) {
    std::vector<std::byte> octets(losses.size() * 16);
    for (std::size_t i = 0; i < losses.size(); ++i) {
        put(std::span(octets), i * 16, losses[i].first);
        put(std::span(octets), i * 16 + 8, losses[i].last);
    }
    return octets;
}

std::vector<Loss> decode_losses(Octets body) {
    std::vector<Loss> losses;
    for (std::size_t at = 0; at + 16 <= body.size(); at += 16) {
        losses.push_back({get<std::uint64_t>(body, at), get<std::uint64_t>(body, at + 8)});
    }
    return losses;
}

std::string segment_name(std::uint64_t ordinal) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "seg-%016llx.log", static_cast<unsigned long long>(ordinal));
    return text.data();
}

std::optional<std::uint64_t> ordinal_of(std::string_view name) {
    constexpr std::string_view before = "seg-";
    constexpr std::string_view after = ".log";
    constexpr std::string_view digits = "0123456789abcdef";
    if (name.size() != before.size() + 16 + after.size()) return std::nullopt;
    if (!name.starts_with(before) || !name.ends_with(after)) return std::nullopt;
    std::uint64_t ordinal = 0;
    for (const char digit : name.substr(before.size(), 16)) {
        const std::size_t value = digits.find(digit);
        if (value == std::string_view::npos) return std::nullopt;
        ordinal = ordinal << 4U | value;
    }
    return ordinal;
}

}  // namespace ym::disklog
