// `yardmaster log dump`.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/log_command.h"
#include "cli/log_files.h"
#include "cli/record_text.h"
#include "store/records.h"

namespace ym::cli {
namespace {

using Json = nlohmann::ordered_json;

const char* kind_of(disklog::FrameKind kind) {
    switch (kind) {
        case disklog::FrameKind::batches: return "batches";
        case disklog::FrameKind::mark: return "mark";
        case disklog::FrameKind::epoch: return "epoch";
    }
    return "unknown";
}

unsigned long long wide(std::uint64_t number) {
    return number;
}

/// Prints the frames of a shard; knows the names of queues that it has come by.
class Dump {
  public:
    Dump(const LogShard& shard, const LogOptions& options) : shard_(shard), options_(options) {}

    void frame(const FrameOf& of, disklog::Octets body) {
        if (!options_.json && segment_ != &of.segment) segment(of.segment);
        const disklog::FrameHeader& header = of.frame.header;
        const bool wanted = header.count == 0 ? options_.from <= 1 && options_.to == UINT64_MAX
                                              : header.first <= options_.to && header.next_number() > options_.from;
        line_ = Json::object();
        if (wanted) head(of);
        if (!body.empty()) {
            disklog::each_batch(header, body,
                                [&](const disklog::FrameHeader&, std::uint64_t number, disklog::Octets octets) {
                                    batch(number, octets, of.counts);
                                });
        }
        if (wanted && options_.json) {
            std::printf("%s\n", line_.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
        }
    }
    [[nodiscard]] bool fine() const { return fine_; }

  private:
    void segment(const disklog::SegmentScan& segment) {
        segment_ = &segment;
        std::printf("%s/%s: segment %llu, %s, generation %016llx%s%s\n", shard_.folder.c_str(), segment.name.c_str(),
                    wide(segment.ordinal()), size_text(segment.file_bytes).c_str(), wide(segment.header.generation),
                    segment.header_good ? "" : ", its header is DAMAGED", segment.frames.empty() ? ", no frames" : "");
    }

    void head(const FrameOf& of) {
        const disklog::FrameHeader& header = of.frame.header;
        if (options_.json) {
            line_ = {{"shard", shard_.number},      {"segment", of.segment.name},
                     {"position", header.position}, {"octets", header.frame_bytes()},
                     {"frame", header.sequence},    {"kind", kind_of(header.kind)},
                     {"epoch", header.epoch},       {"durable_through", header.durable_through},
                     {"first_batch", header.first}, {"kept_from", header.kept_from},
                     {"counts", of.counts},         {"good", of.good}};
            return;
        }
        std::string what = kind_of(header.kind);
        if (header.count != 0) {
            what = "batches " + std::to_string(header.first) + " to " + std::to_string(header.next_number() - 1);
        }
        std::printf(
            "  frame %llu at %llu: %s, %llu octets, epoch %llu, durable through %llu, needed from batch %llu%s%s\n",
            wide(header.sequence), wide(header.position), what.c_str(), wide(header.frame_bytes()), wide(header.epoch),
            wide(header.durable_through), wide(header.kept_from), of.counts ? "" : "; does not count",
            of.good ? "" : "; body DAMAGED");
    }

    /// Every batch is read, for the names of queues; those that are wanted are printed.
    void batch(std::uint64_t number, disklog::Octets octets, bool counts) {
        const bool shown = !options_.frames && number >= options_.from && number <= options_.to;
        Json one{{"number", number}, {"octets", octets.size()}};
        if (shown && !options_.json) {
            std::printf("    batch %llu: %zu octets%s\n", wide(number), octets.size(),
                        number < shard_.verdict.kept_from ? ", reclaimed" : "");
        }
        Result<store::BatchReader> reader = store::BatchReader::open(octets);
        std::string why = reader ? "" : reader.error().text;
        StoreRecord record;
        while (why.empty()) {
            const Result<bool> next = reader.value().next(record);
            if (!next) why = next.error().text;
            if (!next || !next.value()) break;
            if (counts) names_.learn(record);
            if (!shown) continue;
            print(record, one);
        }
        if (!why.empty() && shown) {
            fine_ = false;
            one["unreadable"] = why;
            if (!options_.json) std::printf("      UNREADABLE: %s\n", why.c_str());
        }
        if (shown) line_["batches"].push_back(std::move(one));
    }

    /// A line for each message that the record holds.
    void print(const StoreRecord& record, Json& batch) {
        const std::size_t lines = holds_message(record.kind) ? messages_of(record) : 1;
        for (std::size_t i = 0; i < lines; ++i) {
            const StoreRecord shown = lines > 1 ? one_of(record, i) : record;
            if (options_.json) {
                batch["records"].push_back(Json::parse(json_of(shown, names_)));
            } else {
                std::printf("      %s\n", words_of(shown, names_).c_str());
            }
        }
    }

    const LogShard& shard_;
    const LogOptions& options_;
    QueueNames names_;
    const disklog::SegmentScan* segment_ = nullptr;
    Json line_;
    bool fine_ = true;
};

}  // namespace

int log_dump(const LogOptions& options) {
    return each_shard(options.dir, [&](const LogShard& shard, Progress&, std::string& failed) {
        Dump dump(shard, options);
        Progress quiet;  // what is printed shows how far it is
        failed = each_frame(shard, true, quiet, [&](const FrameOf& of, disklog::Octets body) {
            quiet.clear();
            dump.frame(of, body);
        });
        if (!failed.empty()) return false;
        for (const std::string& problem : shard.problems) std::fprintf(stderr, "yardmaster: %s\n", problem.c_str());
        for (const disklog::Damage& damage : shard.verdict.damages) {
            std::fprintf(stderr, "yardmaster: damaged: %s\n", damage.text.c_str());
        }
        return dump.fine();
    });
}

}  // namespace ym::cli
