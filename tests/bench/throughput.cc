// `./dev bench throughput`: zmq_proxy, the bare forwarder and the broker, side by side and in turns, so that what else
// the machine does falls on all of them. Prints tables and writes JSON. Nothing here passes or fails by a time.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/job.h"
#include "bench/options.h"
#include "bench/report.h"
#include "bench/rounds.h"

namespace ym::bench {
namespace {

struct Wanted : Options {
    std::vector<std::uint32_t> batches = {1, 100};
    std::uint64_t messages = 0;  // 0: by batch
    std::uint32_t body = 100;
};

/// About a second of the forwarder at each batch.
std::uint64_t messages_for(std::uint32_t batch) {
    if (batch >= 1000) return 4'000'000;
    if (batch >= 100) return 3'000'000;
    if (batch >= 10) return 1'000'000;
    return 400'000;
}

Job make_job(const Wanted& wanted, std::uint32_t batch, bool durable) {
    Job job;
    job.batch = batch;
    job.body = wanted.body;
    job.durable = durable;
    job.disk = wanted.disk;
    job.messages = job.whole(wanted.messages != 0 ? wanted.messages : messages_for(batch));
    return job;
}

std::vector<double> figures_of(const Run& run) {
    const bool synced = run.syncs > 0;
    return {run.rate / 1e3, run.cpu, run.resident_mb, synced ? static_cast<double>(run.syncs) : nothing,
            synced ? static_cast<double>(run.settled) / static_cast<double>(run.syncs) : nothing};
}

int run(const Wanted& wanted) {
    Report report("throughput");
    Table& table = report.table("Throughput", {"middle", "batch"},
                                {{"thousand messages a second", Show::spread},
                                 {"CPU us a message", Show::spread, 2},
                                 {"MiB", Show::high, 1},
                                 {"syncs"},
                                 {"messages a sync"}});
    std::vector<Contestant> contestants;
    const auto add = [&](const std::string& name, const Job& job, const Roles& roles) {
        const std::vector<std::string> labels{name, std::to_string(job.batch)};
        contestants.push_back(
            {labels, job, roles, [&table, labels](const Run& one) { table.row(labels).add(figures_of(one)); }});
    };
    Job one = make_job(wanted, 1, false);
    if (wanted.messages == 0) one.messages = 1'500'000;
    add("zmq_proxy", one, proxy_roles(one));
    for (const std::uint32_t batch : wanted.batches) {
        for (const bool durable : {false, true}) {
            const Job job = make_job(wanted, batch, durable);
            add(durable ? "forwarder, synced" : "forwarder", job, forwarder_roles(job));
            add(durable ? "yardmaster, log" : "yardmaster", job, broker_roles(job, wanted.program));
        }
    }
    const auto say = [](const Run& one_run) {
        char text[80];
        std::snprintf(text, sizeof text, "%s/s, %.2f us CPU", short_number(one_run.rate).c_str(), one_run.cpu);
        return std::string(text);
    };
    if (!run_rounds(contestants, wanted.rounds, say)) report.incomplete();
    const std::string rate = table.columns().front().name;
    report.ratio("forwarder at batch 100 : zmq_proxy (or the forwarder is no measure)",
                 table.find({"forwarder", "100"}), table.find({"zmq_proxy", "1"}), rate, at_least(2.2));
    for (const std::uint32_t size : wanted.batches) {
        const std::string batch = std::to_string(size);
        report.ratio("yardmaster : forwarder at batch " + batch, table.find({"yardmaster", batch}),
                     table.find({"forwarder", batch}), rate);
        report.ratio("yardmaster, log : forwarder, synced at batch " + batch, table.find({"yardmaster, log", batch}),
                     table.find({"forwarder, synced", batch}), rate);
        if (size == 100)
            report.spread("the bare forwarder's rate at batch 100, in thousand a second,",
                          table.find({"forwarder", "100"})->of(rate));
    }
    return report.finish(wanted.json);
}

}  // namespace
}  // namespace ym::bench

int main(int count, char** words) {
    ym::bench::Wanted wanted;
    CLI::App app("How many messages a second the broker moves, and bare programs beside it");
    ym::bench::add_options(app, wanted);
    app.add_option("--batches", wanted.batches, "Messages a frame")->delimiter(',')->capture_default_str();
    app.add_option("--messages", wanted.messages, "Of each run (0: by batch, about a second)")->capture_default_str();
    app.add_option("--body", wanted.body, "Octets of each message")
        ->check(CLI::Range(8, 1 << 20))
        ->capture_default_str();
    CLI11_PARSE(app, count, words);
    return ym::bench::run(wanted);
}
