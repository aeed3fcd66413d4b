// Checks a plugin's settings against the schema that it publishes, before any of its code runs.
#pragma once

#include <yardmaster/common.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "host/value.h"
#include "settings/node.h"

namespace ym::host {

/// Knows the addresses that a target may name.
class TargetSource {
  public:
    virtual ~TargetSource() = default;
    /// The number of the address that `at` names; adds a problem and gives nothing if there is none of that name.
    virtual std::optional<ym_target> number(const settings::Node& at, settings::Problems& problems) = 0;
};

/// The schema of one interface of a plugin. Valid as long as its library, which is never unloaded.
struct Schema {
    const ym_setting* settings = nullptr;  // may be null: no keys
    std::uint32_t setting_size = 0;        // of one row, as the plugin knew it
};

/// Writes `map` with its defaults to `out`, or adds every problem of it. `plugin` is shown in problems. `targets` may
/// be null, where no address can be named. `map` must outlive `out`. False if there was a problem.
[[nodiscard]] bool check_settings(const std::string& plugin, Schema schema, const settings::Node& map,
                                  TargetSource* targets, settings::Problems& problems, ym_value& out);

/// `map` with the keys that it lacks, as the schema has them by default: they stand in no file, and `plugin` is where
/// they are inherited from. Keys in the order of the schema, free ones behind them; what does not fit stays as it is.
[[nodiscard]] settings::Node with_defaults(const std::string& plugin, Schema schema, const settings::Node& map);

}  // namespace ym::host
