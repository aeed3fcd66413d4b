#include "host/mentions.h"

#include <utility>

namespace ym::host {
namespace {

/// Values that are not addresses, as one short text.
std::string text_of(const ym_value& value) {
    if (value.kind != YM_MAP && value.kind != YM_LIST) return std::string(value.text);
    std::string text;
    for (std::size_t i = 0; i < value.inside.size(); ++i) {
        if (!text.empty()) text += ", ";
        if (value.kind == YM_MAP) text.append(value.keys[i]).append(": ");
        text += text_of(value.inside[i]);
    }
    return value.kind == YM_MAP ? "{" + text + "}" : "[" + text + "]";
}

/// What stands beside the address in a binding. The words of the first key speak for themselves.
std::string label_of(const ym_value& binding) {
    std::string label;
    for (std::size_t i = 0; i < binding.inside.size(); ++i) {
        const ym_value& value = binding.inside[i];
        if (!value.given || value.kind == YM_TARGET || value.kind == YM_NOTHING) continue;
        if (!label.empty()) label += ", ";
        if (binding.keys[i] != "match") label.append(binding.keys[i]).append(" ");
        label += text_of(value);
    }
    return label;
}

class Walk {
  public:
    void visit(const ym_value& value, const Mention& around) {
        if (value.kind == YM_TARGET) add(value, std::string(value.text), around);
        if (value.kind == YM_LIST) visit_list(value);
        if (value.kind == YM_MAP) visit_map(value, around);
    }
    [[nodiscard]] std::vector<Mention> take() { return std::move(found_); }

  private:
    void add(const ym_value& value, std::string address, Mention made) {
        made.address = std::move(address);
        if (value.node != nullptr) {
            made.place = value.node->place;
            made.path = value.node->path;
        }
        found_.push_back(std::move(made));
    }

    void visit_list(const ym_value& list) {
        for (std::size_t i = 0; i < list.inside.size(); ++i) {
            const ym_value& item = list.inside[i];
            Mention around;
            if (item.kind == YM_MAP && list.node != nullptr && item.node != nullptr) {
                around.label = label_of(item);
                around.list = list.node->path;
                around.binding = i;
                around.binding_place = item.node->place;
            }
            visit(item, around);
        }
    }

    void visit_map(const ym_value& map, const Mention& around) {
        for (std::size_t i = 0; i < map.inside.size(); ++i) {
            const ym_value& value = map.inside[i];
            Mention here = around;
            if (value.key_is_target) {
                here.label = text_of(value);
                here.is_key = true;
                add(value, std::string(map.keys[i]), here);
                continue;
            }
            if (map.has_free_keys && value.kind == YM_TARGET) here.label = std::string(map.keys[i]);
            visit(value, here);
        }
    }

    std::vector<Mention> found_;
};

}  // namespace

std::vector<Mention> mentions_of(const ym_value& settings) {
    Walk walk;
    walk.visit(settings, {});
    return walk.take();
}

}  // namespace ym::host
