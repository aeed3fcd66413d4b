// Bodies and fields of messages as JSON lines, for `send --json` and `work --json`.
#pragma once

#include <string>
#include <string_view>

#include "client/client.h"

namespace ym::cli {

/// One line of JSON for each, without its end. A body that is UTF-8 is the member `body`, else `body_hex`.
[[nodiscard]] std::string to_json(const client::Delivery& delivery);
[[nodiscard]] std::string to_json(const client::Answer& answer);
[[nodiscard]] std::string to_json(const client::Reply& reply);

/// Texts for JSON: whether it may stand there as it is, and two ways to write it if not.
[[nodiscard]] bool is_utf8(const std::string& text);
[[nodiscard]] std::string hex(std::string_view octets);
[[nodiscard]] std::string base64(std::string_view octets);

}  // namespace ym::cli
