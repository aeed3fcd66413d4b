// What a file comes to: defaults, templates and what is written, laid over one another. Maps merge, lists replace.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "settings/node.h"
#include "settings/table.h"

namespace ym::settings {

/// Over the defaults lie layers, the strongest last. `source` is the template that a layer belongs to; empty: the thing
/// itself.
struct Layer {
    const Node* node = nullptr;
    std::string source;
};

/// A thing with a name, written or built in.
struct Named {
    std::string name;
    Place place;                // of its name; line 0: built in
    const Node* own = nullptr;  // what is written, may be null
};

/// Gives effective values out of a checked tree. Broken values are passed over, so that reading can go on and tell
/// more.
class Effective {
  public:
    /// `root` must outlive this. Templates that are like themselves are told to `problems`, and cut there.
    Effective(const Node& root, Problems& problems);

    /// The things of a top-level `names` section, with `default` of retries and templates.
    [[nodiscard]] std::vector<Named> named(std::string_view section) const;
    /// The effective value of one of them: every key of the table that has a value.
    [[nodiscard]] Node value(std::string_view section, const Named& thing) const;
    /// The effective value of any other top-level section; null if it is absent and has no default.
    [[nodiscard]] Node section(std::string_view name) const;

  private:
    [[nodiscard]] std::vector<Layer> template_layers(const std::string& name) const;
    /// The node that names the template above `name`; none if that is `default`.
    [[nodiscard]] const Node* like_of(const std::string& name) const;
    void link_templates(Problems& problems);

    const Node& root_;
    std::map<std::string, std::vector<std::string>> chains_;  // template -> from `default` to itself
    std::map<std::string, const Node*> templates_;
};

/// A value as text that reads back to the same: of known kinds in its shortest form.
[[nodiscard]] std::string canonical(const Setting& setting, const Node& leaf);

}  // namespace ym::settings
