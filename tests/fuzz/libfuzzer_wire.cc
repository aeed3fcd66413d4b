// libFuzzer's way in; built with clang and -DYM_LIBFUZZER=ON. Run it on the corpus that fuzz_wire starts from.
#include <cstdio>
#include <cstdlib>

#include "fuzz/one_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static ym::fuzz::WireCounts counts;
    if (const char* broken = ym::fuzz::fuzz_one_wire(data, size, counts)) {
        std::fprintf(stderr, "broken: %s\n", broken);
        std::abort();
    }
    return 0;
}
