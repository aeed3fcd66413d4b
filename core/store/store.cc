// The hold on the shard: acquiring, renewing, the end. appends.cc and reads.cc have the rest of the class.
#include "store/store.h"

#include <utility>

#include "base/check.h"

namespace ym::store {

Store::Store(host::Persistence& plugin, StoreOptions options)
    : plugin_(plugin), options_(std::move(options)), caps_(plugin.caps()) {
    plugin_.on_complete([this](const host::StoreCompletion& completion) {
        if (inbox_.put(completion) && options_.wake) options_.wake();
    });
}

void Store::acquire() {
    lose_hold(Instant::never());
    acquire_wanted_ = true;
    ask_for_shard();
}

void Store::ask_for_shard() {
    if (!acquire_wanted_ || ended_) return;
    if (under_way_ > 0 || !refused_.empty()) return;
    acquire_wanted_ = false;
    if (acquire_ticket_ != 0) return;  // the one that is under way serves as well: nothing was sent since
    acquire_at_ = Instant::never();
    acquire_ticket_ = ++ticket_;
    plugin_.acquire(options_.shard, options_.owner, options_.ttl, acquire_ticket_);
}

void Store::lose_hold(Instant acquire_at) {
    held_ = false;
    acquire_at_ = acquire_at;
    renew_at_ = Instant::never();
    resume_at_ = Instant::never();
}

void Store::poll(Instant now, std::vector<Event>& events) {
    take_back();
    while (inbox_.take(reading_)) {
        for (Answer& answer : reading_) settle(answer, now);
    }
    keep_time(now);
    for (Event& event : ready_) events.push_back(std::move(event));
    ready_.clear();
    tell_loaded(events);
}

void Store::keep_time(Instant now) {
    if (ended_) return;
    if (now >= acquire_at_) {
        acquire_at_ = Instant::never();
        acquire_wanted_ = true;
        ask_for_shard();
    }
    if (now >= renew_at_) {
        renew_at_ = now + options_.ttl / 3;
        if (renew_ticket_ == 0) {
            renew_ticket_ = ++ticket_;
            plugin_.renew(options_.shard, epoch_, options_.ttl, renew_ticket_);
        }
    }
    if (now >= resume_at_) {
        resume_at_ = Instant::never();
        send_waiting();
    }
}

void Store::settle(Answer& answer, Instant now) {
    if (ended_) return;
    if (answer.status != StoreStatus::ok) why_ = std::move(answer.why);
    const auto is = [&answer](std::uint64_t& ticket) {
        return ticket == answer.ticket && std::exchange(ticket, 0) != 0;
    };
    if (is(acquire_ticket_)) return acquired(answer, now);
    if (is(renew_ticket_)) return renewed(answer);
    if (is(read_ticket_)) return read_answered(answer, now);
    if (is(reclaim_ticket_)) return reclaimed(answer, now);
    const auto asked = std::find_if(fetches_.begin(), fetches_.end(),
                                    [&answer](const Fetch& fetch) { return fetch.ticket == answer.ticket; });
    if (asked == fetches_.end()) return appended(answer, now);
    const Fetch fetch = *asked;
    fetches_.erase(asked);
    fetched(fetch, answer, now);
}

void Store::acquired(const Answer& answer, Instant now) {
    if (answer.status == StoreStatus::unknown || answer.status == StoreStatus::full) {
        acquire_at_ = now + options_.again;
        return;
    }
    if (answer.status != StoreStatus::ok) return end(answer.status);
    YM_CHECK(answer.epoch <= 0xffffffffU);
    const std::uint64_t sent = idle_ > 0 ? parts_[idle_ - 1]->number : through_;
    if (answer.through < through_ || (replay_.done && answer.through > sent)) {
        return fail("the store's last batch is " + std::to_string(answer.through) + ", but batches up to " +
                    std::to_string(answer.through < through_ ? through_ : sent) +
                    (answer.through < through_ ? " were stored" : " were all that was appended"));
    }
    held_ = true;
    epoch_ = answer.epoch;
    through_ = answer.through;
    if (caps_.fenced) renew_at_ = now + options_.ttl / 3;
    if (replay_.done) {
        skip_kept();
        ready_.emplace_back(StoreAcquired{static_cast<std::uint32_t>(epoch_), batch_through_});
        send_waiting();
        send_fetches();
        reclaim_on();
    } else {
        // The broker numbers its batches from here on; later its numbers and the plugin's may differ.
        batch_through_ = through_;
        replay_.through = through_;
        read_on();
    }
}

void Store::renewed(const Answer& answer) {
    // One that is unknown or full is tried again at the next renewal, of which there are two before the time is over.
    if (answer.status == StoreStatus::fenced || answer.status == StoreStatus::failed) end(answer.status);
}

void Store::end(StoreStatus status) {
    ended_ = status;
    lose_hold(Instant::never());
    loaded_.clear();
    tell(parts_.empty() ? batch_through_ : parts_.front()->batch, status);
}

void Store::fail(std::string why) {
    why_ = std::move(why);
    end(StoreStatus::failed);
}

bool Store::close(Duration deadline) {
    const bool ours = held_ && under_way_ == 0 && refused_.empty();
    ended_ = StoreStatus::ok;
    if (ours) plugin_.release(options_.shard, epoch_, ++ticket_);
    const std::uint64_t ticket = ++ticket_;
    plugin_.close(deadline, ticket);
    // The plugin keeps to the deadline; a second more tells a slow one from one that is stuck.
    const bool in_time = inbox_.wait_for(ticket, deadline + 1s);
    while (inbox_.take(reading_)) {
        for (Answer& answer : reading_) {
            if (answer.status != StoreStatus::failed || failed_at_close_) continue;
            failed_at_close_ = true;
            why_ = std::move(answer.why);
        }
    }
    return in_time;
}

}  // namespace ym::store
