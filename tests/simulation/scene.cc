#include "scene.h"

#include <algorithm>
#include <sstream>

namespace ym::simulation {
namespace {

std::string text_of(Duration d) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + "ms";
}

std::string text_of_limit(std::uint64_t n) {
    return n == unlimited ? "none" : std::to_string(n);
}

std::vector<std::string_view> words_of(std::string_view topic) {
    std::vector<std::string_view> words;
    std::size_t at = 0;
    for (;;) {
        const std::size_t dot = topic.find('.', at);
        words.push_back(topic.substr(at, dot == std::string_view::npos ? dot : dot - at));
        if (dot == std::string_view::npos) return words;
        at = dot + 1;
    }
}

bool matches(const std::string_view* pattern, std::size_t patterns, const std::string_view* word, std::size_t words) {
    if (patterns == 0) return words == 0;
    if (*pattern == "#") {
        for (std::size_t skip = 0; skip <= words; ++skip) {
            if (matches(pattern + 1, patterns - 1, word + skip, words - skip)) return true;
        }
        return false;
    }
    if (words == 0 || (*pattern != "*" && *pattern != *word)) return false;
    return matches(pattern + 1, patterns - 1, word + 1, words - 1);
}

void write_queue(std::ostringstream& out, const Scene& scene, const QueueScene& q) {
    static constexpr const char* full[] = {"reject", "drop_oldest", "dead_letter"};
    out << "{durable: " << (q.durable ? "true" : "false") << ", retry: " << scene.retries[q.retry].name
        << ", lease: " << text_of(q.lease) << ", lease_max: " << text_of(q.lease_max) << ", weight: " << q.weight
        << ", publish: " << (q.publish_direct ? "direct" : "pipeline") << ", balance: {plugin: " << q.balance << "}";
    out << ", limits: {when_full: " << full[static_cast<std::size_t>(q.when_full)];
    if (q.messages != unlimited) out << ", messages: " << q.messages;
    out << ", in_flight: " << text_of_limit(q.in_flight) << ", rate: ";
    out << (q.rate == unlimited ? "none" : std::to_string(q.rate) + "/s") << "}";
    if (!q.dead_to.empty()) out << ", dead_letter: {to: " << q.dead_to << "}";
    out << "}\n";
}

void write_retry(std::ostringstream& out, const RetryScene& r) {
    out << "  " << r.name << ": {";
    if (r.kind == RetryKind::none) {
        out << "plugin: none}\n";
        return;
    }
    if (r.kind == RetryKind::fixed) {
        out << "plugin: fixed, delay: " << text_of(r.initial) << ", attempts: " << r.attempts << "}\n";
        return;
    }
    out << "plugin: backoff, initial: " << text_of(r.initial) << ", max: " << text_of(r.max)
        << ", attempts: " << r.attempts << ", reasons: {reject: dead_letter"
        << (r.lost_at_once ? ", worker_lost: {delay: 0s}" : "") << "}}\n";
}

void write_pipeline(std::ostringstream& out, const PipelineScene& p) {
    out << "  " << p.name << ":\n    route: {plugin: ";
    const std::string& first = p.bindings.front().to;
    if (p.kind == RouteKind::direct) {
        out << "direct, to: " << first << "}\n";
    } else if (p.kind == RouteKind::key_hash) {
        out << "key_hash, to: [" << first << "]}\n";
    } else if (p.kind == RouteKind::headers) {
        out << "headers, bindings: [{all: {never: there}, to: " << first << "}, {to: " << first << "}]}\n";
    } else if (p.kind == RouteKind::weighted) {
        out << "weighted, by: key, shares: {" << first << ": 100%}}\n";
    } else if (p.kind == RouteKind::fanout) {
        out << "fanout, to: [";
        for (std::size_t i = 0; i < p.bindings.size(); ++i) out << (i == 0 ? "" : ", ") << p.bindings[i].to;
        out << "]}\n";
    } else {
        out << "topic, take: " << (p.take_first ? "first" : "all") << ", bindings: [";
        for (std::size_t i = 0; i < p.bindings.size(); ++i) {
            out << (i == 0 ? "" : ", ") << "{match: \"" << p.bindings[i].match << "\", to: " << p.bindings[i].to << "}";
        }
        out << "]}\n";
    }
    if (!p.optional.empty()) {
        out << "    optional: [";
        for (std::size_t i = 0; i < p.optional.size(); ++i) out << (i == 0 ? "" : ", ") << p.optional[i];
        out << "]\n";
    }
    if (p.unmatched != Unmatched::reject) {
        out << "    unmatched: " << (p.unmatched == Unmatched::drop ? "drop" : p.unmatched_to) << "\n";
    }
    out << "    reply: {timeout: " << text_of(p.reply_timeout) << "}\n";
    if (p.has_priority) out << "    set: {priority: " << int{p.priority} << "}\n";
}

/// Walks pipelines from `address` and gathers the queues that it leads to.
struct Walk {
    const Scene& scene;
    std::string_view topic;
    Route& found;

    void add(std::size_t queue, bool optional) const {
        for (Target& target : found.targets) {
            if (target.queue != queue) continue;
            target.optional = target.optional && optional;
            return;
        }
        found.targets.push_back({queue, optional});
    }

    /// A part that finds no queue and may refuse refuses the whole.
    [[nodiscard]] Way go(std::string_view address, bool optional, bool first) const {
        const std::size_t queue = scene.find_queue(address);
        if (queue < scene.queues.size()) {
            const QueueScene& q = scene.queues[queue];
            if (q.removed || (first && !q.publish_direct)) return Way::no_address;
            add(queue, optional);
            return Way::routed;
        }
        const PipelineScene* pipeline = scene.find_pipeline(address);
        if (pipeline == nullptr) return Way::no_address;
        if (first) found.reply_timeout = pipeline->reply_timeout;
        // The first pipeline on the way that fills it wins; what the producer gave comes before all.
        if (pipeline->has_priority && !found.has_priority) {
            found.has_priority = true;
            found.priority = pipeline->priority;
        }
        bool any = false;
        for (const Binding& binding : pipeline->bindings) {
            if (!applies(*pipeline, binding)) continue;
            any = true;
            const bool spare = std::count(pipeline->optional.begin(), pipeline->optional.end(), binding.to) > 0;
            if (go(binding.to, optional || spare, false) == Way::unmatched) return Way::unmatched;
            if (pipeline->kind == RouteKind::topic && pipeline->take_first) break;
        }
        if (any) return Way::routed;
        if (pipeline->unmatched == Unmatched::drop) return Way::dropped;
        if (pipeline->unmatched == Unmatched::reject) return optional ? Way::dropped : Way::unmatched;
        return go(pipeline->unmatched_to, optional, false);
    }

    [[nodiscard]] bool applies(const PipelineScene& pipeline, const Binding& binding) const {
        const std::size_t queue = scene.find_queue(binding.to);
        if (queue < scene.queues.size() && scene.queues[queue].removed) return false;
        if (pipeline.kind != RouteKind::topic) return true;
        const std::vector<std::string_view> pattern = words_of(binding.match);
        const std::vector<std::string_view> words = words_of(topic);
        return matches(pattern.data(), pattern.size(), words.data(), words.size());
    }
};

}  // namespace

std::size_t Scene::find_queue(std::string_view name) const {
    for (std::size_t i = 0; i < queues.size(); ++i) {
        if (queues[i].name == name) return i;
    }
    return queues.size();
}

const PipelineScene* Scene::find_pipeline(std::string_view name) const {
    for (const PipelineScene& pipeline : pipelines) {
        if (pipeline.name == name) return &pipeline;
    }
    return nullptr;
}

std::string to_yaml(const Scene& scene) {
    std::ostringstream out;
    const PeerLimits& l = scene.limits;
    out << "yardmaster: 1\nlisteners:\n  main:\n    bind: [\"ipc://simulated\"]\n    heartbeat: {every: "
        << text_of(l.heartbeat) << ", rate: " << l.heartbeats << "/s, missed: " << l.missed
        << ", grace: " << text_of(l.grace) << "}\n    limits: {peers: " << l.peers << ", frame: " << l.frame
        << "B, records: " << l.records << ", unconfirmed: " << l.unconfirmed << ", replies: " << l.replies << "}\n";
    out << "limits: {memory: " << scene.memory_max << "B}\nshutdown: {drain: " << text_of(scene.drain) << "}\n";
    out << "majordomo: {busy_max: " << text_of(scene.busy_max)
        << ", on_refused: " << (scene.tell_refused ? "reply" : "silence") << "}\n";
    out << "store: {plugin: memory}\nretries:\n";
    for (const RetryScene& retry : scene.retries) write_retry(out, retry);
    if (!scene.create_match.empty()) {
        out << "create: {match: \"" << scene.create_match << "\", like: demanded, idle: " << text_of(scene.create_idle)
            << "}\ntemplates:\n  demanded: ";
        write_queue(out, scene, scene.queues[scene.create_like]);
    }
    out << "queues:\n";
    for (const QueueScene& q : scene.queues) {
        if (q.on_demand || q.removed) continue;
        out << "  " << q.name << ": ";
        write_queue(out, scene, q);
    }
    if (!scene.pipelines.empty()) out << "pipelines:\n";
    for (PipelineScene p : scene.pipelines) {
        // A binding to a queue that was taken out goes with it: a route may name only what exists.
        const auto gone = [&](const std::string& to) {
            const std::size_t queue = scene.find_queue(to);
            return queue < scene.queues.size() && scene.queues[queue].removed;
        };
        std::erase_if(p.bindings, [&](const Binding& b) { return gone(b.to); });
        std::erase_if(p.optional, gone);
        write_pipeline(out, p);
    }
    return out.str();
}

Route route(const Scene& scene, std::string_view address, std::string_view topic) {
    Route found;
    found.reply_timeout = 30s;
    found.way = Walk{scene, topic, found}.go(address, false, true);
    if (found.way != Way::routed) found.targets.clear();
    if (found.way == Way::routed && found.targets.empty()) found.way = Way::dropped;
    return found;
}

}  // namespace ym::simulation
