// The only clock of the server.
#pragma once

#include "base/time.h"

namespace ym::server {

/// What time it is, on both clocks.
[[nodiscard]] Now read_clocks();

}  // namespace ym::server
