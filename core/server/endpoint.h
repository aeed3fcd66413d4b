// ZeroMQ endpoints: what can be wrong with them, in words, and the files of `ipc://` ones.
#pragma once

#include <string>

#include "base/result.h"
#include "server/socket.h"

namespace ym::server {

/// What to tell a person about `code`, which libzmq gave for a bind or connect of `endpoint`.
[[nodiscard]] EndpointError explain_bind(const std::string& endpoint, int code);
[[nodiscard]] EndpointError explain_connect(const std::string& endpoint, int code);

/// Who may use the file of an `ipc://` endpoint.
enum class Access : std::uint8_t { everybody, owner };

/// Listens at `endpoint` and returns the address that it got. libzmq removes the file of an `ipc://` endpoint without
/// looking; this refuses if a living program answers there. With Access::owner a missing folder is made
/// with mode 0700 and the file has mode 0600 from its first moment.
[[nodiscard]] Result<std::string, EndpointError> listen_at(Socket& socket, const std::string& endpoint, Access access);

/// Removes the file of an `ipc://` endpoint, which libzmq leaves. To be called while the socket still listens, so that
/// the file is surely its own.
void remove_file(const std::string& endpoint);

/// False if nobody can be listening at `endpoint`; only known for `ipc://` on this machine.
[[nodiscard]] bool reachable(const std::string& endpoint);

}  // namespace ym::server
