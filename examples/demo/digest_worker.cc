// A worker in C++: answers each message with the SHA-256 of its body, in hex.
//
//   digest_worker ENDPOINT NAME CREDIT QUEUE...
//
// Lines on standard input make it stumble, for the demo; see digest_worker.py, which understands the same.
#include <poll.h>
#include <sodium.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/client.h"

namespace {

using ym::client::Delivery;
using ym::client::Milliseconds;
using ym::client::Worker;

std::string digest(std::string_view body) {
    std::array<unsigned char, crypto_hash_sha256_BYTES> raw{};
    crypto_hash_sha256(raw.data(), reinterpret_cast<const unsigned char*>(body.data()), body.size());
    std::array<char, crypto_hash_sha256_BYTES * 2 + 1> text{};
    sodium_bin2hex(text.data(), text.size(), raw.data(), raw.size());
    return text.data();
}

bool has_line() {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    return ::poll(&input, 1, 0) > 0;
}

/// The next command; empty if there is none. The end of the input is the command `end`.
std::string command() {
    std::string line;
    if (!has_line()) return line;
    return std::getline(std::cin, line) ? line : "end";
}

void say(const std::string& line) {
    std::cout << line << std::endl;
}

/// Takes `count` messages and keeps them, their leases extended, until a command comes: `freeze` or `end`.
bool hold(Worker& worker, std::size_t count) {
    std::vector<Delivery> held;
    std::string next;
    while (next.empty()) {
        if (held.size() < count) {
            if (std::optional<Delivery> delivery = worker.receive(Milliseconds{50}))
                held.push_back(std::move(*delivery));
            if (held.size() == count) say("holding " + std::to_string(count));
        } else {
            for (const Delivery& delivery : held) worker.extend(delivery);
            worker.poll(Milliseconds{100});
        }
        next = command();
    }
    if (next == "end") return false;
    // Frozen: like a worker that computes for too long, it neither sends nor hears anything until the next line.
    worker.poll();
    say("frozen");
    std::getline(std::cin, next);
    for (const Delivery& delivery : held) worker.ack(delivery, digest(delivery.body()));
    worker.poll();
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: digest_worker ENDPOINT NAME CREDIT QUEUE...\n");
        return 2;
    }
    std::ios::sync_with_stdio(false);
    Worker::Settings settings;
    settings.options.endpoint = argv[1];
    settings.options.name = argv[2];
    settings.credit = static_cast<std::uint32_t>(std::stoul(argv[3]));
    settings.queues.assign(argv + 4, argv + argc);
    Worker worker(settings);
    std::size_t lost = 0;
    worker.on_lost([&lost](const ym::client::Lost&) { ++lost; });
    std::size_t answered = 0;
    for (bool going = true; going && !worker.fault();) {
        const std::string line = command();
        if (line == "end") break;
        if (line.rfind("hold ", 0) == 0) {
            going = hold(worker, std::stoul(line.substr(5)));
        } else if (const std::optional<Delivery> delivery = worker.receive(Milliseconds{50})) {
            worker.ack(*delivery, digest(delivery->body()));
            ++answered;
        }
    }
    worker.close();
    say("answered " + std::to_string(answered) + ", too late " + std::to_string(lost));
    return worker.fault() ? 1 : 0;
}
