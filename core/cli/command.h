// A subcommand of the program. To add one: write its file, declare its function here, and name it in the table of
// main.cc.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ym::cli {

/// A subcommand of the program: where its options stand, and what it does once they are read. `action` returns an
/// ExitCode.
struct Command {
    CLI::App* app = nullptr;
    std::function<int()> action;
};

/// Adds one subcommand, with its options and help, to `program`.
using AddCommand = Command (*)(CLI::App& program);

/// The words behind `--exec`, which ends our own options: main takes them off the command line before it is read.
inline std::vector<std::string>& exec_words() {
    static std::vector<std::string> words;
    return words;
}

Command add_run(CLI::App& program);
Command add_check(CLI::App& program);
Command add_log(CLI::App& program);
Command add_plugin(CLI::App& program);
Command add_probe(CLI::App& program);
Command add_route(CLI::App& program);
Command add_send(CLI::App& program);
Command add_status(CLI::App& program);
Command add_test(CLI::App& program);
Command add_version(CLI::App& program);
Command add_work(CLI::App& program);

}  // namespace ym::cli
