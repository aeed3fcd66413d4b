// Memory that goes back to the system at once when it is not needed any more, whatever lies behind it.
#pragma once

#include <cstddef>
#include <utility>

namespace ym {

/// A run of whole pages, zero at first.
class Pages {
  public:
    Pages() = default;
    /// `size` octets; ends the process if there are none left, as `new` would.
    explicit Pages(std::size_t size);
    ~Pages() { reset(); }
    Pages(Pages&& other) noexcept
        : octets_(std::exchange(other.octets_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Pages& operator=(Pages&& other) noexcept {
        std::swap(octets_, other.octets_);
        std::swap(size_, other.size_);
        return *this;
    }

    [[nodiscard]] std::byte* get() const { return octets_; }
    [[nodiscard]] std::size_t size() const { return size_; }
    void reset();

  private:
    std::byte* octets_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace ym
