// How the store is kept small, and what is being read from it: keeping.cc and paging.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/id.h"
#include "broker/record.h"

namespace ym {

/// The old end of the store, and the snapshot behind which it goes.
struct Reclaiming {
    std::uint64_t next = 0;            // no batch below counts any more
    std::uint64_t bytes = 0;           // of those
    std::uint64_t snapshot_batch = 0;  // that is under way; 0: none
    std::uint64_t through = 0;         // goes when the snapshot is stored
    std::uint64_t snapshot_bytes = 0;  // of the last one
};

/// Copies of a queue that the store is still asked about.
struct Storing {
    std::uint64_t accepted = 0;
    std::uint64_t moved_in = 0;
};

/// A pass over old batches that takes what counts of them to the new end.
struct Relocation {
    std::uint64_t front = 0;  // where the pass began, and where it ends
    std::uint64_t end = 0;
    std::uint64_t next = 0;   // batches below were looked at
    std::size_t fetches = 0;  // under way, and how many octets they bring
    std::uint64_t bytes = 0;
    std::vector<MessageId> messages;  // what was found in them
    std::vector<StoreRecord> notes;
    std::vector<std::uint64_t> from;  // the batches
};

/// A batch that is being fetched.
struct Fetching {
    std::vector<AddressId> queues;  // that wait for it
    bool relocates = false;
    std::uint64_t bytes = 0;
};

}  // namespace ym
