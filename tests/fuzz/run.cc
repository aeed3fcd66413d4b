#include "fuzz/run.h"

#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

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

/// From here on a crash or a hang says which input it was.
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

/// Says which rule broke for which input, and how to run it again.
void report(const Run& run, std::uint64_t index, const std::string& input, const char* broken) {
    std::printf("broken: %s\nrun again with: 1 %llu %llu\ninput: ", broken, static_cast<unsigned long long>(run.seed),
                static_cast<unsigned long long>(index));
    for (const char octet : input) std::printf("%02x", static_cast<unsigned>(static_cast<unsigned char>(octet)));
    std::printf("\n");
}

/// Holds an input so that its last octet is the last one of its page, and the next page cannot be read: a decoder that
/// reads one octet too far dies in every build, not only under AddressSanitizer.
class FencedInput {
  public:
    FencedInput() {
        void* at = mmap(nullptr, size_max + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) std::abort();
        memory_ = static_cast<std::uint8_t*>(at);
        if (mprotect(memory_ + size_max, page, PROT_NONE) != 0) std::abort();
    }

    ~FencedInput() { munmap(memory_, size_max + page); }

    /// The octets of `input`, which are at most size_max, until the next call.
    const std::uint8_t* put(const std::string& input) {
        if (input.size() > size_max) std::abort();
        std::uint8_t* at = memory_ + size_max - input.size();
        if (!input.empty()) std::memcpy(at, input.data(), input.size());
        return at;
    }

    FencedInput(const FencedInput&) = delete;
    FencedInput& operator=(const FencedInput&) = delete;

    static constexpr std::size_t size_max = std::size_t{1} << 20U;

  private:
    std::uint8_t* memory_;
};

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

bool feed(const Run& run, const MakeInput& make, const LookAtInput& look) {
    FencedInput fenced;
    for (std::uint64_t index = run.first; index < run.first + run.count; ++index) {
        now_at(run, index);
        Prng prng = run.randomness(index);
        const std::string input = make(prng);
        const bool fits = input.size() <= FencedInput::size_max;
        const auto* octets = fits ? fenced.put(input) : reinterpret_cast<const std::uint8_t*>(input.data());
        if (const char* broken = look(octets, input.size())) {
            report(run, index, input, broken);
            return false;
        }
    }
    return true;
}

int program(int argc, char** argv, std::uint64_t count_default, int (*fuzz)(const Run&)) {
    try {
        return fuzz(Run(argc, argv, count_default));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
        return 2;
    }
}

}  // namespace ym::fuzz
