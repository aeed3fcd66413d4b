// The plugins that are loaded, and instances of them.
#pragma once

#include <yardmaster/balance.h>
#include <yardmaster/persistence.h>
#include <yardmaster/retry.h>
#include <yardmaster/routing.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/policy.h"
#include "host/library.h"
#include "host/persistence.h"
#include "host/schema.h"
#include "host/value.h"
#include "settings/config.h"

namespace ym::host {

class PipelineTargets;

/// The settings that `plugin` publishes for an interface; nothing if it has no such interface.
[[nodiscard]] std::optional<Schema> schema_of(const std::string& interface_id, const ym_plugin& plugin);

class Registry {
  public:
    /// Adds the plugins of the library at `path`, which is opened once only. `id`, if not empty, must be among them.
    [[nodiscard]] std::optional<LibraryError> load(const std::string& path, const std::string& id);

    /// A plugin of this id could not be loaded, which was told: uses of it are no problems of their own.
    void miss(const std::string& id) { missed_.insert(id); }

    /// Makes an instance of what `use` names; `use` is needed during the call only. Null after a problem.
    /// Routing: `targets` collects the addresses that the settings name; the policy answers with their numbers.
    [[nodiscard]] std::unique_ptr<RoutingPolicy> routing(const settings::PluginUse& use, PipelineTargets& targets,
                                                         settings::Problems& problems) const;
    [[nodiscard]] std::unique_ptr<BalancePolicy> balance(const settings::PluginUse& use,
                                                         settings::Problems& problems) const;
    [[nodiscard]] std::unique_ptr<RetryPolicy> retry(const settings::PluginUse& use,
                                                     settings::Problems& problems) const;
    [[nodiscard]] std::unique_ptr<Persistence> persistence(const settings::PluginUse& use,
                                                           settings::Problems& problems) const;

    /// The settings of a route as its plugin would be given them; nothing after a problem. `use` must outlive them.
    [[nodiscard]] std::optional<ym_value> read_route(const settings::PluginUse& use, TargetSource& targets,
                                                     settings::Problems& problems) const;

    /// The settings that the plugin `id` publishes for an interface; nothing if it is not loaded or has no such
    /// interface.
    [[nodiscard]] std::optional<Schema> schema(const std::string& interface_id, const std::string& id) const;

    /// Every plugin, by name.
    [[nodiscard]] const std::map<std::string, PluginEntry>& plugins() const { return plugins_; }

    /// Every plugin with an interface of this id, by name.
    [[nodiscard]] std::vector<const ym_plugin*> with(const std::string& interface_id) const;

    void on_log(LogLine log) { *log_ = std::move(log); }
    /// For instances that are made from now on.
    void limit_calls(const CallBudget& budget) { budget_ = budget; }

  private:
    /// The interface of a plugin, found and checked, with the settings that fit it.
    template <class Table>
    struct Prepared {
        const Table* table = nullptr;
        std::unique_ptr<InstanceHost> host;
        ym_value settings;
    };
    template <class Table>
    std::optional<Prepared<Table>> prepare(const char* interface_id, const settings::PluginUse& use,
                                           TargetSource* targets, settings::Problems& problems) const;
    const void* find(const char* interface_id, const settings::PluginUse& use, settings::Problems& problems) const;

    std::map<std::string, PluginEntry> plugins_;                 // by id
    std::map<std::string, std::vector<std::string>> libraries_;  // path: ids
    std::set<std::string> missed_;                               // ids
    CallBudget budget_;
    std::shared_ptr<LogLine> log_ = std::make_shared<LogLine>();
};

}  // namespace ym::host
