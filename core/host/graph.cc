// The addresses of a settings file and the ways between them, for Graphviz.
#include <set>
#include <string_view>

#include "host/addresses.h"
#include "host/host.h"
#include "host/mentions.h"
#include "host/state.h"

namespace ym::host {
namespace {

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
    return out + '"';
}

class Drawer {
  public:
    Drawer(const settings::Config& config, const Registry& registry)
        : config_(config), registry_(registry), addresses_(config) {}

    std::string draw() {
        out_ =
            "digraph yardmaster {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n"
            "  edge [fontname=\"sans-serif\", fontsize=10];\n";
        for (const settings::Pipeline& pipeline : config_.pipelines) draw_pipeline(pipeline);
        for (const settings::Queue& queue : config_.queues) draw_queue(queue);
        return out_ + "}\n";
    }

  private:
    void draw_pipeline(const settings::Pipeline& pipeline) {
        const PipelineSettings& settings = pipeline.settings;
        std::string title = in_quotes(settings.name);
        // Graphviz breaks a line at \n, which therefore stands behind what in_quotes() has escaped.
        title.insert(title.size() - 1, "\\n(" + pipeline.route.plugin + ")");
        out_ += "  " + in_quotes(settings.name) + " [shape=box, label=" + title + "];\n";
        const std::set<std::string> optional(settings.optional.begin(), settings.optional.end());
        PipelineTargets targets(addresses_, settings.name);
        settings::Problems none;
        const auto values = registry_.read_route(pipeline.route, targets, none);
        if (!values) return;
        std::set<std::pair<std::string, std::string>> drawn;
        std::set<std::string> named;
        for (const Mention& mention : mentions_of(*values)) {
            // Keys that speak of an address which stands elsewhere, such as weights, are no further way.
            if (mention.is_key && named.count(mention.address) > 0) continue;
            named.insert(mention.address);
            if (!drawn.emplace(mention.address, mention.label).second) continue;
            std::string attributes;
            if (!mention.label.empty()) attributes = "label=" + in_quotes(mention.label);
            if (optional.count(mention.address) > 0) {
                attributes += attributes.empty() ? "style=dashed" : ", style=dashed";
            }
            draw_edge(settings.name, mention.address, attributes);
        }
        if (settings.unmatched == Unmatched::forward) {
            draw_edge(settings.name, settings.unmatched_to, "label=\"unmatched\", color=gray, fontcolor=gray");
        }
    }

    void draw_queue(const settings::Queue& queue) {
        const QueueSettings& settings = queue.settings;
        out_ += "  " + in_quotes(settings.name) + " [shape=cylinder];\n";
        if (!settings.dead_to.empty()) {
            draw_edge(settings.name, settings.dead_to, "label=\"dead letters\", color=red, fontcolor=red");
        }
    }

    void draw_edge(const std::string& from, const std::string& to, const std::string& attributes) {
        // A queue that is made on demand stands in no list.
        if (addresses_.is_created(to) && made_.insert(to).second) {
            out_ += "  " + in_quotes(to) + " [shape=cylinder, style=dotted];\n";
        }
        out_ += "  " + in_quotes(from) + " -> " + in_quotes(to);
        out_ += attributes.empty() ? ";\n" : " [" + attributes + "];\n";
    }

    const settings::Config& config_;
    const Registry& registry_;
    Addresses addresses_;
    std::set<std::string> made_;
    std::string out_;
};

}  // namespace

std::string Host::graph(const settings::Config& config) const {
    return Drawer(config, *state_->registry).draw();
}

}  // namespace ym::host
