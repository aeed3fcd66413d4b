#include "recovery.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace ym::disklog {
namespace {

std::string text_of(const Range& range) {
    return range.name + " octets " + std::to_string(range.begin) + ".." + std::to_string(range.end);
}

std::string text_of(const Damage& damage) {
    std::string text;
    for (const Range& range : damage.ranges) text += (text.empty() ? "" : ", ") + text_of(range);
    if (text.empty()) text = "a missing file";
    if (damage.open_ended) return text + ": whatever stood from batch " + std::to_string(damage.first_batch) + " on";
    return text + ": batches " + std::to_string(damage.first_batch) + ".." + std::to_string(damage.last_batch);
}

class Judge {
  public:
    explicit Judge(const std::vector<SegmentScan>& scans) : scans_(scans) {}

    Verdict run() {
        learn();
        for (std::size_t s = 0; s < scans_.size() && !cut_; ++s) {
            for (std::size_t f = 0; f < scans_[s].frames.size() && !cut_; ++f) consider({s, f});
        }
        end();
        if (!verdict_.damages.empty()) {
            std::string all;
            for (const Damage& damage : verdict_.damages) all += damage.text + "\n";
            std::array<char, 16> digest{};
            std::snprintf(digest.data(), digest.size(), "%08x", crc32c(std::as_bytes(std::span(all))));
            verdict_.digest = digest.data();
        }
        return std::move(verdict_);
    }

  private:
    [[nodiscard]] const FrameAt& at(Position position) const { return scans_[position.segment].frames[position.frame]; }

    /// What frames claim is true even if the frame itself is not kept: it was written by the owner.
    void learn() {
        for (const SegmentScan& scan : scans_) {
            verdict_.losses.insert(verdict_.losses.end(), scan.losses.begin(), scan.losses.end());
            for (const FrameAt& frame : scan.frames) {
                verdict_.durable_through = std::max(verdict_.durable_through, frame.header.durable_through);
                verdict_.kept_from = std::max(verdict_.kept_from, frame.header.kept_from);
                verdict_.epoch = std::max(verdict_.epoch, frame.header.epoch);
            }
        }
    }

    void consider(Position position) {
        const FrameAt& frame = at(position);
        const FrameHeader& header = frame.header;
        if (last_ && header.sequence <= verdict_.sequence) return;  // left over from before a cut
        if (!frame.body_good) return;
        const bool follows = header.sequence == verdict_.sequence + 1;
        if (last_ && follows && (header.chain != verdict_.chain || header.first != verdict_.next_number)) return;
        if (last_ && header.first < verdict_.next_number) return;
        if (!follows && !skip_to(position)) return;
        last_ = position;
        verdict_.frames.push_back(position);
        verdict_.sequence = header.sequence;
        verdict_.chain = header.crc;
        verdict_.next_number = header.next_number();
    }

    /// Frames are missing before this one. False if they were never confirmed: the log ends before them.
    bool skip_to(Position position) {
        const FrameHeader& header = at(position).header;
        const Loss missing{last_ ? verdict_.sequence + 1 : 1, header.sequence - 1};
        const std::uint64_t surely = last_ ? missing.first : missing.last;
        if (surely > verdict_.durable_through) {
            cut_ = true;
            return false;
        }
        // Older segments than the first that is needed may be left or gone.
        const std::uint64_t first = std::max(last_ ? verdict_.next_number : 1, verdict_.kept_from);
        if (header.first <= first) {
            if (last_ && header.first > verdict_.next_number) return true;
            if (last_ && was_kept()) {
                verdict_.notes.push_back("frames " + std::to_string(missing.first) + ".." +
                                         std::to_string(missing.last) +
                                         ", which hold no batch, are damaged and left out");
            }
            return true;
        }
        if (accepted(missing)) return true;
        Damage damage{missing, first, header.first - 1, false, ranges_before(position), {}};
        damage.text = text_of(damage);
        verdict_.damages.push_back(std::move(damage));
        return true;
    }

    [[nodiscard]] bool was_kept() const { return verdict_.next_number > verdict_.kept_from; }

    [[nodiscard]] bool accepted(const Loss& missing) const {
        return std::any_of(verdict_.losses.begin(), verdict_.losses.end(),
                           [&](const Loss& loss) { return loss.first <= missing.first && missing.last <= loss.last; });
    }

    /// The octets between the last frame that counts and this one.
    [[nodiscard]] std::vector<Range> ranges_before(Position position) const {
        std::vector<Range> ranges;
        const std::size_t from = last_ ? last_->segment : position.segment;
        for (std::size_t s = from; s <= position.segment; ++s) {
            const std::uint64_t begin = last_ && s == from ? at(*last_).end() : block_bytes;
            const std::uint64_t end = s == position.segment ? at(position).begin() : scans_[s].end();
            if (begin < end) ranges.push_back({scans_[s].name, begin, end});
        }
        return ranges;
    }

    void end() {
        if (last_) {
            verdict_.last_segment = last_->segment;
            verdict_.end = at(*last_).end();
        } else if (!scans_.empty()) {
            verdict_.last_segment = 0;
        }
        verdict_.next_number = std::max(verdict_.next_number, verdict_.kept_from);
        if (scans_.empty()) return;
        std::vector<Range> behind = ranges_behind();
        if (std::any_of(scans_.begin() + static_cast<std::ptrdiff_t>(*verdict_.last_segment), scans_.end(),
                        [](const SegmentScan& scan) { return scan.short_file(); })) {
            return lost_end(short_ranges());
        }
        if (verdict_.sequence < verdict_.durable_through) return lost_end(std::move(behind));
        // Files are made one after the other. One that is missing between the last in use and a spare was in use.
        for (std::size_t s = *verdict_.last_segment + 1; s < scans_.size(); ++s) {
            const std::uint64_t before = scans_[s - 1].ordinal();
            if (scans_[s].ordinal() == before + 1) continue;
            return lost_end({{segment_name(before + 1), 0, scans_[s].header.bytes}});
        }
        for (const Range& range : behind) {
            verdict_.notes.push_back("an unfinished write behind batch " + std::to_string(verdict_.next_number - 1) +
                                     " is cut: " + text_of(range) + ", never confirmed");
        }
    }

    void lost_end(std::vector<Range> ranges) {
        Damage damage{{verdict_.sequence + 1, std::max(verdict_.sequence + 1, verdict_.durable_through)},
                      verdict_.next_number,
                      verdict_.next_number - 1,
                      true,
                      std::move(ranges),
                      {}};
        damage.text = text_of(damage);
        verdict_.damages.push_back(std::move(damage));
    }

    [[nodiscard]] std::vector<Range> short_ranges() const {
        std::vector<Range> ranges;
        for (std::size_t s = *verdict_.last_segment; s < scans_.size(); ++s) {
            const SegmentScan& scan = scans_[s];
            if (scan.short_file()) ranges.push_back({scan.name, scan.file_bytes, scan.header.bytes});
        }
        return ranges;
    }

    /// What stands behind the last frame that counts, of this use of the files.
    [[nodiscard]] std::vector<Range> ranges_behind() const {
        std::vector<Range> ranges;
        for (std::size_t s = *verdict_.last_segment; s < scans_.size(); ++s) {
            const SegmentScan& scan = scans_[s];
            const std::uint64_t begin = s == *verdict_.last_segment ? verdict_.end : block_bytes;
            if (scan.end() > begin) {
                ranges.push_back({scan.name, begin, scan.end()});
            } else if (scan.end_is_torn) {
                ranges.push_back({scan.name, begin, std::min(begin + block_bytes, scan.header.bytes)});
            }
        }
        return ranges;
    }

    const std::vector<SegmentScan>& scans_;
    Verdict verdict_;
    std::optional<Position> last_;
    bool cut_ = false;
};

}  // namespace

Verdict judge(const std::vector<SegmentScan>& scans) {
    return Judge(scans).run();
}

}  // namespace ym::disklog
