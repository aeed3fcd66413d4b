#include "server/admin.h"

#include <utility>

#include "server/status_json.h"

namespace ym::server {

Admin::Admin(Context& context) : socket_(Socket::router(context, {.frame_bytes_max = std::uint64_t{64} << 10U})) {}

void Admin::read(std::vector<Event>& events) {
    for (int count = 0; count < requests_a_turn && read_one(events); ++count) {
    }
}

bool Admin::read_one(std::vector<Event>& events) {
    Message message;
    if (!socket_.receive(message)) return false;
    Asker asker{std::string(as_text(message.octets())), false};
    std::size_t frames = 0;
    std::string request;
    while (message.more() && socket_.receive(message)) {
        if (frames++ == 0 && message.octets().empty() && message.more()) {
            asker.behind_empty = true;
        } else if (request.empty()) {
            request = as_text(message.octets());
        }
    }
    const Result<AdminVerb> verb = command_from_json(request);
    if (!verb) {
        send(asker, error_to_json(verb.error().text));
        return true;
    }
    waiting_.emplace(++ticket_, std::move(asker));
    events.emplace_back(AdminCommand{ticket_, verb.value()});
    return true;
}

void Admin::answer(const AdminAnswer& answer) {
    const auto asker = waiting_.find(answer.ticket);
    if (asker == waiting_.end()) return;
    send(asker->second, to_json(answer.status));
    waiting_.erase(asker);
}

void Admin::send(const Asker& to, const std::string& text) {
    const Octets id = as_octets(to.routing_id);
    // Who has gone, or does not read, gets no answer: it can ask again.
    if (to.behind_empty) {
        (void)socket_.send_behind_empty(id, as_octets(text));
    } else {
        (void)socket_.send(id, as_octets(text));
    }
}

}  // namespace ym::server
