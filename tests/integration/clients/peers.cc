// A producer and a worker with the C++ client, as kinds.py wants them.
//
// usage: client_peers producer ENDPOINT ADDRESS < LINES     publishes each line as a request, prints "LINE STATUS
// REPLY"
//        client_peers worker ENDPOINT QUEUE [MS]            answers with the body in capitals, after as many ms, until
//        SIGTERM
#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

#include "client/client.h"

namespace ym::client {
namespace {

volatile std::sig_atomic_t going = 1;

void print(std::uint64_t sequence, Status status, const std::string& body) {
    std::cout << sequence << ' ' << status << ' ' << body << std::endl;
}

int produce(const std::string& endpoint, const std::string& address) {
    Producer::Settings settings;
    settings.options.endpoint = endpoint;
    settings.options.name = "cpp producer";
    Producer producer(settings);
    producer.on_answer([](const Answer& answer) {
        if (!is_taken(answer.status)) print(answer.sequence, answer.status, {});
    });
    producer.on_reply([](const Reply& reply) {
        if (reply.status != 206) print(reply.sequence, reply.status, reply.body);
    });
    for (std::string line; std::getline(std::cin, line);) {
        Message message;
        message.body = line;
        message.wants_reply = true;
        producer.publish(address, message);
    }
    producer.flush(forever, true);
    return producer.close() && !producer.fault() ? 0 : 1;
}

int work(const std::string& endpoint, const std::string& queue, std::chrono::milliseconds pause) {
    std::signal(SIGTERM, [](int) { going = 0; });
    Worker::Settings settings;
    settings.options.endpoint = endpoint;
    settings.options.name = "cpp worker";
    settings.queues = {queue};
    settings.credit = 10;
    Worker worker(settings);
    while (going != 0 && !worker.fault()) {
        const std::optional<Delivery> one = worker.receive(std::chrono::milliseconds(100));
        if (!one) continue;
        std::this_thread::sleep_for(pause);
        std::string body(one->body());
        for (char& c : body) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        worker.ack(*one, body);
    }
    return worker.close() ? 0 : 1;
}

}  // namespace
}  // namespace ym::client

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    const std::string role = argv[1];
    if (role == "producer") return ym::client::produce(argv[2], argv[3]);
    return ym::client::work(argv[2], argv[3], std::chrono::milliseconds(argc > 4 ? std::atoi(argv[4]) : 0));
}
