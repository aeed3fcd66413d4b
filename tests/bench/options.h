// Options that measurements have in common.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace ym::bench {

struct Options {
    std::string program;  // the yardmaster binary
    std::string json;     // every value goes there; empty: nowhere
    std::string disk;     // folder for what is durable; empty: that for temporary files
    unsigned rounds = 5;
    bool quick = false;
    bool peers = false;
};

/// --program, --json, --disk, --rounds and --quick. What quick means, the measurement decides.
void add_options(CLI::App& app, Options& options);
/// --peers, in addition.
void add_peers_option(CLI::App& app, Options& options);

}  // namespace ym::bench
