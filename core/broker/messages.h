// The index of messages: a slot for each, and the head that stands before its octets in the arena.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/id.h"
#include "base/ring.h"
#include "base/time.h"
#include "broker/arena.h"

namespace ym {

/// A message in the index; reused after its last copy has left.
using Slot = std::uint32_t;
inline constexpr Slot no_slot = 0xffffffffU;

/// Stands before a message's fields and body.
struct MessageHead {
    MessageId id;
    Instant accepted;
    WallTime accepted_wall;
    std::uint32_t fields_bytes = 0;
    std::uint32_t body_bytes = 0;
    std::uint32_t copies = 0;  // queues that hold it, and dead letters
    std::uint8_t priority = 0;
    bool wants_reply = false;

    /// What limits of queues and of memory count.
    [[nodiscard]] std::uint64_t bytes() const { return std::uint64_t{fields_bytes} + body_bytes; }
};

/// All messages of a shard. Index: 8 octets a message here and 4 in its queue.
class Messages {
  public:
    /// Room for a message: its head is set, `octets` are to be filled with fields, then body.
    Slot add(const MessageHead& head, std::byte*& octets) {
        const Location where = arena_.take(sizeof(MessageHead) + head.bytes());
        std::byte* at = arena_.at(where);
        new (at) MessageHead(head);
        octets = at + sizeof(MessageHead);
        ++count_;
        if (free_.empty()) {
            locations_.push_back(where);
            return static_cast<Slot>(locations_.size() - 1);
        }
        const Slot slot = free_.front();
        free_.pop_front();
        locations_[slot] = where;
        return slot;
    }
    [[nodiscard]] MessageHead& head(Slot slot) {
        return *std::launder(reinterpret_cast<MessageHead*>(arena_.at(locations_[slot])));
    }
    [[nodiscard]] const MessageHead& head(Slot slot) const {
        return *std::launder(reinterpret_cast<const MessageHead*>(arena_.at(locations_[slot])));
    }
    /// Fields, then body.
    [[nodiscard]] Octets octets(Slot slot) const {
        const MessageHead& h = head(slot);
        return {arena_.at(locations_[slot]) + sizeof(MessageHead), static_cast<std::size_t>(h.bytes())};
    }
    /// A message of its own, with the octets of another and the number `id`, as its only copy. The other loses a copy.
    Slot split(Slot slot, MessageId id) {
        MessageHead& old = head(slot);
        if (old.copies == 1) {
            old.id = id;
            old.wants_reply = false;
            return slot;
        }
        MessageHead fresh = old;
        fresh.id = id;
        fresh.copies = 1;
        fresh.wants_reply = false;
        std::byte* to = nullptr;
        const Slot made = add(fresh, to);
        const Octets from = octets(slot);
        if (!from.empty()) std::memcpy(to, from.data(), from.size());
        drop_copy(slot);
        return made;
    }
    /// One copy has left; the last one takes the message with it.
    void drop_copy(Slot slot) {
        MessageHead& h = head(slot);
        YM_CHECK(h.copies > 0);
        if (--h.copies > 0) return;
        arena_.drop(locations_[slot], sizeof(MessageHead) + static_cast<std::size_t>(h.bytes()));
        locations_[slot] = nowhere;
        free_.push_back(slot);
        --count_;
    }
    /// Empties extents that a few old messages hold for themselves. Walks the whole index, so it is for when memory is
    /// short. Octets and heads move: nothing may be borrowed.
    void pack() {
        if (!arena_.is_sparse()) return;
        for (Location& where : locations_) {
            if (where.extent == nowhere.extent || !arena_.is_sparse(where)) continue;
            const MessageHead& old = *std::launder(reinterpret_cast<const MessageHead*>(arena_.at(where)));
            const std::size_t size = sizeof(MessageHead) + static_cast<std::size_t>(old.bytes());
            const Location to = arena_.take(size);
            std::memcpy(arena_.at(to), arena_.at(where), size);
            arena_.drop(where, size);
            where = to;
        }
        arena_.packed();
    }
    [[nodiscard]] std::uint64_t memory() const {
        return arena_.memory() + locations_.capacity() * sizeof(Location) + free_.memory();
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }

  private:
    static constexpr Location nowhere{0xffffffffU, 0};

    Arena arena_;
    std::vector<Location> locations_;
    Ring<Slot> free_;
    std::uint64_t count_ = 0;
};

}  // namespace ym
