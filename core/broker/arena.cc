#include "broker/arena.h"

namespace ym {

Location Arena::take_elsewhere(std::size_t size) {
    // A large run gets an extent of its own, so that it frees its memory by itself.
    if (size > large) {
        const std::uint32_t index = open(size);
        extents_[index].used = extents_[index].live = size;
        live_ += size;
        return {index, 0};
    }
    const std::uint32_t full = filling_;
    filling_ = open(extent_bytes);
    if (full != none && extents_[full].live == 0) close(full);
    return take(size);
}

void Arena::emptied(std::uint32_t index) {
    if (index == filling_) {
        extents_[index].used = 0;
    } else {
        close(index);
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
    if (capacity != extent_bytes) {
        extent.large.reset(new std::byte[capacity]);
        extent.octets = extent.large.get();
    } else {
        if (spare_.empty()) spare_.emplace_back(extent_bytes);
        extent.pages = std::move(spare_.back());
        spare_.pop_back();
        extent.octets = extent.pages.get();
    }
    memory_ += capacity;
    extent.capacity = capacity;
    extent.used = extent.live = 0;
    return index;
}

void Arena::close(std::uint32_t index) {
    Extent& extent = extents_[index];
    if (extent.pages.get() != nullptr) spare_.push_back(std::move(extent.pages));
    extent.large.reset();
    extent.octets = nullptr;
    memory_ -= extent.capacity;
    extent.capacity = 0;
    free_.push_back(index);
    // Half of what is left may be spare: a backlog that comes and goes is not paid for with the system's calls.
    while (spare_.size() > spare_min && spare_.size() > extents_.size() - free_.size()) spare_.pop_back();
}

}  // namespace ym
