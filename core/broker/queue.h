// A queue: messages in order of priority and acceptance, what waits, what is dead, and the books.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/ring.h"
#include "base/time.h"
#include "broker/column.h"
#include "broker/messages.h"
#include "broker/status.h"
#include "broker/topology.h"

namespace ym {

/// A message of a queue that was delivered before, or came in out of order.
struct Copy {
    MessageId id;
    Slot slot = no_slot;
    std::uint32_t attempts = 0;  // used up

    friend bool operator>(const Copy& a, const Copy& b) { return a.id > b.id; }
};

/// The messages of one priority that could be delivered now. Those never delivered stand in order of acceptance; those
/// that came back keep their place: they are older than all that were never delivered, or sorted in by their number.
class Lane {
  public:
    explicit Lane(std::uint8_t priority) : priority_(priority) {}

    [[nodiscard]] std::uint8_t priority() const { return priority_; }
    [[nodiscard]] std::size_t size() const { return fresh_.size() + returned_.size(); }
    void add(MessageId id, Slot slot) {
        fresh_.push_back(slot);
        last_ = id;
    }
    /// Whether a message of this number may be added behind those that were never delivered.
    [[nodiscard]] bool ends_before(MessageId id) const { return fresh_.empty() || last_ < id; }
    void put_back(const Copy& copy) {
        returned_.push_back(copy);
        std::push_heap(returned_.begin(), returned_.end(), std::greater<>{});
    }
    /// The oldest; the lane is not empty.
    [[nodiscard]] Copy front(const Messages& messages) const {
        if (fresh_.empty()) return returned_.front();
        const Slot slot = fresh_.front();
        const MessageId id = messages.id(slot);
        if (!returned_.empty() && returned_.front().id < id) return returned_.front();
        return {id, slot, 0};
    }
    void pop(const Copy& front) {
        if (!fresh_.empty() && fresh_.front() == front.slot) {
            fresh_.pop_front();
            return;
        }
        std::pop_heap(returned_.begin(), returned_.end(), std::greater<>{});
        returned_.pop_back();
    }
    /// Visits the first `count` in their order, or all.
    template <class Visit>
    void first(std::size_t count, const Messages& messages, Visit visit) const {
        // The smallest of a heap without taking them out: a node comes into question when its parent was visited.
        std::vector<std::size_t> next;
        const auto later = [this](std::size_t a, std::size_t b) { return returned_[a] > returned_[b]; };
        const auto add_next = [&](std::size_t node) {
            if (node >= returned_.size()) return;
            next.push_back(node);
            std::push_heap(next.begin(), next.end(), later);
        };
        add_next(0);
        for (std::size_t fresh = 0; count > 0; --count) {
            const bool has_fresh = fresh < fresh_.size();
            if (next.empty() && !has_fresh) return;
            if (next.empty() || (has_fresh && messages.id(fresh_[fresh]) < returned_[next.front()].id)) {
                visit(fresh_[fresh++]);
                continue;
            }
            std::pop_heap(next.begin(), next.end(), later);
            const std::size_t node = next.back();
            next.pop_back();
            visit(returned_[node].slot);
            add_next(2 * node + 1);
            add_next(2 * node + 2);
        }
    }
    /// The one `count` places behind the first of those that were never delivered, or the last; no_slot if there is
    /// none.
    [[nodiscard]] Slot ahead(std::size_t count) const {
        return fresh_.empty() ? no_slot : fresh_[std::min(count, fresh_.size() - 1)];
    }
    /// How many were never delivered.
    [[nodiscard]] std::size_t fresh() const { return fresh_.size(); }
    template <class Visit>
    void for_each(Visit visit) const {
        for (std::size_t i = 0; i < fresh_.size(); ++i) visit(fresh_[i]);
        for (const Copy& copy : returned_) visit(copy.slot);
    }

    std::uint64_t storing_in = 0;  // last batch that holds a copy for this lane

  private:
    std::uint8_t priority_;
    Ring<Slot> fresh_;
    MessageId last_;              // of fresh_, while that is not empty
    std::vector<Copy> returned_;  // a heap, the oldest first
};

/// A copy that must wait until `due`.
struct Waiting {
    Instant due;
    Copy copy;

    friend bool operator>(const Waiting& a, const Waiting& b) {
        return a.due > b.due || (a.due == b.due && a.copy.id > b.copy.id);
    }
};

struct DeadLetter {
    Slot slot = no_slot;
    Instant since;
    FailureReason reason{};
    std::uint32_t attempts = 0;
};

/// A link of a queue's list of workers that would take a delivery now; see Machine::Subscription.
inline constexpr std::uint32_t no_link = 0xffffffffU;

struct Queue {
    // What few messages need.
    RetryPolicy* retry = nullptr;
    AddressId dead_to = no_address;
    AddressId number = no_address;   // in the store's records: given once, never to another
    bool pinned = false;             // settings point at it
    bool named = false;              // the store has its name
    std::uint64_t named_in = 0;      // last batch that holds its name
    std::uint64_t recorded_in = 0;   // last batch that holds a record of it
    std::uint64_t held_records = 0;  // of it, while the store takes nothing
    MessageId wanted;                // that is to be fetched before any other
    std::uint64_t subscribers = 0;
    Instant rate_next;  // when the next delivery is due at `limits.rate`
    DeadLedger dead_ledger;
    std::uint64_t redelivered = 0;
    std::array<std::uint64_t, failure_reason_count> failures{};
    std::uint64_t refused = 0;

    // What each message needs, from the lease in the settings on: with many queues none of it is in the cache.
    QueueSettings settings;
    AddressId address;
    bool keeps = false;  // durable, and the store keeps what it is given
    bool orphan = false;
    bool created = false;
    bool active = false;                  // among those that the dispatcher looks at
    std::size_t ready = 0;                // in all lanes
    std::vector<Lane> lanes;              // those in use, the highest priority first
    std::vector<Column> balance_columns;  // what its balance policy reads of messages
    // Workers that would take a delivery now, the one that has waited longest first.
    std::uint32_t workers_first = no_link;
    std::uint32_t workers_last = no_link;
    std::uint64_t pass = 0;  // how far it is in the order of turns
    std::uint64_t in_flight = 0;
    std::uint64_t storing = 0;
    std::uint64_t live = 0;  // ready, waiting, in flight and storing: what limits compare with
    std::uint64_t bytes = 0;
    std::vector<Waiting> waiting;  // a heap, the earliest first
    Instant empty_since;           // for queues on demand
    std::uint64_t delivered = 0;
    std::uint64_t processed = 0;
    Duration processing{0};
    Ledger ledger;
    Ring<DeadLetter> dead;

    /// Asks for what a message needs of it, which is on its way from then on.
    void prefetch() const {
        const char* const begin = reinterpret_cast<const char*>(&settings.lease);
        const char* const end = reinterpret_cast<const char*>(&dead);
        for (const char* line = begin; line < end; line += 64) __builtin_prefetch(line);
    }
    [[nodiscard]] Lane& lane(std::uint8_t priority) {
        if (!lanes.empty() && lanes.front().priority() == priority) return lanes.front();
        for (std::size_t i = 0; i < lanes.size(); ++i) {
            if (lanes[i].priority() == priority) return lanes[i];
            if (lanes[i].priority() < priority)
                return *lanes.emplace(lanes.begin() + static_cast<std::ptrdiff_t>(i), priority);
        }
        return lanes.emplace_back(priority);
    }
    void add_ready(MessageId id, Slot slot, std::uint8_t priority) {
        lane(priority).add(id, slot);
        ++ready;
    }
    void put_back(const Copy& copy, std::uint8_t priority) {
        lane(priority).put_back(copy);
        ++ready;
    }
    /// The lane whose front is next; `ready` is not 0.
    [[nodiscard]] Lane& next_lane() {
        for (Lane& l : lanes) {
            if (l.size() > 0) return l;
        }
        YM_CHECK(false);
    }
    /// The lane that an overflow takes from: the lowest priority that holds anything.
    [[nodiscard]] Lane* last_lane() {
        for (auto l = lanes.rbegin(); l != lanes.rend(); ++l) {
            if (l->size() > 0) return &*l;
        }
        return nullptr;
    }
    /// The oldest first.
    void sort_dead() {
        std::vector<DeadLetter> letters;
        for (; !dead.empty(); dead.pop_front()) letters.push_back(dead.front());
        std::stable_sort(letters.begin(), letters.end(),
                         [](const DeadLetter& a, const DeadLetter& b) { return a.since < b.since; });
        for (const DeadLetter& letter : letters) dead.push_back(letter);
    }
    void wait(Waiting item) {
        waiting.push_back(item);
        std::push_heap(waiting.begin(), waiting.end(), std::greater<>{});
    }
    Waiting take_waiting() {
        std::pop_heap(waiting.begin(), waiting.end(), std::greater<>{});
        const Waiting item = waiting.back();
        waiting.pop_back();
        return item;
    }
};

}  // namespace ym
