// `./dev bench memory`: how much of it the broker takes while messages wait in a queue, in memory and on disk. Prints a
// table and writes JSON. Nothing here passes or fails by a figure.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/growth_load.h"
#include "bench/options.h"
#include "bench/report.h"

namespace ym::bench {
namespace {

struct Wanted : Options {
    std::vector<std::uint64_t> messages = {1'000'000, 10'000'000};
    std::uint32_t body = 100;
    double rest = 1.5;
};

constexpr double million = 1e6;
constexpr double octets_a_mib = 1 << 20U;
constexpr const char* full = "full MB";

/// Where messages wait.
struct Place {
    const char* name;
    bool durable;
    const char* memory;  // limits.memory
    double promised_mb;  // at most, with a million messages of 100 octets
};
constexpr Place places[] = {{"in memory", false, "16GiB", 185}, {"durable, limits.memory 16MiB", true, "16MiB", 80}};

std::vector<double> figures_of(const Held& held, std::uint64_t messages) {
    const double mb = octets_a_mib / million;
    return {held.before * mb, held.peak * mb, held.full * mb,
            (held.full - held.before) * octets_a_mib / static_cast<double>(messages), held.drained * mb};
}

void measure_once(const Wanted& wanted, Report& report, Table& table, const Place& place, std::uint64_t messages) {
    Job job;
    job.producers = job.workers = 1;
    job.messages = messages;
    job.body = wanted.body;
    job.durable = place.durable;
    job.disk = wanted.disk;
    Around around;
    around.memory = place.memory;
    const Held held = hold(job, around, wanted.program, wanted.rest);
    if (!held.complete) report.incomplete();
    const std::vector<double> figures = figures_of(held, messages);
    std::printf("%-30s %10llu messages: %.1f MB full, %.1f octets a message%s\n", place.name,
                static_cast<unsigned long long>(messages), figures[2], figures[3], held.complete ? "" : "  INCOMPLETE");
    std::fflush(stdout);
    table.row({place.name, std::to_string(messages)}).add(figures);
}

int run(const Wanted& wanted) {
    Report report("memory");
    Table& table = report.table(
        "MB (10^6 octets) of the broker's resident memory, bodies of " + std::to_string(wanted.body) + " octets",
        {"where", "messages"},
        {{"empty MB", Show::median, 1},
         {"peak MB", Show::high, 1},
         {full, Show::spread, 1},
         {"octets a message", Show::spread, 1},
         {"drained MB", Show::median, 1}});
    for (unsigned round = 0; round < wanted.rounds; ++round) {
        for (const Place& place : places) {
            for (const std::uint64_t messages : wanted.messages) measure_once(wanted, report, table, place, messages);
        }
    }
    for (const Place& place : places) {
        const Row* row = table.find({place.name, "1000000"});
        if (row == nullptr || wanted.body != 100) continue;
        report.figure("MB with a million messages of 100 octets " + std::string(place.name), row->of(full),
                      at_most(place.promised_mb), 1);
    }
    return report.finish(wanted.json);
}

}  // namespace
}  // namespace ym::bench

int main(int count, char** words) {
    ym::bench::Wanted wanted;
    wanted.rounds = 3;
    CLI::App app("How much memory the broker takes for messages that wait");
    ym::bench::add_options(app, wanted);
    app.add_option("--messages", wanted.messages, "How many wait")->delimiter(',')->check(CLI::PositiveNumber);
    app.add_option("--body", wanted.body, "Octets of each")->check(CLI::Range(8, 1 << 20))->capture_default_str();
    app.add_option("--rest", wanted.rest, "Seconds until the memory is looked at")->capture_default_str();
    CLI11_PARSE(app, count, words);
    if (wanted.quick) {
        if (app.count("--messages") == 0) wanted.messages = {1'000'000};
        if (app.count("--rounds") == 0) wanted.rounds = 1;
    }
    return ym::bench::run(wanted);
}
