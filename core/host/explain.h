// Where a message would go, and why: each route on its way asked binding by binding.
//
// Nothing here knows what a plugin does. A binding has led to an address when the answer follows a change of that
// address in the settings, and it would match when it does so alone; the rest is told as it is found.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "settings/config.h"

namespace ym::host {

class Registry;

struct MessageFields {
    std::optional<std::string> topic, type, key;
    std::map<std::string, std::string> headers;
};

enum class Verdict : std::uint8_t {
    taken,       // the message goes there
    no_match,    // not even if it stood alone
    shadowed,    // it matches, but another one before it has taken the message
    not_chosen,  // an address that is not among the answers
    chance,      // taken for some of the random numbers that a message may have
};
[[nodiscard]] std::string_view name_of(Verdict verdict);

/// One place in a route's settings that names an address.
struct Explained {
    std::string address;
    std::string label;      // "order.*.eu"
    settings::Place place;  // of the binding, or of the name where there is none
    std::string path;
    Verdict verdict = Verdict::not_chosen;
    double share = 1;  // with Verdict::chance: of the messages
};

enum class Outcome : std::uint8_t {
    queue,       // it ends here
    made_queue,  // a queue that is made on demand
    routed,      // to what `next` holds
    forwarded,   // no binding matches: to the address of `unmatched`, in `next`
    rejected,    // no binding matches; `unmatched: reject`
    dropped,     // no binding matches; `unmatched: drop`, or the way there is optional
    failed,      // the plugin could not say; on_failure: reject
    not_direct,  // a queue to which only pipelines publish
    no_address,
};
[[nodiscard]] std::string_view name_of(Outcome outcome);

/// What happens at one address.
struct Step {
    std::string address;
    settings::Place place;
    Outcome outcome = Outcome::no_address;
    bool optional = false;  // its queue cannot refuse
    std::string plugin;     // of a pipeline
    std::string take;       // "first" or "all", where its settings say so
    std::vector<Explained> bindings;
    std::vector<Step> next;
};

/// Follows a message that is published to `address`. `config` was taken by Host::build().
[[nodiscard]] Step explain(const settings::Config& config, const Registry& registry, const std::string& address,
                           const MessageFields& message);

}  // namespace ym::host
