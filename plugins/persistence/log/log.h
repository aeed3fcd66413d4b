// The log of one shard, step by step: one caller, no thread, no clock. What is written is confirmed by sync() alone.
//
// Legal order: recover ((roll* append)* | mark | sync | reclaim | new_epoch | making and made)*. A fault of any of them
// ends it: the disk cannot be trusted any more, and what was not synced may or may not be there. (No space for a
// segment is none.)
#pragma once

#include "index.h"
#include "recovery.h"
#include "segments.h"

namespace ym::disklog {

struct LogOptions {
    std::uint32_t shard = 0;
    std::uint64_t segment_bytes = std::uint64_t{64} << 20U;
    std::uint64_t reserve_bytes = std::uint64_t{64} << 20U;  // for batches that may wait, when there is no space
    std::string accept_loss;                                 // digests of damage that a person has accepted
};

struct Batch {
    std::uint64_t number = 0;
    Octets octets;
};

class Log {
  public:
    Log(Disk& disk, LogOptions options);
    ~Log();
    /// Gives the folder back. What the index finds can still be read.
    void unlock();

    /// Takes the folder, finds out what it holds, repairs what an unfinished write left, and begins a new epoch.
    /// `held`: another process has the folder. Any other fault: see its text.
    Fault recover(bool& held);
    /// Begins another epoch, in a frame of its own, synced.
    Fault new_epoch();

    [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
    /// One above the last batch that was written.
    [[nodiscard]] std::uint64_t next_number() const { return next_number_; }

    /// Octets of a frame, padding included, that the current segment has room for.
    [[nodiscard]] std::uint64_t room() const;
    /// Whether there is a segment to go on with: below the reserve for batches that may wait only.
    [[nodiscard]] bool may_roll(bool may_wait) const;
    /// Whether the reserve is begun.
    [[nodiscard]] bool in_reserve() const { return spares_.size() < reserve_segments_; }
    /// Goes on in the next segment, after may_roll(). What was written before is synced.
    Fault roll();
    /// Writes one frame. It fits the room; numbers follow one another from next_number().
    Fault append(std::span<const Batch> batches);
    /// What was written is durable from now on, and found by the index.
    Fault sync();
    [[nodiscard]] bool synced() const { return synced_ == sequence_; }

    /// Whether what is durable, and what is reclaimed, is also said to be so on disk.
    [[nodiscard]] bool marked() const;
    /// Whether there is a block for a mark. The last one of a segment is for marks that let a segment go.
    [[nodiscard]] bool may_mark() const;
    /// Writes a mark, synced, after may_mark().
    Fault mark();

    /// Batches up to `last` are not needed any more. Their segments go when a frame that says so is durable.
    void reclaim(std::uint64_t last);

    /// Whether another spare segment is wanted: one ahead of the reserve.
    [[nodiscard]] bool wants_segment() const { return !making_ && spares_.size() <= reserve_segments_; }
    /// Whether one can be made without new space.
    [[nodiscard]] bool has_free_file() const { return !free_.empty(); }
    /// How to make it. One at a time, until made() or not_made().
    [[nodiscard]] SegmentMaker make_segment();
    void made(Segment segment);
    void not_made();

    [[nodiscard]] const Index& index() const { return index_; }
    /// Lines about what recovery found.
    [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

  private:
    struct Written {
        std::uint64_t begin, end, first, last;
    };

    Fault scan_all(std::vector<SegmentScan>& scans);
    Fault keep_aside(const std::vector<SegmentScan>& scans, const Verdict& verdict);
    Fault repair(std::vector<SegmentScan>& scans, const Verdict& verdict);
    Fault remove_odd_spares(std::vector<SegmentScan>& scans, const Verdict& verdict);
    Fault restore(SegmentScan& scan);
    Fault wipe_behind(SegmentScan& scan, std::uint64_t end);
    Fault write_again(const std::vector<SegmentScan>& scans, const Verdict& verdict);
    void adopt(std::vector<SegmentScan>& scans, const Verdict& verdict);
    Fault first_segment();
    Fault begin_epoch(std::span<const Loss> losses);

    Segment& current() { return segments_.back(); }
    [[nodiscard]] SegmentHeader header_for(std::uint64_t ordinal);
    [[nodiscard]] bool frees_a_segment() const;
    Fault let_go();
    void build(FrameHeader& header, std::span<const Batch> batches, Octets body);
    Fault write_frame(FrameHeader& header, std::span<const Batch> batches, Octets body);

    Disk& disk_;
    LogOptions options_;
    std::size_t reserve_segments_;
    bool locked_ = false;

    std::deque<Segment> segments_;  // in use, in order; the last one is written to
    std::deque<Segment> spares_;    // made, not used yet
    std::deque<Segment> free_;      // not needed any more
    bool making_ = false;
    std::uint64_t next_ordinal_ = 1;
    std::uint64_t store_ = 0;

    std::uint64_t position_ = block_bytes;  // of the next frame
    std::uint64_t sequence_ = 0;            // of the last frame written
    std::uint64_t synced_ = 0;              // sequence up to which all is durable
    std::uint64_t batches_sequence_ = 0;    // of the last frame with batches
    std::uint64_t told_durable_ = 0;        // what the last frame says is durable
    std::uint32_t chain_ = 0;
    std::uint64_t epoch_ = 0;
    std::uint64_t next_number_ = 1;
    std::uint64_t kept_from_ = 1;
    std::uint64_t kept_from_told_ = 1;     // by the last frame
    std::uint64_t kept_from_durable_ = 1;  // by the last frame that is synced
    std::vector<Loss> losses_;             // accepted, and still between frames that are kept

    std::vector<Written> written_;  // since the last sync
    std::vector<std::byte> head_;   // of the frame: header and table, or header and body
    std::vector<Octets> parts_;     // of the frame
    Index index_;
    std::vector<std::string> notes_;
};

}  // namespace ym::disklog
