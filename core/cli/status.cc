// `yardmaster status`: asks a running broker for its books.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/load.h"
#include "server/endpoint.h"
#include "server/socket.h"
#include "server/status_json.h"
#include "server/status_text.h"
#include "settings/config.h"
#include "settings/endpoint.h"
#include "settings/report.h"

namespace ym::cli {
namespace {

constexpr Duration patience = 3s;
constexpr Duration sample_every = 1s;

struct StatusOptions {
    std::string admin;
    std::string file;
    bool json = false;
    bool rates = false;
    bool watch = false;
};

int nobody(const std::string& endpoint) {
    std::fprintf(stderr,
                 "yardmaster: no broker answers at %s\n"
                 "  start one with `yardmaster run FILE`, or name its admin endpoint with --admin or --file\n",
                 endpoint.c_str());
    return exit_unavailable;
}

/// Asks once; prints why and returns nothing if there is no answer. `code` is then the exit code.
std::optional<std::string> ask(server::Context& context, const std::string& endpoint, int& code) {
    Result<server::Socket, server::EndpointError> socket = server::Socket::dealer(context, endpoint);
    if (!socket) {
        std::fprintf(stderr, "yardmaster: %s\n", socket.error().text.c_str());
        code = exit_usage;
        return std::nullopt;
    }
    server::Message answer;
    const std::string question = server::command_to_json(AdminVerb::status);
    if (!server::reachable(endpoint) || !socket->ask(as_octets(question), patience, answer)) {
        code = nobody(endpoint);
        return std::nullopt;
    }
    return std::string(as_text(answer.octets()));
}

/// Prints one answer, with the rates since `before` if there is one.
int show(const StatusOptions& options, const std::string& answer, const StatusReport* before, Duration apart,
         StatusReport& report) {
    Result<StatusReport> read = server::report_from_json(answer);
    if (!read) {
        std::fprintf(stderr, "yardmaster: %s\n", read.error().text.c_str());
        return exit_failed;
    }
    report = std::move(read.value());
    if (options.json) {
        std::printf("%s\n", answer.c_str());
    } else {
        std::fputs(server::status_text(report, {before, apart}).c_str(), stdout);
    }
    std::fflush(stdout);
    return server::balances(report) ? exit_ok : exit_failed;
}

int watch(const StatusOptions& options, server::Context& context, const std::string& endpoint, StatusReport before) {
    auto asked = std::chrono::steady_clock::now();
    int code = exit_ok;
    for (;;) {
        std::this_thread::sleep_for(sample_every);
        const std::optional<std::string> answer = ask(context, endpoint, code);
        if (!answer) return code;
        const auto now = std::chrono::steady_clock::now();
        if (options.watch && !options.json) std::fputs("\x1b[H\x1b[2J", stdout);
        StatusReport report;
        code = show(options, *answer, &before, now - asked, report);
        if (!options.watch || code == exit_failed) return code;
        before = std::move(report);
        asked = now;
    }
}

int status(const StatusOptions& options) {
    std::string endpoint = options.admin;
    if (endpoint.empty() && !options.file.empty()) {
        settings::Problems problems;
        endpoint = settings::read(options.file, environment_variable, problems).admin_bind;
        if (!problems.empty()) {
            std::fputs(settings::problems_as_text(problems, settings::Colour::off).c_str(), stderr);
            return exit_configuration;
        }
    }
    if (endpoint.empty()) endpoint = settings::default_admin_endpoint(environment_variable);
    server::Context context;
    int code = exit_ok;
    const std::optional<std::string> answer = ask(context, endpoint, code);
    if (!answer) return code;
    StatusReport report;
    if (!options.rates && !options.watch) return show(options, *answer, nullptr, {}, report);
    Result<StatusReport> first = server::report_from_json(*answer);
    if (!first) return show(options, *answer, nullptr, {}, report);
    return watch(options, context, endpoint, std::move(first.value()));
}

}  // namespace

Command add_status(CLI::App& program) {
    CLI::App* app = program.add_subcommand("status", "Show queues, peers and the ledger of a running broker");
    const auto options = std::make_shared<StatusOptions>();
    app->add_option("--admin", options->admin, "The broker's admin endpoint, ipc://PATH")->type_name("ENDPOINT");
    app->add_option("--file", options->file, "The broker's settings file: its admin endpoint is asked")
        ->type_name("FILE");
    app->add_flag("--json", options->json, "Print the report in JSON, one line");
    app->add_flag("--rates", options->rates, "Ask twice, a second apart, and show what came in and went out a second");
    app->add_flag("--watch", options->watch, "Show it again every second, with rates, until interrupted");
    app->footer(
        "Without --admin and --file, the endpoint that a broker has by default is asked.\n\n"
        "Examples:\n"
        "  yardmaster status\n"
        "  yardmaster status --watch\n"
        "  yardmaster status --json | python3 -m json.tool\n\n"
        "Exit codes: 0 the ledger balances; 1 it does not, or the answer is no report; 2 wrong command line;\n"
        "            69 nobody answers; 78 wrong settings file.");
    return {app, [options] { return status(*options); }};
}

}  // namespace ym::cli
