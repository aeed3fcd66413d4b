// Deadlines of many things, the earliest first; each thing (a dense index) has at most one.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"

namespace ym {

/// A binary heap that knows where each index stands, so that a deadline moves in O(log n) and none goes stale.
class Deadlines {
  public:
    static constexpr std::uint32_t none = 0xffffffffU;

    [[nodiscard]] bool empty() const { return heap_.empty(); }
    /// Instant::never() when empty.
    [[nodiscard]] Instant earliest() const { return heap_.empty() ? Instant::never() : heap_.front().at; }
    [[nodiscard]] std::uint32_t front() const { return heap_.front().index; }

    /// Gives `index` the deadline `at`, whatever it had; Instant::never() takes it out.
    void set(std::uint32_t index, Instant at) {
        if (index >= place_.size()) place_.resize(std::size_t{index} + 1, none);
        std::uint32_t place = place_[index];
        if (at == Instant::never()) {
            if (place != none) remove(place);
            return;
        }
        if (place == none) {
            place = static_cast<std::uint32_t>(heap_.size());
            heap_.push_back({at, index});
            place_[index] = place;
            up(place);
            return;
        }
        const bool earlier = at < heap_[place].at;
        heap_[place].at = at;
        if (earlier) {
            up(place);
        } else {
            down(place);
        }
    }
    /// As set(), unless `index` has an earlier deadline already.
    void set_earlier(std::uint32_t index, Instant at) {
        if (index < place_.size() && place_[index] != none && heap_[place_[index]].at <= at) return;
        set(index, at);
    }

  private:
    struct Item {
        Instant at;
        std::uint32_t index = 0;
    };
    static bool before(const Item& a, const Item& b) { return a.at < b.at || (a.at == b.at && a.index < b.index); }

    void put(std::uint32_t place, Item item) {
        heap_[place] = item;
        place_[item.index] = place;
    }
    void up(std::uint32_t place) {
        const Item item = heap_[place];
        while (place > 0 && before(item, heap_[(place - 1) / 2])) {
            put(place, heap_[(place - 1) / 2]);
            place = (place - 1) / 2;
        }
        put(place, item);
    }
    void down(std::uint32_t place) {
        const Item item = heap_[place];
        const auto size = static_cast<std::uint32_t>(heap_.size());
        for (;;) {
            std::uint32_t child = 2 * place + 1;
            if (child >= size) break;
            if (child + 1 < size && before(heap_[child + 1], heap_[child])) ++child;
            if (!before(heap_[child], item)) break;
            put(place, heap_[child]);
            place = child;
        }
        put(place, item);
    }
    void remove(std::uint32_t place) {
        place_[heap_[place].index] = none;
        const Item last = heap_.back();
        heap_.pop_back();
        if (place == heap_.size()) return;
        put(place, last);
        up(place);
        down(place_[last.index]);
    }

    std::vector<Item> heap_;
    std::vector<std::uint32_t> place_;  // by index
};

}  // namespace ym
