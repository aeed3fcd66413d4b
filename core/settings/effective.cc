#include "settings/effective.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "settings/units.h"
#include "settings/value.h"
#include "settings/yaml_reader.h"

namespace ym::settings {
namespace {

struct Default {
    std::string_view key;
    std::string_view value;
};

constexpr std::size_t template_depth_max = 16;

// The retry that queues have when nobody wrote one. It names all keys, so that `check --print` shows them.
constexpr Default retry_default[] = {{"plugin", "backoff"}, {"initial", "500ms"}, {"factor", "2"}, {"max", "5m"},
                                     {"jitter", "20%"},     {"attempts", "8"},    {"age", "1d"}};

Node leaf(std::string_view value, std::string path) {
    Node node;
    node.kind = NodeKind::scalar;
    node.scalar = value;
    node.path = std::move(path);
    return node;
}

Node built_in_retry() {
    Node node;
    node.kind = NodeKind::map;
    node.path = "retries.default";
    for (const Default& d : retry_default)
        node.entries.push_back({std::string(d.key), {}, leaf(d.value, join_path(node.path, d.key))});
    return node;
}

Entry* find_entry(Node& map, std::string_view key) {
    const auto found =
        std::find_if(map.entries.begin(), map.entries.end(), [&](const Entry& entry) { return entry.key == key; });
    return found == map.entries.end() ? nullptr : &*found;
}

void mark_inherited(Node& node, const std::string& source) {
    node.inherited = source;
    for (Entry& entry : node.entries) mark_inherited(entry.value, source);
    for (Node& item : node.items) mark_inherited(item, source);
}

/// Lays the free tree `over` (of `source`) over `base`.
void merge(Node& base, const Node& over, const std::string& source) {
    if (over.broken) return;
    if (base.kind != NodeKind::map || over.kind != NodeKind::map) {
        base = over;
        mark_inherited(base, source);
        return;
    }
    base.place = over.place;
    base.inherited = source;
    for (const Entry& entry : over.entries) {
        if (Entry* known = find_entry(base, entry.key)) {
            known->key_place = entry.key_place;
            merge(known->value, entry.value, source);
        } else {
            base.entries.push_back(entry);
            mark_inherited(base.entries.back().value, source);
        }
    }
}

/// A plugin map. One that names its plugin replaces what lies below: the keys there belong to another schema, or mean
/// something else beside the new ones.
Node merge_plugin(Node base, std::span<const Layer> layers) {
    for (const Layer& layer : layers) {
        if (layer.node->broken || layer.node->kind != NodeKind::map) continue;
        if (const Node* plugin = layer.node->find("plugin"); plugin != nullptr && !plugin->broken) base = Node{};
        merge(base, *layer.node, layer.source);
    }
    return base;
}

Node effective(const Setting& setting, std::vector<Layer> layers, const std::string& path);

Node effective_map(std::span<const Setting> settings, std::span<const Layer> layers, const std::string& path) {
    Node map;
    map.kind = NodeKind::map;
    map.path = path;
    if (!layers.empty()) map.place = layers.back().node->place;
    for (const Setting& setting : settings) {
        std::vector<Layer> below;
        Place key_place;
        for (const Layer& layer : layers) {
            // What a template is like says nothing about what is like the template.
            if (setting.kind == Kind::template_name && !layer.source.empty()) continue;
            for (const Entry& entry : layer.node->entries) {
                if (entry.key != setting.key || entry.value.broken) continue;
                below.push_back({&entry.value, layer.source});
                key_place = entry.key_place;
            }
        }
        const std::string key(setting.key);
        Node value = effective(setting, std::move(below), join_path(path, key));
        map.entries.push_back({key, std::move(key_place), std::move(value)});
    }
    return map;
}

Node effective_leaf(const Setting& setting, std::span<const Layer> layers, const std::string& path) {
    const bool has_default = !setting.otherwise.empty() && setting.otherwise != required;
    if (layers.empty()) {
        Node value = leaf(has_default ? setting.otherwise : "", path);
        if (!has_default) value.kind = NodeKind::null;
        return value;
    }
    Node value = *layers.back().node;
    value.inherited = layers.back().source;
    return value;
}

Node effective(const Setting& setting, std::vector<Layer> layers, const std::string& path) {
    switch (setting.kind) {
        case Kind::map: {
            const bool absent = std::none_of(layers.begin(), layers.end(),
                                             [](const Layer& layer) { return layer.node->kind == NodeKind::map; });
            if (absent && setting.otherwise.empty()) return {};
            return effective_map(setting.inside, layers, path);
        }
        case Kind::plugin: {
            Node base;
            if (setting.otherwise != required) {
                base.kind = NodeKind::map;
                base.path = path;
                base.entries.push_back({"plugin", {}, leaf(setting.otherwise, join_path(path, "plugin"))});
            }
            return merge_plugin(std::move(base), layers);
        }
        case Kind::names: {
            Node map;
            map.kind = NodeKind::map;
            map.path = path;
            if (layers.empty()) return map;
            for (const Entry& entry : layers.back().node->entries)
                if (!entry.value.broken)
                    map.entries.push_back(
                        {entry.key, entry.key_place,
                         effective(setting.inside[0], {{&entry.value, {}}}, join_path(path, entry.key))});
            map.place = layers.back().node->place;
            return map;
        }
        case Kind::list: {
            Node list = effective_leaf(setting, layers, path);
            list.kind = NodeKind::list;
            if (list.path.empty()) list.path = path;
            list.items.erase(
                std::remove_if(list.items.begin(), list.items.end(), [](const Node& n) { return n.broken; }),
                list.items.end());
            return list;
        }
        default: return effective_leaf(setting, layers, path);
    }
}

const Setting& top_setting(std::string_view name) {
    const Setting* setting = find(table(), name);
    YM_CHECK(setting != nullptr);
    return *setting;
}

}  // namespace

Effective::Effective(const Node& root, Problems& problems) : root_(root) {
    link_templates(problems);
}

std::vector<Named> Effective::named(std::string_view section) const {
    std::vector<Named> things;
    const Node* node = root_.find(section);
    const bool has_default = section == "retries" || section == "templates";
    const bool written = node != nullptr && node->kind == NodeKind::map && !node->broken;
    if (has_default && !(written && node->find("default") != nullptr)) things.push_back({"default", {}, nullptr});
    if (!written) return things;
    for (const Entry& entry : node->entries)
        if (!entry.value.broken) things.push_back({entry.key, entry.key_place, &entry.value});
    return things;
}

Node Effective::value(std::string_view section, const Named& thing) const {
    const Setting& setting = top_setting(section);
    const std::string path = join_path(section, thing.name);
    std::vector<Layer> layers;
    if (section == "templates") {
        layers = template_layers(thing.name);
        if (!layers.empty() && thing.own != nullptr && layers.back().node == thing.own) layers.back().source.clear();
    } else {
        if (section == "queues") {
            const Node* like = thing.own == nullptr ? nullptr : thing.own->find("like");
            const bool has_like = like != nullptr && !like->broken && like->kind == NodeKind::scalar;
            layers = template_layers(has_like ? like->scalar : "default");
        }
        if (thing.own != nullptr) layers.push_back({thing.own, {}});
    }
    if (section == "retries" && thing.name == "default") return merge_plugin(built_in_retry(), layers);
    Node value = effective(setting.inside[0], std::move(layers), path);
    const bool is_root = section == "templates" && thing.name == "default";
    if (is_root) value.entries.erase(value.entries.begin());  // `like`, the first key: `default` is like nothing
    return value;
}

Node Effective::section(std::string_view name) const {
    const Node* node = root_.find(name);
    std::vector<Layer> layers;
    if (node != nullptr && !node->broken && node->kind != NodeKind::null) layers.push_back({node, {}});
    return effective(top_setting(name), std::move(layers), std::string(name));
}

std::vector<Layer> Effective::template_layers(const std::string& name) const {
    std::vector<Layer> layers;
    const auto chain = chains_.find(name);
    if (chain == chains_.end()) return layers;
    for (const std::string& link : chain->second)
        if (const Node* node = templates_.at(link)) layers.push_back({node, link});
    return layers;
}

const Node* Effective::like_of(const std::string& name) const {
    const Node* node = templates_.at(name);
    const Node* like = node == nullptr ? nullptr : node->find("like");
    const bool usable = like != nullptr && like->kind == NodeKind::scalar && templates_.contains(like->scalar);
    return usable ? like : nullptr;
}

void Effective::link_templates(Problems& problems) {
    for (const Named& thing : named("templates"))
        templates_[thing.name] = thing.own != nullptr && thing.own->kind == NodeKind::map ? thing.own : nullptr;
    std::set<std::string> told;  // one problem a cycle
    for (const auto& [name, own] : templates_) {
        std::vector<std::string> chain;  // from `name` up to `default`
        std::string next = name;
        while (next != "default") {
            if (std::find(chain.begin(), chain.end(), next) != chain.end()) break;
            if (chain.size() == template_depth_max) {
                problems.add("template.depth", *own,
                             name + ", with more than " + std::to_string(template_depth_max) + " templates above it",
                             "fewer", "let templates be like `default` directly");
                break;
            }
            chain.push_back(next);
            const Node* like = like_of(next);
            const std::string above = like != nullptr ? like->scalar : "default";
            const bool cycle = like != nullptr && std::find(chain.begin(), chain.end(), above) != chain.end();
            if (cycle && !told.contains(above)) {
                problems.add("template.cycle", *like, above + ", which is like " + name,
                             "a template that does not lead back to itself", "take one `like` out");
                told.insert(chain.begin(), chain.end());
            }
            next = above;
        }
        chain.emplace_back("default");
        chains_[name] = {chain.rbegin(), chain.rend()};
    }
    const Node* own = templates_["default"];
    const Node* like = own == nullptr ? nullptr : own->find("like");
    if (like != nullptr && like->kind == NodeKind::scalar && !like->broken)
        problems.add("template.root", *like, like->scalar, "no `like` here",
                     "`default` is what all other templates begin with");
}

std::string canonical(const Setting& setting, const Node& node) {
    if (node.scalar == none && setting.otherwise == none) return node.scalar;
    const auto number = number_of(setting.kind, node.scalar);
    if (!number) return node.scalar;
    switch (setting.kind) {
        case Kind::duration: return format_duration(std::chrono::milliseconds(*number));
        case Kind::bytes: return format_bytes(*number);
        case Kind::count: return format_count(*number);
        case Kind::rate: return format_rate(*number);
        default: return node.scalar;
    }
}

}  // namespace ym::settings
