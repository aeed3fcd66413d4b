// `yardmaster work`: takes messages of queues, and runs a command for each or prints it.
#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/message_json.h"
#include "cli/work_command.h"
#include "client/client.h"

namespace ym::cli {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct WorkOptions {
    std::string endpoint = "tcp://127.0.0.1:5555";
    std::vector<std::string> queues;
    std::vector<std::string> command;
    std::uint32_t credit = 10;
    std::uint64_t count = 0;
    std::string name = "yardmaster work";
    bool has_command = false;
    bool show = false;
    bool json = false;
    bool null = false;
};

/// Fields as environment variables: YM_TOPIC, YM_FIRST_ACCEPTED_MS, YM_HEADER_COLOUR ...
RunningCommand::Environment environment_of(const client::Delivery& delivery) {
    const auto variable = [](const std::string& prefix, const std::string& name) {
        std::string text = prefix;
        for (const char c : name) {
            const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            text.push_back(!letter ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
        }
        return text;
    };
    RunningCommand::Environment all{{"YM_QUEUE", delivery.queue},
                                    {"YM_TAG", std::to_string(delivery.tag)},
                                    {"YM_ATTEMPT", std::to_string(delivery.attempt)}};
    for (const auto& [name, value] : delivery.fields()) all.emplace_back(variable("YM_", name), value);
    for (const auto& [name, value] : delivery.headers()) all.emplace_back(variable("YM_HEADER_", name), value);
    return all;
}

class Workman {
  public:
    explicit Workman(const WorkOptions& options) : options_(options), worker_(settings(options)) {
        std::signal(SIGPIPE, SIG_IGN);  // of commands that do not read, and of our own output
        worker_.on_lost([this](const client::Lost& lost) {
            std::fprintf(
                stderr, "yardmaster work: tag %llu: %u %s\n", static_cast<unsigned long long>(lost.tag), lost.status,
                lost.text.empty() ? "the lease had ended; another worker gets the message" : lost.text.c_str());
            if (running_ && running_->tag == lost.tag) running_->lost = true;
        });
    }

    int run() {
        while (going()) {
            const std::optional<client::Delivery> delivery = worker_.receive(200ms);
            if (!delivery) {
                tell_of_absence();
                continue;
            }
            const bool done = options_.command.empty() ? print(*delivery) : execute(*delivery);
            if (!done) return leave(exit_failed);
            ++settled_;
        }
        return leave(exit_ok);
    }

  private:
    struct Running {
        std::uint64_t tag = 0;
        bool lost = false;
    };

    static client::Worker::Settings settings(const WorkOptions& options) {
        client::Worker::Settings settings;
        settings.options.endpoint = options.endpoint;
        settings.options.name = options.name;
        settings.queues = options.queues;
        settings.credit = options.count == 0
                              ? options.credit
                              : static_cast<std::uint32_t>(std::min<std::uint64_t>(options.credit, options.count));
        return settings;
    }

    [[nodiscard]] bool going() const {
        return interrupts_.seen() == 0 && !worker_.fault() && (options_.count == 0 || settled_ < options_.count);
    }

    void tell_of_absence() {
        if (worker_.connected()) reached_ = Clock::now();
        if (Clock::now() - reached_ < 3s) return;
        std::fprintf(stderr, "yardmaster work: nobody answers at %s; still trying\n", options_.endpoint.c_str());
        reached_ = Clock::now() + 1min;
    }

    /// False when nobody takes the output; the message then stays in its queue.
    bool print(const client::Delivery& delivery) {
        if (options_.json) {
            std::printf("%s\n", to_json(delivery).c_str());
        } else {
            const std::string_view body = delivery.body();
            std::fwrite(body.data(), 1, body.size(), stdout);
            if (options_.null || body.empty() || body.back() != '\n') std::fputc(options_.null ? '\0' : '\n', stdout);
        }
        if (std::fflush(stdout) != 0) return false;
        worker_.ack(delivery);
        return true;
    }

    bool execute(const client::Delivery& delivery) {
        if (options_.json) {
            std::printf("%s\n", to_json(delivery).c_str());
            std::fflush(stdout);
        }
        running_ = Running{delivery.tag, false};
        RunningCommand command(options_.command, environment_of(delivery), delivery.body(), options_.show);
        auto extend_at = Clock::now() + delivery.lease / 2;
        while (!command.done()) {
            // A second signal ends the command; its message is then given back.
            if (running_->lost || interrupts_.seen() > 1) {
                running_.reset();
                worker_.release(delivery);
                return true;
            }
            if (Clock::now() >= extend_at) {
                worker_.extend(delivery);
                extend_at = Clock::now() + delivery.lease / 2;
            }
            const auto left = std::chrono::ceil<client::Milliseconds>(extend_at - Clock::now());
            if (worker_.poll(std::clamp<client::Milliseconds>(left, 1ms, 500ms), command.fd())) command.step();
        }
        running_.reset();
        settle(delivery, command);
        return true;
    }

    void settle(const client::Delivery& delivery, const RunningCommand& command) {
        if (!command.failure().empty()) {
            std::fprintf(stderr, "yardmaster work: tag %llu, attempt %u: %s\n",
                         static_cast<unsigned long long>(delivery.tag), delivery.attempt, command.failure().c_str());
            worker_.nack(delivery, command.failure());
        } else if (!worker_.ack(delivery, command.output()) && worker_.holds(delivery)) {
            worker_.nack(delivery, "the output is larger than the broker takes");
        }
    }

    int leave(int code) {
        const bool complete = worker_.close(5s);
        if (worker_.fault()) {
            std::fprintf(stderr, "yardmaster work: %s (%d)\n", worker_.fault()->text.c_str(), worker_.fault()->status);
            return worker_.fault()->status == 0 ? exit_usage : exit_failed;
        }
        if (!complete) std::fprintf(stderr, "yardmaster work: the broker did not confirm the last settlements\n");
        return complete ? code : exit_unavailable;
    }

    const WorkOptions& options_;
    const Interrupts interrupts_;
    client::Worker worker_;
    std::optional<Running> running_;
    std::uint64_t settled_ = 0;
    Clock::time_point reached_ = Clock::now();
};

}  // namespace

Command add_work(CLI::App& program) {
    const auto options = std::make_shared<WorkOptions>();
    CLI::App* app = program.add_subcommand("work", "Take messages of queues: run a command for each, or print them");
    app->add_option("queues", options->queues, "Queues to take messages of")->required();
    app->add_option("--credit", options->credit, "Messages held at a time")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    app->add_option("--count", options->count, "End after as many messages");
    app->add_option("--name", options->name, "Own name, which `yardmaster status` shows")->capture_default_str();
    app->add_flag("--exec", options->has_command, "Run a command for each message; the last of our own options");
    app->add_flag("--show", options->show, "With --exec: print the command's output; it is not the reply then");
    app->add_flag("--json", options->json, "Print each message as a line of JSON");
    app->add_flag("--null", options->null, "End printed bodies with NUL");
    app->add_option("--endpoint", options->endpoint, "ZeroMQ endpoint of the broker")->capture_default_str();
    app->footer(
        "--exec COMMAND... comes last. The body is the command's standard input, its output the reply (if one is\n"
        "wanted), exit status 0 an ack and any other a nack. The lease is extended while it runs. Fields are in its\n"
        "environment: YM_QUEUE YM_TAG YM_ATTEMPT YM_FENCE YM_TOPIC YM_KEY YM_TYPE ... YM_HEADER_<NAME>.\n"
        "A command of one word goes through the shell: --exec 'sha256sum | cut -c -64'\n"
        "Example: yardmaster work thumbs --exec sha256sum");
    return {app, [options] {
                options->command = exec_words();
                if (options->has_command && options->command.empty()) {
                    std::fprintf(stderr, "yardmaster work: --exec needs a command behind it\n");
                    return static_cast<int>(exit_usage);
                }
                return Workman(*options).run();
            }};
}

}  // namespace ym::cli
