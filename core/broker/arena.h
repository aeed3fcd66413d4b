// Fields and bodies of messages, packed one behind the other in extents of memory. A received ZeroMQ message that
// is kept would pin a far larger buffer (WIRE, "What bites" 6), so octets are copied in once, and out once.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/pages.h"

namespace ym {

/// Where a run of octets stands in an arena.
struct Location {
    std::uint32_t extent = 0;
    std::uint32_t offset = 0;
};

/// Runs of octets, taken one by one and dropped in any order. An extent's memory is used again when its last run is
/// dropped. Runs are 8-aligned and never move, except by the owner's own taking and dropping.
class Arena {
  public:
    static constexpr std::size_t extent_bytes = std::size_t{256} << 10U;

    /// Room for `size` octets (below 4 GiB).
    Location take(std::size_t size) {
        size = aligned(size);
        const bool has_room = filling_ != none && size <= extent_bytes - extents_[filling_].used;
        if (!has_room || size > large) return take_elsewhere(size);
        live_ += size;
        Extent& extent = extents_[filling_];
        const Location where{filling_, static_cast<std::uint32_t>(extent.used)};
        extent.used += size;
        extent.live += size;
        return where;
    }
    [[nodiscard]] std::byte* at(Location where) { return extents_[where.extent].octets + where.offset; }
    [[nodiscard]] const std::byte* at(Location where) const { return extents_[where.extent].octets + where.offset; }
    /// Ends a run; `size` as it was taken.
    void drop(Location where, std::size_t size) {
        size = aligned(size);
        Extent& extent = extents_[where.extent];
        YM_CHECK(extent.live >= size);
        extent.live -= size;
        live_ -= size;
        dropped_ += size;
        if (extent.live == 0) emptied(where.extent);
    }
    /// Octets of the extents in use; as many empty ones at most are kept beside them, or a few.
    [[nodiscard]] std::uint64_t memory() const { return memory_; }
    /// True when at least a quarter of the memory, and an extent, holds runs that were dropped, a good part of them
    /// since the last packed(): a search that found nothing to move is not made again for each message.
    [[nodiscard]] bool is_sparse() const {
        return memory_ > live_ + live_ / 4 + 2 * extent_bytes && dropped_ >= memory_ / 16;
    }
    void packed() { dropped_ = 0; }
    /// True when the extent of a run is full, and more than half of it was dropped.
    [[nodiscard]] bool is_sparse(Location where) const {
        const Extent& extent = extents_[where.extent];
        return where.extent != filling_ && extent.live * 2 < extent.capacity;
    }

  private:
    static constexpr std::size_t spare_min = 16;
    static constexpr std::size_t large = extent_bytes / 4;
    static constexpr std::uint32_t none = 0xffffffffU;

    struct Extent {
        std::byte* octets = nullptr;
        Pages pages;                         // of an ordinary one; they go back to the system when a queue has drained
        std::unique_ptr<std::byte[]> large;  // of one that holds a single run
        std::size_t capacity = 0;
        std::size_t used = 0;
        std::size_t live = 0;
    };

    static constexpr std::size_t aligned(std::size_t size) { return (size + 7) & ~std::size_t{7}; }
    /// Of what the extent that is being filled has no room for; `size` is aligned.
    Location take_elsewhere(std::size_t size);
    void emptied(std::uint32_t index);
    std::uint32_t open(std::size_t capacity);
    void close(std::uint32_t index);

    std::vector<Extent> extents_;
    std::vector<std::uint32_t> free_;  // indexes without memory
    std::vector<Pages> spare_;
    std::uint32_t filling_ = none;
    std::uint64_t memory_ = 0;
    std::uint64_t live_ = 0;     // octets of the runs in it
    std::uint64_t dropped_ = 0;  // octets, since packed()
};

}  // namespace ym
