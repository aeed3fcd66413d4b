// The messages of one priority of a queue that could be delivered now, in order of acceptance.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>

#include "base/check.h"
#include "base/id.h"
#include "base/ring.h"
#include "broker/messages.h"

namespace ym {

/// A message of a queue that was delivered before, or came in out of order.
struct Copy {
    MessageId id;
    Slot slot = no_slot;
    std::uint32_t attempts = 0;  // used up

    friend bool operator<(const Copy& a, const Copy& b) { return a.id < b.id; }
};

/// Those never delivered stand in order of acceptance; those that came back keep their place: they are older than all
/// that were never delivered, or sorted in by their number. Any of them may leave, from anywhere.
class Lane {
  public:
    explicit Lane(std::uint8_t priority) : priority_(priority) {}

    [[nodiscard]] std::uint8_t priority() const { return priority_; }
    [[nodiscard]] std::size_t size() const { return fresh_.size() - gaps_ + returned_.size(); }
    void add(MessageId id, Slot slot) {
        fresh_.push_back(slot);
        last_ = id;
    }
    /// Whether a message of this number may be added behind those that were never delivered.
    [[nodiscard]] bool ends_before(MessageId id) const { return fresh_.empty() || last_ < id; }
    void put_back(const Copy& copy) { returned_.insert(copy); }
    /// The oldest; the lane is not empty.
    [[nodiscard]] Copy front(const Messages& messages) const {
        if (fresh_.empty()) return *returned_.begin();
        const Slot slot = fresh_.front();
        const MessageId id = messages.id(slot);
        if (!returned_.empty() && returned_.begin()->id < id) return *returned_.begin();
        return {id, slot, 0};
    }
    void pop(const Copy& front) {
        if (!fresh_.empty() && fresh_.front() == front.slot) {
            fresh_.pop_front();
            if (gaps_ > 0) trim();
            return;
        }
        returned_.erase(returned_.begin());
    }
    /// Takes the message of this number out, wherever it stands; nothing if it is not here.
    std::optional<Copy> remove(MessageId id, const Messages& messages) {
        const auto found = returned_.find({id, no_slot, 0});
        if (found != returned_.end()) {
            const Copy copy = *found;
            returned_.erase(found);
            return copy;
        }
        const std::size_t at = find_fresh(id, messages);
        if (at == fresh_.size()) return std::nullopt;
        const Copy copy{id, fresh_[at], 0};
        fresh_[at] = gap | 1U;
        ++gaps_;
        trim();
        if (gaps_ > fresh_.size() / 2) close_gaps();
        return copy;
    }
    /// Visits the first `count` in their order, or all.
    template <class Visit>
    void first(std::size_t count, const Messages& messages, Visit visit) const {
        auto returned = returned_.begin();
        std::size_t fresh = 0;
        for (; count > 0; --count) {
            fresh = skip(fresh);
            const bool has_fresh = fresh < fresh_.size();
            if (returned == returned_.end() && !has_fresh) return;
            if (returned == returned_.end() || (has_fresh && messages.id(fresh_[fresh]) < returned->id)) {
                visit(fresh_[fresh++]);
            } else {
                visit(returned->slot);
                ++returned;
            }
        }
    }
    /// The one `count` places behind the first of those that were never delivered, or the last; no_slot if there is
    /// none.
    [[nodiscard]] Slot ahead(std::size_t count) const {
        return fresh_.empty() ? no_slot : fresh_[skip(std::min(count, fresh_.size() - 1))];
    }
    /// How many were never delivered, gaps between them included.
    [[nodiscard]] std::size_t fresh() const { return fresh_.size(); }
    template <class Visit>
    void for_each(Visit visit) const {
        for (std::size_t i = skip(0); i < fresh_.size(); i = skip(i + 1)) visit(fresh_[i]);
        for (const Copy& copy : returned_) visit(copy.slot);
    }

    std::uint64_t storing_in = 0;  // last batch that holds a copy for this lane

  private:
    /// Stands where a message left from the middle; the lower bits say how far behind it the next one may be. Neither
    /// the first nor the last of fresh_ is a gap.
    static constexpr Slot gap = 0x80000000U;
    static_assert(slots_max <= gap);

    [[nodiscard]] std::size_t skip(std::size_t at) const {
        while (gaps_ > 0 && at < fresh_.size() && (fresh_[at] & gap) != 0) at += fresh_[at] & ~gap;
        return at;
    }
    /// Where the message stands in fresh_; its size if nowhere.
    [[nodiscard]] std::size_t find_fresh(MessageId id, const Messages& messages) {
        std::size_t low = 0;
        std::size_t high = fresh_.size();
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            const std::size_t at = skip(middle);
            // The way over many gaps is gone once: then each knows how far it is.
            for (std::size_t i = middle; i < at;) {
                const std::size_t next = i + (fresh_[i] & ~gap);
                fresh_[i] = gap | static_cast<Slot>(at - i);
                i = next;
            }
            if (at >= high) {
                high = middle;
            } else if (const MessageId there = messages.id(fresh_[at]); there < id) {
                low = at + 1;
            } else if (there == id) {
                return at;
            } else {
                high = middle;
            }
        }
        return fresh_.size();
    }
    void trim() {
        for (; !fresh_.empty() && (fresh_.front() & gap) != 0; --gaps_) fresh_.pop_front();
        for (; !fresh_.empty() && (fresh_.back() & gap) != 0; --gaps_) fresh_.pop_back();
    }
    void close_gaps() {
        std::size_t kept = 0;
        for (std::size_t i = skip(0); i < fresh_.size(); i = skip(i + 1)) fresh_[kept++] = fresh_[i];
        while (fresh_.size() > kept) fresh_.pop_back();
        gaps_ = 0;
    }

    std::uint8_t priority_;
    Ring<Slot> fresh_;
    MessageId last_;  // that was added to fresh_, while that is not empty
    std::size_t gaps_ = 0;
    std::set<Copy> returned_;
};

}  // namespace ym
