// A subcommand of the program. To add one: write its file, declare its function here, and name it in the table of
// main.cc.
#pragma once

#include <functional>

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

Command add_run(CLI::App& program);
Command add_check(CLI::App& program);
Command add_status(CLI::App& program);
Command add_version(CLI::App& program);

}  // namespace ym::cli
