#include "host/registry.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "host/adapters.h"
#include "host/addresses.h"

namespace ym::host {
namespace {

/// What a table must hold. Later versions of an interface have added functions that may be missing.
template <class Table>
constexpr std::size_t size_min = sizeof(Table);
template <>
constexpr std::size_t size_min<ym_balance> = offsetof(ym_balance, gone);

/// Whether every function of a table is there.
bool has_functions(const ym_routing& table) {
    return table.create != nullptr && table.destroy != nullptr && table.route != nullptr;
}
bool has_functions(const ym_balance& table) {
    return table.create != nullptr && table.destroy != nullptr && table.pick != nullptr;
}
bool has_functions(const ym_retry& table) {
    return table.create != nullptr && table.destroy != nullptr && table.decide != nullptr;
}
bool has_functions(const ym_persistence& table) {
    return table.create != nullptr && table.destroy != nullptr && table.caps != nullptr && table.acquire != nullptr &&
           table.renew != nullptr && table.release != nullptr && table.append != nullptr && table.read != nullptr &&
           table.fetch != nullptr && table.reclaim != nullptr && table.close != nullptr;
}

/// Runs `create`, which belongs to the plugin, and takes back what it made if it also refused something.
template <class Table, class Create>
void* create_instance(const Table& table, InstanceHost& host, const ym_value& settings, const settings::PluginUse& use,
                      settings::Problems& problems, const Create& create) {
    void* self = nullptr;
    bool threw = false;
    host.begin_create(settings, problems);
    try {
        self = create();
    } catch (...) {
        threw = true;
    }
    host.end_create();
    if (self != nullptr && !host.refused()) return self;
    if (self != nullptr) table.destroy(self);
    if (!host.refused()) {
        problems.add({"plugin.create", use.place, use.path, threw ? "an exception" : "no instance and no reason",
                      "an instance of " + use.plugin, "the fault lies in the plugin"});
    }
    return nullptr;
}

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

}  // namespace

std::optional<LibraryError> Registry::load(const std::string& path, const std::string& id) {
    auto library = libraries_.find(path);
    if (library == libraries_.end()) {
        const auto opened = open_library(path);
        if (!opened) return opened.error();
        for (const PluginEntry& entry : opened.value()) {
            const auto other = plugins_.find(entry.plugin->id);
            if (other == plugins_.end()) continue;
            return LibraryError{"plugin.duplicate", path, std::string("the plugin ") + entry.plugin->id,
                                "a plugin of another name", "the one in " + other->second.path + " has it"};
        }
        library = libraries_.emplace(path, std::vector<std::string>()).first;
        for (const PluginEntry& entry : opened.value()) {
            plugins_.emplace(entry.plugin->id, entry);
            library->second.emplace_back(entry.plugin->id);
        }
    }
    const std::vector<std::string>& ids = library->second;
    missed_.erase(id);
    if (id.empty() || std::find(ids.begin(), ids.end(), id) != ids.end()) return std::nullopt;
    return LibraryError{"plugin.id", path, "the plugin " + join(ids), "the plugin " + id,
                        "name it under plugins.load as the library does"};
}

const void* Registry::find(const char* interface_id, const settings::PluginUse& use,
                           settings::Problems& problems) const {
    if (use.plugin.empty()) return nullptr;  // core/settings has said that there must be one
    const auto found = plugins_.find(use.plugin);
    const void* table = found == plugins_.end() ? nullptr : found->second.plugin->get(interface_id);
    if (table != nullptr) return table;
    if (found == plugins_.end() && missed_.count(use.plugin) > 0) return nullptr;

    std::vector<std::string> names;
    for (const ym_plugin* plugin : with(interface_id)) names.emplace_back(plugin->id);
    const std::string near = settings::nearest(use.plugin, names);
    std::string hint = near.empty() ? "those loaded are " + join(names) : "did you mean " + near + "?";
    if (names.empty()) hint = "none is loaded: name one under plugins.load";
    const std::string expected = std::string("a plugin for ") + interface_id;
    if (found == plugins_.end()) {
        problems.add({"plugin.unknown", use.place, use.path, use.plugin, expected, std::move(hint)});
        return nullptr;
    }
    const std::vector<std::string> offers = interfaces_of(*found->second.plugin);
    problems.add({"plugin.interface", use.place, use.path,
                  use.plugin + " of " + found->second.path + " with " +
                      (offers.empty() ? "no interface of this version" : join(offers)),
                  expected, std::move(hint)});
    return nullptr;
}

template <class Table>
std::optional<Registry::Prepared<Table>> Registry::prepare(const char* interface_id, const settings::PluginUse& use,
                                                           TargetSource* targets, settings::Problems& problems) const {
    Prepared<Table> prepared;
    prepared.table = static_cast<const Table*>(find(interface_id, use, problems));
    if (prepared.table == nullptr) return std::nullopt;
    const Table& table = *prepared.table;
    if (table.size < size_min<Table> || table.setting_size < sizeof(ym_setting) || !has_functions(table)) {
        problems.add({"plugin.damaged", use.place, use.path, "a table of " + use.plugin + " that lacks parts",
                      std::string("all functions of ") + interface_id, "the fault lies in the plugin"});
        return std::nullopt;
    }
    if (!check_settings(use.plugin, {table.settings, table.setting_size}, use.settings, targets, problems,
                        prepared.settings)) {
        return std::nullopt;
    }
    prepared.host = std::make_unique<InstanceHost>(use.plugin, log_);
    prepared.host->budget = budget_;
    return prepared;
}

std::unique_ptr<RoutingPolicy> Registry::routing(const settings::PluginUse& use, PipelineTargets& targets,
                                                 settings::Problems& problems) const {
    auto made = prepare<ym_routing>(YM_ROUTING_1, use, &targets, problems);
    if (!made) return nullptr;
    void* self = create_instance(*made->table, *made->host, made->settings, use, problems,
                                 [&] { return made->table->create(&made->host->table(), &made->settings); });
    if (self == nullptr) return nullptr;
    return make_routing(*made->table, self, std::move(made->host), static_cast<std::uint32_t>(targets.names().size()));
}

std::unique_ptr<BalancePolicy> Registry::balance(const settings::PluginUse& use, settings::Problems& problems) const {
    auto made = prepare<ym_balance>(YM_BALANCE_1, use, nullptr, problems);
    if (!made) return nullptr;
    void* self = create_instance(*made->table, *made->host, made->settings, use, problems,
                                 [&] { return made->table->create(&made->host->table(), &made->settings); });
    if (self == nullptr) return nullptr;
    return make_balance(*made->table, self, std::move(made->host));
}

std::unique_ptr<RetryPolicy> Registry::retry(const settings::PluginUse& use, settings::Problems& problems) const {
    auto made = prepare<ym_retry>(YM_RETRY_1, use, nullptr, problems);
    if (!made) return nullptr;
    void* self = create_instance(*made->table, *made->host, made->settings, use, problems,
                                 [&] { return made->table->create(&made->host->table(), &made->settings); });
    if (self == nullptr) return nullptr;
    return make_retry(*made->table, self, std::move(made->host));
}

std::unique_ptr<Persistence> Registry::persistence(const settings::PluginUse& use, settings::Problems& problems) const {
    auto made = prepare<ym_persistence>(YM_PERSISTENCE_1, use, nullptr, problems);
    if (!made) return nullptr;
    std::shared_ptr<InstanceHost> host = std::move(made->host);
    std::unique_ptr<Persistence> store;
    // The handle destroys an instance itself: what create_instance gets is only a sign that there is one.
    struct Nothing {
        static void destroy(void* /*self*/) {}
    };
    void* self = create_instance(Nothing{}, *host, made->settings, use, problems, [&]() -> void* {
        store = Persistence::make(*made->table, host->table(), &made->settings, host);
        return store.get();
    });
    if (self == nullptr) return nullptr;
    return store;
}

std::optional<ym_value> Registry::read_route(const settings::PluginUse& use, TargetSource& targets,
                                             settings::Problems& problems) const {
    const auto known = schema(YM_ROUTING_1, use.plugin);
    ym_value value;
    if (!known || !check_settings(use.plugin, *known, use.settings, &targets, problems, value)) return std::nullopt;
    return value;
}

std::optional<Schema> Registry::schema(const std::string& interface_id, const std::string& id) const {
    const auto found = plugins_.find(id);
    if (found == plugins_.end()) return std::nullopt;
    return schema_of(interface_id, *found->second.plugin);
}

std::optional<Schema> schema_of(const std::string& interface_id, const ym_plugin& plugin) {
    const void* table = plugin.get(interface_id.c_str());
    const auto is = [&](const char* name) { return table != nullptr && interface_id == name; };
    const auto of = [](const auto& known) { return Schema{known.settings, known.setting_size}; };
    if (is(YM_ROUTING_1)) return of(*static_cast<const ym_routing*>(table));
    if (is(YM_BALANCE_1)) return of(*static_cast<const ym_balance*>(table));
    if (is(YM_RETRY_1)) return of(*static_cast<const ym_retry*>(table));
    if (is(YM_PERSISTENCE_1)) return of(*static_cast<const ym_persistence*>(table));
    return std::nullopt;
}

std::vector<const ym_plugin*> Registry::with(const std::string& interface_id) const {
    std::vector<const ym_plugin*> found;
    for (const auto& [id, entry] : plugins_) {
        if (entry.plugin->get(interface_id.c_str()) != nullptr) found.push_back(entry.plugin);
    }
    return found;
}

}  // namespace ym::host
