#include "fuzz/run.h"

#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ym::fuzz {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool has_own_handlers = true;  // AddressSanitizer's say more than ours
#elif defined(__has_feature)
constexpr bool has_own_handlers = __has_feature(address_sanitizer);
#else
constexpr bool has_own_handlers = false;
#endif

constexpr std::size_t page = 4096;
char where[160];  // what the handler prints; written before each input

void on_signal(int number) {
    static_cast<void>(!write(STDERR_FILENO, where, std::strlen(where)));
    std::signal(number, SIG_DFL);
    std::raise(number);
}

}  // namespace

Run::Run(int argc, char** argv, std::uint64_t count_default) : count(count_default) {
    if (argc > 1) count = std::strtoull(argv[1], nullptr, 10);
    if (argc > 2) seed = std::strtoull(argv[2], nullptr, 10);
    if (argc > 3) first = std::strtoull(argv[3], nullptr, 10);
    if (!has_own_handlers) {
        for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) std::signal(number, on_signal);
    }
    std::signal(SIGPROF, on_signal);
}

FencedInput::FencedInput() {
    void* at = mmap(nullptr, size_max + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) std::abort();
    memory_ = static_cast<std::uint8_t*>(at);
    if (mprotect(memory_ + size_max, page, PROT_NONE) != 0) std::abort();
}

FencedInput::~FencedInput() {
    munmap(memory_, size_max + page);
}

const std::uint8_t* FencedInput::put(const std::string& input) {
    if (input.size() > size_max) std::abort();
    std::uint8_t* at = memory_ + size_max - input.size();
    if (!input.empty()) std::memcpy(at, input.data(), input.size());
    return at;
}

void now_at(const Run& run, std::uint64_t index) {
    // Formatting a text a million times would cost more than the decoders do; a short run is exact.
    const std::uint64_t step = run.count > 256 ? 256 : 1;
    if ((index - run.first) % step != 0) return;
    std::snprintf(where, sizeof where, "died at one of these inputs; run again with: %llu %llu %llu\n",
                  static_cast<unsigned long long>(step), static_cast<unsigned long long>(run.seed),
                  static_cast<unsigned long long>(index));
    // Time of the processor, so that a busy machine is not taken for a hang; no decoder waits for anything.
    const itimerval patience{{0, 0}, {20, 0}};
    setitimer(ITIMER_PROF, &patience, nullptr);
}

int report(const Run& run, std::uint64_t index, const std::string& input, const char* broken) {
    std::printf("broken: %s\nrun again with: 1 %llu %llu\ninput: ", broken, static_cast<unsigned long long>(run.seed),
                static_cast<unsigned long long>(index));
    for (const char octet : input) std::printf("%02x", static_cast<unsigned>(static_cast<unsigned char>(octet)));
    std::printf("\n");
    return 1;
}

}  // namespace ym::fuzz
