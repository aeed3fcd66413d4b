// `./dev bench throughput`: zmq_proxy, the bare forwarder and the broker, side by side and in turns, so that what else
// the machine does falls on all of them. Prints tables and writes JSON. Nothing here passes or fails by a time.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/job.h"
#include "bench/range.h"

namespace ym::bench {
namespace {

struct Options {
    std::vector<std::uint32_t> batches = {1, 100};
    unsigned rounds = 5;
    std::uint64_t messages = 0;  // 0: by batch
    std::uint32_t body = 100;
    std::string program;  // the broker's; empty: without it
    std::string json;
};

/// A line of the table: one middle at one batch, its run of each round.
struct Row {
    std::string name;
    std::uint32_t batch = 1;
    Job job;
    Roles roles;
    std::vector<Run> runs;
};

template <class Of>
Range range_of(const Row& row, Of of) {
    std::vector<double> values;
    for (const Run& run : row.runs) values.push_back(of(run));
    return bench::range_of(values);
}

/// About a second of the forwarder at each batch.
std::uint64_t messages_for(std::uint32_t batch) {
    if (batch >= 1000) return 4'000'000;
    if (batch >= 100) return 3'000'000;
    if (batch >= 10) return 1'000'000;
    return 400'000;
}

Job make_job(const Options& options, std::uint32_t batch) {
    Job job;
    job.batch = batch;
    job.body = options.body;
    job.messages = options.messages != 0 ? options.messages : messages_for(batch);
    const std::uint64_t step = std::uint64_t{job.producers} * batch;
    job.messages = (job.messages + step - 1) / step * step;
    return job;
}

std::vector<Row> make_rows(const Options& options) {
    std::vector<Row> rows;
    Job one = make_job(options, 1);
    if (options.messages == 0) one.messages = 1'500'000;
    rows.push_back({"zmq_proxy", 1, one, proxy_roles(one), {}});
    for (const std::uint32_t batch : options.batches) {
        const Job job = make_job(options, batch);
        rows.push_back({"forwarder", batch, job, forwarder_roles(job), {}});
        Job synced = job;
        synced.durable = true;
        rows.push_back({"forwarder, synced", batch, synced, forwarder_roles(synced), {}});
        if (options.program.empty()) continue;
        rows.push_back({"yardmaster", batch, job, broker_roles(job, options.program), {}});
        rows.push_back({"yardmaster, log", batch, synced, broker_roles(synced, options.program), {}});
    }
    return rows;
}

const Row* row_of(const std::vector<Row>& rows, std::string_view name, std::uint32_t batch) {
    const auto found = std::ranges::find_if(rows, [&](const Row& r) { return r.name == name && r.batch == batch; });
    return found == rows.end() ? nullptr : &*found;
}

/// Rate of `row` by the rate of `to`, round by round.
std::optional<Range> ratio(const Row* row, const Row* to) {
    if (row == nullptr || to == nullptr) return std::nullopt;
    std::vector<double> ratios;
    for (std::size_t i = 0; i < row->runs.size(); ++i) ratios.push_back(row->runs[i].rate / to->runs[i].rate);
    return bench::range_of(ratios);
}

struct Ratio {
    std::string text;
    Range range;
};

std::vector<Ratio> ratios_of(const std::vector<Row>& rows) {
    std::vector<Ratio> all;
    const auto add = [&](const std::string& text, const std::optional<Range>& range) {
        if (range) all.push_back({text, *range});
    };
    add("forwarder at batch 100 : zmq_proxy (2.2 or more, or the forwarder is no measure)",
        ratio(row_of(rows, "forwarder", 100), row_of(rows, "zmq_proxy", 1)));
    for (const Row& row : rows) {
        if (!row.name.starts_with("yardmaster")) continue;
        const std::string beside = row.job.durable ? "forwarder, synced" : "forwarder";
        add(row.name + " : " + beside + " at batch " + std::to_string(row.batch),
            ratio(&row, row_of(rows, beside, row.batch)));
    }
    return all;
}

void print(const std::vector<Row>& rows, const std::vector<Ratio>& ratios) {
    std::printf("\n%-18s %6s  %29s  %23s  %8s\n", "", "", "thousand messages a second", "CPU us a message", "MiB");
    std::printf("%-18s %6s  %9s %9s %9s  %7s %7s %7s  %8s\n", "middle", "batch", "low", "median", "high", "low",
                "median", "high", "peak");
    for (const Row& row : rows) {
        const Range rate = range_of(row, [](const Run& run) { return run.rate / 1e3; });
        const Range cpu = range_of(row, [](const Run& run) { return run.cpu; });
        const Range memory = range_of(row, [](const Run& run) { return run.resident_mb; });
        std::printf("%-18s %6u  %9.0f %9.0f %9.0f  %7.2f %7.2f %7.2f  %8.1f\n", row.name.c_str(), row.batch, rate.low,
                    rate.median, rate.high, cpu.low, cpu.median, cpu.high, memory.high);
    }
    std::printf("\n");
    for (const Ratio& ratio : ratios) {
        std::printf("%.2f (%.2f to %.2f)  %s\n", ratio.range.median, ratio.range.low, ratio.range.high,
                    ratio.text.c_str());
    }
}

void write_json(const std::string& file, const std::vector<Row>& rows, const std::vector<Ratio>& ratios) {
    std::ofstream out(file);
    const char* comma = "";
    out << "{\"rows\": [";
    for (const Row& row : rows) {
        for (const Run& run : row.runs) {
            out << comma << "\n  {\"middle\": \"" << row.name << "\", \"batch\": " << row.batch
                << ", \"body\": " << row.job.body << ", \"messages\": " << row.job.messages
                << ", \"rate\": " << run.rate << ", \"cpu_s_per_million\": " << run.cpu
                << ", \"peak_mib\": " << run.resident_mb << ", \"confirmed\": " << run.confirmed
                << ", \"settled\": " << run.settled << ", \"complete\": " << (run.complete ? "true" : "false") << "}";
            comma = ",";
        }
    }
    out << "\n], \"ratios\": [";
    comma = "";
    for (const Ratio& ratio : ratios) {
        out << comma << "\n  {\"what\": \"" << ratio.text << "\", \"low\": " << ratio.range.low
            << ", \"median\": " << ratio.range.median << ", \"high\": " << ratio.range.high << "}";
        comma = ",";
    }
    out << "\n]}\n";
}

std::optional<Options> read(int count, char** words) {
    Options options;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view key = words[i];
        const std::string value = words[i + 1];
        const auto number = [&] { return std::strtoull(value.c_str(), nullptr, 10); };
        if (key == "--rounds") {
            options.rounds = static_cast<unsigned>(number());
        } else if (key == "--messages") {
            options.messages = number();
        } else if (key == "--body") {
            options.body = static_cast<std::uint32_t>(number());
        } else if (key == "--program") {
            options.program = value;
        } else if (key == "--json") {
            options.json = value;
        } else if (key == "--batches") {
            options.batches.clear();
            for (const char* at = value.c_str(); *at != '\0';) {
                char* end = nullptr;
                options.batches.push_back(static_cast<std::uint32_t>(std::strtoul(at, &end, 10)));
                at = *end == ',' ? end + 1 : end;
                if (options.batches.back() == 0) return std::nullopt;
            }
        } else {
            return std::nullopt;
        }
    }
    const bool even = count % 2 == 1;
    if (!even || options.rounds == 0 || options.body < sizeof(std::uint64_t)) return std::nullopt;
    return options;
}

int run(const Options& options) {
    std::vector<Row> rows = make_rows(options);
    bool complete = true;
    for (unsigned round = 1; round <= options.rounds; ++round) {
        for (Row& row : rows) {
            const Run run = measure(row.job, row.roles);
            std::printf("round %u  %-17s batch %4u: %7.0f k/s, %5.2f us CPU%s\n", round, row.name.c_str(), row.batch,
                        run.rate / 1e3, run.cpu, run.complete ? "" : "  INCOMPLETE");
            if (!run.complete) {
                std::printf("    of %llu messages, %llu were confirmed and %llu settled\n",
                            static_cast<unsigned long long>(row.job.messages),
                            static_cast<unsigned long long>(run.confirmed),
                            static_cast<unsigned long long>(run.settled));
            }
            std::fflush(stdout);
            complete = complete && run.complete;
            row.runs.push_back(run);
        }
    }
    const std::vector<Ratio> ratios = ratios_of(rows);
    print(rows, ratios);
    if (!options.json.empty()) write_json(options.json, rows, ratios);
    return complete ? 0 : 1;
}

}  // namespace
}  // namespace ym::bench

int main(int count, char** words) {
    const auto options = ym::bench::read(count, words);
    if (!options) {
        std::fprintf(stderr,
                     "usage: bench_throughput [--program YARDMASTER] [--batches 1,100] [--rounds 5]\n"
                     "                        [--messages N] [--body OCTETS (8 or more)] [--json FILE]\n");
        return 2;
    }
    return ym::bench::run(*options);
}
