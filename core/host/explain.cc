#include "host/explain.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/prng.h"
#include "host/addresses.h"
#include "host/mentions.h"
#include "host/registry.h"

namespace ym::host {
namespace {

using settings::Node;
using settings::NodeKind;

/// No settings file can write this address.
const std::string probe = std::string("a probe\1", 8);

/// How often a route is asked, each time with another random number, to see whether chance decides.
constexpr std::uint32_t draws = 1000;

/// How many of the draws go to each address.
struct Answer {
    bool made = false;
    bool failed = false;
    std::map<std::string, std::uint32_t> counts;
    [[nodiscard]] std::uint32_t count(const std::string& address) const {
        const auto found = counts.find(address);
        return found == counts.end() ? 0 : found->second;
    }
};

class Counter final : public RouteSink {
  public:
    void add(std::uint32_t message, AddressId to) override { seen_.emplace(message, to.value); }
    void fail(std::uint32_t /*message*/) override { failed_ = true; }
    [[nodiscard]] const std::set<std::pair<std::uint32_t, std::uint32_t>>& seen() const { return seen_; }
    [[nodiscard]] bool failed() const { return failed_; }

  private:
    std::set<std::pair<std::uint32_t, std::uint32_t>> seen_;
    bool failed_ = false;
};

std::string_view field(const MessageFields& message, const std::string& column) {
    const auto text = [](const std::optional<std::string>& given) {
        return given ? std::string_view(*given) : std::string_view();
    };
    if (column == "topic") return text(message.topic);
    if (column == "type") return text(message.type);
    if (column == "key") return text(message.key);
    const auto found = message.headers.find(column.substr(std::string_view("header.").size()));
    return found == message.headers.end() ? std::string_view() : std::string_view(found->second);
}

bool is_at(const settings::Place& a, const settings::Place& b) {
    return a.line == b.line && a.column == b.column && a.file == b.file;
}

/// Puts another address where `mention` stands. Does nothing if it is not found.
void replace(Node& node, const Mention& mention, const std::string& with) {
    if (!mention.is_key && node.kind == NodeKind::scalar && is_at(node.place, mention.place)) node.scalar = with;
    for (Node& item : node.items) replace(item, mention, with);
    for (settings::Entry& entry : node.entries) {
        if (mention.is_key && entry.key == mention.address && is_at(entry.value.place, mention.place)) entry.key = with;
        replace(entry.value, mention, with);
    }
}

/// Leaves one binding of the list that `mention` belongs to.
void leave_alone(Node& node, const Mention& mention) {
    if (node.kind == NodeKind::list && node.path == mention.list && mention.binding < node.items.size()) {
        Node one = node.items[mention.binding];
        node.items.clear();
        node.items.push_back(std::move(one));
        return;
    }
    for (settings::Entry& entry : node.entries) leave_alone(entry.value, mention);
}

/// Asks one route.
class Asker {
  public:
    Asker(const Registry& registry, const settings::PluginUse& use, const MessageFields& message)
        : registry_(registry), use_(use), message_(message) {
        everything_.create.emplace();
        everything_.create->settings.match = "*";
    }

    [[nodiscard]] Answer ask(const Node& settings) const {
        settings::PluginUse use = use_;
        use.settings = settings;
        Addresses addresses(everything_);
        PipelineTargets targets(addresses, "");
        settings::Problems problems;
        const auto policy = registry_.routing(use, targets, problems);
        Answer answer;
        if (policy == nullptr) return answer;
        answer.made = true;
        std::vector<std::vector<std::string_view>> texts;
        for (const std::string& column : policy->columns()) texts.emplace_back(draws, field(message_, column));
        std::vector<const std::string_view*> columns;
        for (const auto& column : texts) columns.push_back(column.data());
        Prng prng(1);
        std::vector<std::uint64_t> random(draws);
        for (std::uint64_t& number : random) number = prng.next();
        Counter counter;
        answer.failed = !policy->route({draws, columns, random.data()}, counter) || counter.failed();
        for (const auto& [draw, target] : counter.seen()) ++answer.counts[targets.names().at(target)];
        return answer;
    }

    /// As it is, but for one mention that names the probe: how many draws that mention decides.
    [[nodiscard]] std::uint32_t count_with_probe(const Mention& mention) const {
        Node changed = use_.settings;
        replace(changed, mention, probe);
        return ask(changed).count(probe);
    }
    [[nodiscard]] bool matches_alone(const Mention& mention) const {
        Node changed = use_.settings;
        leave_alone(changed, mention);
        return ask(changed).count(mention.address) > 0;
    }

  private:
    const Registry& registry_;
    const settings::PluginUse& use_;
    const MessageFields& message_;
    settings::Config everything_;  // in which every address exists
};

class Explainer {
  public:
    Explainer(const settings::Config& config, const Registry& registry)
        : config_(config), registry_(registry), addresses_(config) {}

    Step follow(const std::string& address, MessageFields message, bool optional, bool first) {
        Step step;
        step.address = address;
        step.optional = optional;
        for (const settings::Queue& queue : config_.queues) {
            if (queue.settings.name != address) continue;
            step.place = queue.place;
            step.outcome = first && !queue.settings.publish_direct ? Outcome::not_direct : Outcome::queue;
            return step;
        }
        for (const settings::Pipeline& pipeline : config_.pipelines) {
            if (pipeline.settings.name == address) return through(pipeline, std::move(message), std::move(step));
        }
        if (addresses_.is_created(address)) step.outcome = Outcome::made_queue;
        return step;
    }

  private:
    Step through(const settings::Pipeline& pipeline, MessageFields message, Step step) {
        const PipelineSettings& settings = pipeline.settings;
        if (!message.key && settings.set.key) message.key = settings.set.key;
        if (!message.type && settings.set.type) message.type = settings.set.type;
        step.place = pipeline.place;
        step.plugin = pipeline.route.plugin;

        PipelineTargets targets(addresses_, settings.name);
        settings::Problems none;
        const auto values = registry_.read_route(pipeline.route, targets, none);
        YM_CHECK(values.has_value());  // build() has taken it
        const auto take = std::find(values->keys.begin(), values->keys.end(), "take");
        if (take != values->keys.end()) step.take = values->inside[std::size_t(take - values->keys.begin())].text;

        const Asker asker(registry_, pipeline.route, message);
        const Answer answer = asker.ask(pipeline.route.settings);
        if (!answer.made || answer.failed) {
            step.outcome = Outcome::failed;
            return step;
        }
        explain_bindings(asker, answer, mentions_of(*values), step);
        if (answer.counts.empty()) return unmatched(settings, message, std::move(step));
        step.outcome = Outcome::routed;
        for (const std::string& to : targets.names()) {
            if (answer.count(to) == 0) continue;
            const bool spare = std::count(settings.optional.begin(), settings.optional.end(), to) > 0;
            step.next.push_back(follow(to, message, step.optional || spare, false));
        }
        return step;
    }

    Step unmatched(const PipelineSettings& settings, const MessageFields& message, Step step) {
        if (settings.unmatched == Unmatched::forward) {
            step.outcome = Outcome::forwarded;
            step.next.push_back(follow(settings.unmatched_to, message, step.optional, false));
        } else {
            const bool drops = settings.unmatched == Unmatched::drop || step.optional;
            step.outcome = drops ? Outcome::dropped : Outcome::rejected;
        }
        return step;
    }

    static void explain_bindings(const Asker& asker, const Answer& answer, const std::vector<Mention>& mentions,
                                 Step& step) {
        for (const Mention& mention : mentions) {
            Explained one{mention.address, mention.label, mention.place, mention.path, Verdict::not_chosen, 1};
            std::uint32_t count = answer.count(mention.address);
            if (!mention.list.empty()) {
                one.place = mention.binding_place;
                count = asker.count_with_probe(mention);
                if (count == 0) one.verdict = asker.matches_alone(mention) ? Verdict::shadowed : Verdict::no_match;
            } else if (count > 0 && std::count_if(mentions.begin(), mentions.end(), [&](const Mention& other) {
                                        return other.address == mention.address && other.list.empty();
                                    }) > 1) {
                // Several name this address: those that the answer follows. A plugin may also go by the names
                // themselves; then changing one says nothing, and each of them is as true.
                const std::uint32_t followed = asker.count_with_probe(mention);
                if (followed > 0) count = followed;
            }
            if (count > 0) {
                one.verdict = count == draws ? Verdict::taken : Verdict::chance;
                one.share = static_cast<double>(count) / draws;
            }
            step.bindings.push_back(std::move(one));
        }
    }

    const settings::Config& config_;
    const Registry& registry_;
    Addresses addresses_;
};

}  // namespace

std::string_view name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::taken: return "taken";
        case Verdict::no_match: return "no_match";
        case Verdict::shadowed: return "shadowed";
        case Verdict::not_chosen: return "not_chosen";
        case Verdict::chance: return "chance";
    }
    return "";
}

std::string_view name_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::queue: return "queue";
        case Outcome::made_queue: return "made_queue";
        case Outcome::routed: return "routed";
        case Outcome::forwarded: return "forwarded";
        case Outcome::rejected: return "rejected";
        case Outcome::dropped: return "dropped";
        case Outcome::failed: return "failed";
        case Outcome::not_direct: return "not_direct";
        case Outcome::no_address: return "no_address";
    }
    return "";
}

Step explain(const settings::Config& config, const Registry& registry, const std::string& address,
             const MessageFields& message) {
    return Explainer(config, registry).follow(address, message, false, true);
}

}  // namespace ym::host
