// `./dev bench throughput`: the broker, and beside it what bounds it (zmq_proxy, the bare forwarder, bare synced
// writes), in turns, so that what else the machine does falls on all of them. Nothing here passes or fails by a time.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "bench/job.h"
#include "bench/matrix.h"
#include "bench/options.h"
#include "bench/peers/peers.h"
#include "bench/report.h"
#include "bench/rounds.h"

namespace ym::bench {
namespace {

struct Wanted : Options {
    std::vector<std::uint32_t> batches = {1, 10, 100, 1000};
    std::uint64_t messages = 0;  // 0: by batch
    std::vector<std::string> tables;
    bool full = false;
};

constexpr const char* proxy = "zmq_proxy";
constexpr const char* forwarder = "forwarder";
constexpr const char* forwarder_synced = "forwarder, synced";
constexpr const char* bare = "write + fdatasync";
constexpr const char* broker = "yardmaster";
constexpr const char* broker_durable = "yardmaster, durable";
constexpr const char* rate = "k msgs/s";
constexpr const char* cpu = "CPU us/msg";

std::vector<double> figures_of(const Run& run) {
    const bool synced = run.syncs > 0;
    return {run.rate / 1e3,
            run.cpu,
            run.load_cpu == 0 ? nothing : run.load_cpu,
            run.resident_mb == 0 ? nothing : run.resident_mb,
            synced ? static_cast<double>(run.syncs) : nothing,
            synced ? static_cast<double>(run.settled) / static_cast<double>(run.syncs) : nothing};
}

const std::vector<Column> columns{{rate, Show::spread},
                                  {cpu, Show::spread, 2},
                                  {"of the load", Show::median, 2},
                                  {"peak MiB", Show::high, 1},
                                  {"syncs"},
                                  {"msgs/sync"}};

/// The middles of one table.
class Contest {
  public:
    Contest(const Wanted& wanted, const Variation& variation, Table& table)
        : wanted_(wanted), variation_(variation), table_(table) {}

    void add_to(std::vector<Contestant>& all) {
        if (variation_.bounds) {
            Job job = make_job(1, false);
            if (wanted_.messages == 0) job.messages *= 3;
            add(all, proxy, job, proxy_roles(job));
        }
        for (const std::uint32_t batch : variation_.batches) {
            for (const bool durable : {false, true}) {
                const Job job = make_job(batch, durable);
                if (variation_.forwarder) add_forwarder(all, job);
                add(all, durable ? broker_durable : broker, job, broker_roles(job, wanted_.program));
            }
        }
        if (variation_.peers && wanted_.peers) add_peers(all);
    }

  private:
    [[nodiscard]] Job make_job(std::uint32_t batch, bool durable) const {
        Job job = variation_.job;
        job.batch = batch;
        job.durable = durable;
        job.disk = wanted_.disk;
        job.messages = wanted_.messages != 0 ? wanted_.messages : messages_for(job) / (wanted_.quick ? 4 : 1);
        job.messages = job.whole(job.messages);
        return job;
    }

    void add_peers(std::vector<Contestant>& all) {
        for (const PeerBroker& peer : peer_brokers()) {
            Job job = make_job(peer.batch, peer.durable);
            if (wanted_.messages == 0) job.messages = job.whole(peer.messages / (wanted_.quick ? 4 : 1));
            add(all, peer.name, job, peer.roles(job));
        }
    }

    void add_forwarder(std::vector<Contestant>& all, const Job& job) {
        add(all, job.durable ? forwarder_synced : forwarder, job, forwarder_roles(job));
        if (!job.durable || !variation_.bounds) return;
        // As many syncs as the forwarder has just had.
        const auto syncs = std::make_shared<std::uint64_t>(0);
        const auto take = all.back().take;
        all.back().take = [=](const Run& run) {
            *syncs = run.syncs;
            take(run);
        };
        add(all, bare, job, {});
        all.back().alone = [=] { return write_and_sync(job, *syncs); };
    }

    void add(std::vector<Contestant>& all, const std::string& name, const Job& job, const Roles& roles) {
        Table& table = table_;
        const std::vector<std::string> labels{name, std::to_string(job.batch)};
        all.push_back({{variation_.key, name, labels[1]}, job, roles, [&table, labels](const Run& run) {
                           table.row(labels).add(figures_of(run));
                       }});
    }

    const Wanted& wanted_;
    const Variation& variation_;
    Table& table_;
};

/// What the project has promised of itself, and what it takes to believe the limits.
void add_goals(Report& report, const std::string& key, const Table& table) {
    const auto row = [&](const char* name, const char* batch) { return table.find({name, batch}); };
    const auto ratio = [&](const char* of, const char* by, const char* batch, Goal goal) {
        report.ratio(key + ": " + of + " : " + by + ", batch " + batch, row(of, batch), row(by, batch), rate, goal);
    };
    if (key == "base") {
        report.ratio("base: forwarder at batch 100 : zmq_proxy (or the forwarder is no measure)", row(forwarder, "100"),
                     row(proxy, "1"), rate, at_least(2.2));
        ratio(broker, forwarder, "1", at_least(0.7));
        ratio(broker, forwarder, "10", {});
        for (const char* batch : {"100", "1000"}) ratio(broker, forwarder, batch, at_least(0.5));
        for (const char* batch : {"1", "10", "100"}) ratio(broker_durable, forwarder_synced, batch, {});
        ratio(broker_durable, forwarder_synced, "1000", at_least(0.5));
        for (const auto& [name, batch, most] :
             {std::tuple(broker, "100", 0.8), std::tuple(broker_durable, "100", 1.2), std::tuple(broker, "1000", 0.3),
              std::tuple(broker_durable, "1000", 0.5)}) {
            const Row* found = row(name, batch);
            if (found == nullptr) continue;
            report.figure("base: " + std::string(name) + ", s of CPU a million messages, batch " + batch,
                          found->of(cpu), at_most(most));
        }
        if (const Row* found = row(forwarder, "100")) {
            report.spread("the bare forwarder's rate at batch 100, in thousand a second,", found->of(rate));
        }
        return;
    }
    for (const char* batch : {"1", "10", "100", "1000"}) {
        ratio(broker, forwarder, batch, {});
        const bool promised = key == "large" && std::string_view(batch) == "100";
        ratio(broker_durable, forwarder_synced, batch, promised ? at_least(0.5) : Goal{});
    }
}

/// Beside those that promise the same: in memory, or synced before each confirm.
void add_ratios_to_peers(Report& report, const std::string& key, const Table& table) {
    const auto goal = [&](bool durable, std::uint32_t batch) {
        if (key == "base" && !durable && batch >= 100) return at_least(5);
        if (key == "base" && durable && batch == 1000) return at_least(10);
        return key == "large" && durable && batch == 100 ? at_least(4) : Goal{};
    };
    for (const PeerBroker& peer : peer_brokers()) {
        const Row* const by = table.find({peer.name, std::to_string(peer.batch)});
        const char* const name = peer.durable ? broker_durable : broker;
        for (const std::uint32_t batch : {1U, 10U, 100U, 1000U}) {
            report.ratio(key + ": " + name + " at batch " + std::to_string(batch) + " : " + peer.name,
                         table.find({name, std::to_string(batch)}), by, rate, goal(peer.durable, batch));
        }
    }
}

/// What differs from the base in the broker alone, by the base.
void add_ratios_to_base(Report& report, const std::string& key, const Table& table, const Table& base) {
    for (const char* name : {broker, broker_durable}) {
        for (const char* batch : {"1", "100"}) {
            report.ratio(key + " : base, " + name + ", batch " + batch, table.find({name, batch}),
                         base.find({name, batch}), rate);
        }
    }
}

std::string say(const Run& run) {
    char text[120];
    std::snprintf(text, sizeof text, "%6s/s, %.2f us CPU", short_number(run.rate).c_str(), run.cpu);
    std::string line = text;
    if (run.syncs > 0) line += ", " + std::to_string(run.syncs) + " syncs";
    return line;
}

int run(Wanted wanted) {
    std::vector<Variation> all = variations(wanted.batches);
    if (wanted.quick && wanted.tables.empty()) wanted.tables = {"base"};
    if (!wanted.tables.empty()) {
        std::erase_if(all, [&](const Variation& one) { return std::ranges::count(wanted.tables, one.key) == 0; });
    }
    if (wanted.full) {
        for (Variation& one : crossed(wanted.batches)) all.push_back(std::move(one));
    }
    Report report("throughput");
    std::vector<std::pair<std::string, const Table*>> tables;
    std::vector<Contestant> contestants;
    for (const Variation& variation : all) {
        Table& table = report.table(variation.title, {"middle", "batch"}, columns);
        tables.emplace_back(variation.key, &table);
        Contest(wanted, variation, table).add_to(contestants);
    }
    if (!run_rounds(contestants, wanted.rounds, say)) report.incomplete();
    for (const auto& [key, table] : tables) {
        if (key != "full") add_goals(report, key, *table);
        if (wanted.peers) add_ratios_to_peers(report, key, *table);
        const bool has_base = tables.front().first == "base";
        if (has_base && (key == "direct" || key == "bindings")) {
            add_ratios_to_base(report, key, *table, *tables.front().second);
        }
    }
    return report.finish(wanted.json);
}

}  // namespace
}  // namespace ym::bench

int main(int count, char** words) {
    ym::bench::Wanted wanted;
    CLI::App app("How many messages a second the broker moves, and what bounds it beside it");
    ym::bench::add_options(app, wanted);
    ym::bench::add_peers_option(app, wanted);
    app.add_option("--batches", wanted.batches, "Messages a frame")
        ->delimiter(',')
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--messages", wanted.messages, "Of each run (0: by batch, about a second)")->capture_default_str();
    app.add_option("--tables", wanted.tables,
                   "Only these of base, large, ipc, direct, bindings, one-worker, many-workers")
        ->delimiter(',')
        ->check(CLI::IsMember({"base", "large", "ipc", "direct", "bindings", "one-worker", "many-workers"}));
    app.add_flag("--full", wanted.full, "Everything crossed, in addition: hours");
    CLI11_PARSE(app, count, words);
    if (wanted.quick && app.count("--rounds") == 0) wanted.rounds = 2;
    return ym::bench::run(wanted);
}
