// `./dev bench log`: the log alone, through the C ABI, beside bare pwrite + fdatasync of as many octets in as many
// syncs; in turns, so that what else the disk does falls on both. Nothing here passes
// or fails by a time.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/job.h"
#include "bench/log_job.h"
#include "bench/options.h"
#include "bench/report.h"

namespace ym::bench {
namespace {

struct Wanted : Options {
    std::uint64_t steps = 0;  // of each run; 0: by batch and window
    std::vector<std::uint32_t> batches = {1, 10, 100, 1000};
    std::vector<std::uint32_t> windows = {1, 64};
};

const std::vector<Column> columns{{"log k msgs/s", Show::spread, 1},
                                  {"bare k msgs/s", Show::spread, 1},
                                  {"syncs"},
                                  {"msgs/sync", Show::median, 1},
                                  {"confirm p50 us"},
                                  {"p99 us"},
                                  {"CPU us/msg", Show::median, 2},
                                  {"writes", Show::hidden},
                                  {"octets given", Show::hidden},
                                  {"octets written", Show::hidden}};

double rate(const LogJob& job, double seconds) {
    return static_cast<double>(job.messages()) / seconds / 1e3;
}

std::vector<double> figures_of(const LogJob& job, const LogRun& log, const LogRun& bare) {
    const auto messages = static_cast<double>(job.messages());
    const auto number = [](std::uint64_t count) { return static_cast<double>(count); };
    return {rate(job, log.seconds),
            rate(job, bare.seconds),
            number(log.syncs),
            messages / number(log.syncs),
            log.p50_us,
            log.p99_us,
            log.cpu_us / messages,
            number(log.writes),
            number(log.octets_given),
            number(log.octets_written)};
}

/// About half a second on a disk that syncs 2000 times a second.
std::uint64_t steps_for(std::uint32_t batch, std::uint32_t window) {
    if (window == 1) return batch >= 1000 ? 400 : 1000;
    if (batch >= 1000) return 1500;
    return batch >= 100 ? 8000 : 30'000;
}

std::vector<LogJob> make_jobs(const Wanted& wanted) {
    std::vector<LogJob> jobs;
    for (const std::uint32_t window : wanted.windows) {
        for (const std::uint32_t batch : wanted.batches) {
            const std::uint64_t steps = wanted.steps != 0 ? wanted.steps : steps_for(batch, window);
            jobs.push_back({batch, window, wanted.quick ? (steps + 3) / 4 : steps});
        }
    }
    return jobs;
}

std::vector<std::string> labels_of(const LogJob& job) {
    return {std::to_string(job.batch), std::to_string(job.window)};
}

void measure_all(const Wanted& wanted, const std::vector<LogJob>& jobs, Table& table) {
    const std::filesystem::path plugins = std::filesystem::path(wanted.program).parent_path() / "plugins";
    const Folder folder(wanted.disk);
    LogBench log(plugins / "ym_persistence_log.so", folder.path);
    BareBench bare(folder.path / "bare");
    if (wanted.steps == 0) log.warm_up();
    for (unsigned round = 1; round <= wanted.rounds; ++round) {
        for (const LogJob& job : jobs) {
            const LogRun of_log = log.run(job);
            const LogRun of_bare = bare.run(of_log);
            table.row(labels_of(job)).add(figures_of(job, of_log, of_bare));
            std::printf("round %u of %u  batch %4u, window %2u: log %7.1fk/s, bare %7.1fk/s, %llu syncs\n", round,
                        wanted.rounds, job.batch, job.window, rate(job, of_log.seconds), rate(job, of_bare.seconds),
                        static_cast<unsigned long long>(of_log.syncs));
            std::fflush(stdout);
        }
    }
}

int run(const Wanted& wanted) {
    Report report("log");
    Table& table = report.table(
        "The log alone. A message: a put of " + std::to_string(put_octets) + " octets, and its ack of " +
            std::to_string(ack_octets) +
            " that waits for the next commit.\nWindow: batches of puts that are under way at a time. Bare: "
            "pwrite + fdatasync of as many octets in as many syncs, into zeroed blocks.",
        {"batch", "window"}, columns);
    const std::vector<LogJob> jobs = make_jobs(wanted);
    measure_all(wanted, jobs, table);
    for (const LogJob& job : jobs) {
        const Row& row = table.row(labels_of(job));
        std::vector<double> ratios = row.of(columns[0].name);
        const std::vector<double> bare = row.of(columns[1].name);
        for (std::size_t i = 0; i < ratios.size(); ++i) ratios[i] /= bare[i];
        report.figure("log : bare, batch " + row.labels()[0] + ", window " + row.labels()[1], ratios);
    }
    report.spread("bare pwrite + fdatasync in thousand messages a second", table.rows().back().of(columns[1].name));
    return report.finish(wanted.json);
}

}  // namespace
}  // namespace ym::bench

int main(int count, char** words) {
    ym::bench::Wanted wanted;
    CLI::App app("The log alone, as fast as it goes, and bare synced writes beside it");
    ym::bench::add_options(app, wanted);
    app.add_option("--batches", wanted.batches, "Messages that are handed over at a time")
        ->delimiter(',')
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--windows", wanted.windows, "Batches that are under way at a time")
        ->delimiter(',')
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_option("--steps", wanted.steps, "Batches of each run (0: about half a second)")->capture_default_str();
    CLI11_PARSE(app, count, words);
    if (wanted.quick && app.count("--rounds") == 0) wanted.rounds = 2;
    return ym::bench::run(wanted);
}
