// Which sequences of a producer's session were accepted: the dedupe window.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
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
        bits_ = 64;
        while (bits_ < span) bits_ *= 2;
        words_.assign(bits_ / 64, 0);
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
                wider.words_[wider.place(wider.floor_ + ahead)] |= bit(wider.floor_ + ahead);
        }
        wider.taken_ = taken_;
        *this = std::move(wider);
    }
    /// Grows, up to `span`, so that `sequence` drives none out: what comes back from a store may be few, or many.
    void make_room(std::uint64_t sequence, std::uint64_t span) {
        if (sequence > floor_ && sequence - floor_ > bits()) widen(std::min(sequence - floor_, span));
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
        if (sequence == highest_ + 1) {
            clear(sequence);
        } else if (sequence - highest_ >= bits()) {
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
        words_[place(sequence)] |= bit(sequence);
    }
    /// Takes an accept() back: the message was not stored after all.
    void refuse(std::uint64_t sequence) {
        if (look(sequence) == Verdict::accepted) clear(sequence);
    }

    /// Appends the window as numbers: floor, highest seen, highest accepted, first and last of each run of accepted.
    void save(std::vector<std::uint64_t>& numbers) const {
        // What it has left behind is too old, also for a window that remembers more.
        const std::uint64_t floor = std::max(floor_, highest_ - std::min(highest_, bits()));
        const std::uint64_t lowest = floor + 1;
        numbers.insert(numbers.end(), {floor, highest_, taken_});
        std::uint64_t run = 0;  // its first; 0: none is open
        for (std::uint64_t s = lowest; s <= highest_;) {
            const std::uint64_t word = words_[place(s)];
            const bool is_whole = s % 64 == 0 && highest_ - s >= 63;
            const std::uint64_t step = is_whole && (word == 0 || word == ~std::uint64_t{0}) ? 64 : 1;
            const bool is_taken = step == 64 ? word != 0 : test(s);
            if (is_taken && run == 0) run = s;
            if (!is_taken && run != 0) {
                numbers.insert(numbers.end(), {run, s - 1});
                run = 0;
            }
            s += step;
        }
        if (run != 0) numbers.insert(numbers.end(), {run, highest_});
    }
    /// Becomes the window that save() told. False if it tells none.
    [[nodiscard]] bool load(std::span<const std::uint64_t> numbers) {
        constexpr std::uint64_t bits_max = std::uint64_t{1} << 24U;
        if (numbers.size() < 3 || numbers.size() % 2 == 0 || numbers[0] > numbers[1] || numbers[2] > numbers[1])
            return false;
        const std::uint64_t lowest = numbers.size() > 3 ? numbers[3] : numbers[1];
        if (lowest > numbers[1] || numbers[1] - lowest >= bits_max) return false;
        begin(numbers[0], std::max(bits(), numbers[1] - lowest + 1));
        see(numbers[1]);
        std::uint64_t last = numbers[0];
        for (std::size_t i = 3; i < numbers.size(); i += 2) {
            if (numbers[i] <= last || numbers[i + 1] < numbers[i] || numbers[i + 1] > highest_) return false;
            last = numbers[i + 1];
            for (std::uint64_t s = numbers[i]; s < last; ++s) accept(s);
            accept(last);
        }
        taken_ = numbers[2];
        return true;
    }

  private:
    [[nodiscard]] std::uint64_t bits() const { return bits_; }
    /// Of the word that holds a sequence's bit.
    [[nodiscard]] std::size_t place(std::uint64_t sequence) const { return (sequence & (bits_ - 1)) / 64; }
    static std::uint64_t bit(std::uint64_t sequence) { return std::uint64_t{1} << (sequence % 64); }
    [[nodiscard]] bool test(std::uint64_t sequence) const { return (words_[place(sequence)] & bit(sequence)) != 0; }
    void clear(std::uint64_t sequence) { words_[place(sequence)] &= ~bit(sequence); }

    std::vector<std::uint64_t> words_;
    std::uint64_t bits_ = 0;  // in words_: a power of two
    std::uint64_t highest_ = 0;
    std::uint64_t taken_ = 0;
    std::uint64_t floor_ = 0;  // sequences up to here belong to an earlier life of the session
};

}  // namespace ym
