#include "log.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ym::disklog {

Log::Log(Disk& disk, LogOptions options)
    : disk_(disk),
      options_(std::move(options)),
      reserve_segments_((options_.reserve_bytes + options_.segment_bytes - 1) / options_.segment_bytes) {}

Log::~Log() {
    unlock();
}

void Log::unlock() {
    if (locked_) disk_.unlock();
    locked_ = false;
}

std::uint64_t Log::room() const {
    const std::uint64_t end = segments_.back().header.bytes - block_bytes;
    return position_ < end ? end - position_ : 0;
}

bool Log::may_roll(bool may_wait) const {
    return spares_.size() > (may_wait ? 0 : reserve_segments_);
}

Fault Log::roll() {
    if (!synced()) {
        if (Fault failed = sync()) return failed;
    }
    segments_.push_back(std::move(spares_.front()));
    spares_.pop_front();
    position_ = block_bytes;
    index_.add_segment(current().header.ordinal, current().name, current().file, current().header.generation);
    return {};
}

/// The octets of batches are written from where they stand.
void Log::build(FrameHeader& header, std::span<const Batch> batches, Octets body) {
    static constexpr std::array<std::byte, block_bytes> zeros{};
    const std::uint64_t table_bytes = batches.size() * table_entry_bytes;
    head_.resize(frame_header_bytes + table_bytes + body.size());
    parts_.assign(1, head_);
    std::uint64_t octets = body.size();
    std::size_t entry_at = frame_header_bytes;
    for (const Batch& batch : batches) {
        encode(TableEntry{static_cast<std::uint32_t>(batch.octets.size()), crc32c(batch.octets)},
               std::span(head_).subspan(entry_at, table_entry_bytes));
        entry_at += table_entry_bytes;
        octets += batch.octets.size();
        parts_.push_back(batch.octets);
    }
    if (!body.empty()) std::memcpy(head_.data() + frame_header_bytes, body.data(), body.size());
    header.count = static_cast<std::uint32_t>(batches.size());
    header.body_bytes = static_cast<std::uint32_t>(table_bytes + octets);
    header.table_crc = crc32c(Octets(head_).subspan(frame_header_bytes));
    const std::uint64_t padding = header.frame_bytes() - frame_header_bytes - header.body_bytes;
    parts_.push_back(Octets(zeros).first(padding));
    encode(header, head_);
}

Fault Log::write_frame(FrameHeader& header, std::span<const Batch> batches, Octets body) {
    header.generation = current().header.generation;
    header.sequence = sequence_ + 1;
    header.durable_through = synced_;
    header.first = next_number_;
    header.epoch = epoch_;
    header.kept_from = kept_from_;
    header.chain = chain_;
    header.position = position_;
    build(header, batches, body);
    if (Fault failed = current().file->write_parts(position_, parts_)) return failed;
    if (!batches.empty()) {
        written_.push_back({position_, position_ + header.frame_bytes(), header.first, header.next_number() - 1});
        batches_sequence_ = header.sequence;
    }
    position_ += header.frame_bytes();
    sequence_ = header.sequence;
    chain_ = header.crc;
    next_number_ = header.next_number();
    told_durable_ = header.durable_through;
    kept_from_told_ = header.kept_from;
    return {};
}

Fault Log::append(std::span<const Batch> batches) {
    FrameHeader header;
    return write_frame(header, batches, {});
}

Fault Log::sync() {
    if (Fault failed = current().file->sync()) return failed;
    synced_ = sequence_;
    kept_from_durable_ = kept_from_told_;
    for (const Written& frame : written_) index_.add_frame(frame.begin, frame.end, frame.first, frame.last);
    written_.clear();
    return let_go();
}

bool Log::marked() const {
    return batches_sequence_ <= told_durable_ && kept_from_told_ == kept_from_;
}

bool Log::frees_a_segment() const {
    return segments_.size() > 1 && index_.last_in(segments_.front().header.ordinal) < kept_from_;
}

bool Log::may_mark() const {
    return room() >= block_bytes || (position_ + block_bytes <= segments_.back().header.bytes && frees_a_segment());
}

Fault Log::mark() {
    if (!synced()) {
        if (Fault failed = sync()) return failed;
    }
    FrameHeader header;
    header.kind = FrameKind::mark;
    if (Fault failed = write_frame(header, {}, {})) return failed;
    return sync();
}

void Log::reclaim(std::uint64_t last) {
    // Batches that are not durable yet are still going to be; reclaiming goes no further than the last one written.
    const std::uint64_t wanted = std::min(last + 1, next_number_);
    if (wanted <= kept_from_) return;
    // Behind a hole that was accepted, so that it is no loss again when what stood before it is gone.
    kept_from_ = index_.first_from(wanted, wanted);
    index_.keep_from(kept_from_);
}

Fault Log::let_go() {
    while (segments_.size() > 1 && index_.last_in(segments_.front().header.ordinal) < kept_from_durable_) {
        index_.drop_through(segments_.front().header.ordinal);
        free_.push_back(std::move(segments_.front()));
        segments_.pop_front();
    }
    // Two may lie there to be used again; space beyond that is given back.
    const auto useless = [&](std::size_t i) {
        return free_.size() > 2 || free_[i].header.bytes != options_.segment_bytes;
    };
    for (std::size_t i = 0; i < free_.size();) {
        if (!useless(i)) {
            ++i;
            continue;
        }
        if (Fault failed = disk_.remove(free_[i].name)) return failed;
        free_.erase(free_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return {};
}

SegmentHeader Log::header_for(std::uint64_t ordinal) {
    SegmentHeader header;
    header.shard = options_.shard;
    header.ordinal = ordinal;
    while (header.generation == 0) header.generation = disk_.random();
    header.bytes = options_.segment_bytes;
    header.store = store_;
    return header;
}

SegmentMaker Log::make_segment() {
    making_ = true;
    std::optional<Segment> old;
    if (!free_.empty()) {
        old = std::move(free_.front());
        free_.pop_front();
    }
    return SegmentMaker(disk_, header_for(next_ordinal_++), std::move(old));
}

void Log::not_made() {
    making_ = false;
    --next_ordinal_;  // files have no gap between their numbers
}

void Log::made(Segment segment) {
    making_ = false;
    spares_.push_back(std::move(segment));
}

Fault Log::begin_epoch(std::span<const Loss> losses) {
    ++epoch_;
    const std::vector<std::byte> body = encode(losses);
    FrameHeader header;
    header.kind = FrameKind::epoch;
    // It may take the block that is kept for a mark: it tells the same.
    if (position_ + frame_bytes_of(0, body.size()) > current().header.bytes) {
        if (spares_.empty()) {
            SegmentMaker maker = make_segment();
            if (Fault failed = maker.run()) {
                maker.abandon();
                return failed;
            }
            made(maker.take());
        }
        if (Fault failed = roll()) return failed;
    }
    if (Fault failed = write_frame(header, {}, body)) return failed;
    return sync();
}

Fault Log::new_epoch() {
    if (!synced()) {
        if (Fault failed = sync()) return failed;
    }
    return begin_epoch(losses_);
}

}  // namespace ym::disklog
