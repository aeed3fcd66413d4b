// Loads plugins, checks what a settings file gives them against their schemas, and makes the instances that the
// broker runs with. All calls on one thread, before traffic.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "broker/topology.h"
#include "host/explain.h"
#include "host/library.h"
#include "settings/config.h"
#include "settings/print.h"

namespace ym::host {

class Persistence;

/// The plugins of this process, by interface ("routing/1") and name ("topic", "example.com/by-country").
class Host {
  public:
    Host();
    ~Host();
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    /// Loads every plugin library in the folder of the bundled ones (beside the program, or its `lib/yardmaster`).
    [[nodiscard]] Result<bool> load_bundled(const std::string& folder);

    /// Loads the library at `path`, whatever plugins it holds.
    [[nodiscard]] Result<bool> load_file(const std::string& path);

    /// Loads the file of `plugin`. Errors name path, what was found, what is expected, and what to do.
    [[nodiscard]] Result<bool> load(const settings::LoadedPlugin& plugin, const std::vector<std::string>& path);

    /// Everything that the broker needs from `config`: plugins loaded, their settings checked before their code
    /// runs, names resolved, cycles of pipelines and dead letters refused. Null if there was a problem; all are added.
    [[nodiscard]] std::unique_ptr<Topology> build(const settings::Config& config, settings::Problems& problems);

    /// The store that `use` names, after load_bundled, load or build have loaded its plugin. Null after a problem.
    [[nodiscard]] std::unique_ptr<Persistence> make_store(const settings::PluginUse& use, settings::Problems& problems);

    /// The addresses of `config`, which build() has taken, and the ways between them, as text for Graphviz.
    [[nodiscard]] std::string graph(const settings::Config& config) const;

    /// Follows a message that is published to `address`. `config` as for graph().
    [[nodiscard]] Step explain(const settings::Config& config, const std::string& address,
                               const MessageFields& message) const;

    /// All plugins that are loaded, by name.
    [[nodiscard]] std::vector<PluginEntry> plugins() const;

    /// A plugin map of the settings with the keys that it lacks, as the plugin's schema has them by default; as it is
    /// when the plugin is not known.
    [[nodiscard]] settings::Node with_defaults(settings::PluginKind kind, const settings::Node& map) const;

    /// Where the log lines of plugins go (level: 0 debug, 1 info, 2 warning, 3 error); nowhere by default. `log` is
    /// called on any thread.
    void on_log(std::function<void(std::int32_t level, std::string_view plugin, std::string_view line)> log);

    /// Measures the calls of instances that build() makes from now on: one that takes longer than `most` has failed.
    void limit_calls(Duration most);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ym::host
