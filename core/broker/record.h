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
    queue = 1,      // a queue of this name has this address number
    accepted = 2,   // a message and all the durable queues that took it
    settled = 3,    // one queue's copy is done: acked, dead, dropped, expired, deleted
    attempted = 4,  // one queue's copy came back from a failed attempt
    moved = 5,      // a dead letter goes on in another queue, under a number of its own
};

/// How a queue's copy of a message ended. The ledger has one counter each.
enum class Outcome : std::uint8_t { acked = 1, dead, expired, dropped, deleted, moved };

/// One record. Which members count depends on `kind`; views are borrowed until the next step.
struct StoreRecord {
    RecordKind kind{};
    MessageId message;                  // accepted, settled, attempted, moved: its new number
    AddressId queue;                    // queue, settled, attempted, moved: where it goes on
    std::span<const AddressId> queues;  // accepted: recorded routes, never computed again
    std::string_view name;              // queue
    Outcome outcome{};                  // settled
    MessageId origin;                   // moved: the dead letter's number before
    AddressId from;                     // moved: the queue that gave it up
    FailureReason reason{};             // moved: why
    std::uint32_t attempt = 0;          // attempted, moved: how many were used up
    WallTime at;                        // accepted, moved: when it was accepted first; attempted: not before
    std::uint8_t priority = 0;          // accepted, moved
    Principal principal;                // accepted: who published
    Octets session;                     // accepted: of the producer, for dedupe
    std::uint64_t sequence = 0;         // accepted
    Octets fields;                      // accepted, moved: encoded, as delivered
    Octets body;                        // accepted, moved
};

}  // namespace ym
