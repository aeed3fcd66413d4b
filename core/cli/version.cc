// `yardmaster version`.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "server/socket.h"

namespace ym::cli {

Command add_version(CLI::App& program) {
    CLI::App* app = program.add_subcommand("version", "Print the versions of the program, the wire and the libraries");
    return {app, [] {
                std::printf("yardmaster %s (wire YMP/1 draft, libzmq %s)\n", YM_VERSION, server::zmq_version().c_str());
                return exit_ok;
            }};
}

}  // namespace ym::cli
