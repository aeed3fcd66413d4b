// `./dev bench latency`: how late confirms come at 5,000 messages a second, in memory and with a sync before each
// confirm, of the bare forwarder and of the broker, in turns. Prints a table and writes JSON. Nothing here passes or
// fails by a time.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "bench/job.h"
#include "bench/range.h"

namespace ym::bench {
namespace {

struct Options {
    std::string program;
    std::string json;
    unsigned rounds = 5;
    std::uint64_t rate = 5000;
    double seconds = 4;
};

struct Row {
    std::string name;
    Job job;
    Roles roles;
    std::vector<Run> runs;
};

struct Part {
    const char* name;
    double share;
};
constexpr Part parts[] = {{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};

std::vector<Row> make_rows(const Options& options) {
    std::vector<Row> rows;
    for (const bool durable : {false, true}) {
        Job job;
        job.rate = options.rate / job.producers;
        job.messages = static_cast<std::uint64_t>(static_cast<double>(job.rate) * options.seconds) * job.producers;
        job.durable = durable;
        rows.push_back({durable ? "forwarder, synced" : "forwarder", job, forwarder_roles(job), {}});
        rows.push_back({durable ? "yardmaster, log" : "yardmaster", job, broker_roles(job, options.program), {}});
    }
    return rows;
}

void print(const std::vector<Row>& rows) {
    std::printf(
        "\nus from the time at which a message was due to its confirm: median (lowest to highest of the rounds)\n");
    std::printf("%-18s", "middle");
    for (const Part& part : parts) std::printf("  %26s", part.name);
    std::printf("\n");
    for (const Row& row : rows) {
        std::printf("%-18s", row.name.c_str());
        for (const Part& part : parts) {
            std::vector<double> values;
            for (const Run& run : row.runs) values.push_back(run.latency_of(part.share));
            const Range range = range_of(std::move(values));
            std::printf("  %8.0f (%6.0f to %6.0f)", range.median, range.low, range.high);
        }
        std::printf("\n");
    }
}

void write_json(const std::string& file, const std::vector<Row>& rows) {
    std::ofstream out(file);
    const char* comma = "";
    out << "[";
    for (const Row& row : rows) {
        for (const Run& run : row.runs) {
            out << comma << "\n  {\"middle\": \"" << row.name << "\", \"messages\": " << row.job.messages;
            for (const Part& part : parts) out << ", \"" << part.name << "_us\": " << run.latency_of(part.share);
            out << ", \"complete\": " << (run.complete ? "true" : "false") << "}";
            comma = ",";
        }
    }
    out << "\n]\n";
}

int run(const Options& options) {
    std::vector<Row> rows = make_rows(options);
    bool complete = true;
    for (unsigned round = 1; round <= options.rounds; ++round) {
        for (Row& row : rows) {
            const Run run = measure(row.job, row.roles);
            std::printf("round %u  %-17s p50 %6.0f us, p99 %6.0f us%s\n", round, row.name.c_str(), run.latency_of(0.5),
                        run.latency_of(0.99), run.complete ? "" : "  INCOMPLETE");
            std::fflush(stdout);
            complete = complete && run.complete;
            row.runs.push_back(run);
        }
    }
    print(rows);
    if (!options.json.empty()) write_json(options.json, rows);
    return complete ? 0 : 1;
}

}  // namespace
}  // namespace ym::bench

int main(int count, char** words) {
    ym::bench::Options options;
    CLI::App app("How late confirms come at a rate of messages, of the broker and of a bare forwarder beside it");
    app.add_option("--program", options.program, "The yardmaster binary")->required();
    app.add_option("--rounds", options.rounds, "Interleaved runs of each")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_option("--rate", options.rate, "Messages a second, of two producers")
        ->check(CLI::Range(2, 1'000'000))
        ->capture_default_str();
    app.add_option("--seconds", options.seconds, "Of each run")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--json", options.json, "Write every run to this file");
    CLI11_PARSE(app, count, words);
    return ym::bench::run(options);
}
