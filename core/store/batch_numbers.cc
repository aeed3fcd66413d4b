#include "store/batch_numbers.h"

#include <algorithm>

namespace ym::store {

void BatchNumbers::add(Piece piece) {
    if (pieces_.back().batch == piece.batch) {
        pieces_.back() = piece;
    } else {
        pieces_.push_back(piece);
    }
}

void BatchNumbers::learn(std::uint64_t batch, Range range) {
    const Piece last = pieces_.back();
    if (last.number + (batch - last.batch) != range.first) add({batch, range.first});
    if (range.last != range.first) add({batch + 1, range.last + 1});
}

std::size_t BatchNumbers::piece_of(std::uint64_t batch) const {
    const auto above = std::upper_bound(pieces_.begin(), pieces_.end(), batch,
                                        [](std::uint64_t value, const Piece& piece) { return value < piece.batch; });
    return static_cast<std::size_t>(above - pieces_.begin()) - 1;
}

std::optional<BatchNumbers::Range> BatchNumbers::of(std::uint64_t batch) const {
    if (batch < pieces_.front().batch) return std::nullopt;
    const std::size_t at = piece_of(batch);
    const std::uint64_t first = pieces_[at].number + (batch - pieces_[at].batch);
    if (at + 1 == pieces_.size()) return Range{first, first};
    const Piece next = pieces_[at + 1];
    if (first >= next.number) return std::nullopt;
    return Range{first, batch + 1 == next.batch ? next.number - 1 : first};
}

std::uint64_t BatchNumbers::through(std::uint64_t batch) const {
    const std::size_t at = piece_of(batch);
    const std::uint64_t number = pieces_[at].number + (batch - pieces_[at].batch);
    if (at + 1 == pieces_.size()) return number;
    const Piece next = pieces_[at + 1];
    return batch + 1 == next.batch ? next.number - 1 : std::min(number, next.number - 1);
}

void BatchNumbers::forget(std::uint64_t through) {
    while (pieces_.size() > 1 && pieces_[1].batch <= through + 1) pieces_.pop_front();
}

}  // namespace ym::store
