// The shell of one broker: turns sockets, signals, store and clock into events, and performs effects. It decides
// nothing about messages. One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "broker/broker.h"
#include "server/admin.h"
#include "server/endpoint.h"
#include "server/intake.h"
#include "server/outbox.h"
#include "server/peers.h"
#include "server/report.h"
#include "server/socket.h"
#include "server/wake.h"
#include "settings/config.h"
#include "store/store.h"

namespace ym::server {

/// An address that the server listens at; a port of 0 or * is replaced by the one that it got.
struct Bound {
    std::string listener;
    std::string endpoint;
};

/// Why the server ended.
enum class Ending : std::uint8_t {
    drained,       // asked to: what workers held was settled or given back
    stopped,       // asked twice: leases are lost
    unserved,      // asked to before the store was read back: nothing has changed
    fenced,        // another broker owns the store
    store_failed,  // nothing more can be confirmed
};
struct Ended {
    Ending ending = Ending::drained;
    std::string why;      // of a failure, for a person
    StatusReport status;  // the books at the end
    bool served = false;  // the store was there, and what it kept was read back
};

/// Legal order: `listen serve`.
class Server {
  public:
    Server(const settings::Config& config, const Signals& signals, Report& report);
    /// Removes the files of its `ipc://` endpoints.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Binds the admin endpoint and all listeners; the admin endpoint is the last of the answer, named "admin".
    [[nodiscard]] Result<std::vector<Bound>, EndpointError> listen();

    /// Any thread may call wake() to have the store polled.
    [[nodiscard]] const Wake& wake() const { return wake_; }

    /// Runs until a signal or the store ends it, then sends what is left to send for a bounded time.
    [[nodiscard]] Ended serve(const BrokerOptions& options, std::unique_ptr<Topology> topology, store::Store& store);

  private:
    [[nodiscard]] std::optional<EndpointError> listen(Socket& socket, const std::string& name,
                                                      const std::string& endpoint, Access access);

    const settings::Config& config_;
    const Signals& signals_;
    Report& report_;
    Wake wake_;
    Context context_;
    Admin admin_;
    std::vector<settings::Port> ports_;
    std::vector<Socket> sockets_;  // one a port
    Peers peers_;
    Outbox outbox_;
    Intake intake_;
    std::vector<Bound> bound_;
};

/// Lets the process have as many open files as the system allows: each peer is one.
void raise_open_files();

}  // namespace ym::server
