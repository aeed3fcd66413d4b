// The octets of the log: segments, frames, batches. FORMAT.md is the page for people; the two say the same.
//
// A segment is a file of fixed size. Its first block is its header; frames follow, each on blocks of its own. A frame
// is what one write puts down: a header, a table with length and CRC32C of each batch, and the batches' octets.
// All numbers are little-endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ym::disklog {

/// Octets. Frames begin on multiples of it, so that no write touches a block that holds confirmed octets.
constexpr std::uint64_t block_bytes = 4096;
constexpr std::uint32_t segment_magic = 0x534C4D59;  // "YMLS"
constexpr std::uint32_t frame_magic = 0x464C4D59;    // "YMLF"
constexpr std::uint16_t format_version = 0;          // a draft until 1.0
constexpr std::uint64_t segment_header_bytes = 64;
constexpr std::uint64_t frame_header_bytes = 96;
constexpr std::uint64_t table_entry_bytes = 8;
constexpr std::uint64_t segment_bytes_min = 65536;

using Octets = std::span<const std::byte>;

[[nodiscard]] std::uint32_t crc32c(Octets octets);

[[nodiscard]] constexpr std::uint64_t whole_blocks(std::uint64_t bytes) {
    return (bytes + block_bytes - 1) / block_bytes * block_bytes;
}

/// The first block of a segment.
struct SegmentHeader {
    std::uint16_t version = format_version;
    std::uint32_t shard = 0;
    std::uint64_t ordinal = 0;     // segments are used in this order; never used twice
    std::uint64_t generation = 0;  // random, new with each use of a file: frames of an earlier use cannot pass
    std::uint64_t bytes = 0;       // of the file
    std::uint64_t store = 0;       // random: the same in all segments of a shard

    bool operator==(const SegmentHeader&) const = default;
};

enum class FrameKind : std::uint16_t {
    batches = 1,
    mark = 2,   // nothing; says what is durable
    epoch = 3,  // a new owner; the body lists losses that a person has accepted
};

struct FrameHeader {
    FrameKind kind = FrameKind::batches;
    std::uint32_t count = 0;            // of batches
    std::uint64_t generation = 0;       // of the segment
    std::uint64_t sequence = 0;         // of the frame: dense, from 1
    std::uint64_t durable_through = 0;  // the highest sequence that was synced when this frame was built
    std::uint64_t first = 0;            // number of the first batch; of the next one, when there is none
    std::uint64_t epoch = 0;            // of the owner
    std::uint64_t kept_from = 0;        // the lowest number that is still needed
    std::uint32_t body_bytes = 0;       // table and octets
    std::uint32_t table_crc = 0;        // of the table; of the whole body, when there is no batch
    std::uint32_t chain = 0;            // header CRC of the frame before; 0: none
    std::uint64_t position = 0;         // octets from the start of the segment
    std::uint32_t crc = 0;              // of the header; filled in by encode() and decode()

    [[nodiscard]] std::uint64_t next_number() const { return first + count; }
    [[nodiscard]] std::uint64_t frame_bytes() const { return whole_blocks(frame_header_bytes + body_bytes); }
    bool operator==(const FrameHeader&) const = default;
};

/// Sequences of frames that are gone, both included.
struct Loss {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    bool operator==(const Loss&) const = default;
};

/// Octets that the frame of these batches takes, padding included.
[[nodiscard]] constexpr std::uint64_t frame_bytes_of(std::uint64_t count, std::uint64_t octets) {
    return whole_blocks(frame_header_bytes + count * table_entry_bytes + octets);
}
/// Octets of frames of batches that a segment has room for: its header and one block for a mark are taken off, so that
/// a mark, which lets old segments go, can always be written.
[[nodiscard]] constexpr std::uint64_t segment_room(std::uint64_t segment_bytes) {
    return segment_bytes - 2 * block_bytes;
}
[[nodiscard]] constexpr std::uint64_t batch_bytes_max(std::uint64_t segment_bytes) {
    return segment_room(segment_bytes) - frame_header_bytes - table_entry_bytes;
}

void encode(const SegmentHeader& header, std::span<std::byte> block);
/// Writes the header and fills in its CRC.
void encode(FrameHeader& header, std::span<std::byte> octets);
/// Null if magic or CRC do not fit. Any version passes; what a newer one means is not known here.
[[nodiscard]] std::optional<SegmentHeader> decode_segment(Octets block);
/// Null if it is not a frame's header of this version.
[[nodiscard]] std::optional<FrameHeader> decode_frame(Octets octets);

struct TableEntry {
    std::uint32_t bytes = 0;
    std::uint32_t crc = 0;
};
void encode(const TableEntry& entry, std::span<std::byte> octets);
[[nodiscard]] TableEntry decode_entry(Octets table, std::uint32_t index);

/// Whether table and batches of a frame are as they were written. `body` holds body_bytes octets.
[[nodiscard]] bool body_is_good(const FrameHeader& header, Octets body);
/// The same without the octets of the batches: the table's CRC, and whether its lengths add up.
[[nodiscard]] bool table_is_good(const FrameHeader& header, Octets table);

[[nodiscard]] std::vector<std::byte> encode(std::span<const Loss> losses);
[[nodiscard]] std::vector<Loss> decode_losses(Octets body);

/// "seg-000000000000002a.log"
[[nodiscard]] std::string segment_name(std::uint64_t ordinal);
/// Null for other names.
[[nodiscard]] std::optional<std::uint64_t> ordinal_of(std::string_view name);

}  // namespace ym::disklog
