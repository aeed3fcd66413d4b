#include "broker/arena.h"

#include "base/check.h"

namespace ym {
namespace {
constexpr std::size_t aligned(std::size_t size) {
    return (size + 7) & ~std::size_t{7};
}
}  // namespace

Location Arena::take(std::size_t size) {
    size = aligned(size);
    live_ += size;
    // A large run gets an extent of its own, so that it frees its memory by itself.
    if (size > extent_bytes / 4) {
        const std::uint32_t index = open(size);
        extents_[index].used = extents_[index].live = size;
        return {index, 0};
    }
    if (filling_ == none || extents_[filling_].used + size > extent_bytes) {
        const std::uint32_t full = filling_;
        filling_ = open(extent_bytes);
        if (full != none && extents_[full].live == 0) close(full);
    }
    Extent& extent = extents_[filling_];
    const Location where{filling_, static_cast<std::uint32_t>(extent.used)};
    extent.used += size;
    extent.live += size;
    return where;
}

void Arena::drop(Location where, std::size_t size) {
    Extent& extent = extents_[where.extent];
    YM_CHECK(extent.live >= aligned(size));
    extent.live -= aligned(size);
    live_ -= aligned(size);
    dropped_ += aligned(size);
    if (extent.live > 0) return;
    if (where.extent == filling_) {
        extent.used = 0;
    } else {
        close(where.extent);
    }
}

std::uint32_t Arena::open(std::size_t capacity) {
    std::uint32_t index = 0;
    if (free_.empty()) {
        index = static_cast<std::uint32_t>(extents_.size());
        extents_.emplace_back();
    } else {
        index = free_.back();
        free_.pop_back();
    }
    Extent& extent = extents_[index];
    if (capacity == extent_bytes && !spare_.empty()) {
        extent.octets = std::move(spare_.back());
        spare_.pop_back();
    } else {
        extent.octets.reset(new std::byte[capacity]);
    }
    memory_ += capacity;
    extent.capacity = capacity;
    extent.used = extent.live = 0;
    return index;
}

void Arena::close(std::uint32_t index) {
    Extent& extent = extents_[index];
    if (extent.capacity == extent_bytes && spare_.size() < spare_max) {
        spare_.push_back(std::move(extent.octets));
    } else {
        extent.octets.reset();
    }
    memory_ -= extent.capacity;
    extent.capacity = 0;
    free_.push_back(index);
}

}  // namespace ym
