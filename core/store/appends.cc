// Store: batches on their way to the plugin.
#include <utility>

#include "base/check.h"
#include "store/store.h"

namespace ym::store {
namespace {

/// Buffers that are kept for later batches.
constexpr std::size_t spare_parts_max = 16;

}  // namespace

Store::Part& Store::new_part(std::uint64_t batch) {
    std::unique_ptr<Part> part;
    if (spare_.empty()) {
        part = std::make_unique<Part>();
    } else {
        part = std::move(spare_.back());
        spare_.pop_back();
    }
    part->octets.clear();
    part->number = 0;
    part->batch = batch;
    part->first = true;
    part->last = true;
    parts_.push_back(std::move(part));
    return *parts_.back();
}

void Store::spare(std::unique_ptr<Part> part) {
    if (spare_.size() < spare_parts_max) spare_.push_back(std::move(part));
}

void Store::append(std::uint64_t batch, std::span<const StoreRecord> records, Duration wait) {
    if (ended_) return;
    if (!keeps()) return tell(batch, StoreStatus::ok);
    YM_CHECK(replay_.done);
    bool first = true;
    const auto begin_part = [&]() -> Part& {
        Part& part = new_part(batch);
        part.first = std::exchange(first, false);
        part.last = false;
        part.wait = wait;
        return part;
    };
    Part* part = &begin_part();
    BatchWriter writer(part->octets);
    const auto next_part = [&] {
        writer.finish(0, 0);
        part = &begin_part();
        writer = BatchWriter(part->octets);
    };
    for (const StoreRecord& record : records) {
        if (writer.add_within(record, caps_.batch_bytes_max)) continue;
        StoreRecord left = record;
        while (!writer.add_within(left, caps_.batch_bytes_max)) {
            const std::size_t fitting = writer.fitting(left, caps_.batch_bytes_max);
            if (fitting == 0 && writer.empty()) {
                writer.add(left);  // the plugin says what it thinks of that
                break;
            }
            if (fitting > 0) {
                writer.add(first_of(left, fitting));
                left = behind(left, fitting);
            }
            next_part();
        }
    }
    writer.finish(0, 0);
    part->last = true;
    send_waiting();
}

bool Store::sends() const {
    // Behind a full one, numbers go on only when the last that was refused is answered.
    return !ended_ && held_ && idle_ == 0 && refused_.empty() && resume_at_ == Instant::never();
}

void Store::send_waiting() {
    while (sends() && under_way_ < parts_.size()) {
        Part& part = *parts_[under_way_];
        part.number = (under_way_ > 0 ? parts_[under_way_ - 1]->number : through_) + 1;
        part.ticket = ++ticket_;
        readdress(part.octets, static_cast<std::uint32_t>(epoch_), part.number);
        ++under_way_;
        plugin_.append(options_.shard, epoch_, part.number, part.octets.octets(), part.wait, part.ticket);
    }
}

void Store::appended(const Answer& answer, Instant now) {
    if (!refused_.empty()) return refused_answered(answer);
    if (under_way_ == 0) return;
    const Part& part = *parts_[idle_];
    if (part.ticket != answer.ticket) return fail("the plugin answered appends out of order");
    --under_way_;
    switch (answer.status) {
        case StoreStatus::ok:
            if (full_inside_) return fail("the plugin kept a batch behind one that it had refused as full");
            // After an unknown one, only the next acquisition tells what is kept.
            if (idle_ > 0) {
                tell(part.batch, StoreStatus::unknown);
                ++idle_;
            } else {
                keep_front();
            }
            break;
        case StoreStatus::full:
            if (idle_ > 0 && !full_inside_) {
                tell(part.batch, StoreStatus::unknown);
                ++idle_;
            } else {
                appended_full(part, now);
            }
            break;
        case StoreStatus::unknown:
            lose_hold(acquire_at_);
            ++idle_;
            // Behind a full one it is not kept, whatever is known of it.
            if (full_inside_) acquire_at_ = now;
            if (!full_inside_) tell(part.batch, StoreStatus::unknown);
            break;
        case StoreStatus::fenced:
        case StoreStatus::failed: return end(answer.status);
    }
    nothing_under_way();
}

/// What the plugin has no room for: the whole batch, and with it all that were appended behind it. Nothing that the
/// broker appends without knowing of a full store is kept after it.
void Store::appended_full(const Part& part, Instant now) {
    if (!part.first) {
        // A part of the batch is kept, so it cannot be refused any more: the rest waits for room, and all behind it.
        full_inside_ = true;
        if (held_) resume_at_ = now + options_.room_again;
        ++idle_;
        return;
    }
    if (full_inside_) {
        ++idle_;
        return;
    }
    for (const auto& each : parts_) {
        if (each->first) tell(each->batch, StoreStatus::full);
    }
    // The plugin has answered the first of them; those under way stay borrowed until it answers them.
    spare(std::move(parts_.front()));
    parts_.pop_front();
    for (; under_way_ > 0; --under_way_) {
        refused_.push_back(std::move(parts_.front()));
        parts_.pop_front();
    }
    for (auto& each : parts_) spare(std::move(each));
    parts_.clear();
}

void Store::refused_answered(const Answer& answer) {
    if (refused_.front()->ticket != answer.ticket) return fail("the plugin answered appends out of order");
    switch (answer.status) {
        case StoreStatus::ok: return fail("the plugin kept a batch behind one that it had refused as full");
        case StoreStatus::full: break;
        case StoreStatus::unknown: lose_hold(Instant{}); break;
        case StoreStatus::fenced:
        case StoreStatus::failed: return end(answer.status);
    }
    spare(std::move(refused_.front()));
    refused_.pop_front();
    nothing_under_way();
}

/// Goes on, if what just came was the last answer that something waited for.
void Store::nothing_under_way() {
    if (under_way_ == 0 && full_inside_) {
        full_inside_ = false;
        idle_ = 0;
    }
    ask_for_shard();
    send_waiting();
}

/// The first part is kept.
void Store::keep_front() {
    const Part& part = *parts_.front();
    if (part.first) batch_first_ = part.number;
    through_ = part.number;
    if (part.last) {
        batch_through_ = part.batch;
        numbers_.learn(part.batch, {batch_first_, part.number});
        // After an acquisition StoreAcquired tells of it.
        if (idle_ == 0) tell(part.batch, StoreStatus::ok);
    }
    spare(std::move(parts_.front()));
    parts_.pop_front();
}

/// The shard is ours again: what was answered as unknown is kept up to `through_`, and the rest is sent again.
void Store::skip_kept() {
    const std::uint64_t through = through_;
    for (; idle_ > 0 && parts_.front()->number <= through; --idle_) keep_front();
    through_ = through;
    idle_ = 0;
}

}  // namespace ym::store
