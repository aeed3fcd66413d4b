// `yardmaster log verify`.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/exit_code.h"
#include "cli/log_command.h"
#include "cli/log_files.h"
#include "store/records.h"

namespace ym::cli {
namespace {

using Json = nlohmann::ordered_json;

/// What is in a shard, beside what the verdict says.
struct Contents {
    std::uint64_t batches = 0;
    std::uint64_t records = 0;
    std::vector<std::string> unreadable;  // batches that are whole, and that this program cannot read
};

std::string count(const LogShard& shard, Progress& progress, Contents& contents) {
    return each_batch(shard, progress, [&](std::uint64_t number, Octets octets) {
        ++contents.batches;
        Result<store::BatchReader> reader = store::BatchReader::open(octets);
        StoreRecord record;
        std::string why = reader ? "" : reader.error().text;
        while (why.empty()) {
            const Result<bool> next = reader.value().next(record);
            if (!next) why = next.error().text;
            if (!next || !next.value()) break;
            ++contents.records;
        }
        if (!why.empty()) contents.unreadable.push_back("batch " + std::to_string(number) + ": " + why);
    });
}

void print(const LogShard& shard, const Contents& contents) {
    const disklog::Verdict& verdict = shard.verdict;
    std::printf("%s: %zu segments, %s%s\n", shard.folder.c_str(), shard.scans.size(), size_text(shard.octets).c_str(),
                shard.in_use ? "; a broker is at work there" : "");
    std::printf("  batches %llu to %llu in use, %llu records; %zu frames up to %llu, epoch %llu\n",
                static_cast<unsigned long long>(verdict.kept_from),
                static_cast<unsigned long long>(verdict.next_number - 1),
                static_cast<unsigned long long>(contents.records), verdict.frames.size(),
                static_cast<unsigned long long>(verdict.sequence), static_cast<unsigned long long>(verdict.epoch));
    for (const std::string& note : verdict.notes) std::printf("  note: %s\n", note.c_str());
    for (const std::string& problem : shard.problems) std::printf("  PROBLEM: %s\n", problem.c_str());
    for (const std::string& batch : contents.unreadable) std::printf("  UNREADABLE: %s\n", batch.c_str());
    for (const disklog::Damage& damage : verdict.damages) std::printf("  DAMAGED: %s\n", damage.text.c_str());
    if (!verdict.damages.empty()) {
        std::printf(
            "  The broker does not start with this. Keep a copy; to go on without what is damaged, start it once with\n"
            "  store: {plugin: log, accept_loss: \"%s\"}\n",
            verdict.digest.c_str());
    }
    if (shard.fine() && contents.unreadable.empty()) std::printf("  fine\n");
}

Json json_of(const LogShard& shard, const Contents& contents) {
    const disklog::Verdict& verdict = shard.verdict;
    Json object{{"shard", shard.number},
                {"folder", shard.folder},
                {"fine", shard.fine() && contents.unreadable.empty()},
                {"in_use", shard.in_use},
                {"segments", shard.scans.size()},
                {"octets", shard.octets},
                {"frames", verdict.frames.size()},
                {"last_frame", verdict.sequence},
                {"durable_through", verdict.durable_through},
                {"epoch", verdict.epoch},
                {"first_batch", verdict.kept_from},
                {"last_batch", verdict.next_number - 1},
                {"batches", contents.batches},
                {"records", contents.records},
                {"notes", verdict.notes},
                {"problems", shard.problems},
                {"unreadable", contents.unreadable},
                {"damages", Json::array()}};
    for (const disklog::Damage& damage : verdict.damages) {
        Json one{{"text", damage.text},
                 {"first_frame", damage.frames.first},
                 {"last_frame", damage.frames.last},
                 {"first_batch", damage.first_batch}};
        if (!damage.open_ended) one["last_batch"] = damage.last_batch;
        for (const disklog::Range& range : damage.ranges) {
            one["ranges"].push_back({{"file", range.name}, {"begin", range.begin}, {"end", range.end}});
        }
        object["damages"].push_back(std::move(one));
    }
    if (!verdict.digest.empty()) object["accept_loss"] = verdict.digest;
    return object;
}

}  // namespace

int log_verify(const LogOptions& options) {
    Json all{{"dir", options.dir}, {"shards", Json::array()}};
    const int code = each_shard(options.dir, [&](const LogShard& shard, Progress& progress, std::string& failed) {
        Contents contents;
        failed = count(shard, progress, contents);
        if (!failed.empty()) return false;
        if (options.json) {
            all["shards"].push_back(json_of(shard, contents));
        } else {
            print(shard, contents);
        }
        return contents.unreadable.empty();
    });
    const bool is_answered = code == exit_ok || code == exit_failed;
    all["fine"] = code == exit_ok;
    if (options.json && is_answered)
        std::printf("%s\n", all.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
    return code;
}

}  // namespace ym::cli
