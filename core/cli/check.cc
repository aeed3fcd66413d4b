// `yardmaster check FILE`.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/load.h"
#include "settings/report.h"

namespace ym::cli {
namespace {

struct CheckOptions {
    std::string file;
    bool print = false;
    bool json = false;
    bool graph = false;
};

int check(const CheckOptions& options) {
    const Loaded loaded = load(options.file, [](std::int32_t, std::string_view plugin, std::string_view line) {
        std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(plugin.size()), plugin.data(),
                     static_cast<int>(line.size()), line.data());
    });
    const auto colour = ::isatty(STDERR_FILENO) != 0 ? settings::Colour::on : settings::Colour::off;
    if (options.graph && loaded.problems.empty()) {
        std::fputs(loaded.host->graph(loaded.config).c_str(), stdout);
        return exit_ok;
    }
    const auto defaults = [&](settings::PluginKind kind, const settings::Node& map) {
        return loaded.host->with_defaults(kind, map);
    };
    const settings::CheckOutput output =
        settings::check_output(loaded.config, loaded.problems, {options.print, options.json, colour, defaults});
    std::fputs(output.out.c_str(), stdout);
    std::fputs(output.err.c_str(), stderr);
    return output.exit_code;
}

}  // namespace

Command add_check(CLI::App& program) {
    CLI::App* app = program.add_subcommand("check", "Say every mistake of a settings file at once");
    const auto options = std::make_shared<CheckOptions>();
    app->add_option("FILE", options->file, "The settings file")->required();
    app->add_flag("--print", options->print, "Print every effective value, and where it came from");
    app->add_flag("--json", options->json, "Answer in JSON");
    app->add_flag("--graph", options->graph, "Print the addresses and the ways between them, for Graphviz")
        ->excludes("--print")
        ->excludes("--json");
    app->footer(
        "Plugins are loaded, and their settings checked, but nothing is started.\n\n"
        "Examples:\n"
        "  yardmaster check broker.yaml\n"
        "  yardmaster check broker.yaml --print | less\n"
        "  yardmaster check broker.yaml --json\n"
        "  yardmaster check broker.yaml --graph | dot -Tsvg -o broker.svg\n\n"
        "Exit codes: 0 the file is right; 2 wrong command line; 78 it has mistakes.");
    return {app, [options] { return check(*options); }};
}

}  // namespace ym::cli
