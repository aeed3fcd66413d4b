// The job of job.h with something large around it: many queues, many idle workers, many messages queued, many
// bindings. What surrounds the job costs the job nothing, if the broker is flat; `./dev bench growth` says what it
// costs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/job.h"

namespace ym::bench {

/// What is there besides the job.
struct Around {
    std::uint32_t queues = 1;       // declared
    bool spread = false;            // the job's messages go to all of them, each its own way; else to the first
    std::uint32_t bindings = 1;     // that the job's messages hit at random; with `spread`, one for each queue
    bool headers = false;           // of the plugin `headers`; else of `topic`
    std::uint32_t idle = 0;         // workers that are connected, send their heartbeats, and get nothing
    bool idle_beside = false;       // they work on the job's own queue, without credit; else on another one
    const char* balance = nullptr;  // of the job's queue: a policy that leaves workers with credit idle
    std::uint64_t queued = 0;       // messages that were there before
    bool queued_before = false;     // in the job's queue, before its messages; else in another one
    bool drain = false;             // with queued_before: workers take all, so that every message can be counted
    const char* memory = "16GiB";   // limits.memory

    [[nodiscard]] std::uint32_t topics() const { return spread ? queues : bindings; }
};

/// Processes that hold the idle workers; they count as workers of the job.
[[nodiscard]] unsigned crowds(const Around& around);

/// The broker, its settings, and peers that serve them: `job.workers` processes share the queues and the idle workers.
[[nodiscard]] Roles growth_roles(const Job& job, const Around& around, const std::string& program);

/// What a broker's memory is while messages wait in one queue, all of it in MiB.
struct Held {
    double before = 0;      // with nothing queued
    double peak = 0;        // the most, while they came
    double full = 0;        // with all of them queued
    double drained = 0;     // after they were taken
    bool complete = false;  // every message came once
};
/// Fills a queue of a broker of its own with the messages of `job`, and empties it. Of one producer and one worker.
/// Waits `rest_s` before it looks: what is written, paged out or given back goes a little later.
[[nodiscard]] Held hold(const Job& job, const Around& around, const std::string& program, double rest_s);

}  // namespace ym::bench
