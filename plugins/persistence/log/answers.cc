#include "answers.h"

#include <algorithm>

#include "scan.h"

namespace ym::disklog {
namespace {

constexpr std::uint64_t piece_bytes_min = std::uint64_t{64} << 10U;
constexpr std::uint64_t piece_bytes_max = std::uint64_t{4} << 20U;
/// A frame of at most this many octets is read whole for one batch.
constexpr std::uint64_t whole_frame_max = std::uint64_t{256} << 10U;

Fault unreadable(const Extent& extent) {
    return {0, extent.name + " octets " + std::to_string(extent.begin) + ".." + std::to_string(extent.end) +
                   ", which hold batch " + std::to_string(extent.first) + ", are not as they were written"};
}

/// Reads octets of a file into memory of the answer. Short at the end of the file.
Fault load(const Extent& extent, std::uint64_t position, std::uint64_t bytes, Answer& answer, Octets& octets) {
    // Not value-initialised: all of it is overwritten.
    std::unique_ptr<std::byte[]> memory(new std::byte[bytes]);
    std::size_t got = 0;
    if (Fault failed = extent.file->read(position, {memory.get(), bytes}, got)) return failed;
    octets = {memory.get(), got};
    answer.memory.push_back(std::move(memory));
    return {};
}

std::optional<FrameHeader> header_at(const Extent& extent, std::uint64_t position, Octets octets) {
    const auto header = decode_frame(octets);
    if (!header || header->generation != extent.generation || header->position != position) return std::nullopt;
    return header;
}

/// One call of read().
class Reading {
  public:
    Reading(std::uint64_t from, std::uint64_t bytes_max, Answer& answer)
        : next_(from), bytes_max_(bytes_max), answer_(answer) {}

    Fault run(const Index& index) {
        next_ = std::max(next_, index.kept_from());
        answer_.through = index.last();
        // Small batches in frames of their own take up to 40 times their octets of file.
        const std::uint64_t file_bytes_max = 8 * bytes_max_ + piece_bytes_min;
        std::uint64_t file_bytes = 0;
        while (!full_ && bytes_ < bytes_max_ && file_bytes < file_bytes_max) {
            const auto extent = index.from(next_, std::clamp(bytes_max_ - bytes_, piece_bytes_min, piece_bytes_max));
            if (!extent) break;
            bool good = false;
            if (Fault failed = take(*extent, good)) return failed;
            if (!good) {
                const auto again = index.from(next_, 0);
                // Unless it was reclaimed meanwhile.
                if (again && again->name == extent->name && again->begin == extent->begin) return unreadable(*extent);
            }
            file_bytes += extent->end - extent->begin;
        }
        if (!answer_.numbers.empty()) answer_.through = answer_.numbers.back();
        return {};
    }

  private:
    /// Takes the batches of frames up to the first that is not as written. `good`: the first one is.
    Fault take(const Extent& extent, bool& good) {
        Octets octets;
        if (Fault failed = load(extent, extent.begin, extent.end - extent.begin, answer_, octets)) return failed;
        std::uint64_t at = 0;
        while (at < octets.size() && !full_) {
            const auto header = header_at(extent, extent.begin + at, octets.subspan(at));
            if (!header || at + frame_header_bytes + header->body_bytes > octets.size()) break;
            const Octets body = octets.subspan(at + frame_header_bytes, header->body_bytes);
            if (!body_is_good(*header, body)) break;
            good = true;
            each_batch(*header, body, [&](const FrameHeader&, std::uint64_t number, Octets batch) {
                if (number >= next_) give(number, batch);
            });
            at += header->frame_bytes();
        }
        return {};
    }

    void give(std::uint64_t number, Octets batch) {
        full_ = full_ || (!answer_.numbers.empty() && bytes_ + batch.size() > bytes_max_);
        if (full_) return;
        answer_.numbers.push_back(number);
        answer_.batches.push_back(batch);
        bytes_ += batch.size();
        next_ = number + 1;
    }

    std::uint64_t next_;
    std::uint64_t bytes_max_;
    std::uint64_t bytes_ = 0;
    bool full_ = false;  // the next batch does not fit
    Answer& answer_;
};

/// One call of fetch(). Numbers of one frame that follow one another share what is read of it.
class Fetching {
  public:
    explicit Fetching(Answer& answer) : answer_(answer) {}

    Fault get(const Index& index, std::uint64_t number, Octets& batch) {
        batch = {};
        const auto extent = index.holding(number);
        if (!extent) return {};
        bool good = false;
        if (Fault failed = get(*extent, number, batch, good)) return failed;
        // Unless it was reclaimed meanwhile.
        if (!good && index.holding(number)) return unreadable(*extent);
        return {};
    }

  private:
    Fault get(const Extent& extent, std::uint64_t number, Octets& batch, bool& good) {
        if (extent.name != name_ || extent.begin != begin_) {
            if (Fault failed = open(extent)) return failed;
        }
        if (!header_ || number < header_->first || number >= header_->next_number()) return {};
        std::uint64_t at = header_->count * table_entry_bytes;
        const auto index = static_cast<std::uint32_t>(number - header_->first);
        for (std::uint32_t i = 0; i < index; ++i) at += decode_entry(table_, i).bytes;
        const TableEntry entry = decode_entry(table_, index);
        Octets octets;
        if (at + entry.bytes <= body_.size()) {
            octets = body_.subspan(at, entry.bytes);
        } else if (Fault failed = load(extent, extent.begin + frame_header_bytes + at, entry.bytes, answer_, octets)) {
            return failed;
        }
        good = octets.size() == entry.bytes && crc32c(octets) == entry.crc;
        if (good) batch = octets;
        return {};
    }

    /// Reads a frame: whole, or without its batches if it is large.
    Fault open(const Extent& extent) {
        name_ = extent.name;
        begin_ = extent.begin;
        header_.reset();
        const std::uint64_t bytes = extent.end - extent.begin;
        Octets octets;
        if (Fault failed = load(extent, extent.begin, std::min(bytes, whole_frame_max), answer_, octets)) return failed;
        const auto header = header_at(extent, extent.begin, octets);
        if (!header) return {};
        const std::uint64_t table_bytes = header->count * table_entry_bytes;
        if (frame_header_bytes + table_bytes > octets.size()) {
            if (Fault failed = load(extent, extent.begin, frame_header_bytes + table_bytes, answer_, octets)) {
                return failed;
            }
            if (octets.size() < frame_header_bytes + table_bytes) return {};
        }
        body_ = octets.subspan(frame_header_bytes);
        body_ = body_.first(std::min<std::size_t>(body_.size(), header->body_bytes));
        table_ = body_.first(table_bytes);
        if (table_is_good(*header, table_)) header_ = header;
        return {};
    }

    Answer& answer_;
    std::string name_;
    std::uint64_t begin_ = 0;
    std::optional<FrameHeader> header_;
    Octets body_;  // as much as was read
    Octets table_;
};

}  // namespace

Fault read_batches(const Index& index, std::uint64_t from, std::uint64_t bytes_max, Answer& answer) {
    return Reading(from, std::max<std::uint64_t>(bytes_max, 1), answer).run(index);
}

Fault fetch_batches(const Index& index, std::span<const std::uint64_t> numbers, Answer& answer) {
    Fetching fetching(answer);
    for (const std::uint64_t number : numbers) {
        Octets batch;
        if (Fault failed = fetching.get(index, number, batch)) return failed;
        answer.numbers.push_back(number);
        answer.batches.push_back(batch);
    }
    return {};
}

}  // namespace ym::disklog
