// What the state machine is made of besides queues and sessions: addresses, messages on their way in, requests, failed
// attempts, batches being stored. Values only; machine.h says what becomes of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "base/time.h"
#include "broker/column.h"
#include "broker/queue.h"
#include "broker/record.h"
#include "broker/session.h"
#include "broker/topology.h"
#include "wire/ymp.h"

namespace ym {

/// A step of the machine is bounded by these; they have no setting.
struct Bounds {
    static constexpr std::uint32_t malformed_max = 100;       // frames of one peer, then it is ignored
    static constexpr std::uint64_t remembered_max = 100'000;  // sessions that are gone
    static constexpr Duration remembered_for = 10min;
    static constexpr Duration heartbeat_max = 1h;       // however many peers there are
    static constexpr std::uint64_t turn_messages = 16;  // of a queue of weight 1, while others wait for their turn
    static constexpr std::uint64_t stride = std::uint64_t{1} << 20U;
    static constexpr std::size_t lines_at_once = 32;  // queues that look at a worker again when it has new credit
    static constexpr std::uint64_t deliver_records_max = 1000;  // of one DELIVER frame
    static constexpr std::uint64_t balance_columns_max = 256;   // messages whose fields a balance policy is shown
    static constexpr std::size_t deliver_bytes_max = std::size_t{1} << 20U;
    static constexpr Duration store_full_wait = 100ms;
    static constexpr Duration rate_burst = 100ms;
    static constexpr Duration nearest_every = 10ms;  // searches for the name that may be meant; so many more at once
    static constexpr Duration nearest_burst = 100ms;
    static constexpr Duration given_up_every = 100ms;             // searches for clients that went away unanswered
    static constexpr std::uint64_t step_deliveries_max = 10'000;  // the next step goes on
    static constexpr std::size_t step_octets_max = std::size_t{32} << 20U;
    static constexpr unsigned fence_counter_bits = 40;      // below the epoch
    static constexpr std::uint64_t open_windows_max = 32;   // windows that a session may have open when it begins
    static constexpr std::uint64_t frames_unconfirmed = 4;  // byte window of a producer, in frames of the largest size
};

struct PipelineTarget {
    AddressId address;
    bool optional = false;
};

struct Pipeline {
    PipelineSettings settings;
    std::vector<Column> columns;
    std::vector<PipelineTarget> targets;
    AddressId unmatched_to = no_address;
};

/// What a name stands for. Exactly one of the two, or neither: a pipeline that left the settings. Of a size that finds
/// its place in a deque by shifts.
struct alignas(64) Address {
    std::string name;
    std::unique_ptr<Queue> queue;
    std::unique_ptr<Pipeline> pipeline;
};

/// Of a message that names none.
inline constexpr std::uint8_t default_priority = 16;

/// A message of a PUBLISH frame on its way in.
struct Candidate {
    std::uint64_t sequence = 0;
    Octets fields;
    Octets body;
    std::string_view topic, type, key;
    std::uint8_t priority = default_priority;
    bool priority_given = false;
    bool wants_reply = false;
    bool repeats = false;           // not above all before it in its frame, which may hold it twice
    std::uint32_t first = no_link;  // its targets, in Machine::targets_
    std::uint32_t last = no_link;
    std::uint32_t unmatched = 0;  // pipelines that dropped it
    bool set_priority = false;    // filled in by a pipeline: to be stored with the fields
    bool set_type = false;
    bool set_key = false;
    wire::Status refused{};  // not 0: no queue takes it
    std::string_view why;    // static
};

struct Target {
    AddressId queue;
    bool optional = false;
    std::uint32_t next = no_link;
};

/// How a request of a Majordomo client is to be answered.
struct MajordomoRequest {
    mdp::Dialect dialect{};
    std::vector<std::byte> envelope;  // parts
    std::string service;              // as the client asked for it, wherever the request went
    /// Parts of the reply, for a client whose protocol knows no parts: of the last attempt at each copy.
    struct Gathered {
        AddressId queue;
        std::vector<std::byte> parts;
    };
    std::vector<Gathered> gathered;

    [[nodiscard]] auto gathered_of(AddressId queue) {
        return std::find_if(gathered.begin(), gathered.end(), [queue](const Gathered& g) { return g.queue == queue; });
    }
    [[nodiscard]] std::uint64_t bytes() const {
        std::uint64_t sum = envelope.size() + service.size();
        for (const Gathered& g : gathered) sum += g.parts.size();
        return sum;
    }
};

/// A request that waits for its reply.
struct Request {
    SessionRef session;
    std::uint64_t sequence = 0;
    Duration keep{0};
    std::uint64_t keep_max = 0;
    std::uint32_t copies = 0;                     // of the message, that a worker may still answer
    std::unique_ptr<MajordomoRequest> majordomo;  // none: YMP
};

/// What a worker says with the end of an attempt. Borrowed.
struct WorkersWords {
    Duration retry_after{0};
    std::string_view error;
};

/// A failed attempt, until the retry policy has spoken.
struct Failed {
    Copy copy;
    AddressId queue;
    FailureReason reason{};
    Duration retry_after{0};
};

/// A link between a session and a queue that it works on.
struct Subscription {
    std::uint32_t session = 0;
    AddressId queue;
    std::uint32_t previous = no_link;
    std::uint32_t next = no_link;
    bool listed = false;
};

/// A message that is given away in this turn, and the next one for the same worker.
struct Taken {
    Copy copy;
    std::uint32_t next = no_link;
};

/// A worker that a balance policy may pick, and what it is given in this turn: a line through Machine::taken_.
struct Hand {
    Session* worker = nullptr;
    std::uint32_t subscription = 0;
    std::uint32_t first = no_link;
    std::uint32_t last = no_link;
};

/// A run of sequences or tags that is answered when its batch is stored.
struct PendingAnswer {
    SessionRef session;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t bytes = 0;
};

/// Copies that follow one another: so many slots from this one on, of one priority, in the order of their numbers.
struct StoringCopy {
    AddressId queue;
    Slot slot = no_slot;
    std::uint32_t count = 1;
};

/// A dead letter that goes on in another queue, until the store has it there.
struct MovingCopy {
    StoringCopy to;
    MessageId origin;  // its number before
    AddressId from;
    FailureReason reason{};
    std::uint32_t attempts = 0;  // used up there
};

/// What waits for one append to complete.
struct PendingBatch {
    std::uint64_t number = 0;
    std::vector<StoringCopy> copies;
    std::vector<StoringCopy>
        behind;  // not stored themselves; accepted after copies of their queue, and ready after them
    std::vector<AddressId> optional_full;  // queues that could not take a message of the batch, and may not refuse
    std::uint64_t unmatched = 0;           // drops of pipelines, of messages of the batch
    std::vector<PendingAnswer> confirms;
    std::vector<PendingAnswer> settled;
    std::vector<MovingCopy> moved;
    std::vector<AddressId> named;           // queues whose names are in it
    std::vector<StoreRecord> others;        // records that no publish waits for; appended again if the store was full
    std::vector<std::byte> steps;           // that those show
    std::vector<MessageId> relocated;       // whose older records do not count when it is stored
    std::vector<std::uint64_t> read_notes;  // batches whose notes stand in it again
    std::size_t notes_first = 0;            // of its records those notes
    std::size_t notes_last = 0;

    void clear() {
        number = 0;
        copies.clear();
        behind.clear();
        optional_full.clear();
        unmatched = 0;
        confirms.clear();
        settled.clear();
        moved.clear();
        named.clear();
        others.clear();
        steps.clear();
        relocated.clear();
        read_notes.clear();
        notes_first = notes_last = 0;
    }
};

enum class StoreState : std::uint8_t { ready, acquiring };

/// What is to be stored as soon as the store takes anything.
struct HeldRecords {
    std::vector<StoreRecord> records;
    std::vector<PendingAnswer> settled;
    std::vector<MovingCopy> moved;
};

/// What a HELLO says.
struct Hello {
    SessionKey key;
    std::vector<AddressId> queues;
    std::uint64_t lowest = 0;
    std::uint64_t highest = 0;  // sent so far
    std::uint64_t bytes_credit = ~std::uint64_t{0};
};

/// A queue that may have something to hand out, and how far it is in the order of turns.
struct ActiveQueue {
    std::uint64_t pass = 0;
    std::uint32_t queue = 0;

    friend auto operator<=>(const ActiveQueue&, const ActiveQueue&) = default;
};

enum class PeerState : std::uint8_t { unknown, stranger, joined, ignored };
struct Peer {
    PeerState state = PeerState::unknown;
    std::uint32_t session = 0;  // while joined
    std::uint32_t malformed = 0;
    std::uint32_t listener = 0;
};

/// What one routing call needs, kept for its memory.
struct RouteScratch {
    std::vector<std::uint32_t> messages;
    std::vector<std::vector<std::string_view>> columns;
    std::vector<const std::string_view*> column_pointers;
    std::vector<std::uint64_t> random;
    std::vector<std::pair<std::uint32_t, AddressId>> answers;
    std::vector<std::uint8_t> matched;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> chained;  // (target, message)
};

/// When a request has waited long enough. It may have been answered by then.
struct RequestDue {
    Instant at;
    MessageId message;
    friend bool operator>(const RequestDue& a, const RequestDue& b) {
        return a.at > b.at || (a.at == b.at && a.message > b.message);
    }
};

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

}  // namespace ym
