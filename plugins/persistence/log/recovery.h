// What the segments of a shard say together: which frames count, where the log ends, and what is wrong. No disk here.
//
// D is the highest sequence that any frame names as durable. What is missing behind D was never confirmed: a torn
// tail, which is cut. What is missing up to D was confirmed: damage, which is never cut, and reported with its range.
#pragma once

#include "scan.h"

namespace ym::disklog {

/// Octets of a file.
struct Range {
    std::string name;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

/// Confirmed frames that are gone.
struct Damage {
    Loss frames;
    std::uint64_t first_batch = 0;
    std::uint64_t last_batch = 0;  // below first_batch: none
    bool open_ended = false;       // what was behind first_batch cannot be said: the end of a file is gone
    std::vector<Range> ranges;
    std::string text;  // "seg-...log octets 8192..16384: batches 17..19"
};

struct Position {
    std::size_t segment = 0;  // index into the scans
    std::size_t frame = 0;    // index into its frames
};

struct Verdict {
    std::vector<Position> frames;  // that count, in order
    /// Where the next frame goes: behind the last one that counts. Index into the scans; none if there is none.
    std::optional<std::size_t> last_segment;
    std::uint64_t end = block_bytes;

    std::uint64_t sequence = 0;  // of the last frame that counts
    std::uint32_t chain = 0;
    std::uint64_t durable_through = 0;
    std::uint64_t epoch = 0;        // the highest seen
    std::uint64_t next_number = 1;  // behind the last batch
    std::uint64_t kept_from = 1;
    std::vector<Loss> losses;  // that were accepted before

    std::vector<Damage> damages;     // not accepted before
    std::vector<std::string> notes;  // for the log: what was cut, and what is odd but harmless
    std::string digest;              // of the damages, to be named by whoever accepts them; empty without
};

/// `scans` are in order of their ordinals.
[[nodiscard]] Verdict judge(const std::vector<SegmentScan>& scans);

}  // namespace ym::disklog
