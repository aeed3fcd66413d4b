// Reads what a scenario expects.
#pragma once

#include "rehearsal/reader.h"
#include "rehearsal/script.h"

namespace ym::rehearsal {

[[nodiscard]] Expectation read_expectation(const settings::Node& node, Reader& reader);

}  // namespace ym::rehearsal
