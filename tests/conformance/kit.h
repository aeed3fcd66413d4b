// What the suites of all kinds of plugins share: the bundled plugins, and settings made from a schema.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "base/prng.h"
#include "host/addresses.h"
#include "host/registry.h"
#include "settings/config.h"
#include "settings/node.h"

namespace ym::conformance {

/// All bundled plugins, loaded once.
host::Registry& registry();

/// The ids of the bundled plugins that have this interface; for INSTANTIATE_TEST_SUITE_P.
std::vector<std::string> ids_with(const std::string& interface_id);
std::string test_name(const ::testing::TestParamInfo<std::string>& info);

/// An interface of a plugin, as its schema and as settings in YAML.
struct Schema {
    const ym_setting* settings = nullptr;
    /// One line of YAML with the required keys only, or with every key that has a value by default.
    [[nodiscard]] std::string sample(bool every_key) const;
};
Schema schema_of(const std::string& interface_id, const std::string& plugin);

/// `plugin` with settings in YAML: "{to: a}". The use owns its tree.
settings::PluginUse use_of(const std::string& plugin, const std::string& yaml);

/// What a routing plugin is made with; every name of a target exists.
struct RoutingInstance {
    std::unique_ptr<RoutingPolicy> policy;
    std::vector<std::string> targets;
};
RoutingInstance make_routing(const settings::PluginUse& use, settings::Problems& problems);

std::vector<std::string> lines_of(const settings::Problems& problems);

}  // namespace ym::conformance
