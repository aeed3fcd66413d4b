#include "base/pages.h"

#include <sys/mman.h>

#include <new>

namespace ym {

Pages::Pages(std::size_t size) : size_(size) {
    void* const got = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED) throw std::bad_alloc();
    octets_ = static_cast<std::byte*>(got);
}

void Pages::reset() {
    if (octets_ != nullptr) ::munmap(octets_, size_);
    octets_ = nullptr;
    size_ = 0;
}

}  // namespace ym
