// libFuzzer's way in; built with clang and -DYM_LIBFUZZER=ON. It begins well from nothing.
#include <cstdio>
#include <cstdlib>

#include "fuzz/one_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static ym::fuzz::MajordomoCounts counts;
    if (const char* broken = ym::fuzz::fuzz_one_majordomo(data, size, counts)) {
        std::fprintf(stderr, "broken: %s\n", broken);
        std::abort();
    }
    return 0;
}
