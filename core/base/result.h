// Result: a value, or why there is none.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace ym {

/// Why something failed, for a person: what, where, and what to do.
struct Failure {
    std::string text;
};

/// What a call returns that the world can make fail. Take value() only after ok().
template <class T, class E = Failure>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
    Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }
    [[nodiscard]] T& value() {
        YM_CHECK(ok());
        return *std::get_if<0>(&state_);
    }
    [[nodiscard]] const T& value() const {
        YM_CHECK(ok());
        return *std::get_if<0>(&state_);
    }
    [[nodiscard]] const E& error() const {
        YM_CHECK(!ok());
        return *std::get_if<1>(&state_);
    }
    T& operator*() { return value(); }
    T* operator->() { return &value(); }

  private:
    std::variant<T, E> state_;
};

}  // namespace ym
