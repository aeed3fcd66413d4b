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
    // Most brokers of a run start with the settings of the one before: those are read once.
    static std::string text;
    static settings::Config config;
    settings::Problems problems;
    if (std::string fresh = to_yaml(scene); fresh != text) {
        text = std::move(fresh);
        config = settings::read_text(
            text, "scene", [](const char*) -> const char* { return nullptr; }, problems);
    }
    std::unique_ptr<Topology> topology;
    if (problems.empty()) topology = plugins().build(config, problems);
    if (!problems.empty() || topology == nullptr) {
        for (const settings::Problem& problem : problems.sorted()) std::cerr << settings::to_line(problem) << "\n";
        std::cerr << text;
        std::abort();
    }
    return topology;
}

}  // namespace ym::simulation
