// What the state machine is fed with. Everything borrowed is lent until step() returns.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/id.h"
#include "broker/record.h"
#include "broker/topology.h"

namespace ym {

/// One ZeroMQ message of a peer: its frames without the routing id. For YMP the first is the frame and
/// a second one, if any, the last body.
struct FrameReceived {
    PeerId peer;
    Principal principal;
    std::uint32_t listener = 0;
    std::span<const Octets> parts;
    bool cut = false;  // it had more frames than are passed on
};

/// A send to this peer failed for good: its connection is gone.
struct PeerUnreachable {
    PeerId peer;
};

/// Answer of the store to an append. In order of batches.
enum class StoreStatus : std::uint8_t { ok, full, unknown, fenced, failed };
struct StoreCompleted {
    std::uint64_t batch = 0;
    StoreStatus status = StoreStatus::ok;
};

/// The shard is ours (again), under an epoch above all earlier ones. Every batch up to `through` is stored;
/// the store appends those behind it again by itself, under the new epoch.
struct StoreAcquired {
    std::uint32_t epoch = 0;
    std::uint64_t through = 0;
};

/// What the store kept of an earlier life: the records of one batch. Batch after batch, in order, behind the first
/// SettingsChanged and before the first StoreAcquired. A batch that was replayed before says nothing.
struct StoreReplayed {
    std::uint64_t batch = 0;
    std::span<const StoreRecord> records;
};

/// The answer to Effects::fetch: all records of the batch, lent until the effects of the step are performed.
struct BatchFetched {
    std::uint64_t batch = 0;
    std::span<const StoreRecord> records;
};

/// New settings. The first event of a run; later ones change what they name and delete no message.
struct SettingsChanged {
    std::unique_ptr<Topology> topology;
};

/// No new messages; workers may finish; ends with Effects::finished.
struct DrainRequested {};

/// A command of the admin plane. The answer is Effects::answers with the same ticket.
enum class AdminVerb : std::uint8_t { status };
struct AdminCommand {
    std::uint64_t ticket = 0;
    AdminVerb verb = AdminVerb::status;
};

using Event = std::variant<FrameReceived, PeerUnreachable, StoreCompleted, StoreAcquired, StoreReplayed, BatchFetched,
                           SettingsChanged, DrainRequested, AdminCommand>;

}  // namespace ym
