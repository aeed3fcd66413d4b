// A settings file as a tree of values, each of which knows where it stands. The only thing that the rest of
// the program sees of YAML.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ym::settings {

/// Where a value stands. Lines and columns count from 1; line 0: a built-in default, which stands in no file.
struct Place {
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

struct Node;
struct Entry;

enum class NodeKind : std::uint8_t { null, scalar, list, map };

/// A value. Scalars stay text until somebody knows their kind; `${VAR}` is replaced already.
struct Node {
    NodeKind kind = NodeKind::null;
    Place place;
    std::string path;  // "queues.thumbs.lease"
    std::string scalar;
    std::string inherited;       // the template that gave this value to what is `like` it; else empty
    bool quoted = false;         // '#' and "#"; what stands between the quotes is read like a plain text
    bool broken = false;         // a problem was told already: readers pass over it
    std::vector<Node> items;     // of a list
    std::vector<Entry> entries;  // of a map, in the order of the file; keys are unique

    /// The value of `key`; nullptr when there is none, or this is no map.
    [[nodiscard]] const Node* find(std::string_view key) const;
};

struct Entry {
    std::string key;
    Place key_place;
    Node value;
};

/// One thing wrong with a settings file. `id` is stable and has a line in the manual: "duration.unit", "key.unknown".
struct Problem {
    std::string id;
    Place place;
    std::string path;
    std::string found;
    std::string expected;
    std::string hint;  // nearest name, or what to do; may be empty
};

/// All problems of a run, so that all are shown at once. Beyond `max` they are only counted: nobody reads more, and a
/// hostile file must not fill the memory.
class Problems {
  public:
    static constexpr std::size_t max = 1000;

    void add(Problem problem) {
        ++count_;
        if (list_.size() < max) list_.push_back(std::move(problem));
    }
    void add(std::string id, const Node& at, std::string found, std::string expected, std::string hint = {}) {
        add({std::move(id), at.place, at.path, std::move(found), std::move(expected), std::move(hint)});
    }
    [[nodiscard]] bool empty() const { return list_.empty(); }
    /// How many there were, those beyond `max` included.
    [[nodiscard]] std::size_t count() const { return count_; }
    /// In order of file, line and column.
    [[nodiscard]] std::vector<Problem> sorted() const;

  private:
    std::vector<Problem> list_;
    std::size_t count_ = 0;
};

/// `file:line:column: path: found X; expected Y; hint [id]`, one line.
[[nodiscard]] std::string to_line(const Problem& problem);

/// The name of `names` nearest to `name`, or an empty text if none is near (more than a third of it differs).
[[nodiscard]] std::string nearest(std::string_view name, const std::vector<std::string>& names);

}  // namespace ym::settings
