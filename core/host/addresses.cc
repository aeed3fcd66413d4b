#include "host/addresses.h"

#include <algorithm>
#include <utility>

#include "base/pattern.h"
#include "settings/yaml_reader.h"
#include "wire/ymp.h"

namespace ym::host {

// No address can have this name: a settings file has no way to write it.
const std::string Addresses::created = std::string("a queue made on demand\0", 23);

Addresses::Addresses(const settings::Config& config) {
    const auto add = [&](const std::string& name) {
        if (numbers_.emplace(name, names_.size()).second) names_.push_back(name);
    };
    for (const settings::Queue& queue : config.queues) add(queue.settings.name);
    first_pipeline_ = names_.size();
    for (const settings::Pipeline& pipeline : config.pipelines) add(pipeline.settings.name);
    if (config.create && !config.create->settings.match.empty()) pattern_ = config.create->settings.match;
    add(created);
    links_.resize(names_.size());
}

bool Addresses::is_created(const std::string& name) const {
    return pattern_ && numbers_.count(name) == 0 && !name.empty() && name.size() <= wire::name_bytes_max &&
           fits_pattern(*pattern_, name);
}

bool Addresses::exists(const std::string& name) const {
    return (numbers_.count(name) > 0 && name != created) || is_created(name);
}

bool Addresses::check(const std::string& name, const settings::Place& place, const std::string& path,
                      settings::Problems& problems) const {
    if (exists(name)) return true;
    const std::vector<std::string> declared(names_.begin(), names_.end() - 1);
    const std::string near = settings::nearest(name, declared);
    problems.add({"address.unknown", place, path, name.empty() ? "an empty text" : name,
                  "the name of a queue or pipeline",
                  near.empty() ? "declare it under queues: or pipelines:" : "did you mean " + near + "?"});
    return false;
}

bool Addresses::check_queue(const std::string& name, const settings::Place& place, const std::string& path,
                            settings::Problems& problems) const {
    if (!check(name, place, path, problems)) return false;
    const std::size_t at = number(name);
    if (at < first_pipeline_ || at + 1 == names_.size()) return true;
    problems.add({"address.pipeline", place, path, name + ", a pipeline", "the name of a queue",
                  "name one of the queues that it sends to"});
    return false;
}

std::size_t Addresses::number(const std::string& name) const {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? names_.size() - 1 : found->second;
}

void Addresses::link(const std::string& from, const std::string& to, const settings::Place& place,
                     const std::string& path) {
    links_[number(from)].push_back({number(to), place, path});
}

struct Addresses::Walk {
    enum class State : std::uint8_t { unseen, on_the_way, done };
    settings::Problems& problems;
    std::vector<State> state;
    std::vector<std::size_t> way;
    std::vector<int> pipelines;  // on the longest way on from here, itself included
};

void Addresses::visit(std::size_t at, Walk& walk) const {
    walk.state[at] = Walk::State::on_the_way;
    walk.way.push_back(at);
    for (const Link& link : links_[at]) {
        if (walk.state[link.to] == Walk::State::unseen) {
            visit(link.to, walk);
        } else if (walk.state[link.to] == Walk::State::on_the_way) {
            const auto name = [&](std::size_t n) {
                // Without the NUL at its end, which no name in a file can have.
                return n + 1 == names_.size() ? created.substr(0, created.size() - 1) : names_[n];
            };
            std::string circle;
            auto step = std::find(walk.way.begin(), walk.way.end(), link.to);
            for (; step != walk.way.end(); ++step) circle += name(*step) + " -> ";
            walk.problems.add({"address.cycle", link.place, link.path, circle + name(link.to),
                               "a way that ends at a queue", "take one of these steps out"});
        }
    }
    walk.way.pop_back();
    walk.state[at] = Walk::State::done;
    if (at < first_pipeline_ || at + 1 == names_.size()) return;
    const Link* longest = nullptr;
    for (const Link& link : links_[at]) {
        if (longest == nullptr || walk.pipelines[link.to] > walk.pipelines[longest->to]) longest = &link;
    }
    walk.pipelines[at] = 1 + (longest == nullptr ? 0 : walk.pipelines[longest->to]);
    if (walk.pipelines[at] != pipelines_chained_max + 1) return;  // the shortest that is too long is told
    walk.problems.add({"address.chain", longest->place, longest->path,
                       "a way through " + std::to_string(walk.pipelines[at]) + " pipelines, from " + names_[at],
                       "at most " + std::to_string(pipelines_chained_max) + " one behind the other",
                       "lead messages to their queues by fewer steps"});
}

void Addresses::check_ways(settings::Problems& problems) const {
    Walk walk{
        problems, std::vector<Walk::State>(names_.size(), Walk::State::unseen), {}, std::vector<int>(names_.size())};
    for (std::size_t at = 0; at < names_.size(); ++at) {
        if (walk.state[at] == Walk::State::unseen) visit(at, walk);
    }
}

void Addresses::check_reachable(const settings::Config& config, settings::Problems& problems) const {
    std::vector<bool> reached(names_.size(), false);
    std::vector<std::size_t> next;
    const auto reach = [&](std::size_t at) {
        if (reached[at]) return;
        reached[at] = true;
        next.push_back(at);
    };
    reach(names_.size() - 1);  // producers make queues on demand
    for (const settings::Pipeline& pipeline : config.pipelines) reach(number(pipeline.settings.name));
    for (const settings::Queue& queue : config.queues) {
        if (queue.settings.publish_direct) reach(number(queue.settings.name));
    }
    while (!next.empty()) {
        const std::size_t at = next.back();
        next.pop_back();
        for (const Link& link : links_[at]) reach(link.to);
    }
    for (const settings::Queue& queue : config.queues) {
        if (reached[number(queue.settings.name)]) continue;
        problems.add({"address.unreachable", queue.place, settings::join_path("queues", queue.settings.name),
                      "a queue that nothing leads to", "a pipeline or dead_letter.to that names it",
                      "name it somewhere, or let producers do: publish: direct"});
    }
}

std::optional<ym_target> PipelineTargets::number(const settings::Node& at, settings::Problems& problems) {
    const auto found = numbers_.find(at.scalar);
    if (found != numbers_.end()) return found->second;
    if (!addresses_.check(at.scalar, at.place, at.path, problems)) return std::nullopt;
    const auto number = static_cast<ym_target>(names_.size());
    numbers_.emplace(at.scalar, number);
    names_.push_back(at.scalar);
    addresses_.link(pipeline_, at.scalar, at.place, at.path);
    return number;
}

}  // namespace ym::host
