#include "scan.h"

#include <algorithm>

namespace ym::disklog {
namespace {

constexpr std::uint64_t piece_bytes = std::uint64_t{1} << 20U;

/// Whether a block that is no frame of `generation` looks like the remains of one. In a file that is used again
/// anything may stand behind the last frame.
bool looks_like_frame(Octets block, std::uint64_t generation) {
    if (decode_frame(block) || generation == 0) return false;  // of an earlier use; or nothing is known of this one
    FrameHeader like;
    like.generation = generation;
    std::array<std::byte, frame_header_bytes> octets{};
    encode(like, octets);
    const Octets expected(octets);
    const auto same = [&](std::size_t at, std::size_t bytes) {
        const Octets there = block.subspan(std::min(at, block.size()), std::min(bytes, block.size() - at));
        return std::ranges::equal(there, expected.subspan(at, bytes));
    };
    return block.size() >= frame_header_bytes && (same(0, 4) || same(16, 8));
}

}  // namespace

void each_batch(const FrameHeader& header, Octets body, const Scanner::Batches& batches) {
    std::uint64_t at = header.count * table_entry_bytes;
    for (std::uint32_t i = 0; i < header.count; ++i) {
        const TableEntry entry = decode_entry(body, i);
        batches(header, header.first + i, body.subspan(at, entry.bytes));
        at += entry.bytes;
    }
}

Fault Scanner::scan(Disk& disk, const std::string& name, std::uint64_t segment_bytes, SegmentScan& found,
                    const Batches& batches) {
    std::shared_ptr<File> file;
    if (Fault failed = disk.open(name, file)) return failed;
    return scan(std::move(file), name, segment_bytes, found, batches);
}

Fault Scanner::scan(std::shared_ptr<File> file, const std::string& name, std::uint64_t segment_bytes,
                    SegmentScan& found, const Batches& batches) {
    found = SegmentScan{};
    found.name = name;
    found.file = std::move(file);
    file_ = found.file.get();
    filled_ = 0;
    if (Fault failed = file_->size(file_bytes_)) return failed;
    found.file_bytes = file_bytes_;

    Octets first;
    if (Fault failed = octets_at(0, block_bytes, first)) return failed;
    if (const auto header = decode_segment(first)) {
        if (header->version > format_version) {
            return {0, name + " is of format " + std::to_string(header->version) + "; this program reads up to " +
                           std::to_string(format_version)};
        }
        found.header = *header;
        found.header_good = true;
    } else {
        found.header.ordinal = ordinal_of(name).value_or(0);
        found.header.bytes = segment_bytes;
        if (Fault failed = adopt_generation(found)) return failed;
    }
    return walk(found, batches);
}

Fault Scanner::octets_at(std::uint64_t position, std::uint64_t bytes, Octets& octets) {
    bytes = position >= file_bytes_ ? 0 : std::min(bytes, file_bytes_ - position);
    if (position < begin_ || position + bytes > begin_ + filled_) {
        const std::uint64_t wanted =
            std::min(std::max(bytes, piece_bytes), file_bytes_ - std::min(position, file_bytes_));
        if (buffer_.size() < wanted) buffer_.resize(wanted);
        std::size_t got = 0;
        if (Fault failed = file_->read(position, std::span(buffer_).first(wanted), got)) return failed;
        begin_ = position;
        filled_ = got;
        bytes = std::min<std::uint64_t>(bytes, got);
    }
    octets = bytes == 0 ? Octets{} : Octets(buffer_).subspan(position - begin_, bytes);
    return {};
}

Fault Scanner::adopt_generation(SegmentScan& found) {
    // Every frame names the generation of its segment. One whose position fits was written to this file.
    for (std::uint64_t at = block_bytes; at < file_bytes_; at += block_bytes) {
        Octets block;
        if (Fault failed = octets_at(at, block_bytes, block)) return failed;
        const auto header = decode_frame(block);
        if (!header || header->position != at) continue;
        found.header.generation = header->generation;
        return {};
    }
    return {};
}

Fault Scanner::frame_at(std::uint64_t position, SegmentScan& found, const Batches& batches,
                        std::optional<FrameAt>& frame) {
    frame.reset();
    Octets octets;
    if (Fault failed = octets_at(position, block_bytes, octets)) return failed;
    const auto header = decode_frame(octets);
    if (!header || header->generation != found.header.generation || header->position != position) return {};
    const std::uint64_t bytes = frame_header_bytes + header->body_bytes;
    if (position + header->frame_bytes() > found.header.bytes) return {};
    frame = FrameAt{*header, false};
    if (Fault failed = octets_at(position, bytes, octets)) return failed;
    if (octets.size() < bytes) return {};
    const Octets body = octets.subspan(frame_header_bytes);
    frame->body_good = body_is_good(*header, body);
    if (!frame->body_good) return {};
    if (header->kind == FrameKind::epoch) {
        const std::vector<Loss> losses = decode_losses(body);
        found.losses.insert(found.losses.end(), losses.begin(), losses.end());
    }
    if (batches) each_batch(*header, body, batches);
    return {};
}

Fault Scanner::walk(SegmentScan& found, const Batches& batches) {
    std::uint64_t at = block_bytes;
    bool behind_a_frame = true;
    while (at < file_bytes_) {
        std::optional<FrameAt> frame;
        if (Fault failed = frame_at(at, found, batches, frame)) return failed;
        if (frame) {
            found.frames.push_back(*frame);
            found.frames_end = std::max(found.frames_end, frame->end());
            found.end_is_torn = false;
            behind_a_frame = frame->body_good;
            // The length of one whose body is bad is not believed: other frames may stand within.
            at = frame->body_good ? frame->end() : at + block_bytes;
            continue;
        }
        if (behind_a_frame) {
            Octets block;
            if (Fault failed = octets_at(at, block_bytes, block)) return failed;
            found.end_is_torn = looks_like_frame(block, found.header.generation);
            behind_a_frame = false;
        }
        at += block_bytes;
    }
    return {};
}

}  // namespace ym::disklog
