// Which queues hold a message: sets of queues, each kept once, so that a message names one in 4 octets.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/id.h"

namespace ym {

/// Most messages are held by one queue; such a set is its number. Others are counted by their messages; unused
/// ones stay, so that a steady load finds them, until they are many.
class Holders {
  public:
    using Set = std::uint32_t;
    static constexpr Set none = 0;

    [[nodiscard]] static Set single(AddressId queue) { return (queue.value << 1U) | 1U; }
    [[nodiscard]] static bool is_single(Set set) { return (set & 1U) != 0; }

    /// The set of `queues`, in any order, each once; sorts them. The caller adds its message with retain().
    Set of(std::span<AddressId> queues) {
        if (queues.empty()) return none;
        if (queues.size() == 1) return single(queues.front());
        std::sort(queues.begin(), queues.end());
        const std::string_view key(reinterpret_cast<const char*>(queues.data()), queues.size_bytes());
        const auto found = by_queues_.find(key);
        if (found != by_queues_.end()) return found->second << 1U;
        sweep();
        std::uint32_t index = 0;
        if (free_.empty()) {
            index = static_cast<std::uint32_t>(sets_.size());
            sets_.emplace_back();
        } else {
            index = free_.back();
            free_.pop_back();
        }
        sets_[index].queues.assign(queues.begin(), queues.end());
        by_queues_.emplace(std::string(key), index);
        return index << 1U;
    }
    [[nodiscard]] std::size_t count(Set set) const {
        if (set == none) return 0;
        return is_single(set) ? 1 : sets_[set >> 1U].queues.size();
    }
    [[nodiscard]] bool contains(Set set, AddressId queue) const {
        if (is_single(set)) return set == single(queue);
        const std::vector<AddressId>& queues = sets_[set >> 1U].queues;
        return std::binary_search(queues.begin(), queues.end(), queue);
    }
    /// `visit` may not change the sets.
    template <class Visit>
    void for_each(Set set, Visit visit) const {
        if (is_single(set)) return visit(AddressId{set >> 1U});
        for (const AddressId queue : sets_[set >> 1U].queues) visit(queue);
    }
    /// The set without `queue`, for the message of the first, which is one of the second's from now on.
    Set without(Set set, AddressId queue) {
        if (is_single(set)) return set == single(queue) ? none : set;
        scratch_.clear();
        for_each(set, [&](AddressId q) {
            if (q != queue) scratch_.push_back(q);
        });
        const Set left = of(scratch_);
        if (left == set) return set;
        release(set);
        retain(left);
        return left;
    }
    void retain(Set set) {
        if (set != none && !is_single(set)) ++sets_[set >> 1U].messages;
    }
    void release(Set set) {
        if (set != none && !is_single(set)) --sets_[set >> 1U].messages;
    }

  private:
    struct Queues {
        std::vector<AddressId> queues;  // ascending
        std::uint64_t messages = 0;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    void sweep() {
        constexpr std::size_t unused_max = 1024;
        if (by_queues_.size() < sweep_at_) return;
        std::erase_if(by_queues_, [this](const auto& known) {
            if (sets_[known.second].messages > 0) return false;
            sets_[known.second].queues.clear();
            free_.push_back(known.second);
            return true;
        });
        sweep_at_ = 2 * by_queues_.size() + unused_max;
    }

    std::vector<Queues> sets_{1};  // the first stands for none
    std::vector<std::uint32_t> free_;
    std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> by_queues_;
    std::size_t sweep_at_ = 1024;
    std::vector<AddressId> scratch_;
};

}  // namespace ym
