// A producer and a worker in C++, both in one program. Build it against the installed client library:
//
//   c++ -std=c++20 hello.cc $(pkg-config --cflags --libs yardmaster-client) -o hello && ./hello
#include <cstdio>

#include "client/client.h"

int main(int argc, char** argv) {
    using namespace ym::client;
    Producer::Settings to_broker;
    Worker::Settings from_broker;
    if (argc > 1) to_broker.options.endpoint = from_broker.options.endpoint = argv[1];
    from_broker.queues = {"hello"};
    Producer producer(to_broker);
    Worker worker(from_broker);

    std::string reply;
    producer.on_reply([&reply](const Reply& one) { reply = one.body; });
    Message message;
    message.body = "world";
    message.wants_reply = true;
    producer.publish("hello", message);
    producer.flush();

    if (const auto delivery = worker.receive()) worker.ack(*delivery, "hello, " + std::string(delivery->body()));
    worker.close();
    producer.flush(std::chrono::seconds(30), true);
    std::printf("%s\n", reply.c_str());
    producer.close();
    return reply == "hello, world" ? 0 : 1;
}
