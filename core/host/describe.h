// What a plugin says about itself: for `yardmaster plugin show` and `plugin list`.
#pragma once

#include <string>
#include <vector>

#include "host/library.h"

namespace ym::host {

/// Its name and all keys of its settings, as a piece of a settings file with kinds, defaults and ranges behind it.
[[nodiscard]] std::string reference_page(const PluginEntry& entry);

}  // namespace ym::host
