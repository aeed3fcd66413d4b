// What a broker says of itself, and wants done, as text: so that two of them can be compared.
#pragma once

#include <string>

#include "broker/effect.h"
#include "broker/status.h"

namespace ym::simulation {

[[nodiscard]] std::string to_text(const StatusReport& status);
[[nodiscard]] std::string to_text(const Effects& effects);
/// The first line in which they differ, of both.
[[nodiscard]] std::string first_difference(const std::string& a, const std::string& b);

}  // namespace ym::simulation
