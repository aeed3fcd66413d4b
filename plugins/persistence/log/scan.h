// Reading a segment from its first octet to its last: which frames it holds, and what is between them. Judges nothing;
// see recovery.h for that.
#pragma once

#include <functional>

#include "disk.h"

namespace ym::disklog {

/// A frame whose header is good.
struct FrameAt {
    FrameHeader header;
    bool body_good = false;

    [[nodiscard]] std::uint64_t begin() const { return header.position; }
    [[nodiscard]] std::uint64_t end() const { return header.position + header.frame_bytes(); }
};

struct SegmentScan {
    std::string name;
    std::shared_ptr<File> file;
    SegmentHeader header;      // as it should be; see header_good
    bool header_good = false;  // false: `header` is what the name and the frames tell
    std::uint64_t file_bytes = 0;
    std::vector<FrameAt> frames;  // by position
    std::uint64_t frames_end = block_bytes;
    std::vector<Loss> losses;  // that frames of the kind epoch list
    bool end_is_torn = false;  // behind the last frame stands what was meant to be one, and is not

    [[nodiscard]] std::uint64_t ordinal() const { return header.ordinal; }
    /// Behind all frames.
    [[nodiscard]] std::uint64_t end() const { return frames_end; }
    [[nodiscard]] bool short_file() const { return file_bytes < header.bytes; }
};

/// Reads pieces of a file through a buffer that is used again and again.
class Scanner {
  public:
    /// Gets each good batch of a segment, in order.
    using Batches = std::function<void(const FrameHeader&, std::uint64_t number, Octets octets)>;

    /// Reads all of `name`. `segment_bytes` is what is assumed of a file whose header is bad. A fault is one of the
    /// disk, or a version that is not known here.
    Fault scan(Disk& disk, const std::string& name, std::uint64_t segment_bytes, SegmentScan& found,
               const Batches& batches = nullptr);
    Fault scan(std::shared_ptr<File> file, const std::string& name, std::uint64_t segment_bytes, SegmentScan& found,
               const Batches& batches = nullptr);

  private:
    /// The octets from `position` on: `bytes` of them, fewer at the end of the file.
    Fault octets_at(std::uint64_t position, std::uint64_t bytes, Octets& octets);
    Fault frame_at(std::uint64_t position, SegmentScan& found, const Batches& batches, std::optional<FrameAt>& frame);
    Fault adopt_generation(SegmentScan& found);
    Fault walk(SegmentScan& found, const Batches& batches);

    File* file_ = nullptr;
    std::uint64_t file_bytes_ = 0;
    std::vector<std::byte> buffer_;
    std::uint64_t begin_ = 0;  // of what the buffer holds
    std::uint64_t filled_ = 0;
};

/// Gives the batches of a frame: `body` is all of its body, and good.
void each_batch(const FrameHeader& header, Octets body, const Scanner::Batches& batches);

}  // namespace ym::disklog
