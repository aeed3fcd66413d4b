// Settings as a user writes them, read and built with the real plugins.
#include <iostream>

#include "host/host.h"
#include "settings/config.h"
#include "world.h"

namespace ym::simulation {
namespace {

/// Plugins stay loaded for the whole process.
host::Host& plugins() {
    static host::Host host;
    static const bool loaded = [] {
        const auto result = host.load_bundled(YM_PLUGINS);
        if (!result.ok()) {
            std::cerr << result.error().text << "\n";
            std::abort();
        }
        return true;
    }();
    (void)loaded;
    return host;
}

}  // namespace

std::unique_ptr<Topology> build(const Scene& scene) {
    settings::Problems problems;
    const settings::Config config = settings::read_text(
        to_yaml(scene), "scene", [](const char*) -> const char* { return nullptr; }, problems);
    std::unique_ptr<Topology> topology;
    if (problems.empty()) topology = plugins().build(config, problems);
    if (!problems.empty() || topology == nullptr) {
        for (const settings::Problem& problem : problems.sorted()) std::cerr << settings::to_line(problem) << "\n";
        std::cerr << to_yaml(scene);
        std::abort();
    }
    return topology;
}

}  // namespace ym::simulation
