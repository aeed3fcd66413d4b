#include "host/library.h"

#include <dlfcn.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace ym::host {
namespace {

constexpr int abi_major = 1;
/// How far the host looks for symbols of other ABIs, to tell an old or new plugin from what is none.
constexpr int abi_major_probed = 32;

std::string symbol_of(int major) {
    return "ym_plugin_" + std::to_string(major);
}

LibraryError no_symbol(const std::string& path, void* library) {
    const std::string expected = "the symbol " + symbol_of(abi_major);
    for (int major = 0; major <= abi_major_probed; ++major) {
        if (major == abi_major || dlsym(library, symbol_of(major).c_str()) == nullptr) continue;
        const char* hint = major < abi_major ? "build the plugin with the headers of this version of Yardmaster"
                                             : "the plugin is for a newer Yardmaster; update Yardmaster, or build the "
                                               "plugin with the headers of this version";
        return {"plugin.abi", path, "the symbol " + symbol_of(major), expected, hint};
    }
    return {"plugin.symbol", path, "a shared library without it", expected,
            "this is no plugin of Yardmaster, or its symbol is hidden: declare it with YM_EXPORT"};
}

bool is_whole(const ym_plugin& plugin) {
    return plugin.size >= sizeof(ym_plugin) && plugin.version != nullptr && plugin.get != nullptr &&
           plugin.id[0] != '\0';
}

}  // namespace

std::string LibraryError::to_line() const {
    std::string line = path + ": found " + found + "; expected " + expected;
    if (!hint.empty()) line += "; " + hint;
    return line + " [" + id + "]";
}

Result<std::vector<PluginEntry>, LibraryError> open_library(const std::string& path) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char* error = dlerror();
        std::string why = error == nullptr ? "no reason" : error;
        // The loader's words begin with the path mostly, which stands before them already.
        if (why.rfind(path + ": ", 0) == 0) why.erase(0, path.size() + 2);
        return LibraryError{"plugin.library", path, std::move(why), "a shared library",
                            "is it built for this machine, and can it be read?"};
    }
    const void* symbol = dlsym(library, symbol_of(abi_major).c_str());
    if (symbol == nullptr) return no_symbol(path, library);

    std::vector<PluginEntry> plugins;
    const auto* at = static_cast<const char*>(symbol);
    while (true) {
        const auto* plugin = reinterpret_cast<const ym_plugin*>(at);
        if (plugin->id == nullptr) break;
        if (!is_whole(*plugin)) {
            return LibraryError{"plugin.damaged", path,
                                "entry " + std::to_string(plugins.size()) + " without all parts",
                                "size, id, version and get() in each entry of ym_plugin_1", "correct the plugin"};
        }
        plugins.push_back({path, plugin});
        at += plugin->size;
    }
    if (plugins.empty()) {
        return LibraryError{"plugin.damaged", path, "no entry in ym_plugin_1", "one plugin at least",
                            "correct the plugin"};
    }
    return plugins;
}

Result<std::string, LibraryError> find_library(const std::string& file, const std::vector<std::string>& folders) {
    std::error_code error;
    if (file.find('/') != std::string::npos) {
        if (std::filesystem::exists(file, error)) return file;
        return LibraryError{"plugin.file", file, "no file", "a shared library", "correct plugins.load.*.file"};
    }
    std::string searched;
    for (const std::string& folder : folders) {
        std::string path = folder + "/" + file;
        if (std::filesystem::exists(path, error)) return path;
        searched += (searched.empty() ? "" : ", ") + folder;
    }
    return LibraryError{"plugin.file", file, searched.empty() ? "no folder to look in" : "no such file in " + searched,
                        "a shared library", "name its folder in plugins.path, or write a path with a slash"};
}

std::vector<std::string> interfaces_of(const ym_plugin& plugin) {
    std::vector<std::string> found;
    for (const char* id : interface_ids) {
        if (plugin.get(id) != nullptr) found.emplace_back(id);
    }
    return found;
}

}  // namespace ym::host
