// The broker numbers its batches one by one; so does the plugin, but it gives no number to a batch that it refused, and
// several to one that was cut into parts. What was read back has the plugin's numbers.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace ym::store {

/// Holds only where the two numberings come to differ anew, which is rare.
class BatchNumbers {
  public:
    /// Numbers of the plugin, both included.
    struct Range {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
    };

    /// The plugin keeps the broker's `batch` as `range`. Batch after batch; those left out were refused.
    void learn(std::uint64_t batch, Range range);

    /// Nothing for a batch that was refused or forgotten. `batch` is at most the last that was learned.
    [[nodiscard]] std::optional<Range> of(std::uint64_t batch) const;

    /// The last number of the plugin that belongs to the broker's batches up to this one, which is at most the last
    /// that was learned, and not forgotten.
    [[nodiscard]] std::uint64_t through(std::uint64_t batch) const;

    /// Nobody asks for batches up to this one any more.
    void forget(std::uint64_t through);

    [[nodiscard]] std::size_t breaks() const { return pieces_.size() - 1; }

  private:
    /// From `batch` on, up to the next piece, each batch has one number: `number` and what follows.
    struct Piece {
        std::uint64_t batch = 0;
        std::uint64_t number = 0;
    };
    [[nodiscard]] std::size_t piece_of(std::uint64_t batch) const;
    void add(Piece piece);

    std::deque<Piece> pieces_{{}};  // ascending
};

}  // namespace ym::store
