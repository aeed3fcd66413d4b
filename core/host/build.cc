// A settings file becomes what the broker runs with: plugins are made, names are proven.
#include <algorithm>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "host/addresses.h"
#include "host/host.h"
#include "host/state.h"
#include "settings/yaml_reader.h"

namespace ym::host {
namespace {

/// The settings of a queue but for `balance`. Naming every member makes a new one that is forgotten here an error of
/// the compiler.
QueueSettings copy_of(const QueueSettings& from) {
    const auto& [name, durable, retry, lease, lease_max, limits, dead_keep, dead_max, dead_to, weight, publish_direct,
                 balance] = from;
    return {name,      durable,  retry,   lease,  lease_max,      limits,
            dead_keep, dead_max, dead_to, weight, publish_direct, nullptr};
}

/// The settings of a pipeline but for `route` and `targets`.
PipelineSettings copy_of(const PipelineSettings& from) {
    const auto& [name, route, targets, optional, unmatched, unmatched_to, failure_is_unmatched, reply_timeout,
                 reply_keep, reply_max, set] = from;
    return {name,          nullptr,    {},        optional, unmatched, unmatched_to, failure_is_unmatched,
            reply_timeout, reply_keep, reply_max, set};
}

/// The first few of `names`, for a person.
std::string some_of(const std::vector<std::string>& names) {
    constexpr std::size_t shown = 5;
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < shown; ++i) text += (i == 0 ? "" : ", ") + names[i];
    return names.size() > shown ? text + ", ..." : text;
}

class Builder {
  public:
    Builder(const settings::Config& config, std::shared_ptr<Registry> registry, settings::Problems& problems)
        : config_(config), registry_(std::move(registry)), told_(problems), addresses_(config) {}

    std::unique_ptr<Topology> build() {
        load_plugins();
        auto topology = std::make_unique<Topology>();
        for (const settings::Retry& retry : config_.retries) {
            topology->retries.push_back({retry.name, registry_->retry(retry.use, problems_)});
        }
        for (const settings::Queue& queue : config_.queues) topology->queues.push_back(make_queue(queue));
        for (const settings::Pipeline& pipeline : config_.pipelines) {
            topology->pipelines.push_back(make_pipeline(pipeline));
        }
        if (config_.create) topology->create = make_create(*config_.create);
        topology->orphan = make_like("default");
        for (settings::Port& port : settings::ports_of(config_))
            topology->listeners.push_back(std::move(port.settings));
        check_listeners();
        check_services();
        topology->majordomo = config_.majordomo;
        topology->memory_max = config_.memory_max;
        topology->queues_max = config_.queues_max;
        topology->drain = config_.drain;
        addresses_.check_ways(problems_);
        // What a wrong route names is not known.
        if (problems_.empty() && told_.empty()) addresses_.check_reachable(config_, problems_);
        tell_once();
        if (!told_.empty()) return nullptr;
        return topology;
    }

  private:
    void load_plugins() {
        for (const settings::LoadedPlugin& plugin : config_.plugins) {
            if (plugin.failure_is_unmatched) failure_is_unmatched_.insert(plugin.id);
            const auto path = find_library(plugin.file, config_.plugin_path);
            const auto failed = path ? registry_->load(path.value(), plugin.id) : path.error();
            if (!failed) continue;
            registry_->miss(plugin.id);
            problems_.add({failed->id, plugin.place, settings::join_path("plugins.load", plugin.id),
                           failed->path + ": " + failed->found, failed->expected, failed->hint});
        }
    }

    void check_listeners() {
        for (const settings::Listener& listener : config_.listeners) {
            if (listener.to.empty()) continue;
            const std::string path = settings::join_path("listeners", listener.name) + ".to";
            (void)addresses_.check_queue(listener.to, listener.to_place, path, problems_);
        }
    }

    void check_services() {
        for (const auto& [service, to] : config_.majordomo.services) {
            const std::string path = settings::join_path("majordomo.services", service);
            (void)addresses_.check(to, config_.services_places.at(service), path, problems_);
        }
    }

    QueueSettings make_queue(const settings::Queue& queue) {
        QueueSettings made = copy_of(queue.settings);
        made.balance = registry_->balance(queue.balance, problems_);
        const std::string path = settings::join_path("queues", made.name);
        if (!made.dead_to.empty()) {
            const std::string at = path + ".dead_letter.to";
            if (addresses_.check_queue(made.dead_to, queue.dead_to_place, at, problems_)) {
                addresses_.link(made.name, made.dead_to, queue.dead_to_place, at);
            }
        }
        return made;
    }

    PipelineSettings make_pipeline(const settings::Pipeline& pipeline) {
        PipelineSettings made = copy_of(pipeline.settings);
        const std::string path = settings::join_path("pipelines", made.name);
        PipelineTargets targets(addresses_, made.name);
        made.route = registry_->routing(pipeline.route, targets, problems_);
        made.failure_is_unmatched = failure_is_unmatched_.count(pipeline.route.plugin) > 0;
        if (made.unmatched == Unmatched::forward) {
            const std::string at = path + ".unmatched";
            if (addresses_.check(made.unmatched_to, pipeline.unmatched_place, at, problems_)) {
                addresses_.link(made.name, made.unmatched_to, pipeline.unmatched_place, at);
            }
        }
        for (std::size_t i = 0; i < made.optional.size(); ++i) {
            // What a wrong route names is not known; one problem is enough then.
            if (made.route == nullptr || targets.has(made.optional[i])) continue;
            const settings::Place place =
                i < pipeline.optional_places.size() ? pipeline.optional_places[i] : pipeline.place;
            const std::string near = settings::nearest(made.optional[i], targets.names());
            problems_.add({"optional.target", place, path + ".optional", made.optional[i],
                           "one of the addresses that its route names",
                           near.empty() ? "it names " + some_of(targets.names()) : "did you mean " + near + "?"});
        }
        made.targets = targets.take();
        return made;
    }

    CreateSettings make_create(const settings::Create& create) {
        CreateSettings made;
        made.match = create.settings.match;
        made.max = create.settings.max;
        made.idle = create.settings.idle;
        const auto found = config_.templates.find(create.like);
        if (found == config_.templates.end()) return made;  // core/settings has said so

        const std::string& dead_to = found->second.settings.dead_to;
        const settings::Place& place = found->second.dead_to_place;
        const std::string at = settings::join_path("templates", create.like) + ".dead_letter.to";
        if (!dead_to.empty() && addresses_.check_queue(dead_to, place, at, problems_)) {
            addresses_.link(Addresses::created, dead_to, place, at);
        }
        made.make = make_like(create.like);
        return made;
    }

    /// Makes queues like a template. The state machine asks for them long after the settings are gone, so those are
    /// kept with the answer.
    std::function<QueueSettings(const std::string&)> make_like(const std::string& like) {
        const auto found = config_.templates.find(like);
        if (found == config_.templates.end()) return {};
        const auto kept = std::make_shared<settings::Queue>();
        kept->settings = copy_of(found->second.settings);
        kept->balance = found->second.balance;
        (void)registry_->balance(kept->balance, problems_);
        return [kept, registry = registry_](const std::string& name) {
            QueueSettings queue = copy_of(kept->settings);
            queue.name = name;
            settings::Problems none;  // it was made once already, from the same settings
            queue.balance = registry->balance(kept->balance, none);
            YM_CHECK(queue.balance != nullptr);
            return queue;
        };
    }

    /// A wrong value of a template is met once for every queue that is like it, and told once.
    void tell_once() {
        using Where = std::tuple<std::string, std::string, std::uint32_t, std::uint32_t, std::string, std::string>;
        std::set<Where> seen;
        for (settings::Problem& problem : problems_.sorted()) {
            const settings::Place& at = problem.place;
            if (seen.emplace(problem.id, at.file, at.line, at.column, problem.path, problem.found).second) {
                told_.add(std::move(problem));
            }
        }
    }

    const settings::Config& config_;
    std::shared_ptr<Registry> registry_;
    settings::Problems& told_;
    settings::Problems problems_;
    Addresses addresses_;
    std::set<std::string> failure_is_unmatched_;
};

}  // namespace

std::unique_ptr<Topology> Host::build(const settings::Config& config, settings::Problems& problems) {
    return Builder(config, state_->registry, problems).build();
}

}  // namespace ym::host
