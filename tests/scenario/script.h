// A script: settings, then commands, each with the golden lines (`>`) of what came of it.
#pragma once

#include <string>

namespace ym::scenario {

/// Plays `script` and returns it with the golden lines as they should be. Throws ScriptError, with the line's number.
[[nodiscard]] std::string play(const std::string& script);

/// What to change in `have` to get `want`: its lines with `-` and `+`, and some around them.
[[nodiscard]] std::string difference(const std::string& have, const std::string& want);

}  // namespace ym::scenario
