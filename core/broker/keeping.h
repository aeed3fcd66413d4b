// How the store is kept small, and what is being read from it: keeping.cc and paging.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/id.h"
#include "broker/holders.h"
#include "broker/record.h"
#include "broker/session.h"

namespace ym {

/// Messages that the last record of the step tells of, as long as it is the last: the next one shares it, if it
/// differs in nothing but its content.
struct OpenRun {
    std::size_t records = 0;  // of the step so far; 0: there is none
    SessionRef session;
    Holders::Set holders = Holders::none;
    std::uint8_t priority = 0;
    std::uint64_t message = 0;  // the last one
    std::uint64_t sequence = 0;
    std::uint32_t count = 0;
    std::uint64_t bytes = 0;
};

/// The same of copies that are settled.
struct OpenSettled {
    std::size_t records = 0;
    AddressId queue;
    Outcome outcome{};
    std::uint64_t message = 0;
    std::uint32_t count = 0;
};

/// What the records of a step show besides octets. Views of it are made when the step ends: until then it may still
/// move. Of each list the places where those of one record end.
struct RecordLists {
    std::vector<AddressId> queues;
    std::vector<std::uint32_t> queues_to;
    std::vector<std::uint64_t> numbers;
    std::vector<std::uint32_t> numbers_to;
    std::vector<Content> contents;  // the first of a record stands in the record itself
    std::vector<std::uint32_t> contents_to;
    std::vector<std::byte> steps;
    std::vector<std::uint32_t> steps_to;
    OpenRun run;
    OpenSettled settled;

    /// The queues of a message are all there.
    void end_message() {
        queues_to.push_back(static_cast<std::uint32_t>(queues.size()));
        contents_to.push_back(static_cast<std::uint32_t>(contents.size()));
    }
    void clear() {
        queues.clear();
        queues_to.clear();
        numbers.clear();
        numbers_to.clear();
        contents.clear();
        contents_to.clear();
        steps.clear();
        steps_to.clear();
        run = {};
        settled = {};
    }
};

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
