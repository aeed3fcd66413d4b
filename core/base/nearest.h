// The nearest of some names, for messages that say "did you mean".
#pragma once

#include <cstddef>
#include <string_view>

namespace ym {

/// How many octets must be put in, taken out or replaced to make `a` of `b` (Levenshtein, 1965); anything above `most`
/// is told as most + 1.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t most);

/// Keeps the best of the names offered; the first of equals. At most a third of the wanted name may differ.
class Nearest {
  public:
    explicit Nearest(std::string_view wanted) : wanted_(wanted), most_(1 + wanted.size() / 3) {}
    void offer(std::string_view name);
    /// Empty when nothing is near. Lives as long as the name that was offered.
    [[nodiscard]] std::string_view best() const { return best_; }

  private:
    std::string_view wanted_;
    std::size_t most_;
    std::string_view best_;
};

}  // namespace ym
