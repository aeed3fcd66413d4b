#include "index.h"

#include <algorithm>

namespace ym::disklog {

void Index::begin_behind(std::uint64_t last) {
    const std::lock_guard lock(mutex_);
    last_ = last;
}

void Index::add_segment(std::uint64_t ordinal, std::string name, std::shared_ptr<File> file, std::uint64_t generation) {
    const std::lock_guard lock(mutex_);
    segments_[ordinal] = Segment{std::move(name), std::move(file), generation, block_bytes, 0};
}

void Index::add_frame(std::uint64_t begin, std::uint64_t end, std::uint64_t first, std::uint64_t last) {
    const std::lock_guard lock(mutex_);
    auto& [ordinal, segment] = *segments_.rbegin();
    if (!frames_.empty() && first > last_ + 1) holes_[last_ + 1] = first - 1;
    frames_.push_back({first, static_cast<std::uint32_t>(ordinal), static_cast<std::uint32_t>(begin / block_bytes)});
    segment.end = end;
    segment.last = last;
    last_ = last;
}

void Index::drop_through(std::uint64_t ordinal) {
    const std::lock_guard lock(mutex_);
    while (!segments_.empty() && segments_.begin()->first <= ordinal) {
        const auto gone = static_cast<std::uint32_t>(segments_.begin()->first);
        while (!frames_.empty() && frames_.front().segment == gone) frames_.pop_front();
        segments_.erase(segments_.begin());
    }
    const std::uint64_t first = frames_.empty() ? last_ + 1 : frames_.front().first;
    while (!holes_.empty() && holes_.begin()->second < first) holes_.erase(holes_.begin());
}

void Index::keep_from(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    kept_from_ = std::max(kept_from_, number);
}

std::uint64_t Index::last_of(const std::deque<Entry>::const_iterator& frame) const {
    const auto next = std::next(frame);
    if (next == frames_.end()) return last_;
    const auto hole = holes_.upper_bound(next->first - 1);
    if (hole != holes_.begin() && std::prev(hole)->second == next->first - 1) return std::prev(hole)->first - 1;
    return next->first - 1;
}

std::deque<Index::Entry>::const_iterator Index::at_or_behind(std::uint64_t number) const {
    auto behind = std::upper_bound(frames_.begin(), frames_.end(), number,
                                   [](std::uint64_t wanted, const Entry& entry) { return wanted < entry.first; });
    if (behind == frames_.begin()) return behind;
    const auto before = std::prev(behind);
    return number <= last_of(before) ? before : behind;
}

Extent Index::extent(const std::deque<Entry>::const_iterator& from, std::uint64_t bytes_max) const {
    const auto segment = std::find_if(segments_.begin(), segments_.end(), [&](const auto& entry) {
        return static_cast<std::uint32_t>(entry.first) == from->segment;
    });
    Extent found{segment->second.file,      segment->second.name, segment->second.generation,
                 from->block * block_bytes, segment->second.end,  from->first};
    // The frame that passes the limit is still taken, if it is the first; one that follows is not.
    for (auto next = std::next(from); next != frames_.end() && next->segment == from->segment; ++next) {
        const std::uint64_t end = next->block * block_bytes;
        if (end - found.begin >= bytes_max) {
            found.end = end;
            break;
        }
    }
    return found;
}

std::optional<Extent> Index::from(std::uint64_t from, std::uint64_t bytes_max) const {
    const std::lock_guard lock(mutex_);
    const auto frame = at_or_behind(std::max(from, kept_from_));
    if (frame == frames_.end()) return std::nullopt;
    return extent(frame, bytes_max);
}

std::optional<Extent> Index::holding(std::uint64_t number) const {
    const std::lock_guard lock(mutex_);
    if (number < kept_from_) return std::nullopt;
    const auto frame = at_or_behind(number);
    if (frame == frames_.end() || number < frame->first) return std::nullopt;
    return extent(frame, 0);
}

std::uint64_t Index::kept_from() const {
    const std::lock_guard lock(mutex_);
    return kept_from_;
}

std::uint64_t Index::last() const {
    const std::lock_guard lock(mutex_);
    return last_;
}

std::uint64_t Index::first_from(std::uint64_t number, std::uint64_t otherwise) const {
    const std::lock_guard lock(mutex_);
    const auto frame = at_or_behind(number);
    return frame == frames_.end() ? otherwise : std::max(number, frame->first);
}

std::uint64_t Index::last_in(std::uint64_t ordinal) const {
    const std::lock_guard lock(mutex_);
    const auto segment = segments_.find(ordinal);
    return segment == segments_.end() ? 0 : segment->second.last;
}

}  // namespace ym::disklog
