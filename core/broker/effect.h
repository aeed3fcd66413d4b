// What the state machine wants done. Effects carry no conditions: performing them in order is always right,
// because the broker itself holds back what a promise still lacks its ground for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "base/time.h"
#include "broker/record.h"
#include "broker/status.h"

namespace ym {

/// One ZeroMQ message to a peer: octets of Effects::octets. They are its one frame, or `parts` of it: `u32 length,
/// octets` repeated, a frame each (wire/parts.h).
struct Send {
    PeerId peer;
    std::size_t at = 0;
    std::size_t size = 0;
    bool parts = false;
};

/// For logs and metrics only; nothing depends on it.
enum class NoticeKind : std::uint8_t {
    peer_joined,
    peer_resumed,
    peer_silent,
    peer_lost,
    peer_left,
    peer_refused,
    peer_ignored,
    queue_created,
    queue_removed,
    queue_orphaned,
    message_dead,
    policy_failed,
    store_unknown,
    store_acquired,
    store_fenced,
    store_failed,
    store_replayed,
    drain_begun,
};
struct Notice {
    NoticeKind kind{};
    std::string name;  // of the peer or queue
    std::string text;  // what happened, for a person
    std::uint64_t count = 0;
};

struct AdminAnswer {
    std::uint64_t ticket = 0;
    StatusReport status;
};

/// Why the broker has ended; the shell sends what is left to send, and stops.
enum class Finish : std::uint8_t { no, drained, fenced, store_failed };

/// The outputs of one step. The shell clears it (keeping its memory) before the next.
struct Effects {
    Buffer octets;                     // of all sends
    std::vector<Send> sends;           // in order
    std::vector<StoreRecord> records;  // one batch, number `batch`, when not empty; octets borrowed until the next step
    std::uint64_t batch = 0;
    bool may_wait = false;             // nobody waits for the batch: it may share a commit with a later one
    std::vector<std::uint64_t> fetch;  // batches whose records are wanted: BatchFetched answers each
    std::uint64_t reclaim = 0;         // not 0: batches up to this one are not needed any more
    bool acquire = false;              // acquire the shard again, then say StoreAcquired
    std::vector<PeerId> forget;        // after the sends: the broker knows nothing of these peers any more
    std::vector<Notice> notices;
    std::vector<AdminAnswer> answers;
    Finish finish = Finish::no;

    void clear() {
        octets.clear();
        sends.clear();
        records.clear();
        batch = 0;
        may_wait = false;
        fetch.clear();
        reclaim = 0;
        acquire = false;
        forget.clear();
        notices.clear();
        answers.clear();
        finish = Finish::no;
    }
};

}  // namespace ym
