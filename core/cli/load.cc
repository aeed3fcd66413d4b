#include "cli/load.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

namespace ym::cli {

namespace fs = std::filesystem;

const char* environment_variable(const char* name) {
    return std::getenv(name);
}

std::string bundled_folder() {
    std::error_code ignored;
    const fs::path folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    const fs::path beside = folder / "plugins";
    if (fs::is_directory(beside, ignored)) return beside.string();
    return (folder.parent_path() / "lib" / "yardmaster").string();
}

Loaded load(const std::string& file, PluginLog log) {
    Loaded loaded;
    loaded.config = settings::read(file, environment_variable, loaded.problems);
    // What is wrong with the keys of plugins is told together with everything else; values that are wrong already are
    // passed over. Only a file that is not understood as a whole ends here.
    if (loaded.config.tree == nullptr) return loaded;
    loaded.host = std::make_unique<host::Host>();
    loaded.host->on_log(std::move(log));
    const Result<bool> bundled = loaded.host->load_bundled(bundled_folder());
    if (!bundled) {
        loaded.problems.add({"plugin.bundled",
                             {file, 1, 1},
                             "plugins",
                             bundled.error().text,
                             "the plugins that came with the program",
                             "install the program and its plugins together"});
        return loaded;
    }
    loaded.host->limit_calls(loaded.config.plugin_budget);
    loaded.topology = loaded.host->build(loaded.config, loaded.problems);
    loaded.store = loaded.host->make_store(loaded.config.store, loaded.problems);
    return loaded;
}

}  // namespace ym::cli
