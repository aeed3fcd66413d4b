// The first pass over a file: each value where it stands, against the key table and the names that exist.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "settings/node.h"
#include "settings/table.h"

namespace ym::settings {

/// Names that a value may refer to. For looking up, and in order for the nearest one.
class Names {
  public:
    void add(const std::string& name) {
        if (set_.insert(name).second) list_.push_back(name);
    }
    [[nodiscard]] bool has(const std::string& name) const { return set_.contains(name); }
    [[nodiscard]] const std::vector<std::string>& list() const { return list_; }

  private:
    std::set<std::string> set_;
    std::vector<std::string> list_;
};

struct AllNames {
    Names addresses;
    std::string created;  // the pattern of names that become queues on demand; empty: none
    Names templates;
    Names retries;
};

[[nodiscard]] AllNames collect_names(const Node& root);

/// Tells everything that is wrong with single values and names of `root`, and marks those values as broken.
void check_tree(Node& root, const AllNames& names, Problems& problems);

}  // namespace ym::settings
