// Other brokers, measured beside ours: each is a server of its own on this machine, in a fresh folder, with the client
// library and the settings that make it fast. Messages carry the same stamps, and are counted the same way.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/job.h"

namespace ym::bench {

struct PeerBroker {
    std::string name;
    bool durable;            // it syncs before it confirms
    std::uint32_t batch;     // what its clients send or settle at a time when all goes as fast as it can
    std::uint64_t messages;  // some seconds of that
    std::function<Roles(const Job&)> roles;
};

/// Those whose client libraries were there when this was built; empty without any.
[[nodiscard]] std::vector<PeerBroker> peer_brokers();

/// Redis Streams: without a log; `durable`: its log synced before each answer.
[[nodiscard]] Roles redis_roles(const Job& job);

enum class RabbitQueue { classic, quorum };
[[nodiscard]] Roles rabbit_roles(const Job& job, RabbitQueue kind);

}  // namespace ym::bench
