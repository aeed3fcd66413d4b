// One session with a broker over any number of connections: HELLO, WELCOME, heartbeats, 428, silence, BYE.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"
#include "client/client.h"
#include "wire/ymp.h"

namespace ym::client {

/// What the broker told in WELCOME.
struct Welcome {
    std::uint64_t accepted = 0;  // highest sequence of this session
    std::uint64_t window = 0;
    std::uint64_t bytes = ~std::uint64_t{0};
    std::uint64_t last_tag = 0;
    std::uint64_t frame_max = std::uint64_t{16} << 20U;
    std::uint64_t records_max = 10'000;
};

/// What a producer and a worker add to a session. Called from Connection::poll().
class Role {
  public:
    virtual ~Role() = default;
    /// Writes the record of HELLO; the credit that HELLO's number gives is first_credit().
    virtual void write_hello(wire::FrameWriter& writer) = 0;
    [[nodiscard]] virtual std::uint64_t first_credit() const = 0;
    virtual void welcomed(const Welcome& welcome) = 0;
    /// One frame of the broker while connected; `body` is a second frame, if any, which stands for the last record's
    /// body.
    virtual void take(const wire::Frame& frame, std::optional<Octets> body) = 0;
    /// Sends what is due; returns when it wants to be called again though nothing came.
    virtual Instant send_due(Instant now) = 0;
    /// Calls the handlers with what has come. The last thing of a poll, so that they find the session in order.
    virtual void tell() = 0;
};

class Connection {
  public:
    Connection(const Options& options, Role& role);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Connects and says HELLO. Once, when `role` is ready for its calls; the connection itself does it again when
    /// needed.
    void open();
    /// See Producer::poll().
    bool poll(Milliseconds timeout, int fd);
    /// Polls until `done`; false when `timeout` is over or the session has failed.
    bool until(const std::function<bool()>& done, Milliseconds timeout);
    /// Says BYE and waits at most `timeout` for the broker's.
    void leave(Milliseconds timeout);

    /// Queues a frame; only while connected. Windows and credit bound what is queued.
    void send(Octets frame);
    [[nodiscard]] wire::FrameWriter writer();

    [[nodiscard]] bool connected() const { return connected_; }
    [[nodiscard]] bool draining() const { return draining_; }
    [[nodiscard]] const Welcome& limits() const { return welcome_; }
    [[nodiscard]] const std::optional<Fault>& fault() const { return fault_; }
    [[nodiscard]] Octets session() const { return as_octets(session_); }
    [[nodiscard]] Duration heartbeat() const { return heartbeat_; }

    static Instant now();

  private:
    struct Socket;

    void take(Octets octets, std::optional<Octets> body);
    void set_heartbeat(std::uint64_t ms);
    void take_error(const wire::Frame& frame);
    void take_welcome(const wire::Frame& frame);
    void keep_alive(Instant now);

    Options options_;
    Role& role_;
    std::string session_;
    std::unique_ptr<Socket> socket_;
    Buffer out_;
    Welcome welcome_;
    std::optional<Fault> fault_;
    bool connected_ = false;
    bool draining_ = false;
    bool leaving_ = false;
    bool opened_before_ = false;
    Duration heartbeat_;
    Duration patience_;  // for how long the broker may be silent before another connection is tried
    Instant heard_;
    Instant sent_;
    Instant due_ = Instant::never();
};

}  // namespace ym::client
