// What `yardmaster check` says: problems and effective values, for people and for machines.
#pragma once

#include <string>

#include "settings/config.h"
#include "settings/print.h"

namespace ym::settings {

inline constexpr int exit_ok = 0;
inline constexpr int exit_config = 78;  // EX_CONFIG of sysexits.h

enum class Colour : bool { off, on };

/// A line for each problem, as to_line() makes it, and one that counts them; empty if there is none.
[[nodiscard]] std::string problems_as_text(const Problems& problems, Colour colour);

/// `[{"id", "file", "line", "column", "path", "found", "expected", "hint"}]`
[[nodiscard]] std::string problems_as_json(const Problems& problems);

/// `{"ok": true, "file": ..., "count": ..., "problems": ...}`, those as problems_as_json() has them, and, with
/// `values`, `"values": [{"path", "value", "from"}]`: every effective value in the order of print(). One line.
[[nodiscard]] std::string report_as_json(const Config& config, const Problems& problems, bool values,
                                         const PluginDefaults& defaults = {});

struct CheckOptions {
    bool print = false;
    bool json = false;
    Colour colour = Colour::off;
    PluginDefaults defaults = {};  // what plugins add to the values that are printed
};

struct CheckOutput {
    std::string out;  // for standard output
    std::string err;  // for standard error
    int exit_code = exit_ok;
};

/// The answer of `yardmaster check` for a file that was read; `problems` may hold those of the host as well.
[[nodiscard]] CheckOutput check_output(const Config& config, const Problems& problems, const CheckOptions& options);

}  // namespace ym::settings
