// `./dev bench log`: the log alone, through the C ABI, beside bare pwrite + fdatasync of as many octets in as many
// syncs; in turns, so that what else the disk does falls on both. Prints a table and writes JSON. Nothing here passes
// or fails by a time.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "bench/log_job.h"
#include "bench/range.h"

namespace ym::bench {
namespace {

struct Options {
    std::string plugin;
    std::string dir = "bench-log";
    std::string json;
    unsigned rounds = 5;
    std::uint64_t steps = 0;  // of each run; 0: by batch and window
    std::vector<std::uint32_t> batches = {1, 10, 100, 1000};
    std::vector<std::uint32_t> windows = {1, 64};
};

/// A line of the table, with its runs of each round.
struct Row {
    LogJob job;
    std::vector<LogRun> log;
    std::vector<LogRun> bare;
};

template <class Of>
Range range_of(std::size_t count, Of of) {
    std::vector<double> values;
    for (std::size_t i = 0; i < count; ++i) values.push_back(of(i));
    return bench::range_of(std::move(values));
}

double rate(const LogJob& job, const LogRun& run) {
    return static_cast<double>(job.messages()) / run.seconds;
}

/// About half a second on a disk that syncs 2000 times a second.
std::uint64_t steps_for(std::uint32_t batch, std::uint32_t window) {
    if (window == 1) return batch >= 1000 ? 400 : 1000;
    if (batch >= 1000) return 1500;
    return batch >= 100 ? 8000 : 30'000;
}

std::vector<Row> make_rows(const Options& options) {
    std::vector<Row> rows;
    for (const std::uint32_t window : options.windows) {
        for (const std::uint32_t batch : options.batches) {
            Row row;
            row.job = {batch, window, options.steps != 0 ? options.steps : steps_for(batch, window)};
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

void print_row(const Row& row) {
    const auto of_log = [&](auto of) {
        return range_of(row.log.size(), [&](std::size_t i) { return of(row.log[i]); });
    };
    const Range log = of_log([&](const LogRun& run) { return rate(row.job, run) / 1e3; });
    const Range bare = range_of(row.bare.size(), [&](std::size_t i) { return rate(row.job, row.bare[i]) / 1e3; });
    const Range ratio =
        range_of(row.log.size(), [&](std::size_t i) { return row.bare[i].seconds / row.log[i].seconds; });
    const Range each = of_log(
        [&](const LogRun& run) { return static_cast<double>(row.job.messages()) / static_cast<double>(run.syncs); });
    std::printf("%5u %6u  %8.1f %8.1f %8.1f  %8.1f %8.1f %8.1f  %5.2f %5.2f %5.2f  %7.0f %9.1f  %6.0f %6.0f  %5.2f\n",
                row.job.batch, row.job.window, log.low, log.median, log.high, bare.low, bare.median, bare.high,
                ratio.low, ratio.median, ratio.high, of_log([](const LogRun& run) { return double(run.syncs); }).median,
                each.median, of_log([](const LogRun& run) { return run.p50_us; }).median,
                of_log([](const LogRun& run) { return run.p99_us; }).median,
                of_log([&](const LogRun& run) { return run.cpu_us / static_cast<double>(row.job.messages()); }).median);
}

void print(const std::vector<Row>& rows) {
    std::printf(
        "\nA message: a put of %zu octets, and its ack of %zu that waits for the next commit. Window: batches of puts "
        "that\n"
        "are under way at a time. Bare: pwrite + fdatasync of as many octets in as many syncs, into zeroed blocks.\n\n",
        put_octets, ack_octets);
    std::printf("%12s  %26s  %26s  %17s  %17s  %13s  %5s\n", "", "log, thousand a second", "bare, thousand a second",
                "log : bare", "syncs  messages", "confirm, us", "CPU");
    std::printf("%5s %6s  %8s %8s %8s  %8s %8s %8s  %5s %5s %5s  %7s %9s  %6s %6s  %5s\n", "batch", "window", "low",
                "median", "high", "low", "median", "high", "low", "med", "high", "a run", "a sync", "p50", "p99", "us");
    for (const Row& row : rows) print_row(row);
}

void put(std::ofstream& out, const char* what, const LogJob& job, const LogRun& run) {
    out << "  {\"what\": \"" << what << "\", \"batch\": " << job.batch << ", \"window\": " << job.window
        << ", \"messages\": " << job.messages() << ", \"seconds\": " << run.seconds << ", \"syncs\": " << run.syncs
        << ", \"writes\": " << run.writes << ", \"octets_given\": " << run.octets_given
        << ", \"octets_written\": " << run.octets_written << ", \"confirm_us_p50\": " << run.p50_us
        << ", \"confirm_us_p99\": " << run.p99_us << ", \"cpu_us\": " << run.cpu_us << "}";
}

void write_json(const std::string& file, const std::vector<Row>& rows) {
    std::ofstream out(file);
    const char* comma = "{\"runs\": [\n";
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.log.size(); ++i) {
            out << comma;
            put(out, "log", row.job, row.log[i]);
            out << ",\n";
            put(out, "bare", row.job, row.bare[i]);
            comma = ",\n";
        }
    }
    out << "\n]}\n";
}

std::vector<std::uint32_t> numbers_of(const std::string& text) {
    std::vector<std::uint32_t> numbers;
    for (const char* at = text.data(); at < text.data() + text.size();) {
        std::uint32_t number = 0;
        at = std::from_chars(at, text.data() + text.size(), number).ptr + 1;
        if (number != 0) numbers.push_back(number);
    }
    return numbers;
}

std::optional<Options> read(int count, char** words) {
    Options options;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view key = words[i];
        const std::string value = words[i + 1];
        if (key == "--plugin") {
            options.plugin = value;
        } else if (key == "--dir") {
            options.dir = value;
        } else if (key == "--json") {
            options.json = value;
        } else if (key == "--rounds") {
            options.rounds = numbers_of(value).empty() ? 0 : numbers_of(value).front();
        } else if (key == "--steps") {
            options.steps = numbers_of(value).empty() ? 0 : numbers_of(value).front();
        } else if (key == "--batches") {
            options.batches = numbers_of(value);
        } else if (key == "--windows") {
            options.windows = numbers_of(value);
        } else {
            return std::nullopt;
        }
    }
    const bool whole = count % 2 == 1 && !options.plugin.empty() && options.rounds > 0;
    return whole && !options.batches.empty() && !options.windows.empty() ? std::optional(options) : std::nullopt;
}

int run(const Options& options) {
    std::vector<Row> rows = make_rows(options);
    std::filesystem::remove_all(options.dir);
    std::filesystem::create_directories(options.dir);
    {
        LogBench log(options.plugin, options.dir);
        BareBench bare(options.dir + "/bare");
        if (options.steps == 0) log.warm_up();
        for (unsigned round = 1; round <= options.rounds; ++round) {
            for (Row& row : rows) {
                row.log.push_back(log.run(row.job));
                row.bare.push_back(bare.run(row.log.back()));
                std::printf("round %u  batch %4u window %2u: log %9.1f k/s, bare %9.1f k/s, %llu syncs\n", round,
                            row.job.batch, row.job.window, rate(row.job, row.log.back()) / 1e3,
                            rate(row.job, row.bare.back()) / 1e3,
                            static_cast<unsigned long long>(row.log.back().syncs));
                std::fflush(stdout);
            }
        }
    }
    std::filesystem::remove_all(options.dir);
    print(rows);
    if (!options.json.empty()) write_json(options.json, rows);
    return 0;
}

}  // namespace
}  // namespace ym::bench

int main(int count, char** words) {
    const auto options = ym::bench::read(count, words);
    if (!options) {
        std::fprintf(stderr,
                     "usage: bench_log --plugin LOG.so [--dir FOLDER (on the disk to be measured)] [--rounds 5]\n"
                     "                 [--batches 1,10,100,1000] [--windows 1,64] [--steps N] [--json FILE]\n");
        return 2;
    }
    return ym::bench::run(*options);
}
