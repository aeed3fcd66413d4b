// persistence/1 on files: an append-only log for each shard. FORMAT.md has the octets, writer.h the threads.
#include <yardmaster/persistence.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "posix_disk.h"
#include "writer.h"

namespace {

using ym::disklog::LogOptions;
using ym::disklog::Outcome;
using ym::disklog::Status;
using ym::disklog::Writer;

ym_text text_of(std::string_view text) {
    return {text.data(), text.size()};
}

ym_status status_of(Status status) {
    switch (status) {
        case Status::ok: return YM_OK;
        case Status::full: return YM_FULL;
        case Status::unknown: return YM_UNKNOWN;
        case Status::fenced: return YM_FENCED;
        case Status::failed: break;
    }
    return YM_FAILED;
}

class Store {
  public:
    Store(const ym_host* host, const ym_completions* completions, std::string directory, LogOptions options)
        : host_(host), completions_(completions), directory_(std::move(directory)), options_(std::move(options)) {}

    [[nodiscard]] std::uint64_t batch_bytes_max() const { return ym::disklog::batch_bytes_max(options_.segment_bytes); }

    /// Calls come from one thread, so the map needs no lock.
    Writer& shard(std::uint32_t number) {
        std::unique_ptr<Writer>& writer = shards_[number];
        if (!writer) {
            LogOptions options = options_;
            options.shard = number;
            auto disk = std::make_unique<ym::disklog::PosixDisk>(directory_ + "/shard-" + std::to_string(number));
            writer = std::make_unique<Writer>(
                std::move(disk), options,
                ym::disklog::Listener{
                    [this](std::uint64_t ticket, const Outcome& outcome) { complete(ticket, outcome); },
                    [this, number](const std::string& line, bool alarming) {
                        const std::string text = "shard " + std::to_string(number) + ": " + line;
                        host_->log(host_->context, alarming ? YM_ERROR : YM_WARNING, text_of(text));
                    }});
        }
        return *writer;
    }

    void close(std::chrono::nanoseconds deadline, std::uint64_t ticket) {
        if (shards_.empty()) return complete(ticket, {});
        auto left = std::make_shared<std::atomic<std::size_t>>(shards_.size());
        for (auto& [number, writer] : shards_) {
            writer->close(deadline, [this, left, ticket] {
                if (left->fetch_sub(1) == 1) complete(ticket, {});
            });
        }
    }

  private:
    void complete(std::uint64_t ticket, const Outcome& outcome) const {
        ym_completion what{};
        what.size = sizeof what;
        what.epoch = outcome.epoch;
        what.through = outcome.through;
        what.why = text_of(outcome.why);
        std::vector<ym_text> octets;
        if (outcome.answer != nullptr) {
            octets.reserve(outcome.answer->batches.size());
            for (const auto& batch : outcome.answer->batches) {
                octets.push_back({reinterpret_cast<const char*>(batch.data()), batch.size()});
            }
            what.count = static_cast<std::uint32_t>(octets.size());
            what.number = outcome.answer->numbers.data();
            what.octets = octets.data();
        }
        completions_->complete(completions_->context, ticket, status_of(outcome.status), &what);
    }

    const ym_host* host_;
    const ym_completions* completions_;
    std::string directory_;
    LogOptions options_;
    std::map<std::uint32_t, std::unique_ptr<Writer>> shards_;
};

Writer& at(void* self, std::uint32_t shard) {
    return static_cast<Store*>(self)->shard(shard);
}

std::chrono::nanoseconds span_of(std::uint64_t ns) {
    constexpr std::uint64_t century = std::uint64_t{100} * 366 * 24 * 3600 * 1'000'000'000 / 2;
    return std::chrono::nanoseconds(static_cast<std::int64_t>(ns < century ? ns : century));
}

void* create(const ym_host* host, const ym_value* given, const ym_completions* completions) {
    const ym_text dir = host->text(host->get(given, "dir"));
    const ym_text accept_loss = host->text(host->get(given, "accept_loss"));
    LogOptions options;
    options.segment_bytes =
        ym::disklog::whole_blocks(static_cast<std::uint64_t>(host->integer(host->get(given, "segment"))));
    options.reserve_bytes = static_cast<std::uint64_t>(host->integer(host->get(given, "reserve")));
    if (accept_loss.data != nullptr) options.accept_loss.assign(accept_loss.data, accept_loss.size);
    return new Store(host, completions, std::string(dir.data, dir.size), options);
}

constexpr ym_setting settings[] = {
    {"dir", YM_TEXT, "./data", "1..4000", "the folder of the log; it is made if there is none", nullptr},
    {"segment", YM_BYTES, "64MiB", "64KiB..1GiB",
     "octets of one file of the log; a batch fits into one, which leaves 17MiB for the largest message and more",
     nullptr},
    {"reserve", YM_BYTES, "64MiB", "0..64GiB",
     "space kept for acks when the disk is full, in whole segments: messages are refused then, and acks go on",
     nullptr},
    {"accept_loss", YM_TEXT, "~", "1..64",
     "digests of damage that the log refused to start with: go on without what is damaged", nullptr},
    {}};

constexpr ym_persistence persistence = {
    sizeof(ym_persistence),
    sizeof(ym_setting),
    settings,
    &create,
    [](void* self) { delete static_cast<Store*>(self); },
    [](void* self, ym_store_caps* caps) {
        caps->durability = YM_DURABLE_DISK;
        caps->batch_bytes_max = static_cast<Store*>(self)->batch_bytes_max();
        caps->fenced = 0;
    },
    [](void* self, std::uint32_t shard, ym_text owner, std::uint64_t ttl_ns, std::uint64_t ticket) {
        at(self, shard).acquire(std::string(owner.data, owner.size), span_of(ttl_ns), ticket);
    },
    [](void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t ttl_ns, std::uint64_t ticket) {
        at(self, shard).renew(epoch, span_of(ttl_ns), ticket);
    },
    [](void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t ticket) {
        at(self, shard).release(epoch, ticket);
    },
    [](void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, ym_text octets,
       std::uint64_t wait_ns, std::uint64_t ticket) {
        at(self, shard)
            .append(epoch, number, std::as_bytes(std::span(octets.data, octets.size)), span_of(wait_ns), ticket);
    },
    [](void* self, std::uint32_t shard, std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket) {
        at(self, shard).read(from, bytes_max, ticket);
    },
    [](void* self, std::uint32_t shard, const std::uint64_t* numbers, std::uint32_t count, std::uint64_t ticket) {
        at(self, shard).fetch(std::span(numbers, count), ticket);
    },
    [](void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t /*first*/, std::uint64_t last,
       std::uint64_t ticket) { at(self, shard).reclaim(epoch, last, ticket); },
    [](void* self, std::uint64_t deadline_ns, std::uint64_t ticket) {
        static_cast<Store*>(self)->close(span_of(deadline_ns), ticket);
    },
};

const void* get(const char* interface_id) {
    return std::strcmp(interface_id, YM_PERSISTENCE_1) == 0 ? &persistence : nullptr;
}

}  // namespace

extern "C" YM_EXPORT const ym_plugin ym_plugin_1[] = {
    {sizeof(ym_plugin), "log", "1.0.0", "keeps messages on disk: an append-only log, synced before a confirm", &get},
    {0, nullptr, nullptr, nullptr, nullptr},
};
