#include "server/endpoint.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

namespace ym::server {
namespace {

constexpr std::string_view ipc_scheme = "ipc://";

/// The file of an `ipc://` endpoint; nothing for other transports, the abstract namespace, and wildcards.
std::optional<std::string> ipc_file(const std::string& endpoint) {
    if (endpoint.rfind(ipc_scheme, 0) != 0) return std::nullopt;
    std::string path = endpoint.substr(ipc_scheme.size());
    if (path.empty() || path[0] == '@' || path == "*") return std::nullopt;
    return path;
}

std::string port_of(const std::string& endpoint) {
    const std::size_t colon = endpoint.rfind(':');
    return colon == std::string::npos ? std::string() : endpoint.substr(colon + 1);
}

std::string reason(const std::string& endpoint, int code) {
    const std::optional<std::string> file = ipc_file(endpoint);
    const std::string folder = file ? std::filesystem::path(*file).parent_path().string() : "";
    switch (code) {
        case EADDRINUSE:
            if (file) return "a running program answers there; stop it, or give this broker another path";
            return "another program has the port (`ss -ltnp 'sport = :" + port_of(endpoint) +
                   "'` names it); stop it, or choose another port";
        case EACCES:
        case EPERM:
            if (file) return "no permission to make a file in '" + folder + "'";
            return "no permission: ports below 1024 need root or CAP_NET_BIND_SERVICE";
        case EADDRNOTAVAIL:
        case ENODEV:
            return "this machine has no such address; 0.0.0.0 means all of its addresses (`ip address` lists them)";
        case ENOENT:
        case ENOTDIR: return "the folder '" + folder + "' does not exist";
        case ENAMETOOLONG: return "the path is too long for a socket: at most 107 octets";
        case EINVAL: return "this is no ZeroMQ endpoint; expected tcp://ADDRESS:PORT or ipc:///PATH";
        case EPROTONOSUPPORT:
        case ESOCKTNOSUPPORT: return "a transport that cannot be used here; expected tcp:// or ipc://";
        case EMFILE:
        case ENFILE: return "too many open files; raise `ulimit -n`";
        default: return std::strerror(code);
    }
}

/// True if a program accepts connections at the socket file `path`.
bool answers(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) return false;
    const int connected = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    // A full backlog is an answer too: a file that nobody listens at refuses.
    const bool alive = connected == 0 || errno == EAGAIN || errno == EINPROGRESS;
    ::close(probe);
    return alive;
}

/// Restores the process's file mode mask at the end of a scope.
class ModeMask {
  public:
    explicit ModeMask(mode_t mask) : before_(::umask(mask)) {}
    ~ModeMask() { ::umask(before_); }
    ModeMask(const ModeMask&) = delete;
    ModeMask& operator=(const ModeMask&) = delete;

  private:
    mode_t before_;
};

}  // namespace

EndpointError explain_bind(const std::string& endpoint, int code) {
    return {code, "cannot listen on " + endpoint + ": " + reason(endpoint, code)};
}

EndpointError explain_connect(const std::string& endpoint, int code) {
    return {code, "cannot connect to " + endpoint + ": " + reason(endpoint, code)};
}

Result<std::string, EndpointError> listen_at(Socket& socket, const std::string& endpoint, Access access) {
    const std::optional<std::string> file = ipc_file(endpoint);
    if (!file) return socket.bind(endpoint);
    std::error_code ignored;
    const std::filesystem::file_status found = std::filesystem::symlink_status(*file, ignored);
    if (std::filesystem::exists(found)) {
        if (found.type() != std::filesystem::file_type::socket) {
            return EndpointError{EEXIST, "cannot listen on " + endpoint + ": '" + *file +
                                             "' exists and is no socket; move it away, or choose another path"};
        }
        if (answers(*file)) return explain_bind(endpoint, EADDRINUSE);
    }
    if (access == Access::everybody) return socket.bind(endpoint);
    const std::string folder = std::filesystem::absolute(*file).parent_path().string();
    const ModeMask mask(0077);
    std::filesystem::create_directories(folder, ignored);
    // In a folder of somebody else, that one could put another socket in the place of ours.
    struct stat owner {};
    if (::stat(folder.c_str(), &owner) == 0 && owner.st_uid != 0 && owner.st_uid != ::geteuid()) {
        return EndpointError{EPERM, "cannot listen on " + endpoint + ": the folder '" + folder +
                                        "' belongs to another user; choose a path in a folder of your own"};
    }
    const ModeMask file_mask(0177);
    return socket.bind(endpoint);
}

void remove_file(const std::string& endpoint) {
    if (const std::optional<std::string> file = ipc_file(endpoint)) ::unlink(file->c_str());
}

bool reachable(const std::string& endpoint) {
    const std::optional<std::string> file = ipc_file(endpoint);
    return !file || answers(*file);
}

}  // namespace ym::server
