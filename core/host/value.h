// What a plugin sees of its settings while it is made: checked values, and the host table to read them with.
#pragma once

#include <yardmaster/common.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "settings/node.h"

/// A value that fits its schema. Views point into the settings tree or into the plugin's own schema.
struct ym_value {
    std::int32_t kind = YM_NOTHING;
    bool given = false;
    bool key_is_target = false;  // its key is the address that `target` numbers
    bool has_free_keys = false;  // of a map
    ym_target target = 0;
    std::int64_t integer = 0;
    double number = 0;
    std::string_view text;
    std::vector<std::string_view> keys;        // of a map, as `inside`
    std::vector<ym_value> inside;              // of a map or list
    const ym::settings::Node* node = nullptr;  // where it stands; of a default: the map that lacks it
};

namespace ym::host {

/// Where a plugin's log lines go. May be called on any thread.
using LogLine = std::function<void(std::int32_t level, std::string_view plugin, std::string_view line)>;

/// What one call of a plugin may take, as real time. Without a clock nothing is measured, and every run is the same.
struct CallBudget {
    Duration (*clock)() = nullptr;  // since some point in time
    Duration most{0};
};

/// What the host keeps for one instance of a plugin: the table that the instance was given, and what it asked for.
class InstanceHost {
  public:
    InstanceHost(std::string plugin, std::shared_ptr<const LogLine> log);
    InstanceHost(const InstanceHost&) = delete;
    InstanceHost& operator=(const InstanceHost&) = delete;

    [[nodiscard]] const ym_host& table() const { return table_; }
    [[nodiscard]] const std::string& plugin() const { return plugin_; }
    /// The fields it reads, in the order of its calls of column().
    [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
    [[nodiscard]] bool refused() const { return refused_; }

    /// Between these two, the plugin may read `settings` and refuse them.
    void begin_create(const ym_value& settings, settings::Problems& problems) {
        settings_ = &settings;
        problems_ = &problems;
    }
    void end_create() {
        settings_ = nullptr;
        problems_ = nullptr;
    }
    /// Writes a line about the instance. Any thread. A plugin that never stops talking fills no disk: after the first
    /// `log_all_below` lines, one in `log_each_after` is written.
    void log(std::int32_t level, std::string_view line);

    static constexpr std::uint64_t log_all_below = 100;
    static constexpr std::uint64_t log_each_after = 1000;

    /// Set by the calls of an instance, on its shard's thread.
    std::uint64_t failed = 0, slow = 0, spared = 0;
    Duration resume_at{0};  // after a slow call
    CallBudget budget;

  private:
    static void log_line(void* context, std::int32_t level, ym_text line);
    static std::uint32_t column(void* context, ym_text field);
    static void refuse(void* context, const ym_value* where, ym_text why);

    std::string plugin_;
    std::shared_ptr<const LogLine> log_;
    ym_host table_{};
    std::vector<std::string> columns_;
    const ym_value* settings_ = nullptr;
    settings::Problems* problems_ = nullptr;
    bool refused_ = false;
    std::atomic<std::uint64_t> lines_{0};
};

/// "topic", "type", "key", or "header.NAME" with a name.
[[nodiscard]] bool is_field(std::string_view name);

}  // namespace ym::host
