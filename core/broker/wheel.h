// Things that wait for times of one clock: to add one, and to take it when it is due, is a fixed number of steps at
// most, however many there are (decision 0018).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

namespace ym {

/// A hierarchical timing wheel (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987) that never ticks: it
/// goes from one time that holds something to the next, like a radix heap (Ahuja, Mehlhorn, Orlin and Tarjan, "Faster
/// Algorithms for the Shortest Path Problem", 1990). A level is one digit of 6 bits; a thing stands at the highest
/// digit in which its time differs from that of the wheel, and moves down when the wheel comes to that digit: 10 times
/// at most, mostly once or twice. Each slot is a line of memory of its own, so nothing is searched, and little is
/// missed by the cache.
template <class Item>
class Wheel {
  public:
    /// A time, in units of the clock that the wheel follows.
    using Time = std::uint64_t;
    static constexpr Time never = std::numeric_limits<Time>::max();

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

    /// `now` may have gone back since the last call, though that costs a look at everything.
    void add(Time due, Time now, const Item& item) {
        if (now < at_) rewind(now);
        place({due, item});
        ++size_;
    }
    /// When the first one is due; `never` if there is none.
    [[nodiscard]] Time earliest() const { return due_.empty() ? earliest_slot() : due_.back().due; }
    /// Takes out what is due at `now`, `most` at most, and shows it. The visitor may add what is due later. How many.
    template <class Visit>
    std::size_t take_due(Time now, std::size_t most, Visit visit) {
        std::size_t taken = 0;
        for (; taken < most; ++taken) {
            if (due_.empty()) gather_due(now);
            if (due_.empty()) break;
            const Entry entry = due_.back();
            due_.pop_back();
            --size_;
            visit(entry.due, entry.item);
        }
        // What was long once gives its memory back.
        if (size_ == 0) {
            levels_ = {};
            due_ = std::vector<Entry>();
        }
        return taken;
    }
    /// Visits (time, item), in no order.
    template <class Visit>
    void for_each(Visit visit) const {
        for (const Entry& entry : due_) visit(entry.due, entry.item);
        for (const auto& level : levels_) {
            if (!level) continue;
            for (const Slot& slot : level->slots) {
                for (const Entry& entry : slot.entries) visit(entry.due, entry.item);
            }
        }
    }
    /// Takes out all for which `is_gone(item)`, at the cost of a look at everything. How many.
    template <class IsGone>
    std::size_t erase_if(IsGone is_gone) {
        const std::size_t before = size_;
        size_ -= std::erase_if(due_, [&](const Entry& entry) { return is_gone(entry.item); });
        for (std::size_t l = 0; l < levels_.size(); ++l) {
            if (!levels_[l]) continue;
            for (std::size_t s = 0; s < slot_count; ++s) {
                Slot& slot = levels_[l]->slots[s];
                size_ -= std::erase_if(slot.entries, [&](const Entry& entry) { return is_gone(entry.item); });
                slot.earliest = never;
                for (const Entry& entry : slot.entries) slot.earliest = std::min(slot.earliest, entry.due);
                if (slot.entries.empty()) clear(l, s);
            }
        }
        if (size_ == 0) levels_ = {};
        return before - size_;
    }
    /// Octets that it takes.
    [[nodiscard]] std::size_t memory() const {
        std::size_t sum = due_.capacity() * sizeof(Entry);
        for (const auto& level : levels_) {
            if (!level) continue;
            sum += sizeof(Level);
            for (const Slot& slot : level->slots) sum += slot.entries.capacity() * sizeof(Entry);
        }
        return sum;
    }

  private:
    static constexpr unsigned digit_bits = 6;
    static constexpr std::size_t slot_count = std::size_t{1} << digit_bits;

    struct Entry {
        Time due = 0;
        Item item{};
    };
    struct Slot {
        Time earliest = never;
        std::vector<Entry> entries;
    };
    struct Level {
        std::uint64_t used = 0;  // slots that hold something, a bit each
        std::array<Slot, slot_count> slots;
    };

    [[nodiscard]] Time earliest_slot() const {
        if (levels_used_ == 0) return never;
        const Level& level = *levels_[first_level()];
        return level.slots[first_slot(level)].earliest;
    }
    /// Goes to the first slot that holds anything, if that is due: what is not goes further down.
    void gather_due(Time now) {
        if (earliest_slot() > now) return;
        const std::size_t l = first_level();
        Level& level = *levels_[l];
        const std::size_t s = first_slot(level);
        at_ = std::max(at_, level.slots[s].earliest);
        const std::vector<Entry> entries = std::exchange(level.slots[s].entries, {});
        level.slots[s].earliest = never;
        clear(l, s);
        for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
            if (entry->due > now) {
                place(*entry);
            } else {
                due_.push_back(*entry);
            }
        }
    }
    void place(const Entry& entry) {
        const Time due = std::max(entry.due, at_);
        const auto differs = static_cast<unsigned>(std::bit_width(due ^ at_));
        const std::size_t l = differs == 0 ? 0 : (differs - 1) / digit_bits;
        const std::size_t s = (due >> (l * digit_bits)) & (slot_count - 1);
        if (!levels_[l]) levels_[l] = std::make_unique<Level>();
        Slot& slot = levels_[l]->slots[s];
        slot.entries.push_back(entry);
        slot.earliest = std::min(slot.earliest, entry.due);
        levels_[l]->used |= std::uint64_t{1} << s;
        levels_used_ |= 1U << l;
    }
    void clear(std::size_t l, std::size_t s) {
        levels_[l]->used &= ~(std::uint64_t{1} << s);
        if (levels_[l]->used == 0) levels_used_ &= ~(1U << l);
    }
    [[nodiscard]] std::size_t first_level() const { return static_cast<std::size_t>(std::countr_zero(levels_used_)); }
    [[nodiscard]] static std::size_t first_slot(const Level& level) {
        return static_cast<std::size_t>(std::countr_zero(level.used));
    }
    void rewind(Time now) {
        at_ = now;
        levels_used_ = 0;
        for (const auto& level : std::exchange(levels_, {})) {
            if (!level) continue;
            for (const Slot& slot : level->slots) {
                for (const Entry& entry : slot.entries) place(entry);
            }
        }
    }

    std::size_t size_ = 0;
    Time at_ = 0;  // nothing that was due before is here, unless it came later
    std::uint32_t levels_used_ = 0;
    std::vector<Entry> due_;  // taken out of their slot, and not shown yet
    std::array<std::unique_ptr<Level>, (64 + digit_bits - 1) / digit_bits> levels_;
};

}  // namespace ym
