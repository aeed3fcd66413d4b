// What can be seen at the broker's border: each frame that came in or went out taken apart, and what the store was
// told. The checkers know nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "broker/effect.h"
#include "message.h"
#include "scene.h"
#include "wire/ymp.h"

namespace ym::simulation {

struct HelloFact {
    SessionNumber session = 0;
    std::uint64_t credit = 0;
    std::uint64_t lowest = 0;
    std::uint64_t highest = 0;  // sent so far
    std::uint64_t bytes = ~0ULL;
};
struct WelcomeFact {
    HelloFact hello;  // the one that it answers
    std::uint64_t taken = 0;
    std::uint64_t window = 0;
    std::uint64_t bytes = ~0ULL;
    std::uint64_t last_tag = 0;
    std::uint64_t boot = 0;
    Duration heartbeat{0};
};
/// A record of a PUBLISH frame.
struct PublishFact {
    SessionNumber session = 0;
    std::uint64_t sequence = 0;
    std::string_view address;
    Uid uid = no_uid;
    bool bad = false;  // cannot be taken as it is
    bool wants_reply = false;
    std::uint64_t frame_bytes = 0;
    std::uint64_t body_bytes = 0;
};
/// One sequence of a CONFIRM record.
struct AnswerFact {
    SessionNumber session = 0;
    std::uint64_t sequence = 0;
    wire::Status status{};
};
/// Head of a CONFIRM, and its field `bytes`.
struct WindowFact {
    SessionNumber session = 0;
    std::uint64_t window = 0;
    std::uint64_t bytes = 0;  // 0: not told
};
struct CreditFact {
    SessionNumber session = 0;
    std::uint64_t credit = 0;
    std::uint64_t bytes = 0;  // 0: not told
};
/// A record of a DELIVER frame.
struct DeliverFact {
    SessionNumber session = 0;
    std::size_t queue = 0;  // in the scene
    std::string_view queue_name;
    Duration lease{0};
    std::uint64_t tag = 0;
    std::uint32_t attempt = 0;
    std::uint64_t fence = 0;
    Uid uid = no_uid;  // none of ours, or not intact
    bool fields_intact = false;
    bool majordomo = false;  // to a Majordomo worker, which is told neither queue nor lease nor attempt
    std::uint64_t body_bytes = 0;
};
/// One tag of a SETTLE record.
struct SettleFact {
    SessionNumber session = 0;
    std::uint64_t tag = 0;
    std::uint16_t code = 0;
    bool bad = false;
    bool majordomo = false;  // a part of the reply begins the lease anew
    bool tell = false;       // the worker wants to know when it is stored
    Octets body;
    std::string_view error;  // what the worker writes
};
/// One tag of a CONFIRM record that answers a worker: what it said of the tag is stored.
struct DurableFact {
    SessionNumber session = 0;
    std::uint64_t tag = 0;
};
/// One tag of a LOST record.
struct LostFact {
    SessionNumber session = 0;
    std::uint64_t tag = 0;
    std::uint64_t through = 0;
    std::uint16_t status = 0;
};
struct ReplyFact {
    SessionNumber session = 0;
    std::uint64_t sequence = 0;
    wire::Status status{};
    std::uint64_t part = 0;
    Octets body;
};
/// A good frame of a peer that has a session, either way.
struct FrameFact {
    SessionNumber session = 0;
    bool from_peer = false;
    wire::Verb verb{};
    std::uint64_t number = 0;
};
/// A good frame other than HELLO, of a peer that has no session.
struct StrangerFact {
    std::uint32_t peer = 0;
};
struct ErrorFact {
    std::uint32_t peer = 0;
    bool known = false;  // the peer has a session
    SessionNumber session = 0;
    wire::Status status{};
    bool ignorable = false;  // the peer has sent what is no frame
};
enum class GoneWhy : std::uint8_t { unreachable, bye, majordomo };  // a Majordomo peer cannot come back
struct GoneFact {
    SessionNumber session = 0;
    GoneWhy why{};
};
/// A record of a batch, its views copied.
struct RecordFact {
    std::uint64_t batch = 0;
    RecordKind kind{};
    std::uint64_t message = 0;
    std::uint64_t origin = 0;  // moved: its number before, and the queue that gave it up
    std::uint32_t from = 0;
    std::vector<std::uint32_t> queues;
    std::string name;
    Outcome outcome{};
    FailureReason reason{};
    std::uint32_t attempt = 0;
    WallTime at;
    std::uint8_t priority = 0;
    SessionNumber session = 0;
    std::uint64_t sequence = 0;
    Uid uid = no_uid;
    bool fields_intact = false;
    std::vector<std::uint64_t> numbers;
    std::string history;
};

}  // namespace ym::simulation
