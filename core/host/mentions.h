// Where a route's settings name addresses: what `check --graph` draws and `route` explains.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/value.h"
#include "settings/node.h"

namespace ym::host {

/// One value, or key, that names an address.
struct Mention {
    std::string address;
    std::string label;      // what stands beside it: "order.*.eu", "95%", "all {country: de}"; may be empty
    settings::Place place;  // of the name
    std::string path;
    bool is_key = false;            // of a map whose keys are addresses
    std::string list;               // path of the list of bindings that it belongs to; empty: none
    std::size_t binding = 0;        // which one of them
    settings::Place binding_place;  // of that one
};

/// All of them, in the order of the schema and the file.
[[nodiscard]] std::vector<Mention> mentions_of(const ym_value& settings);

}  // namespace ym::host
