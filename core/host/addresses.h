// The names one may publish to, and what leads from one to another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/schema.h"
#include "settings/config.h"
#include "settings/node.h"

namespace ym::host {

/// All addresses of a settings file: queues, pipelines, and the names that `create` makes queues of.
class Addresses {
  public:
    explicit Addresses(const settings::Config& config);

    [[nodiscard]] bool exists(const std::string& name) const;
    /// Whether `name` is a queue only once somebody uses it.
    [[nodiscard]] bool is_created(const std::string& name) const;
    /// Adds address.unknown, with the nearest name, unless `name` exists.
    bool check(const std::string& name, const settings::Place& place, const std::string& path,
               settings::Problems& problems) const;

    /// The same, and adds address.pipeline if it is one.
    bool check_queue(const std::string& name, const settings::Place& place, const std::string& path,
                     settings::Problems& problems) const;

    /// Says that messages go on from one declared address (or `created`) to another address.
    void link(const std::string& from, const std::string& to, const settings::Place& place, const std::string& path);
    /// Adds address.cycle for every way that comes back to where it began, address.chain for every one through too many
    /// pipelines.
    void check_ways(settings::Problems& problems) const;

    /// Adds address.unreachable for every queue that neither producers nor links lead to.
    void check_reachable(const settings::Config& config, settings::Problems& problems) const;

    /// Stands for every queue that `create` makes.
    static const std::string created;

  private:
    struct Link {
        std::size_t to = 0;
        settings::Place place;
        std::string path;
    };
    struct Walk;

    std::size_t number(const std::string& name) const;
    void visit(std::size_t at, Walk& walk) const;

    std::vector<std::string> names_;  // declared queues, then pipelines, then `created`
    std::size_t first_pipeline_ = 0;
    std::unordered_map<std::string, std::size_t> numbers_;
    std::vector<std::vector<Link>> links_;  // by number
    std::optional<std::string> pattern_;    // create.match
};

/// The targets of one pipeline, numbered in the order in which its settings name them.
class PipelineTargets final : public TargetSource {
  public:
    PipelineTargets(Addresses& addresses, std::string pipeline)
        : addresses_(addresses), pipeline_(std::move(pipeline)) {}

    std::optional<ym_target> number(const settings::Node& at, settings::Problems& problems) override;
    [[nodiscard]] std::vector<std::string> take() { return std::move(names_); }
    [[nodiscard]] bool has(const std::string& name) const { return numbers_.count(name) > 0; }
    [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

  private:
    Addresses& addresses_;
    std::string pipeline_;
    std::vector<std::string> names_;
    std::unordered_map<std::string, ym_target> numbers_;
};

}  // namespace ym::host
