// What wakes the loop beside sockets: signals, and other threads.
#pragma once

#include <optional>

namespace ym::server {

/// SIGTERM and SIGINT as things to read, for the whole process; SIGHUP and SIGPIPE are ignored. Made before any
/// other thread, so that all threads leave the signals to it. One a process.
class Signals {
  public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    [[nodiscard]] int descriptor() const { return descriptor_; }
    /// The number of a signal that came and was not yet told.
    [[nodiscard]] std::optional<int> next() const;

  private:
    int descriptor_;
};

/// Lets any thread wake the one that polls descriptor().
class Wake {
  public:
    Wake();
    ~Wake();
    Wake(const Wake&) = delete;
    Wake& operator=(const Wake&) = delete;

    [[nodiscard]] int descriptor() const { return descriptor_; }
    /// On any thread.
    void wake() const;
    /// On the thread that was woken.
    void clear() const;

  private:
    int descriptor_;
};

}  // namespace ym::server
