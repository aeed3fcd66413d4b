#include "segments.h"

#include <algorithm>

namespace ym::disklog {
namespace {

constexpr std::uint64_t zeros_at_once = std::uint64_t{1} << 20U;
/// A sync of all of a segment at its end would stand in the way of those of batches for long.
constexpr std::uint64_t sync_bytes = std::uint64_t{8} << 20U;

}  // namespace

SegmentMaker::SegmentMaker(Disk& disk, const SegmentHeader& header, std::optional<Segment> old)
    : disk_(disk),
      old_(std::move(old)),
      segment_{segment_name(header.ordinal), nullptr, header},
      temporary_(std::string(temporary) + segment_.name) {}

Fault SegmentMaker::step(bool& done) {
    done = false;
    if (!begun_) return begin();
    if (zeroed_ < segment_.header.bytes) {
        const std::uint64_t bytes = std::min(zeros_at_once, segment_.header.bytes - zeroed_);
        if (Fault failed = segment_.file->write_zeros(zeroed_, bytes)) return failed;
        zeroed_ += bytes;
        return zeroed_ % sync_bytes == 0 ? segment_.file->sync() : Fault{};
    }
    done = true;
    return finish();
}

Fault SegmentMaker::run() {
    for (bool done = false; !done;) {
        if (Fault failed = step(done)) return failed;
    }
    return {};
}

Fault SegmentMaker::begin() {
    begun_ = true;
    if (!old_) {
        if (Fault failed = disk_.create(temporary_, segment_.file)) return failed;
        return segment_.file->allocate(segment_.header.bytes);
    }
    segment_.file = old_->file;
    zeroed_ = segment_.header.bytes;
    return disk_.rename(old_->name, temporary_);
}

Fault SegmentMaker::finish() {
    std::vector<std::byte> block(block_bytes);
    encode(segment_.header, block);
    if (Fault failed = segment_.file->write(0, block)) return failed;
    if (Fault failed = segment_.file->sync()) return failed;
    if (Fault failed = disk_.rename(temporary_, segment_.name)) return failed;
    return disk_.sync_directory();
}

void SegmentMaker::abandon() {
    segment_.file.reset();
    if (begun_ && disk_.remove(temporary_)) return;  // it is gone, or is removed at the next start
}

}  // namespace ym::disklog
