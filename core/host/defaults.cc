// A plugin's settings as `check --print` shows them: what is written, and the defaults of the schema.
#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "host/rows.h"
#include "host/schema.h"
#include "settings/yaml_reader.h"

namespace ym::host {
namespace {

using settings::Entry;
using settings::Node;
using settings::NodeKind;

class Completer {
  public:
    Completer(const std::string& plugin, std::uint32_t setting_size) : plugin_(plugin), size_(setting_size) {}

    [[nodiscard]] Node map(const ym_setting* rows, const Node& written, int depth) const {
        Node out = written;
        if (rows == nullptr || depth > schema_depth_max) return out;
        out.kind = NodeKind::map;
        out.entries.clear();
        std::set<std::string_view> named;
        const ym_setting* any = nullptr;
        for (std::size_t i = 0; row_at(rows, size_, i).key != nullptr; ++i) {
            const ym_setting& row = row_at(rows, size_, i);
            if (is_free(row)) {
                any = &row;
                continue;
            }
            named.insert(row.key);
            add(row, written, out, depth);
        }
        for (const Entry& entry : written.entries) {
            if (named.count(entry.key) > 0) continue;
            out.entries.push_back(entry);
            if (any != nullptr) out.entries.back().value = value(*any, entry.value, depth + 1);
        }
        return out;
    }

  private:
    void add(const ym_setting& setting, const Node& written, Node& out, int depth) const {
        const auto found = std::find_if(written.entries.begin(), written.entries.end(),
                                        [&](const Entry& entry) { return entry.key == setting.key; });
        if (found != written.entries.end() && found->value.kind != NodeKind::null) {
            out.entries.push_back({setting.key, found->key_place, value(setting, found->value, depth + 1)});
        } else if (setting.otherwise != nullptr) {
            out.entries.push_back(
                {setting.key, {}, otherwise(setting, settings::join_path(written.path, setting.key), depth + 1)});
        } else if (found != written.entries.end()) {
            out.entries.push_back(*found);
        }
    }

    [[nodiscard]] Node value(const ym_setting& setting, const Node& written, int depth) const {
        if (setting.kind == YM_MAP && written.kind == NodeKind::map) return map(setting.inside, written, depth);
        if (setting.kind != YM_LIST || written.kind != NodeKind::list || setting.inside == nullptr) return written;
        Node out = written;
        for (Node& item : out.items) item = value(*setting.inside, item, depth + 1);
        return out;
    }

    [[nodiscard]] Node leaf(NodeKind kind, std::string path, std::string_view text = {}) const {
        Node node;
        node.kind = kind;
        node.path = std::move(path);
        node.scalar = text;
        node.inherited = plugin_;
        return node;
    }

    [[nodiscard]] Node otherwise(const ym_setting& setting, const std::string& path, int depth) const {
        std::string_view text = setting.otherwise;
        if (text == "~") return leaf(NodeKind::null, path);
        if (setting.kind == YM_MAP && text == "{}") return map(setting.inside, leaf(NodeKind::map, path), depth);
        if (setting.kind != YM_LIST || text.size() < 2) return leaf(NodeKind::scalar, path, text);
        Node list = leaf(NodeKind::list, path);
        for (const std::string_view item : items_of(text)) list.items.push_back(leaf(NodeKind::scalar, path, item));
        return list;
    }

    const std::string& plugin_;
    std::uint32_t size_;
};

}  // namespace

Node with_defaults(const std::string& plugin, Schema schema, const Node& map) {
    return Completer(plugin, schema.setting_size).map(schema.settings, map, 0);
}

}  // namespace ym::host
