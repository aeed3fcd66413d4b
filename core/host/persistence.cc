#include "host/persistence.h"

#include <utility>

#include "base/check.h"
#include "host/abi.h"

namespace ym::host {
namespace {

ym_text octets_as_ym_text(Octets octets) {
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

/// A status that a newer plugin may invent is none that promises anything.
StoreStatus status_of(ym_status status) {
    switch (status) {
        case YM_OK: return StoreStatus::ok;
        case YM_FULL: return StoreStatus::full;
        case YM_UNKNOWN: return StoreStatus::unknown;
        case YM_FENCED: return StoreStatus::fenced;
        default: return StoreStatus::failed;
    }
}

}  // namespace

std::unique_ptr<Persistence> Persistence::make(const ym_persistence& table, const ym_host& host,
                                               const ym_value* settings, std::shared_ptr<const void> keeps) {
    std::unique_ptr<Persistence> made(new Persistence(table));
    made->keeps_ = std::move(keeps);
    made->completions_ = {sizeof(ym_completions), made.get(), &Persistence::complete};
    made->self_ = table.create(&host, settings, &made->completions_);
    if (made->self_ == nullptr) return nullptr;
    return made;
}

Persistence::~Persistence() {
    if (self_ != nullptr) table_.destroy(self_);
}

void Persistence::complete(void* context, std::uint64_t ticket, ym_status status, const ym_completion* what) {
    const auto* self = static_cast<const Persistence*>(context);
    StoreCompletion completion;
    completion.ticket = ticket;
    completion.status = status_of(status);
    // A struct shorter than the first released one is no ym_completion at all.
    if (what != nullptr && what->size >= sizeof(ym_completion)) {
        completion.count = what->count;
        completion.numbers = what->number;
        completion.batches = what->octets;
        completion.epoch = what->epoch;
        completion.through = what->through;
        completion.why = {what->why.data, what->why.size};
    }
    YM_CHECK(self->handler_ != nullptr);
    self->handler_(completion);
}

StoreCaps Persistence::caps() const {
    ym_store_caps caps{};
    caps.size = sizeof caps;
    table_.caps(self_, &caps);
    StoreCaps result;
    result.batch_bytes_max = caps.batch_bytes_max;
    result.fenced = caps.fenced != 0;
    if (caps.durability == YM_DURABLE_DISK) result.durability = Durability::disk;
    if (caps.durability == YM_DURABLE_REPLICATED) result.durability = Durability::replicated;
    return result;
}

void Persistence::acquire(std::uint32_t shard, std::string_view owner, Duration ttl, std::uint64_t ticket) {
    table_.acquire(self_, shard, as_ym_text(owner), as_ns(ttl), ticket);
}

void Persistence::renew(std::uint32_t shard, std::uint64_t epoch, Duration ttl, std::uint64_t ticket) {
    table_.renew(self_, shard, epoch, as_ns(ttl), ticket);
}

void Persistence::release(std::uint32_t shard, std::uint64_t epoch, std::uint64_t ticket) {
    table_.release(self_, shard, epoch, ticket);
}

void Persistence::append(std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, Octets octets, Duration wait,
                         std::uint64_t ticket) {
    table_.append(self_, shard, epoch, number, octets_as_ym_text(octets), as_ns(wait), ticket);
}

void Persistence::read(std::uint32_t shard, std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket) {
    table_.read(self_, shard, from, bytes_max, ticket);
}

void Persistence::fetch(std::uint32_t shard, std::span<const std::uint64_t> numbers, std::uint64_t ticket) {
    table_.fetch(self_, shard, numbers.data(), static_cast<std::uint32_t>(numbers.size()), ticket);
}

void Persistence::reclaim(std::uint32_t shard, std::uint64_t epoch, std::uint64_t first, std::uint64_t last,
                          std::uint64_t ticket) {
    table_.reclaim(self_, shard, epoch, first, last, ticket);
}

void Persistence::close(Duration deadline, std::uint64_t ticket) {
    table_.close(self_, as_ns(deadline), ticket);
}

}  // namespace ym::host
