// Counts every allocation of this process while a Counted lives: malloc itself is replaced, so that operator new, C
// plugins and libraries are seen alike.
#pragma once

#include <cstdint>

namespace ym::bench {

/// Calls of malloc, calloc, realloc and aligned_alloc since the process began to count.
[[nodiscard]] std::uint64_t allocations();

/// Counts while it lives; not to be nested.
class Counted {
  public:
    Counted();
    ~Counted();
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
};

}  // namespace ym::bench
