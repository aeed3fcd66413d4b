// What `yardmaster log` does, one function a subcommand. Each gives an ExitCode.
#pragma once

#include <cstdint>
#include <string>

namespace ym::cli {

struct LogOptions {
    std::string dir;
    bool json = false;
    bool frames = false;            // dump: without records
    std::uint64_t from = 1;         // dump: batches
    std::uint64_t to = UINT64_MAX;  // dump: batches
    std::string queue;              // export: of this one only
};

int log_verify(const LogOptions& options);
int log_dump(const LogOptions& options);
int log_export(const LogOptions& options);

}  // namespace ym::cli
