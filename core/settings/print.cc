#include "settings/print.h"

#include <algorithm>

#include "base/check.h"
#include "settings/effective.h"
#include "settings/yaml_reader.h"

namespace ym::settings {
namespace {

/// May a text stand without quotes, and be read as itself?
bool is_plain(std::string_view text) {
    constexpr std::string_view safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./%-";
    const auto is_word_start = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/';
    };
    if (text.empty() || !is_word_start(text.front()) || text.find_first_not_of(safe) != std::string_view::npos)
        return false;
    return text != "null" && text != "Null" && text != "NULL";
}

std::string quoted(std::string_view text, bool double_dollar) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (octet < 0x20 || octet == 0x7f) {
            out += "\\x";
            out += digits[octet >> 4U];
            out += digits[octet & 15U];
        } else {
            out += c;
            if (c == '$' && double_dollar) out += c;
        }
    }
    return out + '"';
}

/// Keys are not searched for variables.
std::string yaml_key(std::string_view text) {
    return is_plain(text) ? std::string(text) : quoted(text, false);
}

/// Which plugins a key with a plugin map is for.
PluginKind kind_of(const Setting& setting) {
    if (setting.key == "route") return PluginKind::routing;
    if (setting.key == "balance") return PluginKind::balance;
    return setting.key == "store" ? PluginKind::persistence : PluginKind::retry;
}

class Printer {
  public:
    Printer(const Config& config, const PluginDefaults& defaults, const std::function<void(const PrintedLine&)>& line)
        : config_(config), defaults_(defaults), line_(line) {}

    void print() {
        YM_CHECK(config_.tree != nullptr);
        Problems told_before;
        const Effective effective(*config_.tree, told_before);
        for (const Setting& setting : table()) {
            if (setting.kind == Kind::names) {
                print_things(setting, effective);
            } else {
                Node value = effective.section(setting.key);
                if (setting.key == "admin") show_default_bind(value);
                print_value(&setting, {std::string(setting.key), std::string(setting.key), false, 0}, value);
            }
        }
    }

  private:
    /// Where in the printed file a value goes.
    struct Spot {
        std::string key;
        std::string path;
        bool is_item = false;
        std::size_t depth = 0;
    };

    static Spot inside(const Spot& map, const std::string& key) {
        return {key, join_path(map.path, key), false, map.depth + 1};
    }

    static bool written(const Node& node) { return node.place.line > 0; }

    [[nodiscard]] std::string from(const Node& node) const {
        if (!written(node)) return node.inherited.empty() ? "default" : "default of " + node.inherited;
        const std::string place = node.place.file + ":" + std::to_string(node.place.line);
        return node.inherited.empty() ? place : "template " + node.inherited + " (" + place + ")";
    }

    void emit(LineKind kind, const Spot& spot, const Node& node, std::string text = {}) {
        PrintedLine line;
        line.kind = kind;
        line.depth = spot.depth;
        line.is_item = spot.is_item;
        line.key = spot.is_item ? "" : yaml_key(spot.key);
        line.path = spot.path;
        line.text = std::move(text);
        line.is_null = node.kind == NodeKind::null;
        if (kind != LineKind::opens) line.from = from(node);
        line_(line);
    }

    void print_things(const Setting& setting, const Effective& effective) {
        const Spot spot{std::string(setting.key), std::string(setting.key), false, 0};
        Node map;
        map.kind = NodeKind::map;
        const std::vector<Named> things = effective.named(setting.key);
        if (things.empty()) return emit(LineKind::empty_map, spot, map);
        emit(LineKind::opens, spot, map);
        for (const Named& thing : things)
            print_value(&setting.inside[0], inside(spot, thing.name), effective.value(setting.key, thing));
    }

    void show_default_bind(Node& admin) const {
        for (Entry& entry : admin.entries) {
            if (entry.value.kind != NodeKind::null) continue;
            entry.value.kind = NodeKind::scalar;
            entry.value.scalar = config_.admin_bind;
        }
    }

    /// `setting` is null inside of a plugin's own keys.
    void print_value(const Setting* setting, const Spot& spot, const Node& node) {
        switch (node.kind) {
            case NodeKind::null: return emit(LineKind::value, spot, node);
            case NodeKind::scalar:
                return emit(LineKind::value, spot, node, setting == nullptr ? node.scalar : canonical(*setting, node));
            case NodeKind::list: return print_list(spot, node);
            case NodeKind::map: return print_map(setting, spot, node);
        }
    }

    void print_list(const Spot& spot, const Node& node) {
        if (node.items.empty()) return emit(LineKind::empty_list, spot, node);
        emit(LineKind::opens, spot, node);
        for (std::size_t i = 0; i < node.items.size(); ++i)
            print_value(nullptr, {{}, spot.path + "[" + std::to_string(i) + "]", true, spot.depth + 1}, node.items[i]);
    }

    void print_map(const Setting* setting, const Spot& spot, const Node& node) {
        if (node.entries.empty()) return emit(LineKind::empty_map, spot, node);
        emit(LineKind::opens, spot, node);
        if (setting != nullptr && setting->kind == Kind::plugin) return print_plugin(*setting, spot, node);
        const bool known = setting != nullptr;
        for (const Entry& entry : node.entries) {
            const Setting* below = nullptr;
            if (known) below = setting->kind == Kind::names ? &setting->inside[0] : find(setting->inside, entry.key);
            print_value(below, inside(spot, entry.key), entry.value);
        }
    }

    void print_plugin(const Setting& setting, const Spot& spot, const Node& node) {
        const Node whole = defaults_ ? defaults_(kind_of(setting), node) : node;
        for (const Entry& entry : whole.entries) print_value(nullptr, inside(spot, entry.key), entry.value);
    }

    const Config& config_;
    const PluginDefaults& defaults_;
    const std::function<void(const PrintedLine&)>& line_;
};

/// Comments must not end their line.
std::string one_line(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20) c = '?';
    return text;
}

}  // namespace

std::string yaml_scalar(std::string_view text) {
    return is_plain(text) ? std::string(text) : quoted(text, true);
}

void for_each_line(const Config& config, const PluginDefaults& defaults,
                   const std::function<void(const PrintedLine&)>& line) {
    Printer(config, defaults, line).print();
}

std::string print(const Config& config, const PluginDefaults& defaults) {
    constexpr std::size_t comment_column = 48;
    std::string out;
    for_each_line(config, defaults, [&](const PrintedLine& line) {
        std::string text(line.depth * 2, ' ');
        text += line.is_item ? "-" : line.key + ":";
        if (line.kind == LineKind::value) text += " " + (line.is_null ? "~" : yaml_scalar(line.text));
        if (line.kind == LineKind::empty_map) text += " {}";
        if (line.kind == LineKind::empty_list) text += " []";
        if (!line.from.empty()) {
            const std::size_t width = std::max(text.size() + 2, comment_column);
            text.resize(width, ' ');
            text += "# " + one_line(line.from);
        }
        out += text + "\n";
    });
    return out;
}

}  // namespace ym::settings
