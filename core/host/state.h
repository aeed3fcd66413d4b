// What a Host holds.
#pragma once

#include <memory>

#include "host/host.h"
#include "host/registry.h"

namespace ym::host {

struct Host::State {
    /// Shared with the topologies it built: they make queues on demand.
    std::shared_ptr<Registry> registry = std::make_shared<Registry>();
};

}  // namespace ym::host
