// Routing: which queues a message goes to, through pipelines and pipelines behind them.
#include <algorithm>

#include "base/prng.h"
#include "broker/machine.h"

namespace ym {

using wire::Field;
using wire::Status;

namespace {

/// What a policy has said of a message.
enum : std::uint8_t { nothing, matched_some, answered_wrong };

/// Gathers what a policy answers.
class Answers final : public RouteSink {
  public:
    Answers(std::vector<std::pair<std::uint32_t, AddressId>>& list, std::vector<std::uint8_t>& matched,
            std::size_t targets)
        : list_(list), matched_(matched), targets_(targets) {}
    void add(std::uint32_t message, AddressId to) override {
        if (message < matched_.size() && to.value < targets_) list_.emplace_back(message, to);
    }
    void fail(std::uint32_t message) override {
        if (message < matched_.size()) matched_[message] = answered_wrong;
    }

  private:
    std::vector<std::pair<std::uint32_t, AddressId>>& list_;
    std::vector<std::uint8_t>& matched_;  // by message
    std::size_t targets_;
};

bool sets_anything(const PipelineSet& set) {
    return set.priority || set.key || set.type;
}

void apply_set(const PipelineSet& set, Candidate& c) {
    if (set.priority && !c.priority_given) {
        c.priority = *set.priority;
        c.priority_given = c.set_priority = true;
    }
    if (set.key && c.key.data() == nullptr) {
        c.key = *set.key;
        c.set_key = true;
    }
    if (set.type && c.type.data() == nullptr) {
        c.type = *set.type;
        c.set_type = true;
    }
}

}  // namespace

void Broker::Machine::route(AddressId address) {
    const Address& to = addresses_[address.value];
    if (to.pipeline) {
        if (route_scratch_.empty()) route_scratch_.push_back(std::make_unique<RouteScratch>());
        std::vector<std::uint32_t>& messages = route_scratch_[0]->messages;
        messages.clear();
        for (std::uint32_t i = 0; i < candidates_.size(); ++i) messages.push_back(i);
        return route_pipeline(*to.pipeline, messages, false, 0);
    }
    const Queue& q = *to.queue;
    for (Candidate& c : candidates_) {
        if (q.orphan) {
            c.refused = Status::no_address;
            c.why = "this queue left the settings; it only drains";
        } else if (!q.settings.publish_direct) {
            c.refused = Status::no_address;
            c.why = "only pipelines publish to this queue (publish: pipeline)";
        } else {
            add_target(c, address, false);
        }
    }
}

void Broker::Machine::add_target(Candidate& c, AddressId to, bool optional) {
    for (std::uint32_t t = c.first; t != no_link; t = targets_[t].next) {
        if (targets_[t].queue != to) continue;
        targets_[t].optional = targets_[t].optional && optional;
        return;
    }
    const auto index = static_cast<std::uint32_t>(targets_.size());
    targets_.push_back({to, optional, no_link});
    if (c.first == no_link) {
        c.first = index;
    } else {
        targets_[c.last].next = index;
    }
    c.last = index;
}

void Broker::Machine::fill_columns(const Pipeline& p, std::span<const std::uint32_t> messages, RouteScratch& scratch) {
    if (scratch.columns.size() < p.columns.size()) scratch.columns.resize(p.columns.size());
    scratch.column_pointers.clear();
    for (std::size_t i = 0; i < p.columns.size(); ++i) {
        std::vector<std::string_view>& values = scratch.columns[i];
        values.clear();
        for (const std::uint32_t m : messages) {
            const Candidate& c = candidates_[m];
            switch (p.columns[i].kind) {
                case ColumnKind::topic: values.push_back(c.topic); break;
                case ColumnKind::type: values.push_back(c.type); break;
                case ColumnKind::key: values.push_back(c.key); break;
                case ColumnKind::header: values.push_back(header_of(c.fields, p.columns[i].header)); break;
            }
        }
        scratch.column_pointers.push_back(values.data());
    }
}

void Broker::Machine::route_pipeline(const Pipeline& p, std::span<const std::uint32_t> messages, bool optional,
                                     int depth) {
    if (depth >= pipelines_chained_max) {  // a test may build what settings refuse
        for (const std::uint32_t m : messages) {
            candidates_[m].refused = Status::unmatched;
            candidates_[m].why = "its way leads through too many pipelines";
        }
        return;
    }
    while (route_scratch_.size() <= static_cast<std::size_t>(depth) + 1) {
        route_scratch_.push_back(std::make_unique<RouteScratch>());
    }
    RouteScratch& scratch = *route_scratch_[static_cast<std::size_t>(depth)];
    if (sets_anything(p.settings.set)) {
        for (const std::uint32_t m : messages) apply_set(p.settings.set, candidates_[m]);
    }
    fill_columns(p, messages, scratch);
    scratch.random.clear();
    for (const std::uint32_t m : messages) scratch.random.push_back(mix64(route_random_ ^ candidates_[m].sequence));
    scratch.answers.clear();
    scratch.matched.assign(messages.size(), 0);
    scratch.chained.clear();
    const auto count = static_cast<std::uint32_t>(messages.size());
    const RouteBatch batch{count, scratch.column_pointers, scratch.random.data()};
    Answers sink(scratch.answers, scratch.matched, p.targets.size());
    if (!p.settings.route->route(batch, sink)) scratch.matched.assign(count, answered_wrong);
    for (const auto& [m, to] : scratch.answers) {
        if (scratch.matched[m] == answered_wrong) continue;
        scratch.matched[m] = matched_some;
        const PipelineTarget& target = p.targets[to.value];
        if (!addresses_[target.address.value].pipeline) {
            add_target(candidates_[messages[m]], target.address, optional || target.optional);
        } else {
            scratch.chained.emplace_back(to.value, messages[m]);
        }
    }
    std::uint32_t failed = 0;
    for (std::uint32_t m = 0; m < count; ++m) {
        if (scratch.matched[m] == matched_some) continue;
        Candidate& c = candidates_[messages[m]];
        failed += scratch.matched[m] == answered_wrong ? 1 : 0;
        if (scratch.matched[m] == nothing || p.settings.failure_is_unmatched) {
            unmatched(p, c, optional, depth);
        } else if (optional) {
            ++c.unmatched;  // it cannot refuse
        } else {
            c.refused = Status::unmatched;
            c.why = "the routing plugin failed";
        }
    }
    if (failed > 0) notice(NoticeKind::policy_failed, p.settings.name, "its routing plugin failed", failed);
    follow(p, scratch, optional, depth);
}

/// Routes what was sent on to pipelines, one batch each.
void Broker::Machine::follow(const Pipeline& p, RouteScratch& scratch, bool optional, int depth) {
    if (scratch.chained.empty()) return;
    std::sort(scratch.chained.begin(), scratch.chained.end());
    std::vector<std::uint32_t>& group = route_scratch_[static_cast<std::size_t>(depth) + 1]->messages;
    for (std::size_t i = 0; i < scratch.chained.size();) {
        const std::uint32_t to = scratch.chained[i].first;
        group.clear();
        for (; i < scratch.chained.size() && scratch.chained[i].first == to; ++i) {
            if (group.empty() || group.back() != scratch.chained[i].second) group.push_back(scratch.chained[i].second);
        }
        const PipelineTarget& target = p.targets[to];
        const Address& next = addresses_[target.address.value];
        YM_CHECK(next.pipeline != nullptr);
        route_pipeline(*next.pipeline, group, optional || target.optional, depth + 1);
    }
}

void Broker::Machine::unmatched(const Pipeline& p, Candidate& c, bool optional, int depth) {
    switch (p.settings.unmatched) {
        case Unmatched::reject:
            if (optional) {
                ++c.unmatched;  // it cannot refuse
                return;
            }
            c.refused = Status::unmatched;
            c.why = "no binding matches";
            return;
        case Unmatched::drop: ++c.unmatched; return;
        case Unmatched::forward: break;
    }
    const Address& to = addresses_[p.unmatched_to.value];
    if (!to.pipeline) return add_target(c, p.unmatched_to, optional);
    const auto index = static_cast<std::uint32_t>(&c - candidates_.data());
    std::vector<std::uint32_t> one{index};
    route_pipeline(*to.pipeline, one, optional, depth + 1);
}

}  // namespace ym
