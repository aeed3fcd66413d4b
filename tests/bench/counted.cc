#include "bench/counted.h"

#include <cstddef>

// glibc's own names for what is replaced below; its manual ("Replacing malloc") lists which must go together.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* at, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* at);
}

namespace {
bool counting = false;  // one thread only allocates while it is set
std::uint64_t count = 0;
void note() {
    if (counting) ++count;
}
}  // namespace

extern "C" {
void* malloc(std::size_t size) {
    note();
    return __libc_malloc(size);
}
void* calloc(std::size_t items, std::size_t size) {
    note();
    return __libc_calloc(items, size);
}
void* realloc(void* at, std::size_t size) {
    note();
    return __libc_realloc(at, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    note();
    return __libc_memalign(alignment, size);
}
void free(void* at) {
    __libc_free(at);
}
}

namespace ym::bench {

std::uint64_t allocations() {
    return count;
}
Counted::Counted() {
    counting = true;
}
Counted::~Counted() {
    counting = false;
}

}  // namespace ym::bench
