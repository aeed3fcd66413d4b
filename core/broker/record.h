// What the broker asks the store to keep, as values. core/store gives them their layout in octets.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "base/time.h"
#include "broker/policy.h"

namespace ym {

enum class RecordKind : std::uint8_t {
    queue = 1,      // a queue of this name has this number; without a name: it was removed
    accepted = 2,   // messages of one producer, and all the durable queues that took each of them
    settled = 3,    // one queue's copies of some messages are done: acked, dead, dropped, expired, deleted
    attempted = 4,  // one queue's copy came back from a failed attempt
    moved = 5,      // a dead letter goes on in another queue, under a number of its own; it is gone where it was
    dead = 6,       // one queue's copy is a dead letter now, kept beside the queue; `settled` ends it
    relocated =
        7,        // a message again, with the queues whose copies still count: its older record is not needed any more
    ledger = 8,   // the books of a queue are these, whatever earlier records add up to
    window = 9,   // so are the accepted sequences of a producer's session
    totals = 10,  // and the numbers of the shard
};

/// Whether such a record holds a message, with its fields and its body.
[[nodiscard]] constexpr bool holds_message(RecordKind kind) {
    return kind == RecordKind::accepted || kind == RecordKind::moved || kind == RecordKind::relocated;
}

/// Whether such a record says something of one queue's copy that a later record of its kind may say again.
[[nodiscard]] constexpr bool is_note(RecordKind kind) {
    return kind == RecordKind::attempted || kind == RecordKind::dead;
}

/// How a queue's copy of a message ended. The ledger has one counter each.
enum class Outcome : std::uint8_t { acked = 1, dead, expired, dropped, deleted, moved };

/// Messages of one record at most.
inline constexpr std::uint32_t run_max = 65'536;

/// What a message holds: its fields, as delivered, and its body behind them.
struct Content {
    const std::byte* at = nullptr;
    std::uint32_t fields_bytes = 0;
    std::uint32_t body_bytes = 0;

    [[nodiscard]] Octets fields() const { return {at, fields_bytes}; }
    [[nodiscard]] Octets body() const { return {at + fields_bytes, body_bytes}; }
    [[nodiscard]] std::uint64_t bytes() const { return std::uint64_t{fields_bytes} + body_bytes; }
};

/// One record. Which members count depends on `kind`; views are borrowed until the next step. Queues stand here under
/// numbers of the store's own (Queue::number): an AddressId means another queue after the next start, these never do.
struct StoreRecord {
    RecordKind kind{};
    MessageId message;                  // accepted, settled, attempted, dead, relocated; moved: its new number
    AddressId queue;                    // queue, settled, attempted, dead, ledger; moved: where it goes on
    std::span<const AddressId> queues;  // accepted: recorded routes, never computed again; relocated
    std::string_view name;              // queue
    Outcome outcome{};                  // settled
    Octets steps;                       // settled: the messages that follow, each so much higher than the one before: 1
                                        // to 255
    MessageId origin;                   // moved: the dead letter's number before
    AddressId from;                     // moved: the queue that gave it up
    FailureReason reason{};             // moved, dead: why
    std::uint32_t attempt = 0;          // attempted, moved, dead: how many were used up
    WallTime at;                    // accepted, moved, relocated: when it was accepted first; attempted: not before;
                                    // dead: since when
    std::uint8_t priority = 0;      // accepted, moved, relocated
    Principal principal;            // accepted, window: who published
    Octets session;                 // accepted, window: of the producer, for dedupe
    std::uint64_t sequence = 0;     // accepted
    Octets fields;                  // accepted, moved, relocated: encoded, as delivered
    Octets body;                    // accepted, moved, relocated
    std::span<const Content> more;  // accepted, relocated: the messages that follow, with the numbers and the
                                    // sequences that do; in all else they are as the first
    Octets history;                 // attempted, dead: the attempts that failed (broker/history.h)
    std::span<const std::uint64_t> numbers;  // ledger, window, totals: see replay.cc
};

/// Visits the messages of a record that holds some: number, fields, body.
template <class Visit>
void each_message(const StoreRecord& record, Visit visit) {
    visit(record.message, record.fields, record.body);
    MessageId id = record.message;
    for (const Content& content : record.more) {
        ++id.value;
        visit(id, content.fields(), content.body());
    }
}

/// Visits the messages that a record says are settled.
template <class Visit>
void each_settled(const StoreRecord& record, Visit visit) {
    MessageId id = record.message;
    visit(id);
    for (const std::byte step : record.steps) {
        id.value += static_cast<std::uint64_t>(step);
        visit(id);
    }
}

/// Of how many messages a record says the same.
[[nodiscard]] inline std::size_t messages_of(const StoreRecord& record) {
    return 1 + record.more.size() + record.steps.size();
}

/// What `record` says, of one of its messages alone.
[[nodiscard]] inline StoreRecord one_of(const StoreRecord& record, std::size_t which) {
    StoreRecord one = record;
    one.steps = {};
    one.more = {};
    if (which == 0) return one;
    for (const std::byte step : record.steps.first(std::min(which, record.steps.size())))
        one.message.value += static_cast<std::uint64_t>(step);
    if (record.more.empty()) return one;
    one.message.value += which;
    one.sequence += which;
    one.fields = record.more[which - 1].fields();
    one.body = record.more[which - 1].body();
    return one;
}

}  // namespace ym
