#include "store/store.h"

#include <chrono>
#include <utility>

#include "base/check.h"
#include "store/records.h"

namespace ym::store {
namespace {

/// Buffers that are kept for later batches.
constexpr std::size_t spare_max = 16;

}  // namespace

Store::Store(host::Persistence& plugin, StoreOptions options)
    : plugin_(plugin), options_(std::move(options)), caps_(plugin.caps()) {
    plugin_.on_complete([this](const host::StoreCompletion& completion) { take(completion); });
}

void Store::take(const host::StoreCompletion& completion) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        inbox_.push_back(
            {completion.ticket, completion.status, completion.epoch, completion.through, std::string(completion.why)});
    }
    arrived_.notify_one();
    if (!answered_.exchange(true, std::memory_order_acq_rel) && options_.wake) options_.wake();
}

void Store::acquire() {
    acquire_wanted_ = true;
    usable_ = false;
    if (under_way_ == 0) ask_for_shard();
}

void Store::ask_for_shard() {
    acquire_wanted_ = false;
    acquire_at_ = Instant::never();
    renew_at_ = Instant::never();
    acquire_ticket_ = ++ticket_;
    plugin_.acquire(options_.shard, options_.owner, options_.ttl, acquire_ticket_);
}

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

void Store::append(std::uint64_t batch, std::span<const StoreRecord> records, Duration wait) {
    if (ended_) return;
    if (!keeps()) return tell(batch, StoreStatus::ok);
    std::size_t at = 0;
    bool first = true;
    do {
        Part& part = new_part(batch);
        part.first = std::exchange(first, false);
        part.wait = wait;
        BatchWriter writer(part.octets);
        for (bool fits = true; at < records.size() && fits;) {
            writer.add(records[at++]);
            fits = at < records.size() && part.octets.size() + encoded_bytes(records[at]) <= caps_.batch_bytes_max;
        }
        writer.finish(0, 0);
        part.last = at == records.size();
    } while (at < records.size());
    send_waiting();
}

void Store::send_waiting() {
    while (usable_ && !stalled_ && unknown_ + under_way_ < parts_.size()) {
        Part& part = *parts_[unknown_ + under_way_];
        // A batch of several parts goes out part by part: if the first is refused, none is kept.
        if (!part.first && under_way_ > 0) return;
        part.number = (under_way_ > 0 ? parts_[unknown_ + under_way_ - 1]->number : through_) + 1;
        part.ticket = ++ticket_;
        readdress(part.octets, static_cast<std::uint32_t>(epoch_), part.number);
        ++under_way_;
        plugin_.append(options_.shard, epoch_, part.number, part.octets.octets(), part.wait, part.ticket);
    }
}

bool Store::fetch_answers() {
    if (!answered_.exchange(false, std::memory_order_acq_rel)) return false;
    reading_.clear();
    const std::lock_guard<std::mutex> lock(mutex_);
    std::swap(inbox_, reading_);
    return !reading_.empty();
}

void Store::poll(Instant now, std::vector<Event>& events) {
    while (fetch_answers()) {
        for (const Answer& answer : reading_) settle(answer, now);
    }
    if (!ended_ && now >= acquire_at_) ask_for_shard();
    if (!ended_ && now >= renew_at_) {
        renew_at_ = now + options_.ttl / 3;
        renew_ticket_ = ++ticket_;
        plugin_.renew(options_.shard, epoch_, options_.ttl, renew_ticket_);
    }
    for (Event& event : ready_) events.push_back(std::move(event));
    ready_.clear();
}

void Store::settle(const Answer& answer, Instant now) {
    if (ended_) return;
    if (answer.status != StoreStatus::ok) why_ = answer.why;
    if (answer.ticket == acquire_ticket_) return acquired(answer, now);
    if (answer.ticket == renew_ticket_) return renewed(answer);
    if (under_way_ > 0) appended(answer);
}

void Store::acquired(const Answer& answer, Instant now) {
    if (answer.status == StoreStatus::unknown || answer.status == StoreStatus::full) {
        acquire_at_ = now + options_.acquire_again;
        return;
    }
    if (answer.status != StoreStatus::ok) return end(answer.status);
    YM_CHECK(answer.epoch <= 0xffffffffU);
    epoch_ = answer.epoch;
    through_ = answer.through;
    unknown_ = 0;
    stalled_ = false;
    usable_ = true;
    if (caps_.fenced) renew_at_ = now + options_.ttl / 3;
    // The broker numbers its batches from here on; later its numbers and the plugin's may differ.
    if (!std::exchange(started_, true)) batch_through_ = through_;
    while (!parts_.empty() && parts_.front()->number != 0 && parts_.front()->number <= through_) {
        if (parts_.front()->last) batch_through_ = parts_.front()->batch;
        drop_front();
    }
    ready_.emplace_back(StoreAcquired{static_cast<std::uint32_t>(epoch_), batch_through_});
    send_waiting();
}

void Store::renewed(const Answer& answer) {
    // One that is unknown or full is tried again at the next renewal, of which there are two before the time is over.
    if (answer.status == StoreStatus::fenced || answer.status == StoreStatus::failed) end(answer.status);
}

void Store::appended(const Answer& answer) {
    Part& part = *parts_[unknown_];
    if (part.ticket != answer.ticket) {
        why_ = "the plugin answered appends out of order";
        return end(StoreStatus::failed);
    }
    --under_way_;
    StoreStatus status = answer.status;
    // After an unknown one, only the next acquisition tells what is kept.
    if (unknown_ > 0 && (status == StoreStatus::ok || status == StoreStatus::full)) status = StoreStatus::unknown;
    switch (status) {
        case StoreStatus::ok:
            through_ = part.number;
            if (part.last) {
                batch_through_ = part.batch;
                tell(part.batch, StoreStatus::ok);
            }
            drop_front();
            break;
        case StoreStatus::full: appended_full(part); break;
        case StoreStatus::unknown:
            tell(part.batch, StoreStatus::unknown);
            ++unknown_;
            usable_ = false;
            break;
        case StoreStatus::fenced:
        case StoreStatus::failed: return end(status);
    }
    if (ended_) return;
    if (under_way_ == 0) stalled_ = false;
    if (under_way_ == 0 && acquire_wanted_) return ask_for_shard();
    send_waiting();
}

void Store::appended_full(const Part& part) {
    if (!part.first) {
        why_ = "the room ended inside a batch";
        return end(StoreStatus::failed);
    }
    const std::uint64_t batch = part.batch;
    stalled_ = true;
    tell(batch, StoreStatus::full);
    drop_front();
    // Later parts of the batch, if any, were not sent yet.
    while (under_way_ == 0 && !parts_.empty() && parts_.front()->batch == batch) drop_front();
}

void Store::drop_front() {
    if (spare_.size() < spare_max) spare_.push_back(std::move(parts_.front()));
    parts_.pop_front();
}

void Store::end(StoreStatus status) {
    ended_ = status;
    usable_ = false;
    acquire_at_ = Instant::never();
    renew_at_ = Instant::never();
    tell(parts_.empty() ? batch_through_ : parts_.front()->batch, status);
}

bool Store::close(Duration deadline) {
    const bool ours = usable_ && under_way_ == 0;
    ended_ = StoreStatus::ok;
    if (ours) plugin_.release(options_.shard, epoch_, ++ticket_);
    const std::uint64_t ticket = ++ticket_;
    plugin_.close(deadline, ticket);
    std::unique_lock<std::mutex> lock(mutex_);
    const auto closed = [this, ticket] {
        return std::any_of(inbox_.begin(), inbox_.end(), [ticket](const Answer& a) { return a.ticket == ticket; });
    };
    // The plugin keeps to the deadline; a second more tells a slow one from one that is stuck.
    return arrived_.wait_for(lock, deadline + 1s, closed);
}

}  // namespace ym::store
