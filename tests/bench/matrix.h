// Which jobs `./dev bench throughput` measures: a base, and what is different from it in one thing at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/job.h"

namespace ym::bench {

/// Jobs that stand in one table, at each of the batches, in memory and durable.
struct Variation {
    std::string key;    // to choose it by
    std::string title;  // of its table
    Job job;            // batch, durability and count are set for each run
    std::vector<std::uint32_t> batches;
    bool forwarder = true;  // beside the broker
    bool bounds = false;    // also zmq_proxy, and bare synced writes
    bool peers = false;     // also other brokers, if they are wanted
};

/// Of these batches, or of the first of them and 100 where one thing differs from the base.
[[nodiscard]] std::vector<Variation> variations(const std::vector<std::uint32_t>& batches);
/// Every body, transport, routing and number of workers with every other.
[[nodiscard]] std::vector<Variation> crossed(const std::vector<std::uint32_t>& batches);

/// How many messages take about a second.
[[nodiscard]] std::uint64_t messages_for(const Job& job);

/// Writes the same octets as the job in as many syncs, and does nothing else.
[[nodiscard]] Run write_and_sync(const Job& job, std::uint64_t syncs);

}  // namespace ym::bench
