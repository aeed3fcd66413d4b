// The planted bugs, in the program that is built with them.
#pragma once

#include <cstdint>
#include <string>

namespace ym::simulation {

#ifdef YM_MUTANTS

/// Switches one on; false if there is none of this name.
bool switch_on(const std::string& name);
void list_mutants();

/// Runs each with seeds 1, 2, ... up to `seeds` until a checker finds it, and tells which. Returns 0 if all are found,
/// and the broker without any of them passes.
int catch_mutants(std::uint64_t seeds);

#endif

}  // namespace ym::simulation
