// ZeroMQ sockets as values. socket.cc is the only file that knows libzmq. A socket belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace ym::server {

/// Version of the libzmq that runs, "4.3.4".
[[nodiscard]] std::string zmq_version();

/// Why an endpoint cannot be used: the error number of the system or of libzmq, and a text that says what to do.
struct EndpointError {
    int code = 0;
    std::string text;
};

/// One ZeroMQ frame. Its octets stay where they are until it is moved, received into, reset or sent.
class Message {
  public:
    Message() noexcept;
    explicit Message(Octets copied);
    ~Message();
    Message(Message&& other) noexcept;
    Message& operator=(Message&& other) noexcept;

    [[nodiscard]] Octets octets() const;
    /// True if another frame of the same message follows.
    [[nodiscard]] bool more() const;
    void reset();

  private:
    friend class Socket;
    alignas(void*) std::byte raw_[64];
};

/// The I/O threads of the process. Outlives its sockets; its end waits for what they linger for.
class Context {
  public:
    Context();
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

  private:
    friend class Socket;
    void* raw_;
};

struct RouterOptions {
    /// Octets of one frame that are taken at most. ZeroMQ cuts the connection of a peer that sends a larger one.
    std::uint64_t frame_bytes_max = std::uint64_t{32} << 20U;
    /// Messages that ZeroMQ queues for one peer, in each direction. They count whole batches: keep them low.
    int receive_messages_max = 64;
    int send_messages_max = 256;
};

enum class Sent : std::uint8_t {
    yes,
    full,  // its queue is full: try again when the socket's descriptor wakes
    gone   // no such peer
};

class Socket {
  public:
    /// A ROUTER: never blocks, tells of peers that are gone or full, and lets a newcomer take over a routing id.
    [[nodiscard]] static Socket router(Context& context, const RouterOptions& options);
    /// A DEALER that connects, for the administrator's commands.
    [[nodiscard]] static Result<Socket, EndpointError> dealer(Context& context, const std::string& endpoint);

    Socket(Socket&& other) noexcept;
    Socket& operator=(Socket&& other) noexcept;
    ~Socket();

    /// Listens at `endpoint` and returns the address that it got (a port of 0 or * is replaced).
    [[nodiscard]] Result<std::string, EndpointError> bind(const std::string& endpoint);

    /// Readable when something changed. Edge-triggered: after it woke, and after each send, ask readable().
    [[nodiscard]] int descriptor() const;
    [[nodiscard]] bool readable() const;

    /// Takes the next frame, if there is one.
    bool receive(Message& into);

    /// ROUTER: sends a message of one frame to the peer with this routing id, whole or not at all.
    [[nodiscard]] Sent send(Octets routing_id, Octets frame);
    /// The same, and moves the octets out of `frame` if the answer is `yes`.
    [[nodiscard]] Sent send(Octets routing_id, Message& frame);
    /// The same with an empty frame before it, as REQ sockets want their answers.
    [[nodiscard]] Sent send_behind_empty(Octets routing_id, Octets frame);
    /// ROUTER: sends a message of several frames, given as parts (wire/parts.h), whole or not at all.
    [[nodiscard]] Sent send_parts(Octets routing_id, Octets parts);

    /// DEALER: sends one frame, and waits at most `patience` for an answer of one frame.
    [[nodiscard]] bool ask(Octets question, Duration patience, Message& answer);

    /// How long the close of the socket may wait for what is not yet sent.
    void set_linger(Duration linger);

  private:
    explicit Socket(void* raw) : raw_(raw) {}
    void set(int option, int value);
    [[nodiscard]] Sent begin(Octets routing_id);
    [[nodiscard]] Sent finish(Message& frame);

    void* raw_;
};

}  // namespace ym::server
