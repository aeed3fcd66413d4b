// The files of a log (plugins/persistence/log), looked at and never touched: for `yardmaster log`.
#pragma once

#include <log/recovery.h>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ym::cli {

/// A line on the terminal that says how far long work is. Nothing is written when standard error is no terminal.
class Progress {
  public:
    Progress();
    ~Progress() { clear(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void begin(std::string what, std::uint64_t octets);
    void done(std::uint64_t octets);
    void clear();

  private:
    bool is_terminal_;
    bool shown_ = false;
    std::string what_;
    std::uint64_t all_ = 0;
    std::uint64_t done_ = 0;
    std::int64_t shown_at_ms_ = 0;
};

/// One shard's folder, as it was found.
struct LogShard {
    std::string folder;
    std::uint32_t number = 0;
    bool in_use = false;  // a broker has it: it may have changed since
    std::uint64_t octets = 0;
    std::vector<disklog::SegmentScan> scans;  // in order; files are closed again
    disklog::Verdict verdict;
    std::vector<std::string> problems;  // beside the damages of the verdict: files that do not belong together

    [[nodiscard]] bool fine() const { return problems.empty() && verdict.damages.empty(); }
};

/// What a log is, or why it could not be read.
struct LogFiles {
    std::vector<LogShard> shards;
    std::string error;
    int code = 0;  // an ExitCode, when there is an error
};

/// Reads the log in `dir`: the folder that the setting `dir` of the store names, or that of one shard.
[[nodiscard]] LogFiles read_log(const std::string& dir, Progress& progress);

/// Gets each shard of a log. False: something of it is not right, or cannot be read; text in `failed`: the disk could
/// not be read, and there is no use in going on.
using EachShard = std::function<bool(const LogShard&, Progress& progress, std::string& failed)>;
/// Gives the shards of the log in `dir`; an ExitCode. Says on standard error what ended it.
[[nodiscard]] int each_shard(const std::string& dir, const EachShard& each);

/// A frame and where it stands.
struct FrameOf {
    const disklog::SegmentScan& segment;
    const disklog::FrameAt& frame;
    bool counts = false;  // it is a part of the log, and not left over from before a cut or a crash
    bool good = false;    // its body is as it was written
};
/// Gets each frame; `body` is empty when it is not good.
using EachFrame = std::function<void(const FrameOf&, disklog::Octets body)>;
/// Gives the frames of a shard in the order of the files, those that count only or all. Text: why it could not go on.
[[nodiscard]] std::string each_frame(const LogShard& shard, bool all, Progress& progress, const EachFrame& each);

/// Gets each batch that counts and is not reclaimed, in order.
using EachBatch = std::function<void(std::uint64_t number, disklog::Octets octets)>;
[[nodiscard]] std::string each_batch(const LogShard& shard, Progress& progress, const EachBatch& each);

/// "1.5 MiB"
[[nodiscard]] std::string size_text(std::uint64_t octets);

}  // namespace ym::cli
