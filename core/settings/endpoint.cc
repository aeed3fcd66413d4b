#include "settings/endpoint.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace ym::settings {
namespace {

constexpr std::string_view tcp = "tcp://";
constexpr std::string_view ipc = "ipc://";
constexpr std::size_t ipc_path_max = 107;  // sockaddr_un::sun_path, and the NUL behind it

std::optional<Fault> check_ipc(std::string_view path) {
    if (path.empty()) return Fault{"endpoint.path", "write ipc:///run/NAME.sock"};
    if (path.size() > ipc_path_max)
        return Fault{"endpoint.path", "the path has " + std::to_string(path.size()) + " octets, the system takes " +
                                          std::to_string(ipc_path_max)};
    return check_text_value(path, ipc_path_max);
}

std::optional<Fault> check_tcp(std::string_view address) {
    const std::size_t colon = address.rfind(':');
    const bool bracket_last = !address.empty() && address.back() == ']';
    if (colon == std::string_view::npos || bracket_last)
        return Fault{"endpoint.port", "add a port, as in tcp://127.0.0.1:5555"};
    const std::string_view host = address.substr(0, colon);
    const std::string_view port = address.substr(colon + 1);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    const bool whole = error == std::errc{} && end == port.data() + port.size();
    if (port != "*" && (!whole || number > 65535)) return Fault{"endpoint.port", "a port is a number from 0 to 65535"};
    if (host.empty()) return Fault{"endpoint.host", "write 127.0.0.1 for this machine alone, or * for all interfaces"};
    if (host == "*") return std::nullopt;
    const bool in_brackets = host.front() == '[' && host.back() == ']' && host.size() > 2;
    const std::string_view name = in_brackets ? host.substr(1, host.size() - 2) : host;
    const bool good = std::all_of(name.begin(), name.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               c == '_' || c == '%' || (in_brackets && c == ':');
    });
    if (!good) return Fault{"endpoint.host", "write a host name, an IPv4 address, or an IPv6 address in brackets"};
    return std::nullopt;
}

}  // namespace

std::optional<Fault> check_endpoint(const std::string& text) {
    if (text.starts_with(tcp)) return check_tcp(std::string_view(text).substr(tcp.size()));
    if (text.starts_with(ipc)) return check_ipc(std::string_view(text).substr(ipc.size()));
    return Fault{"endpoint.scheme", "write tcp://127.0.0.1:5555 for this machine alone, or tcp://*:5555"};
}

std::optional<Fault> check_admin_endpoint(const std::string& text) {
    if (text.starts_with(ipc)) return check_ipc(std::string_view(text).substr(ipc.size()));
    return Fault{"endpoint.admin", "only a socket file can be kept to its owner; write ipc://PATH"};
}

std::string default_admin_endpoint(Variable variable) {
    const std::string behind = "/yardmaster-" + std::to_string(getuid()) + "/admin.sock";
    const char* const runtime = variable("XDG_RUNTIME_DIR");
    const std::string_view folder = runtime == nullptr ? "" : runtime;
    const bool usable = folder.starts_with('/') && !check_ipc(std::string(folder) + behind);
    return std::string(ipc) + (usable ? std::string(folder) : "/tmp") + behind;
}

}  // namespace ym::settings
