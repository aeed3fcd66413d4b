// `./dev bench growth`: the same job with little and with much around it, in turns: queues, idle workers, messages
// queued, bindings. Prints tables and writes JSON. Nothing here passes or fails by a time.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/growth_load.h"
#include "bench/options.h"
#include "bench/report.h"
#include "bench/rounds.h"

namespace ym::bench {
namespace {

struct Wanted : Options {
    std::uint64_t messages = 0;  // 0: about a second
    std::uint64_t rate = 5000;   // messages a second where latency is looked at
    double seconds = 2;          // of such a run
    std::uint64_t most = ~std::uint64_t{0};
    std::vector<std::string> tables;
    bool no_latency = false;
};

constexpr const char* rate = "k msgs/s";
constexpr const char* cpu = "CPU us/msg";
constexpr double goal = 0.8;

/// One thing that grows.
struct Growth {
    std::string key;
    std::string title;
    std::vector<std::uint64_t> sizes;  // the first is what the others are held to
    std::function<void(Around&, std::uint64_t)> set;
    std::uint32_t batch = 100;
    bool durable = false;
    bool waits_behind = false;  // messages wait behind those that were there before: only their confirms have a latency
    bool promised = true;
};

std::vector<Growth> growths() {
    std::vector<Growth> all;
    const auto add = [&](const char* key, const char* title, std::vector<std::uint64_t> sizes,
                         std::function<void(Around&, std::uint64_t)> set) -> Growth& {
        all.push_back({key, title, std::move(sizes), std::move(set)});
        return all.back();
    };
    const auto count = [](std::uint64_t size) { return static_cast<std::uint32_t>(size); };
    add("queues", "queues declared, one of them busy", {1, 100, 10'000},
        [=](Around& a, std::uint64_t size) { a.queues = count(size); });
    const auto spread = [=](Around& a, std::uint64_t size) {
        a.queues = count(size);
        a.spread = true;
    };
    add("spread", "queues, all busy: each message goes to another (100 a PUBLISH)", {1, 100, 10'000}, spread);
    add("spread-1", "queues, all busy: each message goes to another (one a PUBLISH)", {1, 100, 10'000}, spread).batch =
        1;
    add("idle", "workers connected that wait at another queue", {10, 1000, 10'000},
        [=](Around& a, std::uint64_t size) { a.idle = count(size); });
    add("idle-beside", "workers connected to the same queue without credit", {10, 1000, 10'000},
        [=](Around& a, std::uint64_t size) {
            a.idle = count(size);
            a.idle_beside = true;
        });
    add("standby", "workers with credit of a queue that one of them serves (balance: single_active)",
        {10, 1000, 10'000},
        [=](Around& a, std::uint64_t size) {
            a.idle = count(size);
            a.idle_beside = true;
            a.balance = "single_active";
        })
        .promised = false;
    const auto queued = [](Around& a, std::uint64_t size) { a.queued = size; };
    const auto queued_before = [](Around& a, std::uint64_t size) {
        a.queued = size;
        a.queued_before = true;
    };
    add("queued-beside", "messages in another queue, in memory", {0, 1'000'000, 10'000'000}, queued);
    add("queued", "messages in the queue before those of the job, in memory", {0, 1'000'000, 10'000'000}, queued_before)
        .waits_behind = true;
    Growth& paged = add("queued-durable", "messages in the queue before those of the job, durable, limits.memory 64MiB",
                        {0, 1'000'000, 10'000'000}, [=](Around& a, std::uint64_t size) {
                            queued_before(a, size);
                            a.memory = "64MiB";
                        });
    paged.durable = true;
    paged.waits_behind = true;
    add("bindings", "bindings of the plugin topic, hit at random", {100, 1000, 10'000, 100'000},
        [=](Around& a, std::uint64_t size) { a.bindings = count(size); });
    add("headers", "bindings of the plugin headers, hit at random", {100, 1000, 10'000},
        [=](Around& a, std::uint64_t size) {
            a.bindings = count(size);
            a.headers = true;
        })
        .promised = false;
    return all;
}

std::string number(std::uint64_t value) {
    std::string text = std::to_string(value);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
    return text;
}

/// The rows of one growth in its tables, and the runs that fill them.
class Comparison {
  public:
    Comparison(const Wanted& wanted, const Growth& growth, Report& report)
        : wanted_(wanted),
          growth_(growth),
          table_(report.table(growth.title, {"how many"},
                              {{rate, Show::spread}, {cpu, Show::spread, 2}, {"peak MiB", Show::high, 1}})),
          late_(wanted.no_latency
                    ? nullptr
                    : &report.table(growth.title + ": us at " + number(wanted.rate) + " messages a second until " +
                                        (growth.waits_behind ? "the confirm" : "a worker had it"),
                                    {"how many"}, {{"p50", Show::spread}, {"p99", Show::spread}})) {}

    void add_to(std::vector<Contestant>& all) const {
        std::vector<std::uint64_t> sizes;
        for (const std::uint64_t size : growth_.sizes) sizes.push_back(std::min(size, wanted_.most));
        if (wanted_.quick) sizes = {sizes.front(), sizes.back()};
        for (const std::uint64_t size : sizes) add(all, size, false);
        if (late_ == nullptr) return;
        for (const std::uint64_t size : {sizes.front(), sizes.back()}) add(all, size, true);
    }
    void hold_to_goals(Report& report) const {
        const Row& few = table_.rows().front();
        for (const Row& row : table_.rows()) {
            if (&row == &few) continue;
            const std::string what = growth_.key + ": " + row.labels()[0] + " : " + few.labels()[0];
            report.ratio(what + ", rate", &row, &few, rate, growth_.promised ? at_least(goal) : Goal{});
            report.ratio(what + ", CPU a message", &row, &few, cpu);
        }
        if (late_ == nullptr || late_->rows().size() < 2) return;
        for (const char* part : {"p50", "p99"}) {
            report.ratio(growth_.key + ": " + late_->rows().back().labels()[0] + " : " + few.labels()[0] + ", " + part,
                         &late_->rows().back(), &late_->rows().front(), part);
        }
    }

  private:
    void add(std::vector<Contestant>& all, std::uint64_t size, bool at_rate) const {
        Around around;
        growth_.set(around, size);
        around.drain = wanted_.messages != 0 && wanted_.messages < 100'000;  // few enough to take and count all
        Job job;
        job.durable = growth_.durable;
        job.disk = wanted_.disk;
        job.batch = at_rate ? 1 : growth_.batch;
        job.workers += crowds(around);
        if (at_rate) {
            job.rate = wanted_.rate / job.producers;
            const auto each_second = static_cast<double>(job.rate);
            job.warm_up = static_cast<std::uint64_t>(each_second * std::min(1.0, wanted_.seconds / 2));
            job.messages = static_cast<std::uint64_t>(each_second * wanted_.seconds) * job.producers;
        } else {
            job.messages = job.whole(wanted_.messages != 0 ? wanted_.messages
                                     : growth_.batch > 1   ? 2'000'000
                                                           : 400'000);
        }
        const Roles roles = growth_roles(job, around, wanted_.program);
        if (around.drain && around.queued_before) job.messages += around.queued;
        const std::string label = number(size);
        const bool confirms = growth_.waits_behind;
        Table& table = at_rate ? *late_ : table_;
        all.push_back({{growth_.key, label + (at_rate ? " at a rate" : "")},
                       job,
                       roles,
                       [=, &table](const Run& run) {
                           if (!at_rate) return table.row({label}).add({run.rate / 1e3, run.cpu, run.resident_mb});
                           const Latency& latency = confirms ? run.confirms : run.receipts;
                           table.row({label}).add({latency.us(0.5), latency.us(0.99)});
                       },
                       300});
    }

    const Wanted& wanted_;
    const Growth& growth_;
    Table& table_;
    Table* late_;
};

std::string say(const Run& run) {
    char text[120];
    std::snprintf(text, sizeof text, "%6s/s, %.2f us CPU, %.0f MiB", short_number(run.rate).c_str(), run.cpu,
                  run.resident_mb);
    return text;
}

int run(const Wanted& wanted) {
    std::vector<Growth> all = growths();
    if (!wanted.tables.empty()) {
        std::erase_if(all, [&](const Growth& one) { return std::ranges::count(wanted.tables, one.key) == 0; });
    }
    Report report("growth");
    std::vector<Comparison> comparisons;
    for (const Growth& growth : all) comparisons.emplace_back(wanted, growth, report);
    // One growth after the other: what is compared is as near in time as it can be.
    for (const Comparison& comparison : comparisons) {
        std::vector<Contestant> contestants;
        comparison.add_to(contestants);
        if (!run_rounds(contestants, wanted.rounds, say)) report.incomplete();
        comparison.hold_to_goals(report);
    }
    return report.finish(wanted.json);
}

}  // namespace
}  // namespace ym::bench

int main(int count, char** words) {
    ym::bench::Wanted wanted;
    CLI::App app("What it costs a job that much is around it: queues, idle workers, messages, bindings");
    ym::bench::add_options(app, wanted);
    std::vector<std::string> keys;
    for (const ym::bench::Growth& growth : ym::bench::growths()) keys.push_back(growth.key);
    app.add_option("--tables", wanted.tables, "Only these")->delimiter(',')->check(CLI::IsMember(keys));
    app.add_option("--messages", wanted.messages, "Of each run (0: about a second; below 100,000 all are drained)")
        ->capture_default_str();
    app.add_option("--rate", wanted.rate, "Messages a second, of two producers, where latency is looked at")
        ->check(CLI::Range(2, 1'000'000))
        ->capture_default_str();
    app.add_option("--seconds", wanted.seconds, "Of each run at a rate")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--most", wanted.most, "Nothing grows beyond this");
    app.add_flag("--no-latency", wanted.no_latency, "Rates alone");
    CLI11_PARSE(app, count, words);
    if (wanted.quick && app.count("--rounds") == 0) wanted.rounds = 2;
    return ym::bench::run(wanted);
}
