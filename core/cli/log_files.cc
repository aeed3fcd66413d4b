#include "cli/log_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <log/posix_disk.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "cli/exit_code.h"

namespace ym::cli {
namespace {

namespace fs = std::filesystem;
using disklog::Fault;
using disklog::SegmentScan;

std::int64_t now_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

/// Whether a process holds the lock of the folder, without trying for it: a broker that starts must not be in our way.
bool is_in_use(const std::string& folder) {
    struct stat lock {};
    if (stat((folder + "/LOCK").c_str(), &lock) != 0) return false;
    const std::string wanted = ":" + std::to_string(lock.st_ino) + " ";
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        if (line.find(" FLOCK ") != std::string::npos && line.find(wanted) != std::string::npos) return true;
    }
    return false;
}

std::vector<std::string> segments_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        std::string name = entry.path().filename().string();
        if (disklog::ordinal_of(name)) names.push_back(std::move(name));
    }
    std::ranges::sort(names);
    return names;
}

/// The folders of shards, by their numbers.
std::map<std::uint32_t, std::string> shards_in(const std::string& dir) {
    std::map<std::uint32_t, std::string> found;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(dir, ignored)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with("shard-")) continue;
        std::uint32_t number = 0;
        const auto [end, error] = std::from_chars(name.data() + 6, name.data() + name.size(), number);
        if (error == std::errc{} && end == name.data() + name.size()) found[number] = entry.path().string();
    }
    return found;
}

/// The size that files have here, by the first header that is good.
std::uint64_t segment_bytes_of(disklog::PosixDisk& disk, const std::vector<std::string>& names) {
    std::vector<std::byte> block(disklog::block_bytes);
    for (const std::string& name : names) {
        std::shared_ptr<disklog::File> file;
        std::size_t got = 0;
        if (disk.open_to_read(name, file) || file->read(0, block, got)) continue;
        if (const auto header = disklog::decode_segment(std::span(block).first(got))) return header->bytes;
    }
    return std::uint64_t{64} << 20U;
}

void find_strangers(LogShard& shard) {
    const SegmentScan* first = nullptr;
    std::set<std::uint64_t> ordinals;
    for (const SegmentScan& scan : shard.scans) {
        if (!ordinals.insert(scan.ordinal()).second) {
            shard.problems.push_back(scan.name + " is the same segment as another file; take one away");
        }
        if (!scan.header_good) continue;
        if (first == nullptr) first = &scan;
        if (scan.header.shard != first->header.shard || scan.header.store != first->header.store) {
            shard.problems.push_back(scan.name + " belongs to another log than " + first->name);
        }
    }
}

/// Reads all segments of a shard and judges them.
std::string scan_shard(LogShard& shard, Progress& progress) {
    disklog::PosixDisk disk(shard.folder);
    const std::vector<std::string> names = segments_in(shard.folder);
    const std::uint64_t segment_bytes = segment_bytes_of(disk, names);
    disklog::Scanner scanner;
    shard.scans.clear();
    shard.problems.clear();
    shard.octets = 0;
    std::error_code ignored;
    for (const std::string& name : names) shard.octets += fs::file_size(shard.folder + "/" + name, ignored);
    progress.begin("reading " + shard.folder, shard.octets);
    for (const std::string& name : names) {
        std::shared_ptr<disklog::File> file;
        if (Fault failed = disk.open_to_read(name, file)) {
            if (failed.code == ENOENT && shard.in_use) continue;  // reclaimed meanwhile
            return failed.what;
        }
        SegmentScan scan;
        if (Fault failed = scanner.scan(std::move(file), name, segment_bytes, scan)) return failed.what;
        scan.file.reset();
        progress.done(scan.file_bytes);
        shard.scans.push_back(std::move(scan));
    }
    std::ranges::stable_sort(shard.scans, {}, &SegmentScan::ordinal);
    find_strangers(shard);
    shard.verdict = disklog::judge(shard.scans);
    return {};
}

/// A broker that writes can look like damage to one who reads slowly: what was there is there the next time, too.
std::string scan_until_sure(LogShard& shard, Progress& progress) {
    constexpr int tries = 5;
    std::string before;
    for (int i = 0; i < tries; ++i) {
        shard.in_use = is_in_use(shard.folder);
        if (std::string failed = scan_shard(shard, progress); !failed.empty()) return failed;
        if (!shard.in_use || shard.fine()) return {};
        if (!shard.verdict.digest.empty() && shard.verdict.digest == before) return {};
        before = shard.verdict.digest;
    }
    return shard.folder + " changes while it is read: a broker is at work there; try again, or stop it";
}

}  // namespace

Progress::Progress() : is_terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::begin(std::string what, std::uint64_t octets) {
    clear();
    what_ = std::move(what);
    all_ = octets;
    done_ = 0;
    shown_at_ms_ = now_ms();
}

void Progress::done(std::uint64_t octets) {
    done_ += octets;
    constexpr std::int64_t often_ms = 200;
    if (!is_terminal_ || all_ == 0 || now_ms() - shown_at_ms_ < often_ms) return;
    shown_at_ms_ = now_ms();
    shown_ = true;
    std::fprintf(stderr, "\r\x1b[K%s: %llu%% of %s", what_.c_str(),
                 static_cast<unsigned long long>(std::min<std::uint64_t>(100, done_ * 100 / all_)),
                 size_text(all_).c_str());
}

void Progress::clear() {
    if (shown_) std::fprintf(stderr, "\r\x1b[K");
    shown_ = false;
}

LogFiles read_log(const std::string& dir, Progress& progress) {
    LogFiles files;
    std::error_code ignored;
    if (!fs::is_directory(dir, ignored)) {
        files.error = "there is no folder " + dir;
        files.code = exit_no_input;
        return files;
    }
    std::map<std::uint32_t, std::string> found = shards_in(dir);
    if (found.empty() && !segments_in(dir).empty()) found[0] = dir;
    for (const auto& [number, folder] : found) {
        LogShard& shard = files.shards.emplace_back();
        shard.folder = folder;
        shard.number = number;
        if (std::string failed = scan_until_sure(shard, progress); !failed.empty()) {
            files.error = failed;
            files.code = exit_store;
            return files;
        }
        if (found.size() == 1 && folder == dir && !shard.scans.empty()) shard.number = shard.scans[0].header.shard;
    }
    if (files.shards.empty()) {
        files.error = "there is no log in " + dir + ": it has no folder shard-N";
        files.code = exit_no_input;
    }
    return files;
}

int each_shard(const std::string& dir, const EachShard& each) {
    Progress progress;
    const LogFiles files = read_log(dir, progress);
    progress.clear();
    if (!files.error.empty()) {
        std::fprintf(stderr, "yardmaster: %s\n", files.error.c_str());
        return files.code;
    }
    bool fine = true;
    for (const LogShard& shard : files.shards) {
        std::string failed;
        fine = each(shard, progress, failed) && shard.fine() && fine;
        if (failed.empty()) continue;
        std::fprintf(stderr, "yardmaster: %s\n", failed.c_str());
        return exit_store;
    }
    return fine ? exit_ok : exit_failed;
}

std::string each_frame(const LogShard& shard, bool all, Progress& progress, const EachFrame& each) {
    disklog::PosixDisk disk(shard.folder);
    std::set<std::pair<std::size_t, std::size_t>> counting;
    for (const disklog::Position& position : shard.verdict.frames) counting.emplace(position.segment, position.frame);
    std::vector<std::byte> body;
    progress.begin("reading batches of " + shard.folder, shard.octets);
    for (std::size_t s = 0; s < shard.scans.size(); ++s) {
        const SegmentScan& segment = shard.scans[s];
        std::shared_ptr<disklog::File> file;
        if (Fault failed = disk.open_to_read(segment.name, file)) {
            if (failed.code == ENOENT && shard.in_use) continue;
            return failed.what;
        }
        for (std::size_t f = 0; f < segment.frames.size(); ++f) {
            const disklog::FrameAt& frame = segment.frames[f];
            const bool counts = counting.contains({s, f});
            if (!counts && !all) continue;
            body.resize(frame.header.body_bytes);
            std::size_t got = 0;
            if (Fault failed = file->read(frame.begin() + disklog::frame_header_bytes, body, got)) return failed.what;
            const bool good = got == body.size() && disklog::body_is_good(frame.header, body);
            each({segment, frame, counts, good}, good ? disklog::Octets(body) : disklog::Octets{});
        }
        progress.done(segment.file_bytes);
    }
    progress.clear();
    return {};
}

std::string each_batch(const LogShard& shard, Progress& progress, const EachBatch& each) {
    return each_frame(shard, false, progress, [&](const FrameOf& of, disklog::Octets body) {
        if (body.empty()) return;
        disklog::each_batch(of.frame.header, body,
                            [&](const disklog::FrameHeader&, std::uint64_t number, disklog::Octets octets) {
                                if (number >= shard.verdict.kept_from) each(number, octets);
                            });
    });
}

std::string size_text(std::uint64_t octets) {
    constexpr std::array<const char*, 5> units{"octets", "KiB", "MiB", "GiB", "TiB"};
    auto size = static_cast<double>(octets);
    std::size_t unit = 0;
    while (size >= 1024 && unit + 1 < units.size()) {
        size /= 1024;
        ++unit;
    }
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
    return text.data();
}

}  // namespace ym::cli
