// A plugin's settings as `check --print` shows them: what is written, and the defaults of the schema.
#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "host/schema.h"
#include "settings/yaml_reader.h"

namespace ym::host {
namespace {

using settings::Entry;
using settings::Node;
using settings::NodeKind;

constexpr int depth_max = 32;  // as check_settings: a schema that nests without end is the plugin's fault

class Completer {
  public:
    Completer(const std::string& plugin, std::uint32_t setting_size) : plugin_(plugin), size_(setting_size) {}

    [[nodiscard]] Node map(const ym_setting* rows, const Node& written, int depth) const {
        Node out = written;
        if (rows == nullptr || depth > depth_max) return out;
        out.kind = NodeKind::map;
        out.entries.clear();
        std::set<std::string_view> named;
        const ym_setting* any = nullptr;
        for (std::size_t i = 0; row(rows, i).key != nullptr; ++i) {
            const std::string_view key = row(rows, i).key;
            if (key == "*" || key == "@") {
                any = &row(rows, i);
                continue;
            }
            named.insert(key);
            add(row(rows, i), written, out, depth);
        }
        for (const Entry& entry : written.entries) {
            if (named.count(entry.key) > 0) continue;
            out.entries.push_back(entry);
            if (any != nullptr) out.entries.back().value = value(*any, entry.value, depth + 1);
        }
        return out;
    }

  private:
    [[nodiscard]] const ym_setting& row(const ym_setting* rows, std::size_t index) const {
        return *reinterpret_cast<const ym_setting*>(reinterpret_cast<const char*>(rows) + index * size_);
    }

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
        text = text.substr(1, text.size() - 2);
        while (!text.empty()) {
            const std::size_t comma = std::min(text.find(','), text.size());
            std::string_view item = text.substr(0, comma);
            text.remove_prefix(std::min(comma + 1, text.size()));
            while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
            while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
            list.items.push_back(leaf(NodeKind::scalar, path, item));
        }
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
