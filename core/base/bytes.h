// Octets: borrowed views, a growing buffer, and integers in network order.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

namespace ym {

/// Borrowed octets; who lends them says for how long.
using Octets = std::span<const std::byte>;

inline Octets as_octets(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Octets octets) {
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

/// Octets of all of them together.
[[nodiscard]] inline std::size_t total_size(std::span<const Octets> parts) {
    std::size_t sum = 0;
    for (const Octets part : parts) sum += part.size();
    return sum;
}

/// Reads an unsigned integer in network order. `at` must hold sizeof(T) octets.
template <class T>
[[nodiscard]] inline T load_be(const std::byte* at) {
    static_assert(std::is_unsigned_v<T>);
    T raw;
    std::memcpy(&raw, at, sizeof raw);
    if constexpr (sizeof(T) == 1 || std::endian::native == std::endian::big) {
        return raw;
    } else if constexpr (sizeof(T) == 2) {
        return __builtin_bswap16(raw);
    } else if constexpr (sizeof(T) == 4) {
        return __builtin_bswap32(raw);
    } else {
        return __builtin_bswap64(raw);
    }
}

/// Writes an unsigned integer in network order. `at` must have room for sizeof(T) octets.
template <class T>
inline void store_be(std::byte* at, T value) {
    const T swapped = load_be<T>(reinterpret_cast<const std::byte*>(&value));
    std::memcpy(at, &swapped, sizeof swapped);
}

/// A growing run of octets that keeps its memory when cleared, and does not zero what it grows by.
/// Pointers into it are valid until the next growth.
class Buffer {
  public:
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] std::byte* data() { return data_.get(); }
    [[nodiscard]] const std::byte* data() const { return data_.get(); }
    [[nodiscard]] Octets octets() const { return {data_.get(), size_}; }
    [[nodiscard]] Octets octets(std::size_t at, std::size_t count) const { return {data_.get() + at, count}; }
    void clear() { size_ = 0; }
    /// Cuts to `size`, which is at most size().
    void truncate(std::size_t size) { size_ = size; }

    /// Makes `count` octets of unspecified content at the end and returns where they start.
    std::byte* grow(std::size_t count) {
        if (size_ + count > capacity_) reallocate(size_ + count);
        std::byte* at = data_.get() + size_;
        size_ += count;
        return at;
    }
    void append(Octets octets) {
        if (octets.empty()) return;
        std::memcpy(grow(octets.size()), octets.data(), octets.size());
    }
    template <class T>
    void append_be(T value) {
        store_be(grow(sizeof(T)), value);
    }

  private:
    void reallocate(std::size_t needed) {
        std::size_t capacity = capacity_ < 256 ? 256 : capacity_ * 2;
        if (capacity < needed) capacity = needed;
        std::unique_ptr<std::byte[]> bigger(new std::byte[capacity]);
        if (size_ > 0) std::memcpy(bigger.get(), data_.get(), size_);
        data_ = std::move(bigger);
        capacity_ = capacity;
    }

    std::unique_ptr<std::byte[]> data_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace ym
