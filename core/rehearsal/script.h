// A scenario as its file tells it. examples/scenarios/README.md is the contract.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/time.h"
#include "settings/config.h"

namespace ym::rehearsal {

enum class Does : std::uint8_t { ack, nack, reject, throttle, release, hang, freeze, crash };

/// What a worker does with a delivery.
struct Conduct {
    Does does = Does::ack;
    Duration after{0};
    Duration retry_after{0};
    std::string text;  // reply, or error
    std::vector<std::string> parts;
    // Which deliveries it is for.
    std::uint32_t attempt_first = 0;
    std::uint32_t attempt_last = 0xffffffffU;
    std::map<std::string, std::string> patterns;  // by field: "queue", "topic", "header.NAME"
};

struct WorkerGiven {
    std::string name;
    std::vector<std::string> takes;
    std::uint64_t credit = 1;
    std::vector<Conduct> conducts;
};

struct Sending {
    std::string name;
    std::string from;   // empty: the first producer
    std::string again;  // a message that was sent before; nothing else counts then
    std::string to, body;
    std::optional<std::string> topic, type, key;
    std::optional<std::uint64_t> priority, ttl_ms, delay_ms;
    std::map<std::string, std::string> headers;
    bool wants_reply = false;
    std::uint64_t count = 0;  // 0: one, whose name has no number
};

/// What one thing should be, and where that stands.
struct Wanted {
    settings::Place place;
    std::string path;
    std::string value;
    std::optional<Duration> duration{};  // where it is one
};

/// Keys of a map that is compared, "is" among them.
using WantedMap = std::map<std::string, Wanted>;

struct WantedMessage {
    std::string name;
    settings::Place place;
    std::vector<WantedMap> copies;
    bool is_list = false;  // one for each copy that there is
};

struct WantedList {
    settings::Place place;
    std::string path;
    std::vector<WantedMap> items;
};

struct WantedWorker {
    std::string name;
    settings::Place place;
    WantedMap numbers;
    std::optional<WantedList> got;
};

struct Expectation {
    std::vector<WantedMessage> messages;
    std::optional<WantedList> deliveries;
    std::vector<WantedWorker> workers;
    std::map<std::string, WantedMap> queues;
    std::map<std::string, std::pair<WantedMap, std::optional<WantedList>>> replies;  // with parts
    WantedMap broker;
};

struct Advance {
    Duration by{};
};
struct Clock {
    std::chrono::milliseconds by{};
};
enum class PeerDoes : std::uint8_t { crash, freeze, resume, drain, bye };
struct PeerStep {
    PeerDoes does{};
    std::string name;  // "broker" where that may be
};
struct Workers {
    std::vector<WorkerGiven> workers;
};
struct Reconfigure {
    settings::Config config;
};
struct StoreStep {
    bool pauses = false;
};

struct Step {
    settings::Place place;
    std::variant<Sending, Advance, Clock, PeerStep, Workers, Reconfigure, StoreStep, Expectation> what;
};

struct Script {
    std::string file;
    std::string about;
    settings::Config config;
    WallTime time;
    std::uint64_t seed = 1;
    std::vector<std::string> producers;
    std::vector<WorkerGiven> workers;
    std::vector<Step> steps;
};

/// Reads the scenario `file`; usable only if no problem was added. `has_test`: whether it is meant as one at all.
[[nodiscard]] Script read_script(const std::string& file, settings::Variable variable, settings::Problems& problems,
                                 bool& has_test);

}  // namespace ym::rehearsal
