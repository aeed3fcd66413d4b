// libFuzzer's way in to the function that YM_FUZZ_ONE names; built with clang and -DYM_LIBFUZZER=ON.
#include <cstdio>
#include <cstdlib>

#include "fuzz/one_input.h"

namespace {

template <class Counts>
const char* look(const char* (*one)(const std::uint8_t*, std::size_t, Counts&), const std::uint8_t* data,
                 std::size_t size) {
    static Counts counts;
    return one(data, size, counts);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (const char* broken = look(ym::fuzz::YM_FUZZ_ONE, data, size)) {
        std::fprintf(stderr, "broken: %s\n", broken);
        std::abort();
    }
    return 0;
}
