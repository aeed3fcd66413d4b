// Which sequences of a producer's session were accepted: the dedupe window.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.h"

namespace ym {

/// The last `span` sequences up to the highest accepted, one bit each. Only an accepted sequence is a duplicate: a
/// refused one leaves no trace and may be sent again.
class SequenceWindow {
  public:
    enum class Verdict : std::uint8_t { fresh, accepted, too_old };

    /// Begins anew behind `start`: every sequence above it is fresh, `span` of them at least are remembered.
    void begin(std::uint64_t start, std::uint64_t span) {
        std::uint64_t bits = 64;
        while (bits < span) bits *= 2;
        words_.assign(bits / 64, 0);
        highest_ = start;
        floor_ = start;
        taken_ = 0;
    }
    /// From now on `span` of them at least are remembered.
    void widen(std::uint64_t span) {
        if (span <= bits()) return;
        SequenceWindow wider;
        wider.begin(std::max(floor_, highest_ - std::min(highest_, bits())), span);
        wider.see(highest_);
        for (std::uint64_t ahead = highest_ - wider.floor_; ahead > 0; --ahead) {
            if (test(wider.floor_ + ahead))
                wider.words_[((wider.floor_ + ahead) / 64) % wider.words_.size()] |= bit(wider.floor_ + ahead);
        }
        wider.taken_ = taken_;
        *this = std::move(wider);
    }
    /// The highest seen, whatever became of it.
    [[nodiscard]] std::uint64_t highest() const { return highest_; }
    /// The highest accepted; 0 if none was.
    [[nodiscard]] std::uint64_t taken() const { return taken_; }
    [[nodiscard]] Verdict look(std::uint64_t sequence) const {
        if (sequence > highest_) return Verdict::fresh;
        if (sequence <= floor_ || highest_ - sequence >= bits()) return Verdict::too_old;
        return test(sequence) ? Verdict::accepted : Verdict::fresh;
    }
    /// `sequence` was seen; the window moves on, it is not accepted by this.
    void see(std::uint64_t sequence) {
        if (sequence <= highest_) return;
        if (sequence - highest_ >= bits()) {
            words_.assign(words_.size(), 0);
        } else {
            // Counted down: the highest sequence of all has none above it to stop at.
            for (std::uint64_t ahead = sequence - highest_; ahead > 0; --ahead) clear(highest_ + ahead);
        }
        highest_ = sequence;
    }
    /// `sequence` was fresh and is now accepted.
    void accept(std::uint64_t sequence) {
        see(sequence);
        if (sequence > taken_) taken_ = sequence;
        // One that the window has left behind meanwhile would be taken for another; it is too old, which says enough.
        if (highest_ - sequence >= bits()) return;
        words_[(sequence / 64) % words_.size()] |= bit(sequence);
    }
    /// Takes an accept() back: the message was not stored after all.
    void refuse(std::uint64_t sequence) {
        if (look(sequence) == Verdict::accepted) clear(sequence);
    }

  private:
    [[nodiscard]] std::uint64_t bits() const { return words_.size() * 64; }
    static std::uint64_t bit(std::uint64_t sequence) { return std::uint64_t{1} << (sequence % 64); }
    [[nodiscard]] bool test(std::uint64_t sequence) const {
        return (words_[(sequence / 64) % words_.size()] & bit(sequence)) != 0;
    }
    void clear(std::uint64_t sequence) { words_[(sequence / 64) % words_.size()] &= ~bit(sequence); }

    std::vector<std::uint64_t> words_;
    std::uint64_t highest_ = 0;
    std::uint64_t taken_ = 0;
    std::uint64_t floor_ = 0;  // sequences up to here belong to an earlier life of the session
};

}  // namespace ym
