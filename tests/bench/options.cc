#include "bench/options.h"

#include <CLI/CLI.hpp>

namespace ym::bench {

void add_options(CLI::App& app, Options& options) {
    app.add_option("--program", options.program, "The yardmaster binary")->required()->check(CLI::ExistingFile);
    app.add_option("--json", options.json, "Write every value to this file");
    app.add_option("--disk", options.disk, "Folder for what is durable, made if missing (that for temporary files)");
    app.add_option("--rounds", options.rounds, "How often each is measured, in turns with all others")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_flag("--quick", options.quick, "A short form: fewer rounds and rows, to look rather than to compare");
}

void add_peers_option(CLI::App& app, Options& options) {
    app.add_flag("--peers", options.peers, "Measure other brokers, too, which must be installed");
}

}  // namespace ym::bench
