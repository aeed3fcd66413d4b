// What a plugin says about itself: for `yardmaster plugin show` and `plugin list`.
#pragma once

#include <string>
#include <vector>

#include "host/library.h"

namespace ym::host {

/// The interfaces of a plugin that this version knows: "routing/1".
[[nodiscard]] std::vector<std::string> interfaces_of(const ym_plugin& plugin);

/// Its name and all keys of its settings, as a piece of a settings file with kinds, defaults and ranges behind it.
[[nodiscard]] std::string reference_page(const PluginEntry& entry);

}  // namespace ym::host
