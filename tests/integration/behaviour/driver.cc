// The C++ client, driven by lines of JSON: one command in, one answer out. See driver.py, which does the same for the
// Python client.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"

namespace ym::client {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

Milliseconds seconds(const Json& command, const char* name, double otherwise = 0) {
    return std::chrono::duration_cast<Milliseconds>(std::chrono::duration<double>(command.value(name, otherwise)));
}

struct Sent {
    std::optional<Status> status;
    std::string text;
    bool wants_reply = false;
    std::optional<Status> reply;
    std::vector<std::string> parts;
};

class Driver {
  public:
    Json run(const Json& command) {
        const std::map<std::string, Json (Driver::*)(const Json&)> calls{
            {"producer", &Driver::make_producer},
            {"worker", &Driver::make_worker},
            {"publish", &Driver::publish},
            {"flush", &Driver::flush},
            {"answers", &Driver::answers},
            {"replies", &Driver::replies},
            {"request", &Driver::request},
            {"receive", &Driver::receive},
            {"settle", &Driver::settle},
            {"losses", &Driver::losses},
            {"state", &Driver::state},
            {"wait_connected", &Driver::wait_connected},
            {"sleep", &Driver::sleep},
            {"close", &Driver::close},
        };
        return (this->*calls.at(command.at("do")))(command);
    }

    /// Polls until standard input has something.
    void idle() {
        while (!poll(Milliseconds{100}, STDIN_FILENO)) {
        }
    }

  private:
    bool poll(Milliseconds timeout, int fd = -1) {
        if (producer_) return producer_->poll(timeout, fd);
        if (worker_) return worker_->poll(timeout, fd);
        return true;
    }
    const std::optional<Fault>& fault() { return producer_ ? producer_->fault() : worker_->fault(); }

    bool until(const std::function<bool()>& condition, Milliseconds timeout) {
        const auto end = Clock::now() + timeout;
        while (!fault() && !condition() && Clock::now() < end) poll(std::min(timeout, Milliseconds{20}));
        return condition();
    }

    static Options options(const Json& command, const std::string& name) {
        return {command.at("endpoint"), command.value("name", name), seconds(command, "heartbeat", 0.1)};
    }

    Json make_producer(const Json& command) {
        Producer::Settings settings;
        settings.options = options(command, "behaviour producer");
        settings.batch = command.value("batch", std::size_t{100});
        settings.retry = seconds(command, "retry");
        producer_.emplace(settings);
        producer_->on_answer([this](const Answer& answer) {
            sent_[answer.sequence].status = answer.status;
            sent_[answer.sequence].text = answer.text;
        });
        producer_->on_reply([this](const Reply& reply) {
            Sent& sent = sent_[reply.sequence];
            sent.parts.resize(std::min<std::size_t>(reply.index, sent.parts.size()));
            if (is_taken(reply.status)) sent.parts.push_back(reply.body);
            if (reply.status != 206) sent.reply = reply.status;
        });
        return Json::object();
    }

    Json make_worker(const Json& command) {
        Worker::Settings settings;
        settings.options = options(command, "behaviour worker");
        settings.queues = command.at("queues");
        settings.credit = command.value("credit", 10U);
        worker_.emplace(settings);
        worker_->on_lost([this](const Lost& lost) { lost_.push_back({lost.tag, lost.status}); });
        return Json::object();
    }

    Json publish(const Json& command) {
        const std::vector<std::string> one(command.value("count", std::size_t{1}),
                                           std::string(command.value("size", std::size_t{0}), 'x'));
        const std::vector<std::string> bodies =
            command.contains("bodies") ? command.at("bodies").get<std::vector<std::string>>() : one;
        const std::string topic = command.value("topic", "");
        const std::string key = command.value("key", "");
        const std::map<std::string, std::string> named = command.value("headers", std::map<std::string, std::string>{});
        std::vector<Header> headers;
        for (const auto& [name, value] : named) headers.push_back({name, value});
        Json sequences = Json::array();
        for (const std::string& body : bodies) {
            Message message;
            message.body = body;
            message.topic = topic;
            message.key = key;
            message.headers = headers;
            message.wants_reply = command.value("reply", false);
            const std::uint64_t sequence = producer_->publish(command.at("to").get<std::string>(), message);
            sent_[sequence].wants_reply = message.wants_reply;
            sequences.push_back(sequence);
        }
        return {{"sequences", sequences}};
    }

    Json flush(const Json& command) {
        const bool replies = command.value("replies", false);
        const auto done = [this, replies] {
            return std::all_of(sent_.begin(), sent_.end(), [replies](const auto& entry) {
                const Sent& sent = entry.second;
                if (!sent.status) return false;
                return !replies || !sent.wants_reply || sent.reply || !is_taken(*sent.status);
            });
        };
        return {{"done", until(done, seconds(command, "timeout"))}};
    }

    Json answers(const Json&) {
        Json all = Json::array();
        for (const auto& [sequence, sent] : sent_) {
            if (sent.status) all.push_back({sequence, *sent.status, sent.text});
        }
        return {{"answers", all}};
    }

    Json replies(const Json&) {
        Json all = Json::array();
        for (const auto& [sequence, sent] : sent_) {
            if (sent.reply) all.push_back({sequence, *sent.reply, sent.parts});
        }
        return {{"replies", all}};
    }

    Json request(const Json& command) {
        const std::string body = command.at("body");
        Message message;
        message.body = body;
        const Response response =
            producer_->request(command.at("to").get<std::string>(), message, seconds(command, "timeout"));
        return {{"status", response.status}, {"body", response.parts.empty() ? "" : response.parts.back()}};
    }

    Json receive(const Json& command) {
        const auto count = command.at("count").get<std::size_t>();
        const auto end = Clock::now() + seconds(command, "timeout");
        Json got = Json::array();
        while (got.size() < count && Clock::now() < end && !worker_->fault()) {
            const auto left = std::chrono::duration_cast<Milliseconds>(end - Clock::now());
            std::optional<Delivery> one = worker_->receive(std::max(left, Milliseconds{0}));
            if (!one) continue;
            Json headers = Json::object();
            for (const auto& [name, value] : one->headers()) headers[name] = value;
            got.push_back({{"tag", one->tag},
                           {"attempt", one->attempt},
                           {"queue", one->queue},
                           {"body", one->body()},
                           {"headers", headers},
                           {"fence", one->fence()},
                           {"topic", one->topic()},
                           {"key", one->key()}});
            deliveries_[one->tag] = std::move(*one);
        }
        return {{"deliveries", got}};
    }

    Json settle(const Json& command) {
        const std::string how = command.at("how");
        const std::string text = command.value("text", "");
        const std::string reply = command.value("reply", "");
        Json queued = Json::array();
        std::this_thread::sleep_for(seconds(command, "sleep"));
        for (const std::uint64_t tag : command.at("tags")) {
            const Delivery& one = deliveries_.at(tag);
            queued.push_back(how == "ack"      ? worker_->ack(one, reply)
                             : how == "part"   ? worker_->part(one, reply)
                             : how == "nack"   ? worker_->nack(one, text)
                             : how == "reject" ? worker_->reject(one, text)
                             : how == "throttle"
                                 ? worker_->throttle(one, Milliseconds(command.at("retry_after_ms").get<int>()))
                             : how == "extend" ? worker_->extend(one)
                                               : worker_->release(one));
        }
        if (command.value("poll", true)) worker_->poll();
        return {{"queued", queued}};
    }

    Json losses(const Json& command) {
        const auto count = command.at("count").get<std::size_t>();
        until([&] { return lost_.size() >= count; }, seconds(command, "timeout"));
        return {{"lost", lost_}};
    }

    Json state(const Json&) {
        Json answer{
            {"connected", producer_ ? producer_->connected() : worker_->connected()}, {"fault", nullptr}, {"held", 0}};
        if (worker_) answer["held"] = worker_->held();
        if (fault()) answer["fault"] = {fault()->status, fault()->text};
        return answer;
    }

    Json wait_connected(const Json& command) {
        const auto connected = [this] { return producer_ ? producer_->connected() : worker_->connected(); };
        return {{"connected", until(connected, seconds(command, "timeout"))}};
    }

    Json sleep(const Json& command) {
        std::this_thread::sleep_for(seconds(command, "seconds"));
        return Json::object();
    }

    Json close(const Json& command) {
        if (producer_) producer_->close(seconds(command, "timeout", 5));
        if (worker_) worker_->close(seconds(command, "timeout", 5));
        producer_.reset();
        worker_.reset();
        return Json::object();
    }

    std::optional<Producer> producer_;
    std::optional<Worker> worker_;
    std::map<std::uint64_t, Sent> sent_;
    std::map<std::uint64_t, Delivery> deliveries_;
    std::vector<std::pair<std::uint64_t, Status>> lost_;
};

}  // namespace
}  // namespace ym::client

int main() {
    ym::client::Driver driver;
    std::string line;
    for (;;) {
        driver.idle();
        if (!std::getline(std::cin, line)) return 0;
        std::cout << driver.run(nlohmann::json::parse(line)).dump() << std::endl;
    }
}
