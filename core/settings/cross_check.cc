#include "settings/cross_check.h"

#include <map>

#include "settings/units.h"

namespace ym::settings {
namespace {

std::string at(const Place& place) {
    return place.file + ":" + std::to_string(place.line);
}

/// The entries of a section that is a map.
const std::vector<Entry>& entries(const Node& root, std::string_view section) {
    static const std::vector<Entry> nothing;
    const Node* node = root.find(section);
    return node != nullptr && node->kind == NodeKind::map ? node->entries : nothing;
}

void check_addresses(const Node& root, Problems& problems) {
    std::map<std::string, Place> queues;
    for (const Entry& queue : entries(root, "queues")) queues.emplace(queue.key, queue.key_place);
    for (const Entry& pipeline : entries(root, "pipelines")) {
        const auto twin = queues.find(pipeline.key);
        if (twin == queues.end()) continue;
        problems.add({"name.twice", pipeline.key_place, pipeline.value.path,
                      "the name of a queue, at " + at(twin->second), "one namespace for queues and pipelines",
                      "give one of them another name"});
    }
}

void check_endpoint_once(const Node& node, std::map<std::string, Place>& seen, Problems& problems) {
    const bool any_port = node.scalar.ends_with(":0") || node.scalar.ends_with(":*");
    if (node.broken || node.kind != NodeKind::scalar || any_port) return;
    const auto [first, fresh] = seen.emplace(node.scalar, node.place);
    if (!fresh)
        problems.add("endpoint.twice", node, node.scalar + ", also at " + at(first->second), "each endpoint once",
                     "give one of them another port or path");
}

void check_endpoints(const Effective& effective, const Node& root, Problems& problems) {
    std::map<std::string, Place> seen;
    for (const Entry& listener : entries(root, "listeners")) {
        const Node* bind = listener.value.find("bind");
        if (bind == nullptr) continue;
        for (const Node& item : bind->items) check_endpoint_once(item, seen, problems);
        const Node* workers = listener.value.find("bind_workers");
        if (workers == nullptr) continue;
        for (const Node& item : workers->items) check_endpoint_once(item, seen, problems);
    }
    const Node admin = effective.section("admin");
    if (const Node* bind = admin.find("bind")) check_endpoint_once(*bind, seen, problems);
}

/// Keys that belong to one protocol.
void check_protocols(const Effective& effective, Problems& problems) {
    for (const Named& thing : effective.named("listeners")) {
        const Node value = effective.value("listeners", thing);
        const bool pirate = value.find("protocol")->scalar == "ppp";
        for (const std::string_view key : {"bind_workers", "to"}) {
            const Node& node = *value.find(key);
            const bool given = node.kind == NodeKind::list ? !node.items.empty() : !node.scalar.empty();
            if (pirate && !given && !node.broken)
                problems.add("protocol.needs", *value.find("protocol"), "ppp without " + std::string(key),
                             "`bind_workers`, where workers connect, and `to`, the address of all messages",
                             "add " + std::string(key == "to" ? "to: QUEUE" : "bind_workers: [ENDPOINT]"));
            if (!pirate && given)
                problems.add("protocol.foreign", node, std::string(key) + " at a listener that speaks ymp",
                             "`protocol: ppp` with it", "take the key out, or add protocol: ppp");
        }
    }
}

/// `thing` has its own value for `lease` or `lease_max`: one that it has from a template is told there.
void check_leases(const Effective& effective, std::string_view section, Problems& problems) {
    for (const Named& thing : effective.named(section)) {
        if (thing.own == nullptr || thing.own->kind != NodeKind::map) continue;
        if (thing.own->find("lease") == nullptr && thing.own->find("lease_max") == nullptr) continue;
        const Node value = effective.value(section, thing);
        const Node& lease = *value.find("lease");
        const Node& lease_max = *value.find("lease_max");
        if (*parse_duration(lease.scalar) <= *parse_duration(lease_max.scalar)) continue;
        const bool lease_is_own = lease.place.line > 0 && lease.inherited.empty();
        problems.add("lease.max", lease_is_own ? lease : lease_max,
                     "a lease of " + lease.scalar + " and a lease_max of " + lease_max.scalar,
                     "a lease that is not longer than lease_max", "change one of them");
    }
}

void check_queue_count(const Effective& effective, const Node& root, Problems& problems) {
    const Node limits = effective.section("limits");
    const Node& max = *limits.find("queues");
    const std::size_t count = entries(root, "queues").size();
    if (count <= *parse_count(max.scalar)) return;
    problems.add("queues.count", *root.find("queues"), std::to_string(count) + " queues",
                 "at most " + max.scalar + ", as limits.queues says", "raise limits.queues");
}

}  // namespace

void cross_check(const Effective& effective, const Node& root, Problems& problems) {
    check_addresses(root, problems);
    check_endpoints(effective, root, problems);
    check_protocols(effective, problems);
    check_leases(effective, "templates", problems);
    check_leases(effective, "queues", problems);
    check_queue_count(effective, root, problems);
}

}  // namespace ym::settings
