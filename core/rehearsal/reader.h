// Values of a scenario's tree, each with the problem that it may have.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "settings/node.h"

namespace ym::rehearsal {

class Reader {
  public:
    explicit Reader(settings::Problems& problems) : problems_(problems) {}

    void problem(const settings::Node& at, std::string id, std::string expected, std::string hint = {});
    /// Calls `each` for the entries of a map; tells of unknown keys, where `keys` names any. False: it is no map.
    bool map(const settings::Node& node, std::initializer_list<std::string_view> keys,
             const std::function<void(const std::string& key, const settings::Node& value)>& each);
    /// Items of a list; a value that is none counts as a list of one.
    [[nodiscard]] std::vector<const settings::Node*> items(const settings::Node& node);

    [[nodiscard]] std::string text(const settings::Node& node);
    [[nodiscard]] std::uint64_t count(const settings::Node& node);
    [[nodiscard]] Duration duration(const settings::Node& node);
    [[nodiscard]] bool boolean(const settings::Node& node);
    /// The place of the word in `words`; 0 with a problem if it is none of them.
    [[nodiscard]] std::size_t word(const settings::Node& node, const std::vector<std::string>& words);
    [[nodiscard]] std::vector<std::string> texts(const settings::Node& node);
    /// `2026-03-01T02:00:00Z`.
    [[nodiscard]] WallTime time(const settings::Node& node);

    [[nodiscard]] settings::Problems& problems() { return problems_; }

  private:
    settings::Problems& problems_;
};

}  // namespace ym::rehearsal
