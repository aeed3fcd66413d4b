// A queue: messages in order of priority and acceptance, what waits, what is dead, and the books.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/id.h"
#include "base/ring.h"
#include "base/time.h"
#include "broker/column.h"
#include "broker/lane.h"
#include "broker/messages.h"
#include "broker/status.h"
#include "broker/topology.h"
#include "broker/wheel.h"

namespace ym {

/// Why a copy waits: its last attempt failed, or there was none and something else keeps it.
enum class WaitReason : std::uint8_t {
    nack = 0,  // these five as FailureReason
    reject,
    throttled,
    lease_expired,
    worker_lost,
    key_paused,  // a worker asked for a pause of all that have its key
    delayed,     // it may not be delivered before (not-before, set.delay)
};

/// A copy in the wheel of those that wait.
struct Waiting {
    MessageId id;
    Slot slot = no_slot;
    std::uint32_t attempts_and_why = 0;

    /// `limited`: it may expire before.
    static Waiting of(const Copy& copy, WaitReason why, bool limited = false) {
        constexpr std::uint32_t most = 0xffffffU;  // more are not told apart
        return {copy.id, copy.slot,
                std::min(copy.attempts, most) << 8U | static_cast<std::uint32_t>(why) | (limited ? 0x80U : 0U)};
    }
    [[nodiscard]] Copy copy() const { return {id, slot, attempts_and_why >> 8U}; }
    [[nodiscard]] WaitReason why() const { return static_cast<WaitReason>(attempts_and_why & 0x7fU); }
    [[nodiscard]] bool limited() const { return (attempts_and_why & 0x80U) != 0; }
};
static_assert(sizeof(Waiting) == 16);

/// Times of the monotonic clock, as a wheel has them.
[[nodiscard]] inline std::uint64_t time_of(Instant at) {
    return static_cast<std::uint64_t>(std::max(at.since_start, Duration{0}).count());
}
[[nodiscard]] inline Instant instant_of(std::uint64_t time) {
    return {Duration(static_cast<Duration::rep>(std::min<std::uint64_t>(time, Duration::max().count())))};
}

/// Keys of messages that nobody is given for a while, as workers have asked. What is past is forgotten in passing.
class PausedKeys {
  public:
    static constexpr std::size_t keys_max = 100'000;

    [[nodiscard]] bool empty() const { return until_.empty(); }
    [[nodiscard]] std::size_t size() const { return until_.size(); }
    /// False if there are too many already.
    bool pause(std::string_view key, Instant until, Instant now) {
        if (until_.size() >= sweep_at_) sweep(now);
        const auto found = until_.find(key);
        if (found != until_.end()) {
            found->second = std::max(found->second, until);
        } else if (until_.size() >= keys_max) {
            return false;
        } else {
            until_.emplace(key, until);
        }
        last_ = std::max(last_, until);
        return true;
    }
    /// Until when; the past if it is not paused.
    [[nodiscard]] Instant until(std::string_view key) const {
        const auto found = until_.find(key);
        return found == until_.end() ? Instant{} : found->second;
    }
    /// Whether any key is paused at `now`.
    [[nodiscard]] bool any(Instant now) {
        if (last_ <= now) until_.clear();
        return !until_.empty();
    }

  private:
    void sweep(Instant now) {
        std::erase_if(until_, [now](const auto& paused) { return paused.second <= now; });
        sweep_at_ = std::max<std::size_t>(sweep_min, 2 * until_.size());
    }

    static constexpr std::size_t sweep_min = 64;

    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    std::unordered_map<std::string, Instant, TextHash, std::equal_to<>> until_;
    Instant last_;
    std::size_t sweep_at_ = sweep_min;
};

/// When a copy may be delivered, in milliseconds of the wall clock.
struct CopyTimes {
    static constexpr std::uint64_t never = Wheel<Waiting>::never;

    std::uint64_t not_before = 0;
    std::uint64_t expires = never;
};

/// What the fields of a message say of its times; 0: nothing.
struct OwnTimes {
    std::uint64_t ttl_ms = 0;
    std::uint64_t not_before_ms = 0;
};
[[nodiscard]] OwnTimes own_times(Octets fields);
[[nodiscard]] CopyTimes copy_times(const OwnTimes& own, WallTime accepted, Duration queue_ttl);

/// What follows the wall clock; only queues that have any of it have this.
struct QueueTimes {
    Wheel<Waiting> delayed;
    /// Every copy that may expire, from when it came until then; also those that are gone, until they are many.
    Wheel<MessageId> expiring;
    std::size_t sweep_at = 1024;  // so many of them
    /// Attempts of those that wait on the other clock, and may expire meanwhile: they are still in Queue::waiting then.
    std::unordered_map<MessageId, std::uint32_t> waiting;
};

[[nodiscard]] Instant wall_deadline(const QueueTimes& times);

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
    std::unique_ptr<QueueTimes> times;
    std::unique_ptr<PausedKeys> paused_keys;
    Instant paused_until;  // nothing is delivered before, as a worker has asked
    Instant empty_since;   // for queues on demand
    std::uint64_t delivered = 0;
    std::uint64_t processed = 0;
    Duration processing{0};
    Ledger ledger;
    Ring<DeadLetter> dead;
    Wheel<Waiting> waiting;  // by nanoseconds of the monotonic clock

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
    /// Visits (time, copy that waits, whether the time is of the wall clock).
    template <class Visit>
    void for_each_waiting(Visit visit) const {
        waiting.for_each([&](std::uint64_t due, const Waiting& w) {
            if (!w.limited() || times->waiting.contains(w.id)) visit(due, w, false);
        });
        if (times) times->delayed.for_each([&](std::uint64_t due, const Waiting& w) { visit(due, w, true); });
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
};

}  // namespace ym
