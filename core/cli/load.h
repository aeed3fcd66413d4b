// From a settings file to everything that a broker is made of. `run` and `check` share it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "broker/topology.h"
#include "host/host.h"
#include "host/persistence.h"
#include "settings/config.h"

namespace ym::cli {

/// Usable if `problems` is empty. The host goes last: what plugins made lives in their libraries.
struct Loaded {
    settings::Config config;
    settings::Problems problems;
    std::unique_ptr<host::Host> host;
    std::unique_ptr<Topology> topology;
    std::unique_ptr<host::Persistence> store;
};

/// Takes what plugins log; on any thread.
using PluginLog = std::function<void(std::int32_t level, std::string_view plugin, std::string_view line)>;

/// Reads `file`, loads its plugins, and makes what it names. All problems that can be seen are in the answer.
[[nodiscard]] Loaded load(const std::string& file, PluginLog log);

/// A variable of this process; null if it is not set.
[[nodiscard]] const char* environment_variable(const char* name);

/// The folder of the bundled plugins: `plugins` beside the program, or `../lib/yardmaster` where it is installed.
[[nodiscard]] std::string bundled_folder();

}  // namespace ym::cli
