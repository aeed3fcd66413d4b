// SIGINT and SIGTERM as a count, for commands that end in order.
#pragma once

#include <csignal>

namespace ym::cli {

/// While it lives, the two signals are counted and nothing else. One at a time.
class Interrupts {
  public:
    Interrupts() {
        count_ = 0;
        std::signal(SIGINT, &count);
        std::signal(SIGTERM, &count);
    }
    ~Interrupts() {
        std::signal(SIGINT, SIG_DFL);
        std::signal(SIGTERM, SIG_DFL);
    }
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;

    [[nodiscard]] int seen() const { return count_; }

  private:
    static void count(int) { count_ = count_ + 1; }
    static inline volatile std::sig_atomic_t count_ = 0;
};

}  // namespace ym::cli
