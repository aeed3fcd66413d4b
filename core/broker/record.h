// What the broker asks the store to keep, as values. core/store gives them their layout in octets.
#pragma once

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
    accepted = 2,   // a message and all the durable queues that took it
    settled = 3,    // one queue's copy is done: acked, dead, dropped, expired, deleted
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

/// One record. Which members count depends on `kind`; views are borrowed until the next step. Queues stand here under
/// numbers of the store's own (Queue::number): an AddressId means another queue after the next start, these never do.
struct StoreRecord {
    RecordKind kind{};
    MessageId message;                  // accepted, settled, attempted, dead, relocated; moved: its new number
    AddressId queue;                    // queue, settled, attempted, dead, ledger; moved: where it goes on
    std::span<const AddressId> queues;  // accepted: recorded routes, never computed again; relocated
    std::string_view name;              // queue
    Outcome outcome{};                  // settled
    MessageId origin;                   // moved: the dead letter's number before
    AddressId from;                     // moved: the queue that gave it up
    FailureReason reason{};             // moved, dead: why
    std::uint32_t attempt = 0;          // attempted, moved, dead: how many were used up
    WallTime at;                 // accepted, moved, relocated: when it was accepted first; attempted: not before;
                                 // dead: since when
    std::uint8_t priority = 0;   // accepted, moved, relocated
    Principal principal;         // accepted, window: who published
    Octets session;              // accepted, window: of the producer, for dedupe
    std::uint64_t sequence = 0;  // accepted
    Octets fields;               // accepted, moved, relocated: encoded, as delivered
    Octets body;                 // accepted, moved, relocated
    std::span<const std::uint64_t> numbers;  // ledger, window, totals: see replay.cc
};

}  // namespace ym
