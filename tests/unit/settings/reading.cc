#include "unit/settings/reading.h"

#include <gmock/gmock.h>

#include <sstream>

namespace ym::settings::test {
namespace {

void describe(std::ostream& out, const Node& node) {
    switch (node.kind) {
        case NodeKind::null: out << "~"; break;
        case NodeKind::scalar: out << "'" << node.scalar << "'"; break;
        case NodeKind::list:
            for (const Node& item : node.items) {
                out << "- ";
                describe(out, item);
                out << " ";
            }
            break;
        case NodeKind::map:
            for (const Entry& entry : node.entries) {
                out << "{" << entry.key << " ";
                describe(out, entry.value);
                out << "}";
            }
    }
}

void describe(std::ostream& out, const std::string& path, const PluginUse& use) {
    out << path << " = " << use.plugin;
    if (!use.settings.entries.empty()) out << " ";
    describe(out, use.settings);
    out << "\n";
}

void describe(std::ostream& out, const Listener& listener) {
    const PeerLimits& limits = listener.limits;
    out << "listener " << listener.name;
    for (const std::string& bind : listener.bind) out << " " << bind;
    out << " " << limits.peers << " " << limits.frame << " " << limits.records << " " << limits.unconfirmed << " "
        << limits.replies << " " << limits.heartbeat.count() << " " << limits.heartbeats << " " << limits.missed << " "
        << limits.grace.count();
    if (listener.pirate) out << " ppp";
    for (const std::string& bind : listener.bind_workers) out << " " << bind;
    if (!listener.to.empty()) out << " to " << listener.to;
    out << "\n";
}

void describe(std::ostream& out, const std::string& kind, const Queue& queue) {
    const QueueSettings& s = queue.settings;
    out << kind << " " << s.name << " " << s.durable << " " << s.retry << " " << s.lease.count() << " "
        << s.lease_max.count() << " " << s.limits.messages << " " << s.limits.bytes << " " << s.limits.in_flight << " "
        << s.limits.rate << " " << static_cast<int>(s.limits.when_full) << " " << s.dead_keep.count() << " "
        << s.dead_max << " " << s.dead_to << " " << s.weight << " " << s.publish_direct << "\n";
    describe(out, "  balance", queue.balance);
}

void describe(std::ostream& out, const Pipeline& pipeline) {
    const PipelineSettings& s = pipeline.settings;
    out << "pipeline " << s.name << " " << static_cast<int>(s.unmatched) << " " << s.unmatched_to << " optional";
    for (const std::string& name : s.optional) out << " " << name;
    out << " reply " << s.reply_timeout.count() << " " << s.reply_keep.count() << " " << s.reply_max << " set "
        << (s.set.priority ? std::to_string(*s.set.priority) : "-") << " " << s.set.key.value_or("-") << " "
        << s.set.type.value_or("-") << "\n";
    describe(out, "  route", pipeline.route);
}

}  // namespace

Config read_good(const std::string& text) {
    Problems problems;
    Config config = read_text(text, "broker.yaml", variable, problems);
    EXPECT_THAT(lines_of(problems), testing::IsEmpty());
    return config;
}

std::string describe(const Config& config) {
    std::ostringstream out;
    for (const Listener& listener : config.listeners) describe(out, listener);
    out << "admin " << config.admin_bind << "\nlog " << config.log_level << " " << config.log_format << "\ndrain "
        << config.drain.count() << "\nlimits " << config.memory_max << " " << config.queues_max << "\nplugins";
    for (const std::string& folder : config.plugin_path) out << " " << folder;
    out << " budget " << config.plugin_budget.count();
    for (const LoadedPlugin& plugin : config.plugins)
        out << " " << plugin.id << "=" << plugin.file << "," << plugin.failure_is_unmatched;
    out << "\n";
    describe(out, "store", config.store);
    for (const Retry& retry : config.retries) describe(out, "retry " + retry.name, retry.use);
    for (const auto& [name, queue] : config.templates) describe(out, "template", queue);
    for (const Queue& queue : config.queues) describe(out, "queue", queue);
    for (const Pipeline& pipeline : config.pipelines) describe(out, pipeline);
    out << "majordomo " << config.majordomo.busy_max.count() << " " << config.majordomo.reply_refusals;
    for (const auto& [service, to] : config.majordomo.services) out << " " << service << "=" << to;
    out << "\n";
    if (config.create)
        out << "create " << config.create->settings.match << " " << config.create->like << " "
            << config.create->settings.max << " " << config.create->settings.idle.count() << "\n";
    return out.str();
}

}  // namespace ym::settings::test
