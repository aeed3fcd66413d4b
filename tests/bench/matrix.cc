#include "bench/matrix.h"

#include <unistd.h>

#include <algorithm>

#include "bench/disk.h"

namespace ym::bench {
namespace {

constexpr std::uint32_t large_body = 1024;
constexpr std::uint32_t many_bindings = 1000;

Job with(void (*change)(Job&)) {
    Job job;
    change(job);
    return job;
}

std::string title_of(const Job& job) {
    std::string title = job.body >= large_body ? "1 KiB" : "100 octets";
    title += job.transport == Transport::tcp ? ", tcp" : ", ipc";
    if (job.routing == Routing::direct) {
        title += ", plugin direct";
    } else {
        title += ", plugin topic with " + std::to_string(job.bindings) + (job.bindings == 1 ? " binding" : " bindings");
    }
    return title + ", " + std::to_string(job.producers) + " producers, " + std::to_string(job.workers) +
           (job.workers == 1 ? " worker" : " workers");
}

}  // namespace

std::vector<Variation> variations(const std::vector<std::uint32_t>& batches) {
    std::vector<std::uint32_t> few{batches.front()};
    if (std::ranges::count(batches, 100U) == 1 && few.front() != 100) few.push_back(100);
    std::vector<Variation> all;
    const auto add = [&](std::string key, const Job& job) -> Variation& {
        all.push_back({std::move(key), title_of(job), job, few});
        return all.back();
    };
    Variation& base = add("base", Job{});
    base.batches = batches;
    base.bounds = base.peers = true;
    Variation& large = add("large", with([](Job& job) { job.body = large_body; }));
    large.batches = batches;
    large.bounds = large.peers = true;
    add("ipc", with([](Job& job) { job.transport = Transport::ipc; }));
    add("direct", with([](Job& job) { job.routing = Routing::direct; })).forwarder = false;
    add("bindings", with([](Job& job) { job.bindings = many_bindings; })).forwarder = false;
    add("one-worker", with([](Job& job) { job.workers = 1; }));
    add("many-workers", with([](Job& job) { job.workers = 100; }));
    return all;
}

std::vector<Variation> crossed(const std::vector<std::uint32_t>& batches) {
    std::vector<Variation> all;
    for (const std::uint32_t body : {100U, large_body}) {
        for (const Transport transport : {Transport::tcp, Transport::ipc}) {
            for (const unsigned workers : {1U, 2U, 100U}) {
                for (const std::uint32_t bindings : {0U, 1U, many_bindings}) {
                    Job job;
                    job.body = body;
                    job.transport = transport;
                    job.workers = workers;
                    job.routing = bindings == 0 ? Routing::direct : Routing::topic;
                    job.bindings = std::max(bindings, 1U);
                    all.push_back({"full", title_of(job), job, batches});
                    all.back().forwarder = bindings == 1;  // it routes nothing
                }
            }
        }
    }
    return all;
}

std::uint64_t messages_for(const Job& job) {
    std::uint64_t messages = 400'000;
    if (job.batch >= 10) messages = 1'000'000;
    if (job.batch >= 100) messages = 2'000'000;
    if (job.batch >= 1000) messages = 4'000'000;
    return job.body >= large_body ? messages / 4 : messages;
}

Run write_and_sync(const Job& job, std::uint64_t syncs) {
    const Folder folder(job.disk);
    const std::uint64_t octets = job.messages * job.body;
    Disk disk(folder.path, octets);
    const std::vector<std::byte> part(std::max<std::uint64_t>(octets / std::max<std::uint64_t>(syncs, 1), 1));
    Run run;
    const double cpu_before = cpu_seconds(getpid());
    const std::uint64_t began = now_ns();
    for (std::uint64_t written = 0; written < octets; written += part.size(), ++run.syncs) {
        disk.add(part.data(), part.size());
        disk.sync();
    }
    run.rate = static_cast<double>(job.messages) * 1e9 / static_cast<double>(now_ns() - began);
    run.cpu = (cpu_seconds(getpid()) - cpu_before) * 1e6 / static_cast<double>(job.messages);
    run.settled = run.confirmed = job.messages;
    run.complete = true;
    return run;
}

}  // namespace ym::bench
