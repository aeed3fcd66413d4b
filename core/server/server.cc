#include "server/server.h"

#include <sys/resource.h>

#include <random>

#include "server/turns.h"

namespace ym::server {
namespace {

std::uint64_t random_word() {
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
}

std::vector<Socket> make_routers(Context& context, const std::vector<settings::Port>& ports) {
    std::vector<Socket> sockets;
    for (const settings::Port& port : ports) {
        // Twice the limit, so that a frame somewhat too large is refused in words, not by a cut connection.
        sockets.push_back(Socket::router(context, {.frame_bytes_max = port.settings.frame * 2}));
    }
    return sockets;
}

/// Numbers for peers: those that the broker admits, and as many strangers who are told why they are refused.
std::size_t peers_max(const std::vector<settings::Port>& ports) {
    std::size_t sum = 1000;
    for (const settings::Port& port : ports) sum += 2 * port.settings.peers;
    return sum;
}

}  // namespace

Server::Server(const settings::Config& config, const Signals& signals, Report& report)
    : config_(config),
      signals_(signals),
      report_(report),
      admin_(context_),
      ports_(settings::ports_of(config)),
      sockets_(make_routers(context_, ports_)),
      peers_(peers_max(ports_), random_word()),
      outbox_(sockets_, peers_, {}),
      intake_({}) {}

Server::~Server() {
    for (const Bound& bound : bound_) remove_file(bound.endpoint);
}

Result<std::vector<Bound>, EndpointError> Server::listen() {
    for (std::size_t i = 0; i < ports_.size(); ++i) {
        for (const std::string& endpoint : ports_[i].bind) {
            if (const auto error = listen(sockets_[i], ports_[i].name, endpoint, Access::everybody)) return *error;
        }
    }
    if (const auto error = listen(admin_.socket(), "admin", config_.admin_bind, Access::owner)) return *error;
    return bound_;
}

std::optional<EndpointError> Server::listen(Socket& socket, const std::string& name, const std::string& endpoint,
                                            Access access) {
    Result<std::string, EndpointError> bound = listen_at(socket, endpoint, access);
    if (!bound) return bound.error();
    bound_.push_back({name, std::move(bound.value())});
    return std::nullopt;
}

Ended Server::serve(const BrokerOptions& options, std::unique_ptr<Topology> topology, store::Store& store) {
    Turns turns({signals_, report_, wake_, admin_, sockets_, peers_, outbox_, intake_, store}, options);
    return turns.run(std::move(topology));
}

void raise_open_files() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace ym::server
