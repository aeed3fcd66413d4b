// A router and the peers that talk to it, over real sockets in a folder of their own.
#pragma once

#include <zmq.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "server/socket.h"

namespace ym::server {

/// A folder that is gone at the end of the test.
class Folder {
  public:
    Folder() {
        std::string name = std::filesystem::temp_directory_path() / "yardmaster.XXXXXX";
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
    [[nodiscard]] std::string endpoint(const std::string& name) const { return "ipc://" + file(name); }

  private:
    std::string path_;
};

/// A DEALER with a routing id of its own, as a producer or worker would have. Calls wait at most 5 s.
class Dealer {
  public:
    Dealer(const std::string& endpoint, const std::string& routing_id, int receive_max = 1000)
        : context_(zmq_ctx_new()), socket_(zmq_socket(context_, ZMQ_DEALER)) {
        zmq_setsockopt(socket_, ZMQ_ROUTING_ID, routing_id.data(), routing_id.size());
        set(ZMQ_RCVHWM, receive_max);
        set(ZMQ_RCVBUF, 4096);
        set(ZMQ_LINGER, 0);
        set(ZMQ_RCVTIMEO, 5000);
        set(ZMQ_SNDTIMEO, 5000);
        zmq_connect(socket_, endpoint.c_str());
    }
    ~Dealer() { close(); }
    Dealer(const Dealer&) = delete;
    Dealer& operator=(const Dealer&) = delete;

    void close() {
        if (socket_ == nullptr) return;
        zmq_close(socket_);
        zmq_ctx_term(context_);
        socket_ = nullptr;
    }
    void send(const std::vector<std::string>& frames) {
        for (std::size_t at = 0; at < frames.size(); ++at) {
            zmq_send(socket_, frames[at].data(), frames[at].size(), at + 1 < frames.size() ? ZMQ_SNDMORE : 0);
        }
    }
    /// The frames of the next message; none after 5 s.
    std::vector<std::string> receive() {
        std::vector<std::string> frames;
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        for (bool more = true; more && zmq_msg_recv(&frame, socket_, 0) >= 0; more = zmq_msg_more(&frame) != 0) {
            frames.emplace_back(static_cast<const char*>(zmq_msg_data(&frame)), zmq_msg_size(&frame));
        }
        zmq_msg_close(&frame);
        return frames;
    }

  private:
    void set(int option, int value) { zmq_setsockopt(socket_, option, &value, sizeof value); }

    void* context_;
    void* socket_;
};

/// Waits until `socket` has something to read, at most 5 s.
inline bool wait_readable(const Socket& socket) {
    for (int tries = 0; tries < 500; ++tries) {
        if (socket.readable()) return true;
        zmq_pollitem_t item{nullptr, socket.descriptor(), ZMQ_POLLIN, 0};
        zmq_poll(&item, 1, 10);
    }
    return false;
}

}  // namespace ym::server
