// Files of plugins: found, opened, and checked against the ABI. The only part of the program that opens libraries.
#pragma once

#include <yardmaster/balance.h>
#include <yardmaster/persistence.h>
#include <yardmaster/retry.h>
#include <yardmaster/routing.h>

#include <array>
#include <string>
#include <vector>

#include "base/result.h"

namespace ym::host {

/// Why a library cannot be used, in the words of a settings::Problem.
struct LibraryError {
    std::string id;
    std::string path;  // of the file
    std::string found;
    std::string expected;
    std::string hint;

    /// `path: found X; expected Y; hint`, one line.
    [[nodiscard]] std::string to_line() const;
};

/// One plugin of a library. Valid as long as the process: a library is never unloaded, since instances, tables and
/// texts of it may be anywhere.
struct PluginEntry {
    std::string path;  // of the file
    const ym_plugin* plugin = nullptr;
};

/// The interfaces that this version knows, in the order of settings::PluginKind.
inline constexpr std::array<const char*, 4> interface_ids{YM_ROUTING_1, YM_BALANCE_1, YM_RETRY_1, YM_PERSISTENCE_1};

/// Those of them that a plugin has.
[[nodiscard]] std::vector<std::string> interfaces_of(const ym_plugin& plugin);

/// Opens the library at `path` and gives its plugins, at least one.
[[nodiscard]] Result<std::vector<PluginEntry>, LibraryError> open_library(const std::string& path);

/// The path of the library `file`: as it is if it has a slash, else in the first folder of `folders` that holds it.
[[nodiscard]] Result<std::string, LibraryError> find_library(const std::string& file,
                                                             const std::vector<std::string>& folders);

}  // namespace ym::host
