// `${VAR}` in the values of a settings file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "settings/node.h"
#include "settings/yaml_reader.h"

namespace ym::settings {

/// `node.scalar` with `${VAR}`, `${VAR:-otherwise}` (also where VAR is set and empty) and `$$` replaced; any other `$`
/// stays. `room` is how many octets replaced values may still make of the file; it shrinks. A problem makes `node`
/// broken.
void replace_variables(Node& node, Variable variable, std::size_t& room, Problems& problems);

}  // namespace ym::settings
