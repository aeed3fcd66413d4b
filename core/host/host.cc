#include "host/host.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "host/state.h"

namespace ym::host {

Host::Host() : state_(std::make_unique<State>()) {}
Host::~Host() = default;

Result<bool> Host::load_bundled(const std::string& folder) {
    std::vector<std::string> paths;
    std::error_code error;
    for (const auto& file : std::filesystem::directory_iterator(folder, error)) {
        const std::string name = file.path().filename().string();
        if (name.rfind("ym_", 0) == 0 && file.path().extension() == ".so") paths.push_back(file.path().string());
    }
    if (error) {
        return Failure{folder + ": found " + error.message() +
                       "; expected the folder of the bundled plugins; is the program installed as a whole? "
                       "[plugin.folder]"};
    }
    // The order of a folder is no order: the same files give the same run.
    std::sort(paths.begin(), paths.end());
    for (const std::string& path : paths) {
        if (const auto failed = state_->registry->load(path, "")) return Failure{failed->to_line()};
    }
    return true;
}

Result<bool> Host::load(const settings::LoadedPlugin& plugin, const std::vector<std::string>& path) {
    const auto file = find_library(plugin.file, path);
    if (!file) return Failure{file.error().to_line()};
    if (const auto failed = state_->registry->load(file.value(), plugin.id)) return Failure{failed->to_line()};
    return true;
}

Result<bool> Host::load_file(const std::string& path) {
    if (const auto failed = state_->registry->load(path, "")) return Failure{failed->to_line()};
    return true;
}

Step Host::explain(const settings::Config& config, const std::string& address, const MessageFields& message) const {
    return host::explain(config, *state_->registry, address, message);
}

std::vector<PluginEntry> Host::plugins() const {
    std::vector<PluginEntry> all;
    for (const auto& [id, entry] : state_->registry->plugins()) all.push_back(entry);
    return all;
}

std::unique_ptr<Persistence> Host::make_store(const settings::PluginUse& use, settings::Problems& problems) {
    return state_->registry->persistence(use, problems);
}

settings::Node Host::with_defaults(settings::PluginKind kind, const settings::Node& map) const {
    const settings::Node* name = map.find("plugin");
    if (name == nullptr) return map;
    const auto schema = state_->registry->schema(interface_ids[static_cast<std::size_t>(kind)], name->scalar);
    if (!schema) return map;
    settings::Node keys = map;
    std::erase_if(keys.entries, [](const settings::Entry& entry) { return entry.key == "plugin"; });
    settings::Node whole = host::with_defaults(name->scalar, *schema, keys);
    whole.entries.insert(whole.entries.begin(), {"plugin", {}, *name});
    return whole;
}

void Host::limit_calls(Duration most) {
    const auto clock = [] {
        return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
    };
    state_->registry->limit_calls({clock, most});
}

void Host::on_log(std::function<void(std::int32_t level, std::string_view plugin, std::string_view line)> log) {
    state_->registry->on_log(std::move(log));
}

}  // namespace ym::host
