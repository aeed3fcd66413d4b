// The file of a segment, and how one is made: zero-written, or taken over from one whose batches are not needed any
// more.
#pragma once

#include "disk.h"

namespace ym::disklog {

struct Segment {
    std::string name;
    std::shared_ptr<File> file;
    SegmentHeader header;
};

/// Makes a segment in steps that are short enough to be done between others. Touches only files that nobody else does,
/// so it may run on a thread of its own.
class SegmentMaker {
  public:
    /// `old`: a file to use again, whose octets stay; the new generation makes them count for nothing.
    SegmentMaker(Disk& disk, const SegmentHeader& header, std::optional<Segment> old);

    /// A new file is written with zeros, so that no later write needs space or changes what the file system knows of
    /// it. Then header, sync, name, sync of the folder: a segment that has its name is whole.
    Fault step(bool& done);
    /// All steps.
    Fault run();
    /// After it is done.
    [[nodiscard]] Segment take() { return std::move(segment_); }
    /// Gives back the space of one that could not be made.
    void abandon();

    static constexpr std::string_view temporary = "making-";

  private:
    Fault begin();
    Fault finish();

    Disk& disk_;
    std::optional<Segment> old_;
    Segment segment_;
    std::string temporary_;
    bool begun_ = false;
    std::uint64_t zeroed_ = 0;
};

}  // namespace ym::disklog
