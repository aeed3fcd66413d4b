// The program: finds the subcommand and runs it.
#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/exit_code.h"

namespace ym::cli {
namespace {

/// Every subcommand, in the order of `--help`.
constexpr std::array commands{
    add_run,    add_check, add_route, add_plugin, add_send,    add_work,
    add_status, add_log,   add_probe, add_test,   add_version,
};

constexpr const char* program_examples =
    "Examples:\n"
    "  yardmaster run config/quickstart.yaml         start a broker in the foreground\n"
    "  yardmaster check config/quickstart.yaml       every mistake of a settings file at once\n"
    "  seq 1 100 | yardmaster send --to hello        publish each line to the queue `hello`\n"
    "  yardmaster work hello --exec sha256sum        run a command for each message\n"
    "  yardmaster status                             queues, workers and the ledger\n"
    "`yardmaster COMMAND --help` tells more about each.\n\n";

/// How many of the arguments are ours: up to `--exec`, if there is one.
int own_arguments(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]) != "--exec") continue;
        exec_words().assign(argv + i + 1, argv + argc);
        return i + 1;
    }
    return argc;
}

int run(int argc, char** argv) {
    CLI::App program("Yardmaster: a message broker for ZeroMQ programs.", "yardmaster");
    program.require_subcommand(1);
    program.footer(std::string(program_examples) + exit_codes_help);
    std::vector<Command> added;
    added.reserve(commands.size());
    for (const AddCommand add : commands) added.push_back(add(program));
    try {
        program.parse(own_arguments(argc, argv), argv);
    } catch (const CLI::ParseError& error) {
        const int code = program.exit(error);
        return code == 0 ? exit_ok : exit_usage;
    }
    for (const Command& command : added) {
        if (program.got_subcommand(command.app)) return command.action();
    }
    return exit_usage;
}

}  // namespace
}  // namespace ym::cli

int main(int argc, char** argv) {
    try {
        return ym::cli::run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "yardmaster: %s\n", error.what());
        return ym::cli::exit_failed;
    }
}
