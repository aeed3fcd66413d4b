#include "settings/tree_check.h"

#include <algorithm>

#include "base/pattern.h"
#include "settings/value.h"

namespace ym::settings {
namespace {

constexpr std::size_t nearest_problems_max = 100;  // beyond it nobody reads, and looking for near names takes time

std::string shown(const Node& node) {
    switch (node.kind) {
        case NodeKind::null: return "no value";
        case NodeKind::list: return node.items.empty() ? "an empty list" : "a list";
        case NodeKind::map: return node.entries.empty() ? "an empty map" : "a map";
        case NodeKind::scalar: break;
    }
    constexpr std::size_t longest = 80;
    if (node.scalar.empty()) return "an empty text";
    if (node.scalar.size() <= longest) return node.scalar;
    std::size_t size = longest;
    while (size > 0 && (node.scalar[size] & 0xc0) == 0x80) --size;
    return node.scalar.substr(0, size) + "...";
}

class TreeCheck {
  public:
    TreeCheck(const AllNames& names, Problems& problems) : names_(names), problems_(problems) {}

    void check(const Setting& setting, Node& node) {
        if (node.broken) return;
        switch (setting.kind) {
            case Kind::map: return check_map(setting, node);
            case Kind::names: return check_names(setting, node);
            case Kind::list: return check_list(setting, node);
            case Kind::plugin: return check_plugin(setting, node);
            default: return check_leaf(setting, node);
        }
    }

    void check_keys(std::span<const Setting> settings, Node& node) {
        for (Entry& entry : node.entries) {
            if (const Setting* setting = find(settings, entry.key)) {
                check(*setting, entry.value);
                continue;
            }
            std::vector<std::string> known;
            for (const Setting& setting : settings) known.emplace_back(setting.key);
            std::string all;
            for (const std::string& key : known) all += (all.empty() ? "" : ", ") + key;
            problems_.add({"key.unknown", entry.key_place, entry.value.path,
                           "the unknown key " + (entry.key.empty() ? "\"\"" : entry.key),
                           known.size() == 1 ? all : "one of " + all, near(entry.key, known)});
            entry.value.broken = true;
        }
        for (const Setting& setting : settings)
            if (setting.otherwise == required && node.find(setting.key) == nullptr) missing(setting, node);
    }

  private:
    void refuse(const char* id, Node& node, std::string expected, std::string hint) {
        problems_.add(id, node, shown(node), std::move(expected), std::move(hint));
        node.broken = true;
    }

    [[nodiscard]] std::string near(const std::string& name, const std::vector<std::string>& known) const {
        if (problems_.count() > nearest_problems_max) return {};
        const std::string best = nearest(name, known);
        return best.empty() ? "" : "did you mean " + best + "?";
    }

    void missing(const Setting& setting, const Node& map) {
        const std::string key(setting.key);
        std::string hint = "add `" + key + ": ...`";
        if (setting.kind == Kind::version) hint = "begin the file with `yardmaster: 1`";
        if (setting.kind == Kind::plugin) hint = "add `" + key + ": {plugin: NAME}`";
        if (key == "listeners") hint = "add `listeners: {main: {bind: [\"tcp://127.0.0.1:5555\"]}}`";
        const std::string at = map.path.empty() ? key : map.path + "." + key;
        problems_.add({"key.missing", map.place, at, "no key " + key, describe(setting), hint});
    }

    void check_map(const Setting& setting, Node& node) {
        const bool as_default =
            node.kind == NodeKind::null && (setting.otherwise == its_defaults || setting.key != "*");
        if (as_default) return;
        if (node.kind == NodeKind::null && find(setting.inside, "route") != nullptr)
            return refuse("map.expected", node, describe(setting),
                          "a pipeline has no default route: {route: {plugin: direct, to: NAME}}");
        if (node.kind != NodeKind::map) {
            const bool named = setting.key == "*" && setting.otherwise == its_defaults;
            return refuse("map.expected", node, describe(setting),
                          named ? "write `~` for all defaults, or {KEY: VALUE}" : "write {KEY: VALUE}");
        }
        check_keys(setting.inside, node);
    }

    void check_names(const Setting& setting, Node& node) {
        const bool none_needed = node.kind == NodeKind::null && setting.otherwise != required;
        if (none_needed) return;
        if (node.kind != NodeKind::map)
            return refuse(
                "map.expected", node, describe(setting),
                setting.inside[0].kind == Kind::address ? "write {NAME: ADDRESS}" : "write {NAME: {KEY: VALUE}}");
        if (node.entries.empty() && setting.otherwise == required)
            return refuse("map.count", node, "at least one name", {});
        for (Entry& entry : node.entries) {
            if (const auto fault = check_name(setting.names, entry.key)) {
                problems_.add({fault->id, entry.key_place, entry.value.path,
                               entry.key.empty() ? "an empty name" : entry.key, "a printable name of 1 to 255 octets",
                               fault->hint});
            }
            check(setting.inside[0], entry.value);
        }
    }

    void check_list(const Setting& setting, Node& node) {
        if (node.kind == NodeKind::null && setting.otherwise != required) return;
        if (node.kind != NodeKind::list)
            return refuse("list.expected", node, "a list",
                          node.kind == NodeKind::scalar ? "write [\"" + shown(node) + "\"]" : "");
        if (node.items.empty() && setting.otherwise == required)
            return refuse("list.count", node, "at least one item", {});
        std::set<std::string> seen;
        for (Node& item : node.items) {
            check(setting.inside[0], item);
            if (item.broken || seen.insert(item.scalar).second) continue;
            refuse("list.repeated", item, "each item once", "take one of them out");
        }
    }

    void check_plugin(const Setting& setting, Node& node) {
        const bool has_default = setting.otherwise != required;
        const std::string example = has_default ? std::string(setting.otherwise) : "NAME";
        if (node.kind == NodeKind::null && has_default) return;
        if (node.kind != NodeKind::map) {
            const bool name_alone = node.kind == NodeKind::scalar && !node.scalar.empty();
            return refuse("plugin.map", node, describe(setting),
                          "write {plugin: " + (name_alone ? shown(node) : example) + "}");
        }
        Node* name = nullptr;
        for (Entry& entry : node.entries)
            if (entry.key == "plugin") name = &entry.value;
        // A queue's `balance`, or the retry `default`, adds to what it inherits unless it names a plugin.
        const bool inherits = has_default || node.path == "retries.default";
        if (name == nullptr) {
            if (inherits) return;
            problems_.add("plugin.missing", node, "a map without `plugin`", describe(setting),
                          "add `plugin: " + example + "`");
            node.broken = true;
            return;
        }
        if (name->broken) return;
        if (name->kind != NodeKind::scalar || check_text_value(name->scalar, name_octets_max))
            refuse("plugin.name", *name, "the name of a plugin", {});
    }

    void check_leaf(const Setting& setting, Node& node) {
        if (node.kind == NodeKind::null && setting.otherwise.empty() && setting.key != "[]") return;  // `~`: not set
        if (node.kind == NodeKind::null) {
            const bool has_default = !setting.otherwise.empty() && setting.otherwise != required;
            return refuse("value.missing", node, describe(setting),
                          has_default ? "leave the key out for the default, " + std::string(setting.otherwise) : "");
        }
        if (node.kind != NodeKind::scalar) return refuse("scalar.expected", node, describe(setting), {});
        if (const auto fault = check_value(setting, node.scalar)) {
            problems_.add(fault->id, node, shown(node), describe(setting), fault->hint);
            node.broken = true;
            return;
        }
        check_reference(setting, node);
    }

    void check_reference(const Setting& setting, Node& node) {
        if (setting.kind == Kind::template_name && !names_.templates.has(node.scalar))
            return refuse("template.unknown", node, describe(setting), near(node.scalar, names_.templates.list()));
        if (setting.kind == Kind::retry_name && !names_.retries.has(node.scalar))
            return refuse("retry.unknown", node, describe(setting), near(node.scalar, names_.retries.list()));
        if (setting.kind != Kind::address || names_.addresses.has(node.scalar)) return;
        if (!names_.created.empty() && !check_name(NameKind::address, node.scalar) &&
            fits_pattern(names_.created, node.scalar))
            return;
        std::vector<std::string> known = words_of(setting.range);
        if (std::find(known.begin(), known.end(), node.scalar) != known.end()) return;
        known.insert(known.end(), names_.addresses.list().begin(), names_.addresses.list().end());
        refuse("address.unknown", node, describe(setting), near(node.scalar, known));
    }

    const AllNames& names_;
    Problems& problems_;
};

void collect(const Node& root, std::string_view section, Names& names) {
    const Node* node = root.find(section);
    if (node == nullptr || node->kind != NodeKind::map) return;
    for (const Entry& entry : node->entries) names.add(entry.key);
}

}  // namespace

AllNames collect_names(const Node& root) {
    AllNames names;
    collect(root, "queues", names.addresses);
    collect(root, "pipelines", names.addresses);
    const Node* create = root.find("create");
    const Node* match = create == nullptr ? nullptr : create->find("match");
    if (match != nullptr && match->kind == NodeKind::scalar) names.created = match->scalar;
    names.templates.add("default");
    collect(root, "templates", names.templates);
    names.retries.add("default");
    collect(root, "retries", names.retries);
    return names;
}

void check_tree(Node& root, const AllNames& names, Problems& problems) {
    TreeCheck(names, problems).check_keys(table(), root);
}

}  // namespace ym::settings
