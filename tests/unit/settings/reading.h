// What the tests of the settings share.
#pragma once

#include <string>
#include <vector>

#include "settings/config.h"

namespace ym::settings::test {

/// The environment of all tests: few variables, so that no test depends on the machine.
inline const char* variable(const char* name) {
    const std::string wanted = name;
    if (wanted == "PORT") return "55555555";
    if (wanted == "LEASE") return "soon";
    if (wanted == "EMPTY") return "";
    if (wanted == "FOLDER") return "/var/lib/yardmaster";
    return nullptr;
}

inline std::vector<std::string> lines_of(const Problems& problems) {
    std::vector<std::string> lines;
    for (const Problem& problem : problems.sorted()) lines.push_back(to_line(problem));
    return lines;
}

/// The smallest file, with `more` behind it.
inline std::string small_file(const std::string& more = {}) {
    return "yardmaster: 1\nlisteners: {main: {bind: [\"tcp://127.0.0.1:5555\"]}}\n" + more;
}

/// A file in which there must be no problem.
Config read_good(const std::string& text);

/// Every effective value, one a line, as `path = value`; read from the members of `config` alone.
std::string describe(const Config& config);

}  // namespace ym::settings::test
