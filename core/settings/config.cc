// From a checked tree to a Config: each key of the table has its line here, in the order of the table.
#include "settings/config.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/check.h"
#include "settings/cross_check.h"
#include "settings/effective.h"
#include "settings/endpoint.h"
#include "settings/tree_check.h"
#include "settings/units.h"
#include "settings/yaml_reader.h"

namespace ym::settings {
namespace {

/// A key of an effective map. Its values are checked already, so what does not fit is a bug here.
class Reader {
  public:
    explicit Reader(const Node& map) : map_(map) {}

    [[nodiscard]] const Node& node(std::string_view key) const {
        const Node* node = map_.find(key);
        YM_CHECK(node != nullptr);
        return *node;
    }
    [[nodiscard]] Reader in(std::string_view key) const { return Reader(node(key)); }
    /// Empty if not set.
    [[nodiscard]] const std::string& text(std::string_view key) const { return node(key).scalar; }
    [[nodiscard]] const Place& place(std::string_view key) const { return node(key).place; }
    [[nodiscard]] Duration duration(std::string_view key) const { return get(parse_duration(text(key))); }
    [[nodiscard]] std::uint64_t bytes(std::string_view key) const { return get(parse_bytes(text(key))); }
    [[nodiscard]] std::uint64_t count(std::string_view key) const {
        return text(key) == none ? unlimited : get(parse_count(text(key)));
    }
    [[nodiscard]] std::uint64_t rate(std::string_view key) const {
        return text(key) == none ? unlimited : get(parse_rate(text(key)));
    }
    [[nodiscard]] std::optional<std::string> optional_text(std::string_view key) const {
        if (node(key).kind == NodeKind::null) return std::nullopt;
        return text(key);
    }
    [[nodiscard]] std::vector<std::string> texts(std::string_view key) const {
        std::vector<std::string> texts;
        for (const Node& item : node(key).items) texts.push_back(item.scalar);
        return texts;
    }

  private:
    template <class T>
    static T get(const std::optional<T>& value) {
        YM_CHECK(value.has_value());
        return *value;
    }

    const Node& map_;
};

PluginUse plugin_use(const Node& map) {
    PluginUse use;
    use.settings = map;
    use.place = map.place;
    use.path = map.path;
    std::vector<Entry>& entries = use.settings.entries;
    for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
        if (entry->key != "plugin") continue;
        use.plugin = entry->value.scalar;
        use.place = entry->value.place;
        entries.erase(entry);
        break;
    }
    return use;
}

Listener read_listener(const Named& thing, const Node& value) {
    const Reader read(value);
    const Reader heartbeat = read.in("heartbeat");
    const Reader limits = read.in("limits");
    Listener listener;
    listener.name = thing.name;
    listener.place = thing.place;
    listener.bind = read.texts("bind");
    listener.pirate = read.text("protocol") == "ppp";
    listener.bind_workers = read.texts("bind_workers");
    listener.to = read.text("to");
    listener.to_place = read.place("to");
    listener.limits.heartbeat = heartbeat.duration("every");
    listener.limits.heartbeats = heartbeat.rate("rate");
    listener.limits.missed = static_cast<std::uint32_t>(heartbeat.count("missed"));
    listener.limits.grace = heartbeat.duration("grace");
    listener.limits.peers = limits.count("peers");
    listener.limits.frame = limits.bytes("frame");
    listener.limits.records = limits.count("records");
    listener.limits.unconfirmed = limits.count("unconfirmed");
    listener.limits.replies = limits.count("replies");
    return listener;
}

WhenFull when_full(const std::string& word) {
    if (word == "drop_oldest") return WhenFull::drop_oldest;
    return word == "dead_letter" ? WhenFull::dead_letter : WhenFull::reject;
}

Queue read_queue(const Named& thing, const Node& value) {
    const Reader read(value);
    const Reader limits = read.in("limits");
    const Reader dead_letter = read.in("dead_letter");
    Queue queue;
    QueueSettings& settings = queue.settings;
    queue.place = thing.place;
    settings.name = thing.name;
    settings.durable = read.text("durable") == "true";
    settings.retry = read.text("retry");
    queue.retry_place = read.place("retry");
    settings.lease = read.duration("lease");
    settings.lease_max = read.duration("lease_max");
    settings.limits.messages = limits.count("messages");
    settings.limits.bytes = limits.bytes("bytes");
    settings.limits.in_flight = limits.count("in_flight");
    settings.limits.rate = limits.rate("rate");
    settings.limits.when_full = when_full(limits.text("when_full"));
    queue.balance = plugin_use(read.node("balance"));
    settings.weight = static_cast<std::uint32_t>(read.count("weight"));
    settings.dead_keep = dead_letter.duration("keep");
    settings.dead_max = dead_letter.count("max");
    settings.dead_to = dead_letter.text("to");
    queue.dead_to_place = dead_letter.place("to");
    settings.publish_direct = read.text("publish") == "direct";
    return queue;
}

Pipeline read_pipeline(const Named& thing, const Node& value) {
    const Reader read(value);
    const Reader reply = read.in("reply");
    const Reader set = read.in("set");
    Pipeline pipeline;
    PipelineSettings& settings = pipeline.settings;
    pipeline.place = thing.place;
    settings.name = thing.name;
    pipeline.route = plugin_use(read.node("route"));
    const std::string& unmatched = read.text("unmatched");
    pipeline.unmatched_place = read.place("unmatched");
    if (unmatched == "drop") {
        settings.unmatched = Unmatched::drop;
    } else if (unmatched != "reject") {
        settings.unmatched = Unmatched::forward;
        settings.unmatched_to = unmatched;
    }
    settings.optional = read.texts("optional");
    for (const Node& item : read.node("optional").items) pipeline.optional_places.push_back(item.place);
    settings.reply_timeout = reply.duration("timeout");
    settings.reply_keep = reply.duration("keep");
    settings.reply_max = reply.count("max");
    if (const auto priority = set.optional_text("priority"))
        settings.set.priority = static_cast<std::uint8_t>(set.count("priority"));
    settings.set.key = set.optional_text("key");
    settings.set.type = set.optional_text("type");
    return pipeline;
}

void read_broker(const Effective& effective, Variable variable, Config& config) {
    const Node admin = effective.section("admin");
    const Node log = effective.section("log");
    const Node shutdown = effective.section("shutdown");
    const Node limits = effective.section("limits");
    const auto bind = Reader(admin).optional_text("bind");
    config.admin_bind = bind ? *bind : default_admin_endpoint(variable);
    config.log_level = Reader(log).text("level");
    config.log_format = Reader(log).text("format");
    config.drain = Reader(shutdown).duration("drain");
    config.memory_max = Reader(limits).bytes("memory");
    config.queues_max = Reader(limits).count("queues");
    config.store = plugin_use(effective.section("store"));
}

void read_plugins(const Effective& effective, Config& config) {
    const Node plugins = effective.section("plugins");
    config.plugin_path = Reader(plugins).texts("path");
    config.plugin_budget = Reader(plugins).duration("budget");
    for (const Entry& entry : Reader(plugins).node("load").entries) {
        if (entry.value.find("file") == nullptr) continue;
        const Reader read(entry.value);
        config.plugins.push_back(
            {entry.key, read.text("file"), read.text("on_failure") == "unmatched", entry.key_place});
    }
}

void read_create(const Effective& effective, Config& config) {
    const Node create = effective.section("create");
    if (create.kind != NodeKind::map) return;
    const Reader read(create);
    Create& made = config.create.emplace();
    made.settings.match = read.text("match");
    made.like = read.text("like");
    made.settings.max = read.count("max");
    made.settings.idle = read.duration("idle");
}

void read_majordomo(const Effective& effective, Config& config) {
    const Node majordomo = effective.section("majordomo");
    const Reader read(majordomo);
    for (const Entry& service : read.node("services").entries) {
        config.majordomo.services.emplace(service.key, service.value.scalar);
        config.services_places.emplace(service.key, service.value.place);
    }
    config.majordomo.busy_max = read.duration("busy_max");
    config.majordomo.reply_refusals = read.text("on_refused") == "reply";
}

void read_things(const Effective& effective, Config& config) {
    for (const Named& thing : effective.named("listeners"))
        config.listeners.push_back(read_listener(thing, effective.value("listeners", thing)));
    for (const Named& thing : effective.named("retries"))
        config.retries.push_back({thing.name, plugin_use(effective.value("retries", thing))});
    for (const Named& thing : effective.named("templates"))
        config.templates.emplace(thing.name, read_queue(thing, effective.value("templates", thing)));
    for (const Named& thing : effective.named("queues"))
        config.queues.push_back(read_queue(thing, effective.value("queues", thing)));
    for (const Named& thing : effective.named("pipelines"))
        config.pipelines.push_back(read_pipeline(thing, effective.value("pipelines", thing)));
}

}  // namespace

std::vector<Port> ports_of(const Config& config) {
    std::vector<Port> ports;
    for (const Listener& listener : config.listeners) {
        const Protocol protocol = listener.pirate ? Protocol::pirate_clients : Protocol::ymp;
        ports.push_back({listener.name, listener.bind, {listener.limits, protocol, listener.to}});
        if (!listener.pirate) continue;
        ports.push_back({listener.name + " (workers)",
                         listener.bind_workers,
                         {listener.limits, Protocol::pirate_workers, listener.to}});
    }
    return ports;
}

Config read_text(const std::string& text, const std::string& file, Variable variable, Problems& problems) {
    Config config;
    config.file = file;
    std::optional<Node> root = read_yaml(text, file, variable, problems);
    if (!root) return config;
    return read_tree(std::move(*root), file, variable, problems);
}

Config read_tree(Node root, const std::string& file, Variable variable, Problems& problems) {
    Config config;
    config.file = file;
    check_tree(root, collect_names(root), problems);
    config.tree = std::make_shared<const Node>(std::move(root));
    const Effective effective(*config.tree, problems);
    read_broker(effective, variable, config);
    read_plugins(effective, config);
    read_create(effective, config);
    read_majordomo(effective, config);
    read_things(effective, config);
    cross_check(effective, *config.tree, problems);
    return config;
}

Config read(const std::string& file, Variable variable, Problems& problems) {
    Config config;
    config.file = file;
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    std::string text(yaml_octets_max + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!stream.is_open() || stream.bad() || (stream.gcount() == 0 && errno != 0)) {
        problems.add({"file.read",
                      {file, 0, 0},
                      {},
                      errno == 0 ? "no readable file" : std::strerror(errno),
                      "a settings file",
                      "give the path of one, such as config/quickstart.yaml"});
        return config;
    }
    text.resize(static_cast<std::size_t>(stream.gcount()));
    return read_text(text, file, variable, problems);
}

}  // namespace ym::settings
