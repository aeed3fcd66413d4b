// `./dev bench latency`: how late messages reach a worker, and how late their confirms come, at 5,000 messages a
// second, in memory and with a sync before each confirm, of the bare forwarder and of the broker, in turns. Late means:
// since the time at which a message was due to be sent, so that the wait of those behind one that is held up counts,
// too. Prints tables and writes JSON. Nothing here passes or fails by a time.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/job.h"
#include "bench/options.h"
#include "bench/peers/peers.h"
#include "bench/report.h"
#include "bench/rounds.h"

namespace ym::bench {
namespace {

struct Wanted : Options {
    std::uint64_t rate = 5000;
    double seconds = 5;
    double warm_up = 1;
};

const std::vector<Column> columns{
    {"p50", Show::spread}, {"p99", Show::spread}, {"p99.9", Show::spread}, {"max", Show::spread}, {"syncs"}};

std::vector<double> figures_of(const Run& run, const Latency& latency) {
    const double syncs = run.syncs > 0 ? static_cast<double>(run.syncs) : nothing;
    return {latency.us(0.5), latency.us(0.99), latency.us(0.999), latency.us(1), syncs};
}

Job make_job(const Wanted& wanted, bool durable) {
    Job job;
    job.rate = wanted.rate / job.producers;
    const auto messages_in = [&](double seconds) {
        return static_cast<std::uint64_t>(static_cast<double>(job.rate) * seconds);
    };
    job.messages = messages_in(wanted.seconds) * job.producers;
    job.warm_up = messages_in(std::min(wanted.warm_up, wanted.seconds / 2));
    job.durable = durable;
    job.disk = wanted.disk;
    return job;
}

int run(const Wanted& wanted) {
    Report report("latency");
    const std::string due = "us from the time at which a message was due ";
    Table& receipts = report.table(due + "until a worker had it", {"middle"}, columns);
    Table& confirms = report.table(due + "until its producer had the confirm", {"middle"}, columns);
    std::vector<Contestant> contestants;
    const auto add = [&](const std::string& name, const Job& job, const Roles& roles) {
        contestants.push_back({{name}, job, roles, [&, name](const Run& one) {
                                   receipts.row({name}).add(figures_of(one, one.receipts));
                                   confirms.row({name}).add(figures_of(one, one.confirms));
                               }});
    };
    for (const bool durable : {false, true}) {
        const Job job = make_job(wanted, durable);
        add(durable ? "forwarder, synced" : "forwarder", job, forwarder_roles(job));
        add(durable ? "yardmaster, durable" : "yardmaster", job, broker_roles(job, wanted.program));
    }
    if (wanted.peers) {
        for (const PeerBroker& peer : peer_brokers()) {
            const Job job = make_job(wanted, peer.durable);
            add(peer.name, job, peer.roles(job));
        }
    }
    const auto say = [](const Run& one) {
        char text[80];
        std::snprintf(text, sizeof text, "p50 %.0f us, p99 %.0f us", one.receipts.us(0.5), one.receipts.us(0.99));
        return std::string(text);
    };
    if (!run_rounds(contestants, wanted.rounds, say)) report.incomplete();
    for (const auto& [name, by] :
         {std::pair("yardmaster", "forwarder"), std::pair("yardmaster, durable", "forwarder, synced")}) {
        const std::string what = std::string(name) + " : " + by;
        report.ratio(what + ", p50 until a worker had it", receipts.find({name}), receipts.find({by}), "p50",
                     at_most(1.25));
        report.ratio(what + ", p99 until a worker had it", receipts.find({name}), receipts.find({by}), "p99",
                     at_most(1.5));
    }
    for (const PeerBroker& peer : wanted.peers ? peer_brokers() : std::vector<PeerBroker>{}) {
        const std::string name = peer.durable ? "yardmaster, durable" : "yardmaster";
        for (const std::string part : {"p50", "p99"}) {
            // The median of RabbitMQ's classic queues is not a goal: they wait for few syncs.
            const bool is_goal = peer.durable && (part == "p99" || peer.name != "rabbitmq classic");
            report.ratio(name + " : " + peer.name + ", " + part + " until a worker had it", receipts.find({name}),
                         receipts.find({peer.name}), part, is_goal ? at_most(1) : Goal{});
        }
    }
    report.spread("the bare forwarder's p50 in us", receipts.find({"forwarder"})->of("p50"));
    return report.finish(wanted.json);
}

}  // namespace
}  // namespace ym::bench

int main(int count, char** words) {
    ym::bench::Wanted wanted;
    wanted.rounds = 7;
    CLI::App app("How late messages come at a steady rate, through the broker and a bare forwarder beside it");
    ym::bench::add_options(app, wanted);
    ym::bench::add_peers_option(app, wanted);
    app.add_option("--rate", wanted.rate, "Messages a second, of two producers")
        ->check(CLI::Range(2, 1'000'000))
        ->capture_default_str();
    app.add_option("--seconds", wanted.seconds, "Of each run")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--warm-up", wanted.warm_up, "Seconds at the start of a run that do not count (half of it at most)")
        ->capture_default_str();
    CLI11_PARSE(app, count, words);
    if (wanted.quick && app.count("--rounds") == 0) wanted.rounds = 2;
    if (wanted.quick && app.count("--seconds") == 0) wanted.seconds = 3;
    return ym::bench::run(wanted);
}
