// What can only be seen when several values are known: names that meet, and numbers that contradict one another.
#pragma once

#include "settings/effective.h"
#include "settings/node.h"

namespace ym::settings {

void cross_check(const Effective& effective, const Node& root, Problems& problems);

}  // namespace ym::settings
