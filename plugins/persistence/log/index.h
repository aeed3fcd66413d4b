// Where each batch stands: 16 octets in memory for each frame. Any thread: the thread that appends adds, others look
// up.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "disk.h"

namespace ym::disklog {

/// Frames that stand one behind the other in one file.
struct Extent {
    std::shared_ptr<File> file;
    std::string name;
    std::uint64_t generation = 0;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t first = 0;  // number of the first batch of the first frame
};

class Index {
  public:
    /// Nothing is held yet, and batches up to `last` were.
    void begin_behind(std::uint64_t last);
    /// A segment that frames are added for; ordinals ascend.
    void add_segment(std::uint64_t ordinal, std::string name, std::shared_ptr<File> file, std::uint64_t generation);
    /// The frame at `begin`..`end` of the newest segment holds the batches from `first` to `last`.
    void add_frame(std::uint64_t begin, std::uint64_t end, std::uint64_t first, std::uint64_t last);
    /// Takes a segment out, and all before it.
    void drop_through(std::uint64_t ordinal);
    /// Batches below `number` are not given any more.
    void keep_from(std::uint64_t number);

    /// Frames with batches from `from` on: the one that holds it, or the next, and more up to about `bytes_max` octets
    /// of file. Null if there is none.
    [[nodiscard]] std::optional<Extent> from(std::uint64_t from, std::uint64_t bytes_max) const;
    /// The frame that holds `number`, if one does and it is kept.
    [[nodiscard]] std::optional<Extent> holding(std::uint64_t number) const;

    [[nodiscard]] std::uint64_t kept_from() const;
    /// The highest number, 0 without any.
    [[nodiscard]] std::uint64_t last() const;
    /// The lowest number that is held and at least `number`; `otherwise` if none is.
    [[nodiscard]] std::uint64_t first_from(std::uint64_t number, std::uint64_t otherwise) const;
    /// The highest number in a segment, 0 without any.
    [[nodiscard]] std::uint64_t last_in(std::uint64_t ordinal) const;

  private:
    struct Entry {
        std::uint64_t first;    // number of the first batch
        std::uint32_t segment;  // the low half of its ordinal
        std::uint32_t block;
    };
    static_assert(sizeof(Entry) == 16);
    struct Segment {
        std::string name;
        std::shared_ptr<File> file;
        std::uint64_t generation = 0;
        std::uint64_t end = block_bytes;  // behind its last frame with batches
        std::uint64_t last = 0;
    };

    /// The frame that holds `number`, or the first one behind it.
    [[nodiscard]] std::deque<Entry>::const_iterator at_or_behind(std::uint64_t number) const;
    [[nodiscard]] Extent extent(const std::deque<Entry>::const_iterator& from, std::uint64_t bytes_max) const;
    /// The number of the last batch of a frame. Accepted losses leave holes between frames, never in one.
    [[nodiscard]] std::uint64_t last_of(const std::deque<Entry>::const_iterator& frame) const;

    mutable std::mutex mutex_;
    std::deque<Entry> frames_;
    std::map<std::uint64_t, Segment> segments_;  // by ordinal
    std::uint64_t kept_from_ = 1;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, std::uint64_t> holes_;  // first missing number: last missing number
};

}  // namespace ym::disklog
