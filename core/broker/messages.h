// The index of messages: 16 octets for each, by number; its octets, with a head before them, stand in the arena or,
// once the store has them, in the store alone.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/id.h"
#include "base/ring.h"
#include "base/time.h"
#include "broker/arena.h"
#include "broker/holders.h"

namespace ym {

/// Where a message stands in the index, as long as it is there.
using Slot = std::uint32_t;
inline constexpr Slot no_slot = 0xffffffffU;

/// Stands before a message's fields and body.
struct MessageHead {
    Instant accepted;
    WallTime accepted_wall;
    std::uint64_t batch = 0;         // that holds its record; 0: none
    std::uint32_t fields_bytes = 0;  // the rest of MessageEntry::bytes is its body
    std::uint32_t leases = 0;        // of its copies: it stays in memory for them
};
static_assert(sizeof(MessageHead) == 32);  // of each message in memory

/// What is known of a message without its octets.
struct MessageEntry {
    MessageId id;
    std::uint32_t bytes = 0;  // of fields and body
    std::uint8_t priority = 0;
    bool wants_reply = false;
    Holders::Set holders = Holders::none;
};

/// All messages of a shard. Numbers are given in ascending order, so the index is a line of chunks of them, one behind
/// the other; chunks that only stragglers hold stand aside (DESIGN section 6).
class Messages {
  public:
    /// Room for a message: `octets` are to be filled with fields, then body.
    Slot add(const MessageEntry& entry, const MessageHead& head, std::byte*& octets) {
        const Slot slot = take(entry);
        octets = place(slot, head);
        return slot;
    }
    /// A message whose octets are in batch `batch` of the store.
    Slot add_paged(const MessageEntry& entry, std::uint64_t batch) {
        const Slot slot = take(entry);
        Entry& e = at(slot);
        e.where = (e.where & ~(where_mask | kept)) | paged | batch;
        return slot;
    }
    /// no_slot if it is not there.
    [[nodiscard]] Slot find(MessageId id) const {
        const std::uint32_t chunk = find_chunk(id.value / chunk_size);
        if (chunk == none) return no_slot;
        const auto slot = static_cast<Slot>(chunk * chunk_size + id.value % chunk_size);
        return at(slot).holders == Holders::none ? no_slot : slot;
    }

    [[nodiscard]] MessageId id(Slot slot) const {
        return MessageId{chunks_[slot / chunk_size]->number * chunk_size + slot % chunk_size};
    }
    [[nodiscard]] std::uint32_t bytes(Slot slot) const { return at(slot).bytes; }
    [[nodiscard]] std::uint8_t priority(Slot slot) const {
        return static_cast<std::uint8_t>((at(slot).where >> priority_at) & 31U);
    }
    [[nodiscard]] bool wants_reply(Slot slot) const { return (at(slot).where & asks) != 0; }
    [[nodiscard]] Holders::Set holders(Slot slot) const { return at(slot).holders; }
    void set_holders(Slot slot, Holders::Set holders) { at(slot).holders = holders; }
    /// Whether there may be a history of a copy of it (broker/history.h).
    [[nodiscard]] bool has_failed(Slot slot) const { return (at(slot).where & failed) != 0; }
    void set_failed(Slot slot) { at(slot).where |= failed; }
    /// Whether head and octets are in memory.
    [[nodiscard]] bool is_loaded(Slot slot) const { return (at(slot).where & paged) == 0; }
    /// That holds its record; 0: none.
    [[nodiscard]] std::uint64_t batch(Slot slot) const {
        const std::uint64_t word = at(slot).where;
        if ((word & paged) != 0) return word & where_mask;
        return (word & kept) == 0 ? 0 : head(slot).batch;  // the head of one that no store has is not looked at
    }
    void set_batch(Slot slot, std::uint64_t batch) {
        if (is_loaded(slot)) {
            head(slot).batch = batch;
            at(slot).where = batch == 0 ? at(slot).where & ~kept : at(slot).where | kept;
        } else {
            YM_CHECK(batch != 0);
            at(slot).where = (at(slot).where & ~where_mask) | batch;
        }
    }

    /// Of a loaded one. Valid until a message is added, removed, loaded, paged out or packed.
    [[nodiscard]] MessageHead& head(Slot slot) {
        return *std::launder(reinterpret_cast<MessageHead*>(arena_.at(location(at(slot)))));
    }
    [[nodiscard]] const MessageHead& head(Slot slot) const {
        return *std::launder(reinterpret_cast<const MessageHead*>(arena_.at(location(at(slot)))));
    }
    /// Its head will be read soon; a hint. `slot` may be no_slot.
    void prefetch(Slot slot) const {
        if (slot != no_slot && is_loaded(slot)) __builtin_prefetch(arena_.at(location(at(slot))));
    }
    /// Of a loaded one.
    [[nodiscard]] std::uint32_t body_bytes(Slot slot) const { return bytes(slot) - head(slot).fields_bytes; }
    /// Of a loaded one: fields, then body.
    [[nodiscard]] Octets octets(Slot slot) const {
        return {arena_.at(location(at(slot))) + sizeof(MessageHead), at(slot).bytes};
    }

    /// What is known of it without them will be needed sooner; a hint.
    void prefetch_entry(Slot slot) const { __builtin_prefetch(&at(slot)); }

    /// Gives up the octets of a loaded message that the store has.
    void page_out(Slot slot) {
        const std::uint64_t batch = head(slot).batch;
        YM_CHECK(batch != 0);
        drop_octets(at(slot));
        at(slot).where = (at(slot).where & ~(where_mask | kept)) | paged | batch;
    }
    /// Room for the octets of a message that was paged out.
    std::byte* load(Slot slot, const MessageHead& head) {
        YM_CHECK(!is_loaded(slot) && head.fields_bytes <= bytes(slot));
        return place(slot, head);
    }
    void remove(Slot slot) {
        const std::uint32_t index = slot / chunk_size;
        Chunk& chunk = *chunks_[index];
        Entry& e = chunk.entries[slot % chunk_size];
        if ((e.where & paged) == 0) drop_octets(e);
        e = Entry{};
        --count_;
        if (--chunk.live == 0 && index != newest_) close(index);
    }
    /// The octets of `slot` under another entry. `slot` is removed; a paged one stays where its record is.
    Slot renumber(Slot slot, const MessageEntry& entry) {
        YM_CHECK(bytes(slot) == entry.bytes);
        const Slot made = take(entry);
        constexpr std::uint64_t moving = where_mask | paged | kept;
        at(made).where = (at(made).where & ~moving) | (at(slot).where & moving);
        at(slot).where = paged;  // nothing of it is left to drop
        remove(slot);
        return made;
    }

    /// Empties extents that a few old messages hold for themselves. Walks the whole index, so it is for when memory is
    /// short. Octets and heads move: nothing may be borrowed.
    void pack() {
        if (!arena_.is_sparse()) return;
        for_each([this](Slot slot) {
            if (!is_loaded(slot) || !arena_.is_sparse(location(at(slot)))) return;
            const Location where = location(at(slot));
            const std::size_t size = sizeof(MessageHead) + bytes(slot);
            const Location to = arena_.take(size);
            std::memcpy(arena_.at(to), arena_.at(where), size);
            arena_.drop(where, size);
            set_location(at(slot), to);
        });
        arena_.packed();
    }
    /// Visits each message, in the order of their numbers. The visitor may load and page out, but not add or remove.
    template <class Visit>
    void for_each(Visit visit) const {
        const auto walk = [&](std::uint32_t chunk) {
            for (std::uint32_t i = 0; chunk != none && i < chunk_size; ++i) {
                if (chunks_[chunk]->entries[i].holders != Holders::none) visit(chunk * chunk_size + i);
            }
        };
        for (const auto& [number, chunk] : aside_) walk(chunk);
        for (std::size_t i = 0; i < line_.size(); ++i) walk(line_[i]);
    }
    /// Octets of fields, bodies and heads in memory.
    [[nodiscard]] std::uint64_t memory() const { return arena_.memory(); }
    [[nodiscard]] std::uint64_t count() const { return count_; }

  private:
    static constexpr std::uint32_t chunk_size = 64;
    static constexpr std::uint32_t none = 0xffffffffU;
    static constexpr std::size_t line_min = 64;
    // Of Entry::where: a mark, priority, three marks, and the place: a batch, or extent and offset in the arena.
    static constexpr std::uint64_t paged = std::uint64_t{1} << 63U;
    static constexpr unsigned priority_at = 58;
    static constexpr std::uint64_t asks = std::uint64_t{1} << 57U;
    static constexpr std::uint64_t kept = std::uint64_t{1} << 56U;
    static constexpr std::uint64_t failed = std::uint64_t{1} << 54U;
    static constexpr std::uint64_t where_mask = failed - 1;
    static constexpr unsigned extent_at = 24;

    struct Entry {
        std::uint64_t where = 0;
        std::uint32_t bytes = 0;
        Holders::Set holders = Holders::none;  // none: there is no such message
    };
    struct Chunk {
        std::uint64_t number = 0;  // of its first message, divided by chunk_size
        std::uint32_t live = 0;
        std::array<Entry, chunk_size> entries{};
    };
    static_assert(sizeof(Entry) == 16);

    [[nodiscard]] Entry& at(Slot slot) { return chunks_[slot / chunk_size]->entries[slot % chunk_size]; }
    [[nodiscard]] const Entry& at(Slot slot) const { return chunks_[slot / chunk_size]->entries[slot % chunk_size]; }
    static Location location(const Entry& entry) {
        return {static_cast<std::uint32_t>((entry.where & where_mask) >> extent_at),
                static_cast<std::uint32_t>(entry.where & ((1U << extent_at) - 1))};
    }
    static void set_location(Entry& entry, Location where) {
        const std::uint64_t place = (std::uint64_t{where.extent} << extent_at) | where.offset;
        entry.where = (entry.where & ~(where_mask | paged)) | place;
    }

    Slot take(const MessageEntry& entry) {
        const std::uint64_t number = entry.id.value / chunk_size;
        const bool is_newest = newest_ != none && chunks_[newest_]->number == number;
        const std::uint32_t chunk = is_newest ? newest_ : open(number);
        const auto slot = static_cast<Slot>(chunk * chunk_size + entry.id.value % chunk_size);
        Chunk& to = *chunks_[chunk];
        Entry& e = to.entries[slot % chunk_size];
        YM_CHECK(e.holders == Holders::none && entry.holders != Holders::none && entry.priority < 32);
        e.where = (std::uint64_t{entry.priority} << priority_at) | (entry.wants_reply ? asks : 0);
        e.bytes = entry.bytes;
        e.holders = entry.holders;
        ++to.live;
        ++count_;
        return slot;
    }
    std::byte* place(Slot slot, const MessageHead& head) {
        const Location where = arena_.take(sizeof(MessageHead) + bytes(slot));
        std::byte* to = arena_.at(where);
        new (to) MessageHead(head);
        Entry& entry = at(slot);
        set_location(entry, where);
        if (head.batch != 0) entry.where |= kept;
        return to + sizeof(MessageHead);
    }
    void drop_octets(const Entry& entry) { arena_.drop(location(entry), sizeof(MessageHead) + entry.bytes); }

    [[nodiscard]] std::uint32_t find_chunk(std::uint64_t number) const {
        if (number >= first_) return number - first_ < line_.size() ? line_[number - first_] : none;
        const auto found = aside_.find(number);
        return found == aside_.end() ? none : found->second;
    }
    std::uint32_t open(std::uint64_t number) {
        const std::uint32_t found = find_chunk(number);
        if (found != none) return found;
        if (newest_ != none && chunks_[newest_]->live == 0 && number >= first_ + line_.size()) close(newest_);
        const std::uint32_t made = make(number);
        if (line_.empty() && number > first_) first_ = number;
        if (number < first_) {
            aside_.emplace(number, made);
            return made;
        }
        while (number - first_ > line_.size()) line_.push_back(none);
        if (number - first_ == line_.size()) {
            line_.push_back(made);
            newest_ = made;
            trim();
        } else {
            line_[number - first_] = made;
        }
        return made;
    }
    std::uint32_t make(std::uint64_t number) {
        std::uint32_t index = 0;
        if (free_.empty()) {
            index = static_cast<std::uint32_t>(chunks_.size());
            chunks_.push_back(std::make_unique<Chunk>());
        } else {
            index = free_.back();
            free_.pop_back();
            if (!chunks_[index]) chunks_[index] = std::make_unique<Chunk>();
        }
        ++used_;
        chunks_[index]->number = number;
        return index;
    }
    /// An empty chunk goes; some stay for later numbers.
    void close(std::uint32_t index) {
        const std::uint64_t number = chunks_[index]->number;
        if (number < first_) {
            aside_.erase(number);
        } else {
            line_[number - first_] = none;
            while (!line_.empty() && line_.front() == none) pop();
        }
        if (index == newest_) newest_ = none;
        --used_;
        free_.push_back(index);
        constexpr std::size_t spare_max = 1024;
        if (free_.size() > spare_max + used_) chunks_[index].reset();
    }
    void pop() {
        line_.pop_front();
        ++first_;
    }
    /// A straggler does not make the line long.
    void trim() {
        while (line_.size() > line_min && line_.size() > 4 * (used_ - aside_.size())) {
            if (line_.front() != none) aside_.emplace(first_, line_.front());
            pop();
            while (!line_.empty() && line_.front() == none) pop();
        }
    }

    Arena arena_;
    std::vector<std::unique_ptr<Chunk>> chunks_;
    std::vector<std::uint32_t> free_;
    Ring<std::uint32_t> line_;  // chunks by number, from first_ on; none where all messages are gone
    std::uint64_t first_ = 0;
    std::map<std::uint64_t, std::uint32_t> aside_;
    std::uint32_t newest_ = none;  // stays open, though it may be empty
    std::size_t used_ = 0;         // chunks
    std::uint64_t count_ = 0;
};

}  // namespace ym
