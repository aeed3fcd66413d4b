#include "host/schema.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "host/rows.h"
#include "host/scalar.h"
#include "settings/yaml_reader.h"

namespace ym::host {
namespace {

using settings::Node;
using settings::NodeKind;

std::string what_is(const Node& node) {
    switch (node.kind) {
        case NodeKind::null: return "no value";
        case NodeKind::list: return "a list";
        case NodeKind::map: return "a map";
        case NodeKind::scalar: break;
    }
    constexpr std::size_t longest = 80;
    if (node.scalar.size() <= longest) return node.scalar.empty() ? "an empty text" : node.scalar;
    return node.scalar.substr(0, longest) + "...";
}

class Checker {
  public:
    Checker(const std::string& plugin, std::uint32_t setting_size, TargetSource* targets, settings::Problems& problems)
        : plugin_(plugin), size_(setting_size), targets_(targets), problems_(problems) {}

    [[nodiscard]] bool good() const { return good_; }

    void check_map(const ym_setting* rows, const Node& map, ym_value& out, int depth) {
        out.kind = YM_MAP;
        out.node = &map;
        if (depth > schema_depth_max)
            return schema_fault(map, "nested beyond " + std::to_string(schema_depth_max) + " levels");
        std::vector<std::string> names;
        const ym_setting* any = nullptr;
        for (std::size_t i = 0; rows != nullptr && row_at(rows, size_, i).key != nullptr; ++i) {
            const ym_setting& row = row_at(rows, size_, i);
            if (is_free(row)) {
                any = &row;
                continue;
            }
            names.emplace_back(row.key);
            out.keys.emplace_back(row.key);
            check_key(row, map, out.inside.emplace_back(), depth);
        }
        check_free_keys(any, names, map, out, depth);
    }

  private:
    void check_key(const ym_setting& row, const Node& map, ym_value& out, int depth) {
        const Node* node = map.find(row.key);
        out.node = node == nullptr ? &map : node;
        if (node != nullptr && node->kind != NodeKind::null) return check_value(row, *node, out, depth);
        if (row.otherwise != nullptr) return set_default(row, out, depth);
        if (node != nullptr) return check_value(row, *node, out, depth);
        bad({"key.missing", map.place, settings::join_path(map.path, row.key), std::string("no key ") + row.key,
             describe(row.kind, view(row.range)), std::string(view(row.doc))});
    }

    void check_free_keys(const ym_setting* any, const std::vector<std::string>& names, const Node& map, ym_value& out,
                         int depth) {
        const std::size_t fixed = out.keys.size();
        for (const settings::Entry& entry : map.entries) {
            bool known = false;
            for (std::size_t i = 0; i < fixed && !known; ++i) known = out.keys[i] == entry.key;
            if (known) continue;
            if (any == nullptr) {
                unknown_key(names, map, entry);
            } else {
                out.keys.emplace_back(entry.key);
                ym_value& value = out.inside.emplace_back();
                check_value(*any, entry.value, value, depth);
                out.has_free_keys = true;
                value.key_is_target = view(any->key) == "@";
                if (value.key_is_target) set_target(key_as_node(map, entry), value);
            }
        }
    }

    /// A key that is an address.
    static Node key_as_node(const Node& map, const settings::Entry& entry) {
        Node node;
        node.kind = NodeKind::scalar;
        node.scalar = entry.key;
        node.place = entry.key_place;
        node.path = settings::join_path(map.path, entry.key);
        return node;
    }

    void unknown_key(const std::vector<std::string>& names, const Node& map, const settings::Entry& entry) {
        std::string hint;
        if (const std::string near = settings::nearest(entry.key, names); !near.empty()) {
            hint = "did you mean " + near + "?";
        } else if (entry.value.kind == NodeKind::null) {
            hint = "a text with a comma in it needs quotes";
        }
        std::string expected;
        for (const std::string& name : names) expected.append(expected.empty() ? "" : ", ").append(name);
        if (names.size() > 1) expected.insert(0, "one of ");
        if (names.empty()) expected = "no keys, " + plugin_ + " has no settings";
        bad({"key.unknown", entry.key_place, settings::join_path(map.path, entry.key), "the unknown key " + entry.key,
             expected, hint});
    }

    void check_value(const ym_setting& row, const Node& node, ym_value& out, int depth) {
        out.given = node.place.line > 0;  // a built-in default of the settings stands in no file
        out.node = &node;
        if (node.broken) {
            good_ = false;  // and told already
            return;
        }
        const std::string_view range = view(row.range);
        if (row.kind == YM_LIST) return check_list(row, node, out, depth);
        if (row.kind == YM_MAP) {
            if (node.kind == NodeKind::map) return check_map(row.inside, node, out, depth + 1);
            if (node.kind == NodeKind::null && row.inside != nullptr)
                return check_map(row.inside, node, out, depth + 1);
            if (node.kind == NodeKind::scalar && !range.empty()) return check_scalar(YM_CHOICE, range, node, out);
            return wrong_kind("map.expected", row, node);
        }
        if (row.kind < YM_TEXT || row.kind > YM_MAP) return schema_fault(node, "kind " + std::to_string(row.kind));
        if (node.kind != NodeKind::scalar) return wrong_kind("scalar.expected", row, node);
        check_scalar(row.kind, range, node, out);
    }

    void check_list(const ym_setting& row, const Node& node, ym_value& out, int depth) {
        out.kind = YM_LIST;
        if (node.kind != NodeKind::list) return wrong_kind("list.expected", row, node);
        if (row.inside == nullptr) return schema_fault(node, "a list without a kind of item");
        if (!is_within(node.items.size(), view(row.range))) {
            bad({"list.count", node.place, node.path, "a list of " + std::to_string(node.items.size()),
                 "a list of " + std::string(view(row.range)) + " items", ""});
        }
        out.inside.reserve(node.items.size());
        for (const Node& item : node.items) check_value(*row.inside, item, out.inside.emplace_back(), depth + 1);
    }

    void check_scalar(std::int32_t kind, std::string_view range, const Node& node, ym_value& out) {
        ScalarValue value;
        if (auto error = read_scalar(kind, node.scalar, range, value)) {
            return bad({std::move(error->id), node.place, node.path, what_is(node), std::move(error->expected),
                        std::move(error->hint)});
        }
        set_scalar(kind, node.scalar, value, out);
        if (kind == YM_TARGET) set_target(node, out);
    }

    void set_scalar(std::int32_t kind, std::string_view text, const ScalarValue& value, ym_value& out) {
        out.kind = kind;
        out.text = text;
        out.integer = value.integer;
        out.number = value.number;
    }

    void set_target(const Node& node, ym_value& out) {
        if (targets_ == nullptr) return schema_fault(node, "a target, which only a routing plugin can have");
        const std::optional<ym_target> number = targets_->number(node, problems_);
        if (number) {
            out.target = *number;
        } else {
            good_ = false;
        }
    }

    void set_default(const ym_setting& row, ym_value& out, int depth) {
        std::string_view text = view(row.otherwise);
        if (text == "~") return;
        if (row.kind == YM_MAP && text == "{}") {
            // The defaults inside stand at the map that lacks this one.
            Node empty;
            const Node* where = out.node;
            empty.kind = NodeKind::map;
            empty.place = where->place;
            empty.path = settings::join_path(where->path, row.key);
            check_map(row.inside, empty, out, depth + 1);
            return place_at(where, out);
        }
        if (row.kind == YM_LIST && text.size() >= 2 && text.front() == '[' && text.back() == ']') {
            return set_default_list(row, text, out);
        }
        set_default_scalar(row.kind == YM_MAP ? static_cast<std::int32_t>(YM_CHOICE) : row.kind, row, text, out);
    }

    void set_default_list(const ym_setting& row, std::string_view list, ym_value& out) {
        out.kind = YM_LIST;
        if (row.inside == nullptr) return;
        for (const std::string_view item : items_of(list)) {
            ym_value& value = out.inside.emplace_back();
            value.node = out.node;
            set_default_scalar(row.inside->kind, *row.inside, item, value);
        }
    }

    void set_default_scalar(std::int32_t kind, const ym_setting& row, std::string_view text, ym_value& out) {
        ScalarValue value;
        const bool is_scalar = kind >= YM_TEXT && kind <= YM_FIELD && kind != YM_TARGET;
        if (!is_scalar || read_scalar(kind, text, view(row.range), value)) {
            return schema_fault(*out.node, "the default " + std::string(text) + " of " + std::string(view(row.key)));
        }
        set_scalar(kind, text, value, out);
    }

    static void place_at(const Node* node, ym_value& value) {
        value.node = node;
        for (ym_value& inside : value.inside) place_at(node, inside);
    }

    void wrong_kind(const char* id, const ym_setting& row, const Node& node) {
        std::string hint;
        if (node.kind == NodeKind::null && row.kind == YM_TEXT) {
            hint = "a # that is not in quotes begins a comment";
        } else if (row.kind == YM_LIST && node.kind == NodeKind::scalar) {
            hint = "write [" + node.scalar + "]";
        }
        bad({id, node.place, node.path, what_is(node), describe(row.kind, view(row.range)), hint});
    }

    void schema_fault(const Node& node, const std::string& what) {
        bad({"plugin.schema", node.place, node.path, what, "a schema that this version of Yardmaster knows",
             "the fault lies in the plugin " + plugin_});
    }

    void bad(settings::Problem problem) {
        good_ = false;
        problems_.add(std::move(problem));
    }

    const std::string& plugin_;
    std::uint32_t size_;
    TargetSource* targets_;
    settings::Problems& problems_;
    bool good_ = true;
};

}  // namespace

bool check_settings(const std::string& plugin, Schema schema, const Node& map, TargetSource* targets,
                    settings::Problems& problems, ym_value& out) {
    Checker checker(plugin, schema.setting_size, targets, problems);
    checker.check_map(schema.settings, map, out, 0);
    return checker.good();
}

}  // namespace ym::host
