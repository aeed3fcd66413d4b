// zmq_proxy between ROUTER and DEALER: one way, one message a frame, no acks. What forwarding costs, and nothing else.
#include <unistd.h>

#include <memory>
#include <vector>

#include "bench/job.h"
#include "bench/socket.h"

namespace ym::bench {
namespace {

/// Without confirms only the high-water mark bounds what is under way.
constexpr int frames_under_way = 10'000;

void bounded(Socket& socket) {
    socket.set(ZMQ_SNDHWM, frames_under_way);
    socket.set(ZMQ_RCVHWM, frames_under_way);
}

void run_proxy(const Job& job, const Folder& folder, Shared& shared) {
    Socket front(ZMQ_ROUTER);
    Socket back(front.context(), ZMQ_DEALER);
    bounded(front);
    bounded(back);
    front.bind(endpoint_for(job, folder, "front"), shared.front);
    back.bind(endpoint_for(job, folder, "back"), shared.back);
    shared.bound = true;
    zmq_proxy(front.raw(), back.raw(), nullptr);
}

void publish(const Job& job, Shared& shared, unsigned producer) {
    Socket socket(ZMQ_DEALER);
    bounded(socket);
    socket.connect(shared.front);
    ++shared.ready;
    while (!shared.go) usleep(200);
    std::vector<std::byte> body(job.body);
    for (std::uint64_t i = 0; i < job.each(); ++i) {
        const std::uint64_t number = stamp(producer, i);
        std::memcpy(body.data(), &number, sizeof number);
        socket.send(body.data(), body.size());
    }
    while (!shared.stop) usleep(1000);
}

void work(const Job& job, Shared& shared) {
    Socket socket(ZMQ_DEALER);
    bounded(socket);
    socket.set(ZMQ_RCVTIMEO, 100);
    socket.connect(shared.back);
    ++shared.ready;
    Receipts receipts(job, shared);
    Message message;
    while (!shared.stop) {
        if (!socket.receive(message)) continue;
        unsigned got = 0;
        do {
            if (zmq_msg_more(message.raw()) != 0) continue;  // the producer's routing id, which the proxy passes on
            std::uint64_t number = 0;
            std::memcpy(&number, message.data(), sizeof number);
            receipts.take(number);
            ++got;
        } while (got < 64 && socket.receive(message, ZMQ_DONTWAIT));
        receipts.settled();
    }
}

}  // namespace

Roles proxy_roles(const Job& job) {
    const auto folder = std::make_shared<Folder>();
    Roles roles;
    roles.middle = [=](Shared& shared) { run_proxy(job, *folder, shared); };
    roles.producer = [job](Shared& shared, unsigned producer) { publish(job, shared, producer); };
    roles.worker = [job](Shared& shared, unsigned) { work(job, shared); };
    roles.confirms = false;
    return roles;
}

}  // namespace ym::bench
