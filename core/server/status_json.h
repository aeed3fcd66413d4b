// The words of the admin plane: commands and answers, one JSON text each. status_json.cc is the only file of the server
// that knows a JSON library.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "broker/event.h"
#include "broker/status.h"

namespace ym::server {

/// A report as JSON, `indent` blanks a level (negative: one line).
[[nodiscard]] std::string to_json(const StatusReport& report, int indent = -1);

/// The report that an answer holds. Fails if it is no JSON, says `error`, or lacks the shape of a report. Numbers
/// that an older broker does not tell are 0.
[[nodiscard]] Result<StatusReport> report_from_json(std::string_view answer);

/// The command that a request holds: `{"command": "status"}`. The failure lists the commands that are known.
[[nodiscard]] Result<AdminVerb> command_from_json(std::string_view request);
[[nodiscard]] std::string command_to_json(AdminVerb verb);

/// `{"error": why}`.
[[nodiscard]] std::string error_to_json(std::string_view why);

/// One line of a log in JSON: an object of texts, in this order.
[[nodiscard]] std::string line_to_json(std::span<const std::pair<std::string_view, std::string_view>> members);

}  // namespace ym::server
