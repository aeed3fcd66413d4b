#include "server/wake.h"

#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

#include "base/check.h"

namespace ym::server {

Signals::Signals() {
    std::signal(SIGHUP, SIG_IGN);
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    YM_CHECK(pthread_sigmask(SIG_BLOCK, &wanted, nullptr) == 0);
    descriptor_ = ::signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    YM_CHECK(descriptor_ >= 0);
}

Signals::~Signals() {
    ::close(descriptor_);
}

std::optional<int> Signals::next() const {
    signalfd_siginfo signal{};
    if (::read(descriptor_, &signal, sizeof signal) != sizeof signal) return std::nullopt;
    return static_cast<int>(signal.ssi_signo);
}

Wake::Wake() : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    YM_CHECK(descriptor_ >= 0);
}

Wake::~Wake() {
    ::close(descriptor_);
}

void Wake::wake() const {
    const std::uint64_t one = 1;
    // A counter that is full is awake already.
    [[maybe_unused]] const auto written = ::write(descriptor_, &one, sizeof one);
}

void Wake::clear() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(descriptor_, &count, sizeof count);
}

}  // namespace ym::server
