#include "host/describe.h"

#include <yardmaster/balance.h>
#include <yardmaster/persistence.h>
#include <yardmaster/retry.h>
#include <yardmaster/routing.h>

#include <algorithm>
#include <string_view>

#include "host/registry.h"
#include "host/rows.h"
#include "host/scalar.h"

namespace ym::host {
namespace {

constexpr int depth_max = 8;  // a schema may contain itself

/// A sentence out of what a plugin says, which may lack its ends.
std::string sentence(std::string_view text) {
    if (text.empty()) return {};
    std::string out(text);
    if (out.front() >= 'a' && out.front() <= 'z') out.front() = static_cast<char>(out.front() - 'a' + 'A');
    if (out.back() != '.') out += '.';
    return out;
}

class Page {
  public:
    void line(std::size_t depth, const std::string& text, const std::string& comment = {}) {
        constexpr std::size_t comment_column = 36;
        std::string out = std::string(depth * 2, ' ') + text;
        if (!comment.empty()) {
            out.resize(std::max(out.size() + 2, comment_column), ' ');
            out += "# " + comment;
        }
        text_ += out + "\n";
    }

    void rows(const ym_setting* rows, std::uint32_t size, std::size_t depth) {
        if (depth > depth_max) return;
        for (std::size_t i = 0; rows != nullptr; ++i) {
            const ym_setting& row = row_at(rows, size, i);
            if (row.key == nullptr) return;
            const std::string_view key = row.key;
            const std::string shown = key == "*" ? "NAME" : key == "@" ? "ADDRESS" : std::string(key);
            one(row, shown + ":", size, depth);
        }
    }

    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    void one(const ym_setting& row, const std::string& key, std::uint32_t size, std::size_t depth) {
        const std::string_view otherwise = view(row.otherwise);
        std::string comment = is_free(row) ? ""
                              : row.otherwise == nullptr
                                  ? "required: "
                                  : "[" + std::string(otherwise == "~" ? "none" : otherwise) + "] ";
        if (key == "ADDRESS:") comment += "for the name of a queue or pipeline, ";
        comment += describe(row.kind, row.kind == YM_LIST ? std::string_view() : view(row.range));
        if (row.kind == YM_LIST && row.range != nullptr) comment += " of " + std::string(row.range) + " items";
        comment += ". " + sentence(view(row.doc));
        const bool is_list_of_maps = row.kind == YM_LIST && row.inside != nullptr && row.inside->kind == YM_MAP;
        line(depth, key, comment);
        if (row.kind == YM_MAP) rows(row.inside, size, depth + 1);
        if (is_list_of_maps) {
            line(depth + 1, "-", sentence(view(row.inside->doc)));
            rows(row.inside->inside, size, depth + 2);
        } else if (row.kind == YM_LIST && row.inside != nullptr) {
            line(depth + 1, "- ",
                 describe(row.inside->kind, view(row.inside->range)) + ". " + sentence(view(row.inside->doc)));
        }
    }

    std::string text_;
};

/// Where in a settings file the settings of an interface stand.
std::vector<std::string> path_of(std::string_view interface_id) {
    if (interface_id == YM_ROUTING_1) return {"pipelines:", "NAME:", "route:"};
    if (interface_id == YM_BALANCE_1) return {"queues:", "NAME:", "balance:"};
    if (interface_id == YM_RETRY_1) return {"retries:", "NAME:"};
    return {"store:"};
}

}  // namespace

std::string reference_page(const PluginEntry& entry) {
    const ym_plugin& plugin = *entry.plugin;
    Page page;
    page.line(0, std::string(plugin.id) + " " + plugin.version + ": " + sentence(view(plugin.doc)));
    page.line(0, "from " + entry.path);
    const std::vector<std::string> interfaces = interfaces_of(plugin);
    if (interfaces.empty()) page.line(0, "It has no interface that this version of Yardmaster knows.");
    for (const std::string& id : interfaces) {
        page.line(0, "");
        page.line(0, "# " + id);
        std::size_t depth = 0;
        for (const std::string& key : path_of(id)) page.line(depth++, key);
        page.line(depth, "plugin: " + std::string(plugin.id));
        const Schema schema = schema_of(id, plugin).value_or(Schema{});
        page.rows(schema.settings, schema.setting_size, depth);
    }
    return page.text();
}

}  // namespace ym::host
