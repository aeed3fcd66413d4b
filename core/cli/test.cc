// `yardmaster test FILE...`: scenarios, played on the real broker in virtual time.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/load.h"
#include "host/host.h"
#include "rehearsal/play.h"
#include "settings/report.h"
#include "settings/units.h"

namespace ym::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
    std::vector<std::string> files;
    bool json = false;
    bool verbose = false;
    bool list = false;
};

struct Played {
    std::string file;
    std::string about;
    settings::Config config;  // for the report of problems
    settings::Problems problems;
    rehearsal::Outcome outcome;
    bool is_scenario = true;
};

/// Files as they are; of a folder, all `.yaml` below it, in order. False: there is no such thing.
bool gather(const std::string& given, std::vector<std::string>& files) {
    std::error_code error;
    if (!fs::is_directory(given, error)) {
        files.push_back(given);
        return fs::exists(given, error);
    }
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(given, error)) {
        if (entry.path().extension() == ".yaml" && entry.is_regular_file()) found.push_back(entry.path().string());
    }
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
    return true;
}

const char* variable(const char* name) {
    return std::getenv(name);
}

Played play_file(const std::string& file, bool only_read) {
    Played played;
    played.file = file;
    const rehearsal::Script script = rehearsal::read_script(file, variable, played.problems, played.is_scenario);
    played.about = script.about;
    played.config.file = file;
    if (!played.is_scenario || !played.problems.empty() || only_read) return played;
    host::Host host;
    if (const auto loaded = host.load_bundled(bundled_folder()); !loaded) {
        played.problems.add({"plugin.bundled",
                             {file, 1, 1},
                             "plugins",
                             loaded.error().text,
                             "the plugins that came with the program",
                             "install the program and its plugins together"});
        return played;
    }
    // All settings of the scenario are tried before anything is played, so that every mistake is told.
    (void)host.build(script.config, played.problems);
    for (const rehearsal::Step& step : script.steps) {
        if (const auto* other = std::get_if<rehearsal::Reconfigure>(&step.what))
            (void)host.build(other->config, played.problems);
    }
    if (!played.problems.empty()) return played;
    played.outcome = rehearsal::play(script, [&](const settings::Config& config) {
        settings::Problems none;
        return host.build(config, none);
    });
    return played;
}

std::string summary(const Played& played) {
    return std::to_string(played.outcome.expectations) + " comparisons, " +
           settings::format_duration(played.outcome.played) + " in " + std::to_string(played.outcome.steps) + " steps";
}

void print(const Played& played, bool verbose, settings::Colour colour) {
    if (!played.problems.empty()) {
        std::fputs(settings::problems_as_text(played.problems, colour).c_str(), stderr);
        return;
    }
    const bool on = colour == settings::Colour::on;
    const bool passed = played.outcome.unmet.empty();
    const char* const mark =
        passed ? (on ? "\x1b[32mok\x1b[0m    " : "ok    ") : (on ? "\x1b[31mFAILED\x1b[0m" : "FAILED");
    std::printf("%s %s (%s)\n", mark, played.file.c_str(), summary(played).c_str());
    if (!passed && !played.about.empty()) std::printf("  %s\n", played.about.c_str());
    if (verbose) {
        for (const std::string& line : played.outcome.timeline) std::printf("    %s\n", line.c_str());
    }
    for (const rehearsal::Unmet& unmet : played.outcome.unmet) {
        std::printf("  %s:%u:%u: %s\n    - expected: %s\n    + found:    %s\n", unmet.place.file.c_str(),
                    unmet.place.line, unmet.place.column, unmet.path.c_str(), unmet.expected.c_str(),
                    unmet.found.c_str());
    }
}

nlohmann::ordered_json to_json(const Played& played, bool verbose) {
    nlohmann::ordered_json out{{"file", played.file},
                               {"about", played.about},
                               {"passed", played.problems.empty() && played.outcome.unmet.empty()},
                               {"comparisons", played.outcome.expectations},
                               {"played_ms", to_ms(played.outcome.played)},
                               {"steps", played.outcome.steps}};
    out["problems"] = nlohmann::ordered_json::parse(settings::problems_as_json(played.problems));
    nlohmann::ordered_json unmet = nlohmann::ordered_json::array();
    for (const rehearsal::Unmet& one : played.outcome.unmet) {
        unmet.push_back({{"file", one.place.file},
                         {"line", one.place.line},
                         {"column", one.place.column},
                         {"path", one.path},
                         {"expected", one.expected},
                         {"found", one.found}});
    }
    out["unmet"] = std::move(unmet);
    if (verbose) out["timeline"] = played.outcome.timeline;
    return out;
}

int test(const Options& options) {
    std::vector<std::string> files;
    for (const std::string& given : options.files) {
        if (gather(given, files)) continue;
        std::fprintf(stderr, "yardmaster: found no file or folder '%s'\n", given.c_str());
        return exit_no_input;
    }
    const auto colour = ::isatty(STDOUT_FILENO) != 0 ? settings::Colour::on : settings::Colour::off;
    std::size_t passed = 0;
    std::size_t failed = 0;
    std::size_t wrong = 0;
    for (const std::string& file : files) {
        const Played played = play_file(file, options.list);
        // A folder may hold the settings that its scenarios are about.
        const bool named = std::find(options.files.begin(), options.files.end(), file) != options.files.end();
        if (!played.is_scenario && !named) continue;
        if (!played.problems.empty()) {
            ++wrong;
        } else {
            ++(played.outcome.unmet.empty() ? passed : failed);
        }
        if (options.json) {
            const auto line = to_json(played, options.verbose);
            std::printf("%s\n", line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
        } else if (options.list && played.problems.empty()) {
            std::printf("%s: %s\n", file.c_str(), played.about.c_str());
        } else {
            print(played, options.verbose, colour);
        }
    }
    if (!options.json && !options.list)
        std::printf("%zu passed, %zu failed, %zu with mistakes\n", passed, failed, wrong);
    if (wrong > 0) return exit_configuration;
    if (passed + failed == 0) {
        std::fprintf(stderr, "yardmaster: found no scenario; a scenario is a .yaml file with the key `test`\n");
        return exit_no_input;
    }
    return failed > 0 ? exit_failed : exit_ok;
}

}  // namespace

Command add_test(CLI::App& program) {
    CLI::App* app = program.add_subcommand("test", "Try settings: play scenarios on the real broker in virtual time");
    const auto options = std::make_shared<Options>();
    app->add_option("FILE", options->files, "Scenarios, or folders of them")->required();
    app->add_flag("--verbose,-v", options->verbose, "Tell what happened, with the virtual time");
    app->add_flag("--json", options->json, "Answer in JSON, one line for each scenario");
    app->add_flag("--list", options->list, "Tell what each scenario is about, and play none");
    app->footer(
        "A scenario names settings, workers and how they behave, what is sent, how much time passes, and what is\n"
        "expected: where each message is, who was given it, how often and when, what the queues hold. It is played on\n"
        "the real broker with the real plugins; clock, network and store are simulated, so hours take milliseconds,\n"
        "nothing is bound or written, and each run is the same. Its format: examples/scenarios/README.md.\n\n"
        "  test: 1\n"
        "  config: broker.yaml\n"
        "  given: {workers: {alice: {takes: orders, does: [{attempt: 1, then: nack}, ack]}}}\n"
        "  steps:\n"
        "    - send: {to: orders, body: one}\n"
        "    - advance: 10m\n"
        "    - expect: {messages: {one: {is: acked, by: alice, attempts: 2}}}\n\n"
        "Examples:\n"
        "  yardmaster test orders.test.yaml\n"
        "  yardmaster test --verbose orders.test.yaml       the timeline, too\n"
        "  yardmaster test examples/scenarios               every scenario of a folder\n"
        "  yardmaster test --json scenarios | jq 'select(.passed | not)'\n\n"
        "Exit codes: 0 all that was expected holds; 1 something does not; 2 wrong command line; 66 no such file, or "
        "no\n"
        "            scenario in it; 78 a scenario, or its settings, have mistakes.");
    return {app, [options] { return test(*options); }};
}

}  // namespace ym::cli
