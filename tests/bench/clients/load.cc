// One end of a measured load with the C++ client. See run.py for what it prints.
#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "client/client.h"

namespace ym::bench {
namespace {

constexpr std::size_t body_bytes = 100;
constexpr std::uint32_t credit = 2000;

struct Moment {
    std::int64_t ns = 0;
    double cpu = 0;  // seconds of this process so far
};

Moment now() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return {std::chrono::steady_clock::now().time_since_epoch().count(),
            seconds(used.ru_utime) + seconds(used.ru_stime)};
}

struct Seen {
    Moment began, ended;
    std::uint64_t count = 0;
    std::uint64_t sum = 0;  // of the numbers in bodies
};

Moment wait_for_go() {
    std::puts("ready");
    std::fflush(stdout);
    (void)std::getchar();
    return now();
}

Seen publish(const std::string& endpoint, std::uint64_t messages) {
    client::Producer::Settings settings;
    settings.options.endpoint = endpoint;
    client::Producer producer(settings);
    while (!producer.connected()) producer.poll(client::Milliseconds(100));
    Seen seen;
    seen.began = wait_for_go();
    std::string body(body_bytes, '\0');
    client::Message message;
    message.topic = "job.load";
    for (std::uint64_t number = 0; number < messages; ++number) {
        std::memcpy(body.data(), &number, sizeof number);
        message.body = body;
        producer.publish("in", message);
    }
    producer.flush();
    seen.count = producer.counts().confirmed;
    seen.ended = now();
    producer.close();
    return seen;
}

Seen work(const std::string& endpoint, std::uint64_t messages) {
    client::Worker::Settings settings;
    settings.options.endpoint = endpoint;
    settings.queues = {"jobs"};
    settings.credit = credit;
    client::Worker worker(settings);
    while (!worker.connected()) worker.poll(client::Milliseconds(100));
    Seen seen;
    seen.began = wait_for_go();
    while (seen.count < messages) {
        const auto delivery = worker.receive();
        if (!delivery) break;
        std::uint64_t number = 0;
        std::memcpy(&number, delivery->body().data(), sizeof number);
        seen.sum += number;
        ++seen.count;
        worker.ack(*delivery);
    }
    worker.flush();
    seen.ended = now();
    worker.close();
    return seen;
}

}  // namespace
}  // namespace ym::bench

int main(int count, char** words) {
    const std::string_view role = count == 5 ? words[1] : "";
    if (role != "publish" && role != "work") {
        std::fprintf(stderr, "usage: bench_client_load publish|work one ENDPOINT MESSAGES\n");
        return 2;
    }
    const std::uint64_t messages = std::strtoull(words[4], nullptr, 10);
    const ym::bench::Seen seen =
        role == "work" ? ym::bench::work(words[3], messages) : ym::bench::publish(words[3], messages);
    std::printf("{\"began\": %lld, \"ended\": %lld, \"cpu\": %f, \"count\": %llu, \"sum\": %llu}\n",
                static_cast<long long>(seen.began.ns), static_cast<long long>(seen.ended.ns),
                seen.ended.cpu - seen.began.cpu, static_cast<unsigned long long>(seen.count),
                static_cast<unsigned long long>(seen.sum));
    return 0;
}
