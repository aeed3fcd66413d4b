// Log::recover(): from what the files hold to a log that can be written to.
#include <algorithm>

#include "log.h"

namespace ym::disklog {

Fault Log::recover(bool& held) {
    if (Fault failed = disk_.lock(held)) return failed;
    locked_ = true;
    std::vector<SegmentScan> scans;
    if (Fault failed = scan_all(scans)) return failed;
    const Verdict verdict = judge(scans);
    notes_ = verdict.notes;
    if (!verdict.damages.empty()) {
        std::string text;
        for (const Damage& damage : verdict.damages) text += (text.empty() ? "" : "; ") + damage.text;
        if (options_.accept_loss.find(verdict.digest) == std::string::npos) {
            return {0, "confirmed batches are damaged: " + text +
                           ". Nothing was changed. To go on without them set accept_loss: \"" + verdict.digest + "\""};
        }
        if (Fault failed = keep_aside(scans, verdict)) return failed;
        notes_.push_back("going on without what was damaged, as accept_loss says: " + text);
    }
    if (Fault failed = repair(scans, verdict)) return failed;
    adopt(scans, verdict);
    if (segments_.empty()) {
        if (Fault failed = first_segment()) return failed;
    }
    return begin_epoch(losses_);
}

Fault Log::scan_all(std::vector<SegmentScan>& scans) {
    std::vector<std::string> names;
    if (Fault failed = disk_.list(names)) return failed;
    Scanner scanner;
    for (const std::string& name : names) {
        if (name.starts_with(SegmentMaker::temporary)) {
            // Its making was not finished.
            if (Fault failed = disk_.remove(name)) return failed;
            continue;
        }
        if (!ordinal_of(name)) continue;
        SegmentScan scan;
        if (Fault failed = scanner.scan(disk_, name, options_.segment_bytes, scan)) return failed;
        next_ordinal_ = std::max({next_ordinal_, *ordinal_of(name) + 1, scan.ordinal() + 1});
        if (scan.header_good) {
            if (scan.header.shard != options_.shard) {
                return {0, name + " belongs to shard " + std::to_string(scan.header.shard)};
            }
            if (store_ != 0 && scan.header.store != store_) return {0, name + " belongs to another store"};
            store_ = scan.header.store;
        }
        scans.push_back(std::move(scan));
    }
    std::sort(scans.begin(), scans.end(),
              [](const SegmentScan& a, const SegmentScan& b) { return a.ordinal() < b.ordinal(); });
    for (std::size_t i = 1; i < scans.size(); ++i) {
        if (scans[i].ordinal() == scans[i - 1].ordinal()) {
            return {0, scans[i - 1].name + " and " + scans[i].name + " are the same segment; take one away"};
        }
    }
    while (store_ == 0) store_ = disk_.random();
    return {};
}

Fault Log::keep_aside(const std::vector<SegmentScan>& scans, const Verdict& verdict) {
    if (Fault failed = disk_.make_directory("bad")) return failed;
    std::vector<std::byte> octets;
    for (const Damage& damage : verdict.damages) {
        for (const Range& range : damage.ranges) {
            const auto scan = std::find_if(scans.begin(), scans.end(),
                                           [&](const SegmentScan& one) { return one.name == range.name; });
            if (scan == scans.end()) continue;
            octets.resize(range.end - range.begin);
            std::size_t got = 0;
            if (Fault failed = scan->file->read(range.begin, octets, got)) return failed;
            if (got == 0) continue;
            std::shared_ptr<File> copy;
            const std::string name = "bad/" + range.name + "-" + std::to_string(range.begin);
            if (Fault failed = disk_.create(name, copy)) return failed;
            if (Fault failed = copy->write(0, Octets(octets).first(got))) return failed;
            if (Fault failed = copy->sync()) return failed;
        }
    }
    return disk_.sync_directory();
}

Fault Log::repair(std::vector<SegmentScan>& scans, const Verdict& verdict) {
    for (SegmentScan& scan : scans) {
        if (Fault failed = restore(scan)) return failed;
    }
    if (Fault failed = remove_odd_spares(scans, verdict)) return failed;
    // A name that a process before this one gave, and could not sync, may be known to the system alone.
    if (Fault failed = disk_.sync_directory()) return failed;
    if (!verdict.last_segment) return {};
    for (std::size_t s = *verdict.last_segment; s < scans.size(); ++s) {
        if (Fault failed = wipe_behind(scans[s], s == *verdict.last_segment ? verdict.end : block_bytes)) return failed;
    }
    return write_again(scans, verdict);
}

/// Spares of another size, from before the setting was changed, are made anew, and those behind them too: the numbers
/// of files have no gap.
Fault Log::remove_odd_spares(std::vector<SegmentScan>& scans, const Verdict& verdict) {
    const std::size_t first = verdict.last_segment ? *verdict.last_segment + 1 : scans.size();
    std::size_t keep = first;
    while (keep < scans.size() && scans[keep].header.bytes == options_.segment_bytes) ++keep;
    while (scans.size() > keep) {
        if (Fault failed = disk_.remove(scans.back().name)) return failed;
        next_ordinal_ = scans.back().ordinal();
        scans.pop_back();
    }
    return {};
}

/// Gives a file the size and header that it should have.
Fault Log::restore(SegmentScan& scan) {
    if (scan.header_good && !scan.short_file()) return {};
    if (!scan.header_good) {
        notes_.push_back(scan.name + ": its header is damaged, and written again");
        scan.header.shard = options_.shard;
        scan.header.store = store_;
        while (scan.header.generation == 0) scan.header.generation = disk_.random();
        std::vector<std::byte> block(block_bytes);
        encode(scan.header, block);
        if (Fault failed = scan.file->write(0, block)) return failed;
    }
    if (scan.short_file()) {
        notes_.push_back(scan.name + " ends at octet " + std::to_string(scan.file_bytes) + " of " +
                         std::to_string(scan.header.bytes) + "; zeros are written behind it");
        const std::uint64_t from = std::max(scan.file_bytes, scan.header_good ? 0 : block_bytes);
        const std::vector<std::byte> zeros(scan.header.bytes - std::min(from, scan.header.bytes));
        if (Fault failed = scan.file->write(from, zeros)) return failed;
    }
    return scan.file->sync();
}

/// Takes frames away that were cut, so that they can never seem to follow what is written now.
Fault Log::wipe_behind(SegmentScan& scan, std::uint64_t end) {
    const std::vector<std::byte> zeros(block_bytes);
    bool wiped = scan.end_is_torn;
    if (wiped) {
        if (Fault failed = scan.file->write(scan.end(), zeros)) return failed;
    }
    for (const FrameAt& frame : scan.frames) {
        if (frame.begin() < end) continue;
        if (Fault failed = scan.file->write(frame.begin(), zeros)) return failed;
        wiped = true;
    }
    return wiped ? scan.file->sync() : Fault{};
}

/// Writes the frames that nothing calls durable once more. After a failed sync the system may show octets that never
/// reached the disk; written and synced again, they have.
Fault Log::write_again(const std::vector<SegmentScan>& scans, const Verdict& verdict) {
    std::vector<std::byte> octets;
    const SegmentScan* last = nullptr;
    for (const Position& position : verdict.frames) {
        const SegmentScan& scan = scans[position.segment];
        const FrameAt& frame = scan.frames[position.frame];
        if (frame.header.sequence <= verdict.durable_through) continue;
        if (last != nullptr && last != &scan) {
            if (Fault failed = last->file->sync()) return failed;
        }
        last = &scan;
        octets.resize(frame.header.frame_bytes());
        std::size_t got = 0;
        if (Fault failed = scan.file->read(frame.begin(), octets, got)) return failed;
        if (Fault failed = scan.file->write(frame.begin(), Octets(octets).first(got))) return failed;
    }
    return last == nullptr ? Fault{} : last->file->sync();
}

void Log::adopt(std::vector<SegmentScan>& scans, const Verdict& verdict) {
    auto position = verdict.frames.begin();
    for (std::size_t s = 0; s < scans.size(); ++s) {
        Segment segment{scans[s].name, scans[s].file, scans[s].header};
        if (s > *verdict.last_segment) {
            spares_.push_back(std::move(segment));
            continue;
        }
        index_.add_segment(segment.header.ordinal, segment.name, segment.file, segment.header.generation);
        segments_.push_back(std::move(segment));
        for (; position != verdict.frames.end() && position->segment == s; ++position) {
            const FrameAt& frame = scans[s].frames[position->frame];
            if (frame.header.count == 0) continue;
            index_.add_frame(frame.begin(), frame.end(), frame.header.first, frame.header.next_number() - 1);
            batches_sequence_ = frame.header.sequence;
        }
    }
    position_ = verdict.end;
    sequence_ = synced_ = verdict.sequence;
    chain_ = verdict.chain;
    epoch_ = verdict.epoch;
    next_number_ = verdict.next_number;
    kept_from_ = verdict.kept_from;
    if (index_.last() == 0) index_.begin_behind(next_number_ - 1);
    kept_from_ = index_.first_from(kept_from_, next_number_);
    index_.keep_from(kept_from_);
    const std::uint64_t oldest =
        verdict.frames.empty()
            ? 0
            : scans[verdict.frames.front().segment].frames[verdict.frames.front().frame].header.sequence;
    losses_ = verdict.losses;
    for (const Damage& damage : verdict.damages) {
        if (!damage.open_ended) losses_.push_back(damage.frames);
    }
    std::sort(losses_.begin(), losses_.end(),
              [](const Loss& a, const Loss& b) { return std::pair(a.first, a.last) < std::pair(b.first, b.last); });
    losses_.erase(std::unique(losses_.begin(), losses_.end()), losses_.end());
    std::erase_if(losses_, [&](const Loss& loss) { return loss.last < oldest; });
}

Fault Log::first_segment() {
    SegmentMaker maker = make_segment();
    if (Fault failed = maker.run()) {
        maker.abandon();
        return failed;
    }
    made(maker.take());
    return roll();
}

}  // namespace ym::disklog
