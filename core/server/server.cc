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

std::vector<Socket> make_routers(Context& context, const settings::Config& config) {
    std::vector<Socket> sockets;
    for (const settings::Listener& listener : config.listeners) {
        // Twice the limit, so that a frame somewhat too large is refused in words, not by a cut connection.
        const RouterOptions options{.frame_bytes_max = listener.limits.frame * 2};
        sockets.push_back(Socket::router(context, options));
        if (listener.pirate) sockets.push_back(Socket::router(context, options));
    }
    return sockets;
}

/// Numbers for peers: those that the broker admits, and as many strangers who are told why they are refused.
std::size_t peers_max(const settings::Config& config) {
    std::size_t sum = 1000;
    for (const settings::Listener& listener : config.listeners)
        sum += (listener.pirate ? 4 : 2) * listener.limits.peers;
    return sum;
}

}  // namespace

Server::Server(const settings::Config& config, const Signals& signals, Report& report)
    : config_(config),
      signals_(signals),
      report_(report),
      admin_(context_),
      sockets_(make_routers(context_, config)),
      peers_(peers_max(config), random_word()),
      outbox_(sockets_, peers_, {}),
      intake_({}) {}

Server::~Server() {
    for (const Bound& bound : bound_) remove_file(bound.endpoint);
}

Result<std::vector<Bound>, EndpointError> Server::listen() {
    auto socket = sockets_.begin();
    for (const settings::Listener& listener : config_.listeners) {
        if (const auto error = listen(*socket++, listener.name, listener.bind)) return *error;
        if (!listener.pirate) continue;
        if (const auto error = listen(*socket++, listener.name + " (workers)", listener.bind_workers)) return *error;
    }
    if (const auto error = listen(admin_.socket(), "admin", config_.admin_bind, Access::owner)) return *error;
    return bound_;
}

std::optional<EndpointError> Server::listen(Socket& socket, const std::string& name,
                                            const std::vector<std::string>& endpoints) {
    for (const std::string& endpoint : endpoints) {
        if (auto error = listen(socket, name, endpoint, Access::everybody)) return error;
    }
    return std::nullopt;
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
