// Groups: addresses that settings connect. A group is the unit of everything atomic, and lives on one shard.
#pragma once

#include <cstdint>
#include <vector>

namespace ym {

/// Which of `count` things hang together (Tarjan, "Efficiency of a Good But Not Linear Set Union Algorithm", 1975).
class Groups {
  public:
    /// `count` things, each a group of its own.
    void begin(std::size_t count) {
        parent_.resize(count);
        for (std::size_t i = 0; i < count; ++i) parent_[i] = static_cast<std::uint32_t>(i);
    }
    /// One more thing, a group of its own.
    void add() { parent_.push_back(static_cast<std::uint32_t>(parent_.size())); }
    void join(std::uint32_t a, std::uint32_t b) {
        a = of(a);
        b = of(b);
        // The lowest number names the group, so that its name depends on nothing but the settings.
        if (a < b) {
            parent_[b] = a;
        } else {
            parent_[a] = b;
        }
    }
    /// The lowest member of `thing`'s group.
    [[nodiscard]] std::uint32_t of(std::uint32_t thing) const {
        while (parent_[thing] != thing) thing = parent_[thing];
        return thing;
    }

  private:
    std::vector<std::uint32_t> parent_;
};

}  // namespace ym
