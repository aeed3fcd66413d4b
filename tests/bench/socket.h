// ZeroMQ sockets for the measurements: thin, since what they cost is part of every figure.
#pragma once

#include <zmq.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "bench/job.h"

namespace ym::bench {

[[noreturn]] inline void fail(const char* what) {
    std::fprintf(stderr, "bench: %s: %s\n", what, zmq_strerror(zmq_errno()));
    std::_Exit(1);
}

/// One message, owned.
class Message {
  public:
    Message() { zmq_msg_init(&message_); }
    explicit Message(std::size_t size) {
        if (zmq_msg_init_size(&message_, size) != 0) fail("a message of this size");
    }
    ~Message() { zmq_msg_close(&message_); }
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;

    [[nodiscard]] std::byte* data() { return static_cast<std::byte*>(zmq_msg_data(&message_)); }
    [[nodiscard]] std::size_t size() const { return zmq_msg_size(&message_); }
    [[nodiscard]] zmq_msg_t* raw() { return &message_; }

  private:
    zmq_msg_t message_;
};

/// A socket with a context of its own: one a process.
class Socket {
  public:
    explicit Socket(int type) : Socket(zmq_ctx_new(), type) {}
    Socket(void* context, int type) : context_(context), socket_(zmq_socket(context, type)) {
        set(ZMQ_LINGER, 0);
        set(ZMQ_SNDHWM, 0);
        set(ZMQ_RCVHWM, 0);
    }
    ~Socket() { zmq_close(socket_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    void set(int option, int value) { zmq_setsockopt(socket_, option, &value, sizeof value); }
    void connect(const char* endpoint) {
        if (zmq_connect(socket_, endpoint) != 0) fail(endpoint);
    }
    /// Writes the endpoint to `out`: a port may be chosen by the system.
    void bind(const std::string& endpoint, char (&out)[128]) {
        if (zmq_bind(socket_, endpoint.c_str()) != 0) fail(endpoint.c_str());
        std::size_t size = sizeof out;
        zmq_getsockopt(socket_, ZMQ_LAST_ENDPOINT, out, &size);
    }
    void send(const void* data, std::size_t size, int flags = 0) {
        if (zmq_send(socket_, data, size, flags) < 0) fail("send");
    }
    void send(Message& message, int flags = 0) {
        if (zmq_msg_send(message.raw(), socket_, flags) < 0) fail("send");
    }
    /// False: nothing came within the socket's ZMQ_RCVTIMEO, or at once with ZMQ_DONTWAIT.
    bool receive(Message& message, int flags = 0) { return zmq_msg_recv(message.raw(), socket_, flags) >= 0; }
    /// Readable when something may have come since the last call that found nothing.
    [[nodiscard]] int descriptor() {
        int value = -1;
        std::size_t size = sizeof value;
        zmq_getsockopt(socket_, ZMQ_FD, &value, &size);
        return value;
    }
    [[nodiscard]] void* raw() { return socket_; }
    [[nodiscard]] void* context() { return context_; }

  private:
    void* context_;
    void* socket_;
};

/// Where a middle binds: any free port of this machine, or a name in `folder`.
inline std::string endpoint_for(const Job& job, const Folder& folder, const char* name) {
    return job.transport == Transport::tcp ? "tcp://127.0.0.1:*" : "ipc://" + (folder.path / name).string();
}

}  // namespace ym::bench
