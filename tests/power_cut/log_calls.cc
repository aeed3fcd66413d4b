#include "log_calls.h"

#include <vector>

namespace ym::power_cut {
namespace {

/// What create() is to be made of: it gets no argument of ours.
struct Making {
    disklog::Disk* disk = nullptr;
    LogCalls* made = nullptr;
};
Making making;

LogCalls& at(void* self) {
    return *static_cast<LogCalls*>(self);
}

}  // namespace

LogCalls::LogCalls(disklog::Disk& disk, const ym_completions* completions) : disk_(disk), completions_(completions) {}

const ym_persistence& LogCalls::table() {
    static const ym_persistence calls = {
        sizeof(ym_persistence),
        sizeof(ym_setting),
        nullptr,
        [](const ym_host*, const ym_value*, const ym_completions* completions) -> void* {
            making.made = new LogCalls(*making.disk, completions);
            return making.made;
        },
        [](void* self) { delete &at(self); },
        [](void*, ym_store_caps* caps) {
            caps->durability = YM_DURABLE_DISK;
            caps->batch_bytes_max = disklog::batch_bytes_max(segment_bytes);
            caps->fenced = 0;
        },
        [](void* self, std::uint32_t, ym_text, std::uint64_t, std::uint64_t ticket) { at(self).acquire(ticket); },
        [](void* self, std::uint32_t, std::uint64_t, std::uint64_t, std::uint64_t ticket) {
            at(self).answer(ticket, YM_OK);
        },
        [](void* self, std::uint32_t, std::uint64_t, std::uint64_t ticket) { at(self).answer(ticket, YM_OK); },
        [](void* self, std::uint32_t, std::uint64_t, std::uint64_t number, ym_text octets, std::uint64_t wait,
           std::uint64_t ticket) { at(self).append(number, octets, wait, ticket); },
        [](void* self, std::uint32_t, std::uint64_t from, std::uint64_t most, std::uint64_t ticket) {
            at(self).read(from, most, ticket);
        },
        [](void* self, std::uint32_t, const std::uint64_t* numbers, std::uint32_t count, std::uint64_t ticket) {
            at(self).fetch(numbers, count, ticket);
        },
        [](void* self, std::uint32_t, std::uint64_t, std::uint64_t, std::uint64_t last, std::uint64_t ticket) {
            at(self).reclaim(last, ticket);
        },
        [](void* self, std::uint64_t, std::uint64_t ticket) { at(self).answer(ticket, YM_OK); },
    };
    return calls;
}

std::unique_ptr<host::Persistence> LogCalls::make(disklog::Disk& disk, LogCalls*& calls) {
    static const ym_host host{};
    making.disk = &disk;
    auto made = host::Persistence::make(table(), host, nullptr);
    calls = making.made;
    return made;
}

void LogCalls::answer(std::uint64_t ticket, ym_status status, std::uint64_t epoch, std::uint64_t through) const {
    ym_completion what{};
    what.size = sizeof what;
    what.epoch = epoch;
    what.through = through;
    what.why = {why_.data(), why_.size()};
    completions_->complete(completions_->context, ticket, status, &what);
}

void LogCalls::give(std::uint64_t ticket, const disklog::Answer& found) const {
    std::vector<ym_text> octets;
    for (const disklog::Octets batch : found.batches) {
        octets.push_back({reinterpret_cast<const char*>(batch.data()), batch.size()});
    }
    ym_completion what{};
    what.size = sizeof what;
    what.count = static_cast<std::uint32_t>(octets.size());
    what.number = found.numbers.data();
    what.octets = octets.data();
    what.through = found.through;
    completions_->complete(completions_->context, ticket, YM_OK, &what);
}

void LogCalls::fail(const disklog::Fault& fault) {
    why_ = fault.what;
}

void LogCalls::acquire(std::uint64_t ticket) {
    disklog::LogOptions options;
    options.segment_bytes = segment_bytes;
    options.reserve_bytes = 0;
    log_ = std::make_unique<disklog::Log>(disk_, options);
    bool held = false;
    if (disklog::Fault fault = log_->recover(held)) {
        fail(fault);
        return answer(ticket, YM_FAILED);
    }
    answer(ticket, YM_OK, log_->epoch(), log_->next_number() - 1);
}

void LogCalls::append(std::uint64_t number, ym_text octets, std::uint64_t wait, std::uint64_t ticket) {
    if (log_ == nullptr || !why_.empty() || number != log_->next_number()) {
        if (why_.empty()) why_ = "batch " + std::to_string(number) + " is not the next one";
        return answer(ticket, YM_FAILED);
    }
    const disklog::Batch batch{number, {reinterpret_cast<const std::byte*>(octets.data), octets.size}};
    if (disklog::frame_bytes_of(1, octets.size) > log_->room()) {
        sync();
        if (!log_->may_roll(wait > 0)) make_segment();
        if (disklog::Fault fault = log_->roll()) fail(fault);
    }
    if (disklog::Fault fault = log_->append({&batch, 1})) fail(fault);
    waiting_.push_back(ticket);
    if (wait == 0) sync();
    if (log_->wants_segment()) make_segment();
}

void LogCalls::make_segment() {
    disklog::SegmentMaker maker = log_->make_segment();
    if (disklog::Fault fault = maker.run()) return fail(fault);
    log_->made(maker.take());
}

void LogCalls::sync() {
    if (waiting_.empty()) return;
    if (disklog::Fault fault = log_->sync()) fail(fault);
    while (!waiting_.empty()) {
        answer(waiting_.front(), why_.empty() ? YM_OK : YM_FAILED);
        waiting_.pop_front();
    }
}

void LogCalls::tick() {
    if (log_ == nullptr || !why_.empty()) return;
    sync();
    if (log_->marked() || !log_->may_mark()) return;
    if (disklog::Fault fault = log_->mark()) fail(fault);
}

void LogCalls::read(std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket) {
    disklog::Answer found;
    if (disklog::Fault fault = disklog::read_batches(log_->index(), from, bytes_max, found)) {
        fail(fault);
        return answer(ticket, YM_FAILED);
    }
    give(ticket, found);
}

void LogCalls::fetch(const std::uint64_t* numbers, std::uint32_t count, std::uint64_t ticket) {
    disklog::Answer found;
    if (disklog::Fault fault = disklog::fetch_batches(log_->index(), {numbers, count}, found)) {
        fail(fault);
        return answer(ticket, YM_FAILED);
    }
    give(ticket, found);
}

void LogCalls::reclaim(std::uint64_t last, std::uint64_t ticket) {
    log_->reclaim(last);
    answer(ticket, YM_OK);
}

}  // namespace ym::power_cut
