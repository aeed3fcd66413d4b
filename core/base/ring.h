// A queue in a ring of memory that doubles when full: no allocation in the steady state.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace ym {

/// First in, first out, with access by place. T is moved when the ring grows or shrinks.
template <class T>
class Ring {
  public:
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] T& operator[](std::size_t i) { return items_[(head_ + i) & mask()]; }
    [[nodiscard]] const T& operator[](std::size_t i) const { return items_[(head_ + i) & mask()]; }
    [[nodiscard]] T& front() { return items_[head_]; }
    [[nodiscard]] const T& front() const { return items_[head_]; }
    [[nodiscard]] T& back() { return (*this)[size_ - 1]; }
    [[nodiscard]] const T& back() const { return (*this)[size_ - 1]; }
    [[nodiscard]] std::size_t memory() const { return capacity_ * sizeof(T); }

    void push_back(T item) {
        if (size_ == capacity_) resize(capacity_ == 0 ? 16 : capacity_ * 2);
        items_[(head_ + size_) & mask()] = std::move(item);
        ++size_;
    }
    void pop_front() {
        // What a popped item owns goes now, not when its place is used again.
        if constexpr (!std::is_trivially_destructible_v<T>) items_[head_] = T{};
        head_ = (head_ + 1) & mask();
        --size_;
        shrink();
    }
    /// The first `count`, which are there.
    void pop_front(std::size_t count) {
        static_assert(std::is_trivially_destructible_v<T>);
        head_ = (head_ + count) & mask();
        size_ -= count;
        shrink();
    }
    /// Takes back the last push_back.
    void pop_back() { --size_; }
    void clear() {
        head_ = 0;
        size_ = 0;
    }

  private:
    [[nodiscard]] std::size_t mask() const { return capacity_ - 1; }

    /// A ring that was long once gives its memory back; the wide gap between growing and shrinking keeps a steady load
    /// from doing either.
    void shrink() {
        if (capacity_ > 4096 && size_ < capacity_ / 8) resize(capacity_ / 4);
    }
    void resize(std::size_t capacity) {
        std::unique_ptr<T[]> bigger(new T[capacity]);
        for (std::size_t i = 0; i < size_; ++i) bigger[i] = std::move((*this)[i]);
        items_ = std::move(bigger);
        capacity_ = capacity;
        head_ = 0;
    }

    std::unique_ptr<T[]> items_;
    std::size_t capacity_ = 0;
    std::size_t head_ = 0;
    std::size_t size_ = 0;
};

}  // namespace ym
