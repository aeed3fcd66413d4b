// `yardmaster run FILE`: the broker in the foreground.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <random>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/load.h"
#include "server/server.h"
#include "server/status_text.h"
#include "settings/endpoint.h"
#include "settings/report.h"
#include "store/store.h"

namespace ym::cli {
namespace {

/// How long the store may take to end its work.
constexpr Duration store_close_max = 5s;
/// Beside the fields and body of a message, which fit a frame, a record has its head and its queues.
constexpr std::uint64_t record_room = std::uint64_t{1} << 20U;

std::uint64_t random_word() {
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
}

/// Names this process, for people who look into a store that several share.
std::string owner(std::uint64_t boot) {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return std::string(name.data()) + " process " + std::to_string(::getpid()) + " boot " + std::to_string(boot);
}

/// Ten lines at most: where it listens, and how to try it from another terminal.
void say_hello(const Loaded& loaded, const std::vector<server::Bound>& bound, bool keeps) {
    std::string endpoints;
    std::string first;
    for (const server::Bound& at : bound) {
        if (at.listener == "admin") continue;
        endpoints += " " + at.endpoint;
        if (first.empty()) first = at.endpoint;
    }
    const settings::Config& config = loaded.config;
    const std::string address = config.queues.empty() ? "hello" : config.queues.front().settings.name;
    const std::string option = first == "tcp://127.0.0.1:5555" ? "" : " --endpoint " + first;
    std::printf("Yardmaster %s: %zu queues, %zu pipelines, store %s%s, admin %s\n", YM_VERSION, config.queues.size(),
                config.pipelines.size(), config.store.plugin.c_str(), keeps ? "" : " (keeps nothing)",
                bound.back().endpoint.c_str());
    std::printf("Listening on%s\n", endpoints.c_str());
    const char* const program = program_invocation_name;
    const std::string admin = bound.back().endpoint == settings::default_admin_endpoint(environment_variable)
                                  ? ""
                                  : " --admin " + bound.back().endpoint;
    std::printf("Try it from another terminal:\n");
    std::printf("  echo hello | %s send --to %s%s\n", program, address.c_str(), option.c_str());
    std::printf("  %s work %s%s\n", program, address.c_str(), option.c_str());
    std::printf("  %s status%s\n", program, admin.c_str());
    std::printf(
        "  PYTHONPATH=examples/clients/python python3 -c 'import yardmaster as y; p = y.Producer(\"%s\"); "
        "p.publish(\"%s\", b\"hello\"); p.close()'\n",
        first.c_str(), address.c_str());
    std::printf("Stop it with Ctrl-C: workers may finish first; twice stops at once.\n");
    std::fflush(stdout);
}

/// What to do about a store that ended the broker.
const char* advice(const server::Ended& ended) {
    const bool fenced = ended.ending == server::Ending::fenced;
    if (!ended.served) {
        return fenced ? "; another broker has this store: stop it, or give this one a store of its own" : "";
    }
    return fenced ? "; another broker has taken this store over, and with it what was not settled"
                  : "; nothing was confirmed after that: start again, and what was confirmed is read back";
}

/// The books, and what became of messages that were still there.
void say_goodbye(const server::Ended& ended, bool keeps) {
    if (!ended.served) {
        std::printf("It served nobody: the store was not read back to its end. The store is as it was.\n");
        std::fflush(stdout);
        return;
    }
    std::uint64_t live = 0;
    std::uint64_t in_flight = 0;
    for (const QueueStatus& queue : ended.status.queues) {
        live += queue.live;
        in_flight += queue.in_flight;
    }
    std::fputs(server::ledger_text(ended.status).c_str(), stdout);
    if (ended.ending == server::Ending::stopped) {
        std::printf("Stopped at once: the leases of %llu deliveries in flight are lost.\n",
                    static_cast<unsigned long long>(in_flight));
    }
    if (live > 0) {
        std::printf(keeps ? "%llu messages are kept in the store for the next start.\n"
                          : "%llu messages were still in queues; this store keeps nothing, so they are gone.\n",
                    static_cast<unsigned long long>(live));
    }
    std::fflush(stdout);
}

int code_of(const server::Ended& ended) {
    switch (ended.ending) {
        case server::Ending::drained: return server::balances(ended.status) ? exit_ok : exit_failed;
        case server::Ending::unserved: return exit_ok;
        case server::Ending::stopped: return exit_failed;
        case server::Ending::fenced: return exit_temporary;
        case server::Ending::store_failed: return exit_store;
    }
    return exit_failed;
}

/// A message that a listener takes must fit a batch of the store.
bool store_fits(const settings::Config& config, const store::Store& store) {
    if (!store.keeps()) return true;
    for (const settings::Listener& listener : config.listeners) {
        if (listener.limits.frame + record_room <= store.batch_bytes_max()) continue;
        std::fprintf(stderr,
                     "%s: listener '%s' takes frames of %llu octets, but a batch of the store '%s' holds %llu; "
                     "lower listeners.%s.limits.frame\n",
                     config.file.c_str(), listener.name.c_str(), static_cast<unsigned long long>(listener.limits.frame),
                     config.store.plugin.c_str(), static_cast<unsigned long long>(store.batch_bytes_max()),
                     listener.name.c_str());
        return false;
    }
    return true;
}

int serve(Loaded& loaded, const server::Signals& signals, server::Report& report) {
    server::Server server(loaded.config, signals, report);
    const auto bound = server.listen();
    if (!bound) {
        std::fprintf(stderr, "yardmaster: %s\n", bound.error().text.c_str());
        return exit_unavailable;
    }
    BrokerOptions options;
    options.seed = random_word();
    options.boot = random_word();
    store::StoreOptions store_options;
    store_options.owner = owner(options.boot);
    store_options.wake = [&server] { server.wake().wake(); };
    store::Store store(*loaded.store, std::move(store_options));
    if (!store_fits(loaded.config, store)) return exit_configuration;
    options.store_keeps = store.keeps();
    say_hello(loaded, bound.value(), store.keeps());
    const server::Ended ended = server.serve(options, std::move(loaded.topology), store);
    if (!ended.why.empty()) report.line(server::Level::error, "store: " + ended.why + advice(ended));
    say_goodbye(ended, store.keeps());
    const bool closed = store.close(ended.ending == server::Ending::stopped ? Duration{0} : store_close_max);
    if (!closed) {
        // Its threads may still use what the end of this function takes away.
        report.line(server::Level::error, "the store did not end in time; leaving it");
        std::fflush(nullptr);
        ::_exit(exit_store);
    }
    if (store.failed_at_close() && code_of(ended) == exit_ok) {
        report.line(server::Level::error, "the store failed at its end: " + store.why());
        return exit_store;
    }
    return code_of(ended);
}

int run(const std::string& file) {
    // Before any thread, so that all of them leave the signals to it.
    const server::Signals signals;
    server::raise_open_files();
    std::unique_ptr<server::Report> report;
    Loaded loaded = load(file, [&report](std::int32_t level, std::string_view plugin, std::string_view line) {
        const auto at = static_cast<server::Level>(std::clamp(level + 1, 1, 4));
        if (report) report->line(at, std::string(plugin) + ": " + std::string(line));
    });
    if (!loaded.problems.empty()) {
        std::fputs(settings::problems_as_text(loaded.problems, settings::Colour::off).c_str(), stderr);
        return exit_configuration;
    }
    server::ReportOptions options;
    options.level = server::level_named(loaded.config.log_level).value();
    options.json = loaded.config.log_format == "json";
    report = std::make_unique<server::Report>(options);
    return serve(loaded, signals, *report);
}

}  // namespace

Command add_run(CLI::App& program) {
    CLI::App* app = program.add_subcommand("run", "Run a broker in the foreground");
    const auto file = std::make_shared<std::string>();
    app->add_option("FILE", *file, "The settings file; `yardmaster check FILE --print` shows what it comes to")
        ->required();
    app->footer(
        "The log goes to standard error, the ledger at the end to standard output.\n\n"
        "Signals:\n"
        "  SIGTERM, SIGINT   drain: take no new messages, let workers finish for `shutdown.drain` at most, exit 0\n"
        "  the same again    stop at once; the leases of deliveries in flight are lost, exit 1\n"
        "  SIGHUP            ignored\n\n"
        "Examples:\n"
        "  yardmaster run config/quickstart.yaml\n"
        "  DATA_DIR=/var/lib/yardmaster yardmaster run broker.yaml 2>>broker.log\n\n"
        "Exit codes: 0 drained, the ledger balances; 1 stopped at once, or the ledger does not balance;\n"
        "            2 wrong command line; 69 cannot bind an address; 74 the store failed: start again to recover;\n"
        "            75 another broker took the store over; 78 wrong settings file.");
    return {app, [file] { return run(*file); }};
}

}  // namespace ym::cli
