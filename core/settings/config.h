// A settings file, read: typed, defaulted, inheritance resolved, every value knowing where it came from. Plugins
// are named, not yet loaded: core/host checks their maps against their schemas and makes the Topology.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "broker/topology.h"
#include "settings/node.h"

namespace ym::settings {

/// A map with `plugin: NAME`; all its other keys belong to the plugin's schema.
struct PluginUse {
    std::string plugin;
    Node settings;  // a map without `plugin`
    Place place;    // of the plugin's name
    std::string path;
};

struct Listener {
    std::string name;
    std::vector<std::string> bind;  // ZeroMQ endpoints, at least one
    PeerLimits limits;
    bool pirate = false;                    // speaks Paranoid Pirate: clients connect at `bind`,
    std::vector<std::string> bind_workers;  // and workers here
    std::string to;                         // the address of all its messages
    Place place;
    Place to_place;
};

struct Queue {
    QueueSettings settings;  // without `balance`, which the host makes
    PluginUse balance;
    Place place;  // of its name
    Place retry_place;
    Place dead_to_place;
};

struct Pipeline {
    PipelineSettings settings;  // without `route` and `targets`
    PluginUse route;
    Place place;
    std::vector<Place> optional_places;  // as settings.optional
    Place unmatched_place;
};

struct Retry {
    std::string name;
    PluginUse use;
};

struct Create {
    CreateSettings settings;  // without `make`
    std::string like;         // a template
};

struct LoadedPlugin {
    std::string id;    // "example.com/by-country"
    std::string file;  // searched in `plugins.path` unless it has a slash
    bool failure_is_unmatched = false;
    Place place;
};

/// The whole file. Every member holds its effective value.
struct Config {
    std::string file;
    std::shared_ptr<const Node> tree;  // as written, checked; what print() of settings/print.h goes by
    std::vector<Listener> listeners;
    std::string admin_bind;
    std::string log_level;   // trace | debug | info | warning | error
    std::string log_format;  // text | json
    Duration drain{};
    std::uint64_t memory_max = 0;
    std::uint64_t queues_max = 0;
    std::vector<std::string> plugin_path;
    Duration plugin_budget{};  // what one call may take
    std::vector<LoadedPlugin> plugins;
    PluginUse store;
    std::vector<Retry> retries;              // `default` among them
    std::map<std::string, Queue> templates;  // `default` among them
    std::vector<Queue> queues;
    std::vector<Pipeline> pipelines;
    std::optional<Create> create;
    MajordomoSettings majordomo;
    std::map<std::string, Place> services_places;  // as majordomo.services
};

/// A socket that peers connect to. A listener has one; of Paranoid Pirate two, for clients and for workers.
struct Port {
    std::string name;  // for people
    std::vector<std::string> bind;
    ListenerSettings settings;
};

/// The sockets of all listeners, in the order that FrameReceived::listener counts them by.
[[nodiscard]] std::vector<Port> ports_of(const Config& config);

/// Reads `file`. Every problem that can be seen without plugins goes to `problems`; the Config is usable only if there
/// is none. Environment variables are looked up with `variable` (null: not set).
using Variable = const char* (*)(const char* name);
[[nodiscard]] Config read(const std::string& file, Variable variable, Problems& problems);

/// The same from a text; `file` is the name that problems show.
[[nodiscard]] Config read_text(const std::string& text, const std::string& file, Variable variable, Problems& problems);

/// The same from the tree of a text, or a part of one.
[[nodiscard]] Config read_tree(Node root, const std::string& file, Variable variable, Problems& problems);

}  // namespace ym::settings
