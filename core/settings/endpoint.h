// ZeroMQ endpoints as settings write them.
#pragma once

#include <optional>
#include <string>

#include "settings/value.h"
#include "settings/yaml_reader.h"

namespace ym::settings {

/// tcp://HOST:PORT (HOST a name, an address, an interface or *; PORT from 0, any free one, to 65535) or ipc://PATH?
[[nodiscard]] std::optional<Fault> check_endpoint(const std::string& text);

/// ipc://PATH? The administrator's socket is guarded by its file's mode, so it has no network address.
[[nodiscard]] std::optional<Fault> check_admin_endpoint(const std::string& text);

/// Where the administrator's socket is unless a file says otherwise, so that commands find it without reading the file:
/// `ipc://$XDG_RUNTIME_DIR/yardmaster-UID/admin.sock`, or /tmp in place of a runtime folder that is not set.
[[nodiscard]] std::string default_admin_endpoint(Variable variable);

}  // namespace ym::settings
