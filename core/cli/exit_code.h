// What the program's exit code tells a script. Numbers from 64 on are those of sysexits.h.
#pragma once

namespace ym::cli {

enum ExitCode : int {
    exit_ok = 0,
    exit_failed = 1,         // it ran, and did not succeed
    exit_usage = 2,          // the command line is wrong
    exit_no_input = 66,      // there is no such file or folder
    exit_unavailable = 69,   // cannot bind an address, or nobody answers at it
    exit_store = 74,         // the store failed; start again to recover
    exit_temporary = 75,     // another broker owns the store now
    exit_configuration = 78  // the settings file is wrong
};

/// What `--help` says about exit codes.
inline constexpr const char* exit_codes_help =
    "Exit codes: 0 done; 1 failed; 2 wrong command line; 66 no such folder; 69 cannot bind an address, or\n"
    "            nobody answers; 74 the store failed; 75 another broker took the store over; 78 wrong settings file.";

}  // namespace ym::cli
