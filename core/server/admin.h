// The administrator's endpoint: a request and an answer are one JSON frame each. Commands become events of the broker,
// its answers go back to who asked.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "broker/effect.h"
#include "broker/event.h"
#include "server/socket.h"

namespace ym::server {

class Admin {
  public:
    explicit Admin(Context& context);

    /// Reads requests: a command becomes an event, anything else is answered with an error at once.
    void read(std::vector<Event>& events);

    /// Sends the broker's answer to who asked for it.
    void answer(const AdminAnswer& answer);

    /// To listen with: the file of its endpoint should be the owner's alone.
    [[nodiscard]] Socket& socket() { return socket_; }

  private:
    struct Asker {
        std::string routing_id;
        bool behind_empty = false;  // a REQ socket
    };

    bool read_one(std::vector<Event>& events);
    void send(const Asker& to, const std::string& text);

    static constexpr int requests_a_turn = 16;

    Socket socket_;
    std::uint64_t ticket_ = 0;
    std::map<std::uint64_t, Asker> waiting_;  // by ticket; the broker answers each in the step that takes it
};

}  // namespace ym::server
