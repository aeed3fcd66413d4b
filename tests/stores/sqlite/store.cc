#include "store.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "engine.h"

namespace sqlite_store {
namespace {

constexpr ym_setting rows[] = {
    {"file", YM_TEXT, nullptr, "1..4096", "the database, which is made if there is none", nullptr},
    {"batch", YM_BYTES, "8MiB", "1MiB..256MiB", "octets of one batch at most", nullptr},
    {"late", YM_DURATION_NS, "0s", "0s..1h", "answers come up to so much later", nullptr},
    {"full", YM_BYTES, "0B", "0B..1024GiB", "an append is refused when all batches would take more than this; 0: never",
     nullptr},
    {"unknown", YM_SHARE, "0%", "0%..100%", "of appends and acquires whose answer is lost, done or not", nullptr},
    {"fenced", YM_INTEGER, "0", "0..1000M", "another owner takes the shard after so many appends; 0: never", nullptr},
    {"failed", YM_INTEGER, "0", "0..1000M", "it is broken after so many appends; 0: never", nullptr},
    {"random", YM_INTEGER, "1", "0..1000M", "the seed of all that happens by chance", nullptr},
    {}};

Settings read_settings(const ym_host& host, const ym_value* given) {
    const auto number = [&](const char* key) { return static_cast<std::uint64_t>(host.integer(host.get(given, key))); };
    Settings settings;
    const ym_text file = host.text(host.get(given, "file"));
    settings.file.assign(file.data, file.size);
    settings.batch_bytes_max = number("batch");
    settings.faults.late = std::chrono::nanoseconds(number("late"));
    settings.faults.octets_max = number("full");
    settings.faults.unknown = host.number(host.get(given, "unknown"));
    settings.faults.fenced_after = number("fenced");
    settings.faults.failed_after = number("failed");
    settings.faults.random = number("random");
    return settings;
}

void* create(const ym_host* host, const ym_value* given, const ym_completions* completions) {
    try {
        return new Engine(read_settings(*host, given), *completions);
    } catch (const Trouble& trouble) {
        host->refuse(host->context, host->get(given, "file"), {trouble.why.data(), trouble.why.size()});
        return nullptr;
    }
}

void call(void* self, Call&& call) {
    static_cast<Engine*>(self)->call(std::move(call));
}

Call make(Call::Kind kind, std::uint32_t shard, std::uint64_t epoch, std::uint64_t ticket) {
    Call made;
    made.kind = kind;
    made.shard = shard;
    made.epoch = epoch;
    made.ticket = ticket;
    return made;
}

void acquire(void* self, std::uint32_t shard, ym_text owner, std::uint64_t ttl_ns, std::uint64_t ticket) {
    Call made = make(Call::Kind::acquire, shard, 0, ticket);
    made.owner.assign(owner.data, owner.size);
    made.ttl_ns = ttl_ns;
    call(self, std::move(made));
}

void renew(void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t ttl_ns, std::uint64_t ticket) {
    Call made = make(Call::Kind::renew, shard, epoch, ticket);
    made.ttl_ns = ttl_ns;
    call(self, std::move(made));
}

void release(void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t ticket) {
    call(self, make(Call::Kind::release, shard, epoch, ticket));
}

void append(void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, ym_text octets,
            std::uint64_t wait_ns, std::uint64_t ticket) {
    constexpr std::uint64_t hour = 3600ULL * 1'000'000'000;
    Call made = make(Call::Kind::append, shard, epoch, ticket);
    made.number = number;
    made.octets = octets;
    made.due = Teller::Clock::now() + std::chrono::nanoseconds(std::min(wait_ns, hour));
    call(self, std::move(made));
}

void read(void* self, std::uint32_t shard, std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket) {
    Call made = make(Call::Kind::read, shard, 0, ticket);
    made.number = from;
    made.last = bytes_max;
    call(self, std::move(made));
}

void fetch(void* self, std::uint32_t shard, const std::uint64_t* numbers, std::uint32_t count, std::uint64_t ticket) {
    Call made = make(Call::Kind::fetch, shard, 0, ticket);
    made.numbers.assign(numbers, numbers + count);
    call(self, std::move(made));
}

void reclaim(void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t first, std::uint64_t last,
             std::uint64_t ticket) {
    Call made = make(Call::Kind::reclaim, shard, epoch, ticket);
    made.number = first;
    made.last = last;
    call(self, std::move(made));
}

}  // namespace

const ym_persistence table = {
    sizeof(ym_persistence),
    sizeof(ym_setting),
    rows,
    &create,
    [](void* self) { delete static_cast<Engine*>(self); },
    [](void* self, ym_store_caps* caps) {
        caps->durability = YM_DURABLE_DISK;
        caps->batch_bytes_max = static_cast<Engine*>(self)->batch_bytes_max();
        caps->fenced = 1;
    },
    &acquire,
    &renew,
    &release,
    &append,
    &read,
    &fetch,
    &reclaim,
    [](void* self, std::uint64_t deadline_ns, std::uint64_t ticket) {
        static_cast<Engine*>(self)->close(deadline_ns, ticket);
    },
};

}  // namespace sqlite_store
