// The server of another broker as the middle of a run.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "bench/job.h"

namespace ym::bench {

/// Says what went wrong with another broker, and ends this process; the run is then incomplete.
[[noreturn]] void broken(const std::string& who, const std::string& why);

/// A TCP port of this machine that nobody uses now.
[[nodiscard]] std::string free_port();
/// A loopback connection to `port` is accepted.
[[nodiscard]] bool is_listening(const std::string& port);

struct Server {
    std::vector<std::string> command;
    std::vector<std::string> environment;  // NAME=value, beside ours and HOME, which is its folder
    std::string port;
    std::vector<std::string> beside;  // a command that the server needs to run beside it; empty: none
    std::function<void()> declare;    // makes the queue, as soon as the server listens
};

/// A new folder in `above`, from which those of earlier runs are gone.
[[nodiscard]] std::filesystem::path fresh_folder(const Folder& above);

/// Turns this process into the server, working in `folder`, so that its time, memory and syncs are the middle's. A
/// process beside it waits until the server listens, declares, tells the peers where it is, and ends with the server.
[[noreturn]] void become(const Server& server, const std::filesystem::path& folder, Shared& shared);

}  // namespace ym::bench
