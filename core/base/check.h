// Checks of our own invariants, kept on in release builds.
#pragma once

namespace ym {

/// Prints `file:line: check failed: expression` to standard error and aborts. Never returns.
[[noreturn]] void check_failed(const char* file, int line, const char* expression) noexcept;

}  // namespace ym

/// For what only a bug of our own can cause. What the world can cause is a Result or an effect.
#define YM_CHECK(expression) ((expression) ? static_cast<void>(0) : ::ym::check_failed(__FILE__, __LINE__, #expression))
