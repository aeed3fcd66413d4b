// `./dev bench instructions`: how many instructions a message costs the broker, counted by callgrind. Other work of the
// machine does not change that much, so that a change that costs more is seen where no time can be believed. What it
// does not show is the kernel, and waiting.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/callgrind.h"
#include "bench/job.h"
#include "bench/options.h"
#include "bench/report.h"

namespace ym::bench {
namespace {

struct Wanted : Options {
    std::vector<std::uint32_t> batches = {1, 100, 1000};
    std::uint64_t messages = 0;  // 0: by batch
    std::string known;           // file with what a message cost when it was last kept
    bool keep = false;
};

constexpr const char* title = "Instructions a message, of the broker's process";
const std::vector<Column> columns{{"whole process", Show::spread},
                                  {"loop thread", Show::spread},
                                  {"of it ours"},
                                  {"libzmq"},
                                  {"other libraries"},
                                  {"other threads"}};

/// Instructions of a whole run, in the order of the columns.
using Counts = std::vector<double>;

Counts counts_of(const std::vector<ThreadCost>& threads) {
    Counts counts(columns.size(), 0);
    for (const ThreadCost& thread : threads) {
        const auto total = static_cast<double>(thread.total());
        counts[0] += total;
        if (thread.number != 1) {
            counts[5] += total;
            continue;
        }
        counts[1] = total;
        for (const auto& [object, instructions] : thread.by_object) {
            const bool ours = object.starts_with("yardmaster") || object.starts_with("ym_");
            counts[ours ? 2 : (object.starts_with("libzmq") ? 3 : 4)] += static_cast<double>(instructions);
        }
    }
    return counts;
}

/// Nothing: the run was not complete, which is said.
std::optional<Counts> count(const Wanted& wanted, const Job& job) {
    const Folder folder;
    Roles roles = broker_roles(job, wanted.program,
                               {"valgrind", "-q", "--tool=callgrind", "--separate-threads=yes",
                                "--callgrind-out-file=" + (folder.path / "cost").string()});
    roles.start_s = 60;
    const Run run = measure(job, roles, 600);
    const std::vector<ThreadCost> threads = read_callgrind(folder.path, "cost");
    if (run.complete && !threads.empty()) return counts_of(threads);
    std::printf("    INCOMPLETE: of %llu messages, %llu were confirmed and %llu settled\n",
                static_cast<unsigned long long>(job.messages), static_cast<unsigned long long>(run.confirmed),
                static_cast<unsigned long long>(run.settled));
    return std::nullopt;
}

/// What more messages cost more than fewer, so that start and end fall out.
std::optional<Counts> count_each(const Wanted& wanted, Job job) {
    std::uint64_t fewer = job.batch == 1 ? 15'000 : 60'000;
    if (wanted.messages != 0) fewer = wanted.messages;
    if (wanted.quick) fewer /= 3;
    const auto run = [&](std::uint64_t messages) {
        job.messages = job.whole(messages);
        return count(wanted, job);
    };
    const auto few = run(fewer);
    const double messages_few = static_cast<double>(job.messages);
    const auto many = few ? run(fewer * 3) : std::nullopt;
    if (!many) return std::nullopt;
    Counts each;
    for (std::size_t i = 0; i < few->size(); ++i) {
        each.push_back(((*many)[i] - (*few)[i]) / (static_cast<double>(job.messages) - messages_few));
    }
    return each;
}

/// By queue and batch, what a message is known to cost.
std::map<std::vector<std::string>, double> read_known(const std::string& file) {
    std::map<std::vector<std::string>, double> known;
    std::ifstream in(file);
    std::string queue, batch;
    for (double count = 0; in >> queue >> batch >> count;) known[{queue, batch}] = count;
    return known;
}

double median_of(const Row& row) {
    return range_of(row.of(columns[0].name)).median;
}

void compare(const Wanted& wanted, const Table& table, Report& report) {
    const auto known = read_known(wanted.known);
    for (const Row& row : table.rows()) {
        const auto before = known.find(row.labels());
        if (before == known.end()) continue;
        std::vector<double> ratios = row.of(columns[0].name);
        for (double& ratio : ratios) ratio /= before->second;
        report.figure(row.labels()[0] + ", batch " + row.labels()[1] + ": now : known", ratios, {}, 3);
    }
}

/// Rows that were not counted stay.
void keep(const Wanted& wanted, const Table& table) {
    auto known = read_known(wanted.known);
    for (const Row& row : table.rows()) {
        if (!std::isnan(median_of(row))) known[row.labels()] = std::round(median_of(row));
    }
    std::ofstream out(wanted.known);
    for (const auto& [labels, count] : known) out << labels[0] << " " << labels[1] << " " << count << "\n";
}

int run(const Wanted& wanted) {
    Report report("instructions");
    Table& table = report.table(title, {"queue", "batch"}, columns);
    for (unsigned round = 1; round <= wanted.rounds; ++round) {
        for (const std::uint32_t batch : wanted.batches) {
            for (const bool durable : {false, true}) {
                Job job;
                job.batch = batch;
                job.durable = durable;
                job.disk = wanted.disk;
                const std::vector<std::string> labels{durable ? "durable" : "memory", std::to_string(batch)};
                const auto each = count_each(wanted, job);
                std::printf("round %u of %u  %-8s batch %4s  %7.0f a message\n", round, wanted.rounds,
                            labels[0].c_str(), labels[1].c_str(), each ? each->front() : nothing);
                std::fflush(stdout);
                table.row(labels).add(each.value_or(Counts(columns.size(), nothing)));
                if (!each) report.incomplete();
            }
        }
    }
    compare(wanted, table, report);
    if (wanted.keep) keep(wanted, table);
    return report.finish(wanted.json);
}

}  // namespace
}  // namespace ym::bench

int main(int count, char** words) {
    ym::bench::Wanted wanted;
    wanted.rounds = 2;
    CLI::App app("How many instructions a message costs the broker, by callgrind, which must be installed");
    ym::bench::add_options(app, wanted);
    app.add_option("--batches", wanted.batches, "Messages a frame")
        ->delimiter(',')
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--messages", wanted.messages,
                   "Of the shorter run of two, of which the longer one has three times as many (0: by batch)")
        ->capture_default_str();
    app.add_option("--known", wanted.known, "File with what is known, to compare with: queue, batch, instructions");
    app.add_flag("--keep", wanted.keep, "Write what was found into that file");
    CLI11_PARSE(app, count, words);
    if (wanted.quick && app.count("--rounds") == 0) wanted.rounds = 1;
    return ym::bench::run(wanted);
}
