// Store: batches on their way back, and out.
#include <numeric>
#include <utility>

#include "base/check.h"
#include "store/store.h"

namespace ym::store {
namespace {

/// So much is told of by one poll(), so that signals and timers get their turn, and records stay in the cache.
constexpr std::size_t shown_records = 2048;
/// Copies of fetched batches are kept for later ones up to this size.
constexpr std::size_t spare_octets = std::size_t{1} << 20U;
/// Gaps between batches that are told of one by one.
constexpr std::size_t missing_max = 10;

std::string named(std::uint64_t number) {
    return "batch " + std::to_string(number) + " of the store";
}

}  // namespace

void Store::reclaim(std::uint64_t through) {
    if (ended_ || !keeps()) return;
    const std::uint64_t batch = std::min(through, batch_through_);
    if (batch < batches_from_) return;
    batches_from_ = batch + 1;
    reclaim_to_ = numbers_.through(batch);
    numbers_.forget(batch);
    reclaim_on();
}

void Store::reclaim_on() {
    if (!held_ || reclaim_ticket_ != 0 || reclaim_to_ <= reclaimed_) return;
    reclaim_ticket_ = ++ticket_;
    reclaim_sent_ = reclaim_to_;
    plugin_.reclaim(options_.shard, epoch_, reclaimed_ + 1, reclaim_sent_, reclaim_ticket_);
}

void Store::reclaimed(const Answer& answer, Instant now) {
    switch (answer.status) {
        case StoreStatus::ok: reclaimed_ = reclaim_sent_; return reclaim_on();
        case StoreStatus::full: return;  // the next one tries it again
        case StoreStatus::unknown: return lose_hold(now + options_.again);
        case StoreStatus::fenced:
        case StoreStatus::failed: return end(answer.status);
    }
}

void Store::fetch(std::uint64_t batch) {
    if (ended_) return;
    const bool stored = batch <= batch_through_ && batch >= batches_from_;
    const auto numbers = stored ? numbers_.of(batch) : std::nullopt;
    if (!numbers) return fail("batch " + std::to_string(batch) + " is wanted, but it is none that the store keeps");
    fetches_.push_back({0, batch, *numbers});
    send_fetches();
}

void Store::send_fetches() {
    std::vector<std::uint64_t> numbers;
    for (std::size_t i = 0; held_ && i < fetches_.size(); ++i) {
        Fetch& fetch = fetches_[i];
        if (fetch.ticket != 0) continue;
        fetch.ticket = ++ticket_;
        numbers.resize(fetch.numbers.last - fetch.numbers.first + 1);
        std::iota(numbers.begin(), numbers.end(), fetch.numbers.first);
        plugin_.fetch(options_.shard, numbers, fetch.ticket);
    }
}

void Store::fetched(Fetch fetch, Answer& answer, Instant now) {
    switch (answer.status) {
        case StoreStatus::ok: break;
        case StoreStatus::full: return fail("the plugin called a fetch full");
        case StoreStatus::unknown:
            fetch.ticket = 0;
            fetches_.push_back(fetch);
            return lose_hold(now + options_.again);
        case StoreStatus::fenced:
        case StoreStatus::failed: return end(answer.status);
    }
    const std::size_t given = answer.copies ? answer.copies->batches.size() : 0;
    if (given != fetch.numbers.last - fetch.numbers.first + 1) {
        return fail("the plugin gave " + std::to_string(given) + " batches instead of those that were asked for");
    }
    loaded_.push_back({std::move(answer.copies), 0, fetch.batch, fetch.numbers});
}

/// The next read goes out while the batches of the last one are told of.
void Store::read_on() {
    if (!held_ || replay_.done || read_ticket_ != 0 || loaded_.size() > 1 || read_from_ > through_) return;
    read_ticket_ = ++ticket_;
    plugin_.read(options_.shard, read_from_, options_.read_bytes, read_ticket_);
}

void Store::read_answered(Answer& answer, Instant now) {
    switch (answer.status) {
        case StoreStatus::ok: break;
        case StoreStatus::full: return fail("the plugin called a read full");
        case StoreStatus::unknown: return lose_hold(now + options_.again);
        case StoreStatus::fenced:
        case StoreStatus::failed: return end(answer.status);
    }
    if (answer.through < read_from_) {
        return fail("the plugin read nothing from batch " + std::to_string(read_from_) + " on, though batches up to " +
                    std::to_string(through_) + " are there");
    }
    read_from_ = answer.through + 1;
    if (answer.copies) loaded_.push_back({std::move(answer.copies)});
    read_on();
}

/// What the events of the last poll() showed is not shown any more.
void Store::take_back() {
    lent_.clear();
    for (auto& copies : lent_from_) inbox_.recycle(std::move(copies));
    lent_from_.clear();
}

void Store::tell_loaded(std::vector<Event>& events) {
    shown_.clear();
    while (!ended_ && !loaded_.empty() && lent_.records().size() < shown_records) {
        Loaded& loaded = loaded_.front();
        if (!show(loaded)) return;
        if (loaded.next < loaded.copies->batches.size()) continue;
        lent_from_.push_back(std::move(loaded.copies));
        loaded_.pop_front();
        read_on();
    }
    // Only now: the records do not move any more.
    for (const Shown& shown : shown_) {
        const auto records = lent_.records().subspan(shown.from, shown.to - shown.from);
        if (shown.fetched) {
            events.emplace_back(BatchFetched{shown.batch, records});
        } else {
            events.emplace_back(StoreReplayed{shown.batch, records});
        }
    }
    if (ended_ || !held_ || replay_.done || read_ticket_ != 0 || !loaded_.empty()) return;
    if (keeps() && read_from_ <= through_) return;
    if (replay_.last != 0) note_missing(through_ + 1);
    replay_.done = true;
    inbox_.limit_spare(spare_octets);
    events.emplace_back(StoreAcquired{static_cast<std::uint32_t>(epoch_), batch_through_});
}

/// Puts the next records into `shown_`: of one batch that was read back, or of all parts of one that was fetched.
bool Store::show(Loaded& loaded) {
    const auto& batches = loaded.copies->batches;
    Shown shown{0, lent_.records().size(), 0, loaded.fetched != 0};
    if (loaded.fetched != 0) {
        shown.batch = loaded.fetched;
        for (; loaded.next < batches.size(); ++loaded.next) {
            if (!read(loaded, loaded.numbers.first + loaded.next)) return false;
        }
    } else {
        shown.batch = batches[loaded.next].number;
        if (!follows(shown.batch) || !read(loaded, shown.batch)) return false;
        ++loaded.next;
    }
    shown.to = lent_.records().size();
    if (loaded.fetched == 0) {
        ++replay_.batches;
        replay_.records += shown.to - shown.from;
    }
    shown_.push_back(shown);
    return true;
}

/// Reads the records of the next batch, which should be number `number` of the plugin.
bool Store::read(const Loaded& loaded, std::uint64_t number) {
    const BatchCopies::Batch& batch = loaded.copies->batches[loaded.next];
    if (!batch.kept || batch.number != number) {
        fail(named(number) + " is needed, but it is gone");
        return false;
    }
    const auto head = lent_.add(loaded.copies->of(batch));
    if (!head) {
        fail(named(number) + " cannot be read: " + head.error().text);
        return false;
    }
    if (head.value().number == number) return true;
    fail(named(number) + " says that it is number " + std::to_string(head.value().number));
    return false;
}

/// Batches come in order. Only the plugin can tell whether one that is missing was given up on purpose.
bool Store::follows(std::uint64_t number) {
    if (number <= replay_.last || number > through_) {
        fail("the plugin gave batch " + std::to_string(number) + " behind batch " + std::to_string(replay_.last) +
             " of " + std::to_string(through_));
        return false;
    }
    if (replay_.last != 0) note_missing(number);
    replay_.last = number;
    return true;
}

void Store::note_missing(std::uint64_t next) {
    const std::uint64_t count = next - replay_.last - 1;
    if (count == 0) return;
    replay_.missing_count += count;
    if (replay_.missing.size() < missing_max) replay_.missing.push_back({replay_.last + 1, next - 1});
}

}  // namespace ym::store
