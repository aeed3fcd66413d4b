// `yardmaster probe`: plays the broker against one client under development, and says which rule of the protocol it
// broke.
#include "cli/probe.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/exit_code.h"

namespace ym::cli {
namespace {

using probe::Finding;
using probe::State;

using Json = nlohmann::ordered_json;

struct ProbeOptions {
    std::string role;
    std::string endpoint;
    double timeout = 10;
    bool json = false;
};

const char* name_of(State state) {
    return state == State::ok ? "ok" : state == State::broken ? "broken" : "not seen";
}

void print(const ProbeOptions& options, const probe::Report& report) {
    const auto& titles = options.role == "producer" ? probe::producer_rules : probe::worker_rules;
    for (std::size_t rule = 1; rule <= probe::rules; ++rule) {
        const Finding& finding = report.finding(rule);
        std::printf("%-9s %zu  %s\n", name_of(finding.state), rule, titles[rule - 1]);
        if (finding.state != State::broken) continue;
        std::printf("             seen:      %s\n             expected:  %s\n             read:      PROTOCOL.md, %s\n",
                    finding.seen.c_str(), finding.expected.c_str(), finding.paragraph.c_str());
    }
    for (const std::string& note : report.notes()) std::printf("note: %s\n", note.c_str());
}

void print_json(const ProbeOptions& options, const probe::Report& report) {
    const auto& titles = options.role == "producer" ? probe::producer_rules : probe::worker_rules;
    Json found = Json::array();
    for (std::size_t rule = 1; rule <= probe::rules; ++rule) {
        const Finding& finding = report.finding(rule);
        Json one{{"rule", rule}, {"title", titles[rule - 1]}, {"state", name_of(finding.state)}};
        if (finding.state == State::broken) {
            one.update({{"seen", finding.seen}, {"expected", finding.expected}, {"paragraph", finding.paragraph}});
        }
        found.push_back(std::move(one));
    }
    const Json all{{"role", options.role}, {"rules", found}, {"notes", report.notes()}};
    std::printf("%s\n", all.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
}

int run(const ProbeOptions& options) {
    probe::Report report;
    probe::Stage stage(report, probe::Milliseconds(static_cast<std::int64_t>(options.timeout * 1000)));
    std::string bound;
    if (const std::string why = stage.bind(options.endpoint, bound); !why.empty()) {
        std::fprintf(stderr, "yardmaster probe: cannot bind %s: %s\n", options.endpoint.c_str(), why.c_str());
        return exit_unavailable;
    }
    const bool producer = options.role == "producer";
    std::fprintf(stderr, "probe: waiting for a %s at %s\n%s\n", options.role.c_str(), bound.c_str(),
                 producer ? probe::producer_task : probe::worker_task);
    producer ? probe_producer(stage, report) : probe_worker(stage, report);
    options.json ? print_json(options, report) : print(options, report);
    return report.any_broken() ? exit_failed : exit_ok;
}

/// What `--help` says of a role: the task, then its rules.
std::string help_of(const char* role, const char* task, const std::array<const char*, probe::rules>& titles) {
    std::string all = probe::text("\n", role, "\n", task, "\n");
    for (std::size_t rule = 1; rule <= probe::rules; ++rule)
        all += probe::text("  ", rule, "  ", titles[rule - 1], "\n");
    return all;
}

}  // namespace

Command add_probe(CLI::App& program) {
    const auto options = std::make_shared<ProbeOptions>();
    CLI::App* app = program.add_subcommand(
        "probe", "Test a client under development: plays the broker, and says which rule it broke");
    app->add_option("role", options->role, "What the client is: producer or worker")
        ->required()
        ->check(CLI::IsMember({"producer", "worker"}));
    app->add_option("endpoint", options->endpoint, "ZeroMQ endpoint to bind; the client connects to it")->required();
    app->add_option("--timeout", options->timeout, "Seconds to wait for what the client has to do next")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    app->add_flag("--json", options->json, "Print what was found as JSON");
    app->footer(
        "Binds ENDPOINT and plays a script of situations that a broker may come into: it forgets the client (428), "
        "falls silent,\n"
        "refuses, opens windows bit by bit, sends bodies in frames of their own. It takes half a minute. Of each rule "
        "it prints\n"
        "ok, broken (with what was seen and expected, and where to read), or not seen. Nothing of a broker runs in "
        "it.\n" +
        help_of("producer", probe::producer_task, probe::producer_rules) +
        help_of("worker", probe::worker_task, probe::worker_rules) +
        "\nExit code: 0 if no rule was broken, 1 if one was, 69 if ENDPOINT cannot be bound.\n"
        "Example: yardmaster probe producer tcp://127.0.0.1:5556");
    return {app, [options] { return run(*options); }};
}

}  // namespace ym::cli
