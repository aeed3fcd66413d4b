#include "settings/table.h"

#include <array>

namespace ym::settings {
namespace {

constexpr auto address_names = NameKind::address;

constexpr Setting endpoint_item[] = {{"[]", Kind::endpoint, "", "", "a ZeroMQ endpoint"}};
constexpr Setting folder_item[] = {{"[]", Kind::text, "", "", "a folder"}};
constexpr Setting address_item[] = {{"[]", Kind::address, "", "", "a target of the route"}};

constexpr Setting heartbeat[] = {
    {"every", Kind::duration, "1s", "10ms..1h", "How often each side gives a sign of life"},
    {"rate", Kind::rate, "2000/s", "1/s..1000M/s",
     "Signs to all peers in a second; more peers each give and get theirs less often, and are told so"},
    {"missed", Kind::count, "10", "1..1000", "Signs that may be missed before the peer is gone"},
    {"grace", Kind::duration, "2s", "0s..1h", "Time to come back after a lost connection and go on where it stopped"},
};
constexpr Setting peer_limits[] = {
    {"peers", Kind::count, "10k", "1..1M", "Peers connected at a time"},
    {"frame", Kind::bytes, "16MiB", "4KiB..256MiB", "The largest frame that a peer may send"},
    {"records", Kind::count, "10k", "1..1M", "Records in one frame"},
    {"unconfirmed", Kind::count, "2000", "1..1M", "Messages that a producer may send ahead of their confirms"},
    {"replies", Kind::count, "200k", "1..100M", "Replies that a producer may wait for"},
};
constexpr Setting listener[] = {
    {"bind", Kind::list, required, "", "ZeroMQ endpoints: tcp://HOST:PORT or ipc://PATH", endpoint_item},
    {"protocol", Kind::choice, "ymp", "ymp|ppp",
     "ymp: YMP and Majordomo on one port; ppp: Paranoid Pirate, which has a port for each side"},
    {"bind_workers", Kind::list, "", "", "ppp: where workers connect, while clients do at `bind`", endpoint_item},
    {"to", Kind::address, "", "", "ppp: the address of all messages; its workers work on the queue of that name"},
    {"heartbeat", Kind::map, its_defaults, "", "Signs of life", heartbeat},
    {"limits", Kind::map, its_defaults, "", "Limits of each peer", peer_limits},
};
constexpr Setting listeners[] = {{"*", Kind::map, "", "", "A place where peers connect", listener}};

constexpr Setting admin[] = {
    {"bind", Kind::admin_endpoint, "", "",
     "Where `yardmaster status` asks, an ipc endpoint; ~ is a socket in the user's runtime folder"},
};
constexpr Setting log[] = {
    {"level", Kind::choice, "info", "trace|debug|info|warning|error", "The least important lines that are written"},
    {"format", Kind::choice, "text", "text|json", "Lines for people, or one JSON object a line"},
};
constexpr Setting shutdown[] = {
    {"drain", Kind::duration, "30s", "0s..1d",
     "How long workers may finish what they hold when the broker is told to stop"},
};
constexpr Setting limits[] = {
    {"memory", Kind::bytes, "1GiB", "1MiB..1024GiB",
     "Octets of messages in memory; what the store has leaves it first, beyond it publishes get 507"},
    {"queues", Kind::count, "10k", "1..1M", "Queues in all, those made on demand included"},
};

constexpr Setting loaded_plugin[] = {
    {"file", Kind::text, required, "", "The library; without a slash it is searched in `plugins.path`"},
    {"on_failure", Kind::choice, "reject", "reject|unmatched",
     "What happens to messages that the plugin fails to route"},
};
constexpr Setting loaded_plugins[] = {{"*", Kind::map, "", "", "A plugin, by its id", loaded_plugin}};
constexpr Setting plugins[] = {
    {"path", Kind::list, "", "", "Folders that are searched in order for the files of `load`", folder_item},
    {"budget", Kind::duration, "1s", "1ms..1h",
     "What one call of a plugin may take; a longer one has failed, and it is not asked again for as long"},
    {"load", Kind::names, "", "", "Plugins that are not bundled", loaded_plugins, NameKind::plugin_id},
};

constexpr Setting create[] = {
    {"match", Kind::pattern, required, "", "Undeclared addresses that become queues when somebody names them"},
    {"like", Kind::template_name, "default", "", "The template of such queues"},
    {"max", Kind::count, "1000", "1..1M", "Such queues at a time"},
    {"idle", Kind::duration, "1h", "1s..365d", "An empty one that nobody has used for so long goes away"},
};

constexpr Setting services[] = {{"*", Kind::address, "", "", "The address of a service, by its name"}};
constexpr Setting majordomo[] = {
    {"services", Kind::names, "", "", "Services of Majordomo whose address has another name", services},
    {"busy_max", Kind::duration, "1h", "1s..30d",
     "A Majordomo worker cannot extend its lease: it follows the connection, up to this"},
    {"on_refused", Kind::choice, "silence", "silence|reply",
     "What a Majordomo client gets when its request is refused: Majordomo has no word for it"},
};

constexpr Setting retries[] = {
    {"*", Kind::plugin, required, "", "What follows a failed attempt: a retry plugin and its keys"}};

constexpr Setting queue_limits[] = {
    {"messages", Kind::count, "10M", "1..1000M", "Live messages"},
    {"bytes", Kind::bytes, "10GiB", "1KiB..1024GiB", "Octets of the fields and bodies of live messages"},
    {"in_flight", Kind::count, none, "1..1000M", "Deliveries that are not settled, of all workers"},
    {"rate", Kind::rate, none, "1/s..1000M/s", "Deliveries in a second; what 100 ms allow may leave at once"},
    {"when_full", Kind::choice, "reject", "reject|drop_oldest|dead_letter",
     "What a full queue does with one more message"},
};
constexpr Setting dead_letter[] = {
    {"keep", Kind::duration, "30d", "0s..3650d", "How long dead letters are kept beside the queue"},
    {"max", Kind::count, "1M", "0..1000M", "Dead letters kept; the oldest goes first"},
    {"to", Kind::address, "", "", "Hands dead letters to this address instead of keeping them"},
};
constexpr Setting queue[] = {
    {"like", Kind::template_name, "default", "", "The template that gives what is not written here"},
    {"durable", Kind::boolean, "true", "", "A confirm waits for the store; false keeps messages in memory alone"},
    {"retry", Kind::retry_name, "default", "", "What follows a failed attempt, by its name in `retries`"},
    {"lease", Kind::duration, "30s", "1ms..30d", "Until an unanswered delivery returns; a worker may extend it"},
    {"lease_max", Kind::duration, "12h", "1ms..365d", "The longest lease, however often it is extended"},
    {"limits", Kind::map, its_defaults, "", "How much the queue takes and gives", queue_limits},
    {"balance", Kind::plugin, "round_robin", "", "Which worker gets the next message: a balance plugin and its keys"},
    {"weight", Kind::count, "1", "1..1000", "Turns of 16 messages, where several queues have some to hand out"},
    {"dead_letter", Kind::map, its_defaults, "", "What happens to messages that get no further attempt", dead_letter},
    {"publish", Kind::choice, "direct", "direct|pipeline",
     "Whether producers may name the queue, or only pipelines reach it"},
};
constexpr Setting templates[] = {{"*", Kind::map, its_defaults, "", "Settings that queues share with `like`", queue}};
constexpr Setting queues[] = {{"*", Kind::map, its_defaults, "", "A line of messages that wait for workers", queue}};

constexpr Setting reply[] = {
    {"timeout", Kind::duration, "30s", "1ms..1d", "A producer that waits for a reply longer gets 504"},
    {"keep", Kind::duration, "5m", "0s..1d", "How long replies are kept for a producer that is away"},
    {"max", Kind::count, "10k", "0..10M", "Replies kept for producers that are away"},
};
constexpr Setting fill[] = {
    {"priority", Kind::count, "", "0..31", "31 is first; messages without any have 16"},
    {"key", Kind::text, "", "", "The key that groups messages"},
    {"type", Kind::text, "", "", "The type of the message"},
};
constexpr Setting pipeline[] = {
    {"route", Kind::plugin, required, "", "Where messages go: a routing plugin and its keys"},
    {"unmatched", Kind::address, "reject", "reject|drop",
     "For messages that the route sends nowhere; drop counts them, an address takes them"},
    {"optional", Kind::list, "", "", "Targets of the route that cannot refuse: when full they count a drop",
     address_item},
    {"reply", Kind::map, its_defaults, "", "Replies of workers to producers that want one", reply},
    {"set", Kind::map, its_defaults, "", "Fields that are filled in where the producer left them empty", fill},
};
constexpr Setting pipelines[] = {{"*", Kind::map, "", "", "A named way in, with its routing", pipeline}};

constexpr Setting top[] = {
    {"yardmaster", Kind::version, required, "1..1", "The format of this file"},
    {"listeners", Kind::names, required, "", "Where peers connect", listeners},
    {"admin", Kind::map, its_defaults, "", "The administrator's socket, for its owner alone", admin},
    {"log", Kind::map, its_defaults, "", "The broker's own lines on standard error", log},
    {"shutdown", Kind::map, its_defaults, "", "A graceful end", shutdown},
    {"limits", Kind::map, its_defaults, "", "Limits of the whole broker", limits},
    {"plugins", Kind::map, its_defaults, "", "Plugins of your own; bundled ones are always found", plugins},
    {"create", Kind::map, "", "", "Queues on demand, for addresses that nobody declared", create},
    {"majordomo", Kind::map, its_defaults, "", "Peers that speak Majordomo or Paranoid Pirate", majordomo},
    {"store", Kind::plugin, "log", "", "Where durable queues are kept: a persistence plugin and its keys"},
    {"retries", Kind::names, "", "", "What follows a failed attempt, by name; `default` exists unwritten", retries},
    {"templates", Kind::names, "", "", "Settings that queues share; all begin with `default`, which exists unwritten",
     templates},
    {"queues", Kind::names, "", "", "Lines of messages; `NAME: ~` takes all defaults", queues, address_names},
    {"pipelines", Kind::names, "", "", "Ways in; their names and those of queues are one namespace of addresses",
     pipelines, address_names},
};

/// "reject|drop" as "reject or drop"; `last` is one more.
std::string alternatives(std::string_view words, std::string_view last = {}) {
    std::string out;
    while (!words.empty()) {
        const std::size_t bar = words.find('|');
        const std::string_view word = words.substr(0, bar);
        words.remove_prefix(bar == std::string_view::npos ? words.size() : bar + 1);
        const bool is_last = words.empty() && last.empty();
        if (!out.empty()) out += is_last ? " or " : ", ";
        out += word;
    }
    if (last.empty()) return out;
    return out.empty() ? std::string(last) : out + " or " + std::string(last);
}

std::string_view noun(Kind kind) {
    switch (kind) {
        case Kind::map: return "a map of settings";
        case Kind::names: return "a map of names";
        case Kind::list: return "a list";
        case Kind::plugin: return "a map with `plugin`";
        case Kind::version: return "1, the format that this program reads";
        case Kind::boolean: return "true or false";
        case Kind::count: return "a count";
        case Kind::bytes: return "a size";
        case Kind::rate: return "a rate";
        case Kind::duration: return "a duration";
        case Kind::choice: return "a word";
        case Kind::text: return "a text";
        case Kind::pattern: return "a name, in which * stands for any text";
        case Kind::endpoint: return "tcp://HOST:PORT or ipc://PATH";
        case Kind::admin_endpoint: return "ipc://PATH";
        case Kind::template_name: return "the name of a template";
        case Kind::retry_name: return "a name in `retries`";
        case Kind::address: return "the name of a queue or pipeline";
    }
    return "a value";
}

}  // namespace

std::span<const Setting> table() {
    return top;
}

const Setting* find(std::span<const Setting> settings, std::string_view key) {
    for (const Setting& setting : settings)
        if (setting.key == key) return &setting;
    return nullptr;
}

std::string describe(const Setting& setting) {
    if (setting.kind == Kind::choice) return alternatives(setting.range);
    if (setting.kind == Kind::address) return alternatives(setting.range, noun(setting.kind));
    std::string out(noun(setting.kind));
    const std::size_t dots = setting.range.find("..");
    if (dots != std::string_view::npos && setting.kind != Kind::version)
        out += " from " + std::string(setting.range.substr(0, dots)) + " to " +
               std::string(setting.range.substr(dots + 2));
    if (setting.otherwise == none) out += ", or none";
    return out;
}

}  // namespace ym::settings
