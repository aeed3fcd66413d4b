// What a simulated broker is set up with: queues, pipelines, retries. Known here as plain data, so that the checkers
// can say themselves where a message belongs; the broker gets the same as settings.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "broker/topology.h"

namespace ym::simulation {

enum class RetryKind : std::uint8_t { none, fixed, backoff };
struct RetryScene {
    std::string name;
    RetryKind kind = RetryKind::backoff;
    Duration initial{0};
    Duration max{0};
    std::uint32_t attempts = 1;
    bool lost_at_once = true;  // worker_lost: {delay: 0s}
};

struct QueueScene {
    std::string name;
    bool durable = true;
    std::size_t retry = 0;  // in Scene::retries
    Duration lease{0};
    Duration lease_max{0};
    std::uint64_t messages = unlimited;
    std::uint64_t in_flight = unlimited;
    std::uint64_t rate = unlimited;
    WhenFull when_full = WhenFull::reject;
    std::string dead_to;
    std::uint32_t weight = 1;
    bool publish_direct = true;
    const char* balance = "round_robin";
    bool on_demand = false;  // made by `create`; stands in no settings
    bool removed = false;    // taken out of the settings
};

/// Kinds after `topic` are `direct` in other words: each has a way to send every message to one address.
enum class RouteKind : std::uint8_t { direct, fanout, topic, key_hash, headers, weighted };
struct Binding {
    std::string match;  // topics only
    std::string to;
};
struct PipelineScene {
    std::string name;
    RouteKind kind = RouteKind::direct;
    std::vector<Binding> bindings;
    bool take_first = false;
    std::vector<std::string> optional;
    Unmatched unmatched = Unmatched::reject;
    std::string unmatched_to;
    Duration reply_timeout{0};
    bool has_priority = false;
    std::uint8_t priority = 0;
};

struct Scene {
    std::vector<RetryScene> retries;
    std::vector<QueueScene> queues;
    std::vector<PipelineScene> pipelines;
    std::string create_match;  // empty: no queues on demand
    Duration create_idle{0};
    std::size_t create_like = 0;  // the queue that it makes more of
    PeerLimits limits;
    std::uint64_t memory_max = 0;
    Duration busy_max{1s};      // of a Majordomo worker
    bool tell_refused = false;  // a Majordomo client whose request is refused gets a reply
    Duration drain{0};

    /// Index of a queue; queues.size() if there is none of this name.
    [[nodiscard]] std::size_t find_queue(std::string_view name) const;
    [[nodiscard]] const PipelineScene* find_pipeline(std::string_view name) const;
};

/// What a user would write to get this scene.
[[nodiscard]] std::string to_yaml(const Scene& scene);

/// A queue that shall take a message.
struct Target {
    std::size_t queue = 0;
    bool optional = false;
};

enum class Way : std::uint8_t { routed, no_address, unmatched, dropped };
struct Route {
    Way way = Way::no_address;
    std::vector<Target> targets;
    Duration reply_timeout{0};
    std::uint8_t priority = 16;  // where the producer gave none
    bool has_priority = false;   // a pipeline has filled it
};

/// Where a message belongs, found without the broker and its plugins.
[[nodiscard]] Route route(const Scene& scene, std::string_view address, std::string_view topic);

}  // namespace ym::simulation
