// `yardmaster send`: publishes lines, records or files, and exits 0 only when all of them were confirmed.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/message_json.h"
#include "cli/send_input.h"
#include "client/client.h"

namespace ym::cli {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct SendOptions {
    std::string endpoint = "tcp://127.0.0.1:5555";
    std::string to = "hello";
    std::string topic;
    std::string key;
    std::string type;
    std::vector<std::string> headers;
    std::vector<std::string> files;
    int priority = -1;
    bool lines = false;
    bool null = false;
    bool reply = false;
    bool json = false;
    double timeout = 10;
    double retry = 0;
    std::size_t batch = 100;
};

/// What can be done about a refusal.
const char* advice(client::Status status) {
    switch (status) {
        case 404: return "no such address: see `yardmaster status` for the queues there are";
        case 406: return "the pipeline has no binding for this topic: add one, or set its `unmatched`";
        case 410: return "nobody can say whether it was taken before: look for it, then send it anew";
        case 413: return "larger than the listener's limits.frame: send less in one message";
        case 429:
        case 503: return "the broker is ending or cannot keep up: send again later";
        case 507: return "a queue or the memory is full: start workers, or send again later (--retry SECONDS)";
        default: return status >= 500 ? "send again later" : "do not send it again as it is";
    }
}

class Sender {
  public:
    explicit Sender(const SendOptions& options)
        : options_(options), producer_(settings(options)), is_terminal_(isatty(2) == 1) {
        for (const std::string& text : options.headers) {
            const std::size_t equals = text.find('=');
            headers_.push_back({std::string_view(text).substr(0, equals), std::string_view(text).substr(equals + 1)});
        }
        producer_.on_answer([this](const client::Answer& answer) { take(answer); });
        producer_.on_reply([this](const client::Reply& reply) { take(reply); });
    }

    int run() {
        if (options_.files.empty()) {
            read_records(STDIN_FILENO, "standard input");
        } else {
            for (const std::string& file : options_.files) read_file(file);
        }
        while (going() && !producer_.flush(100ms, options_.reply)) progress();
        return finish();
    }

  private:
    static client::Producer::Settings settings(const SendOptions& options) {
        client::Producer::Settings settings;
        settings.options.endpoint = options.endpoint;
        settings.options.name = "yardmaster send";
        settings.batch = options.batch;
        settings.queued_max = ~std::size_t{0};  // publish() waits for nobody: room() does, and hears of signals
        settings.retry = std::chrono::duration_cast<client::Milliseconds>(std::chrono::duration<double>(options.retry));
        return settings;
    }

    /// False when there is no use in going on: a signal, a fault, or nobody answers for too long.
    bool going() {
        if (interrupts_.seen() > 0 || producer_.fault()) return false;
        if (producer_.connected()) reached_ = Clock::now();
        return Clock::now() - reached_ < std::chrono::duration<double>(options_.timeout);
    }

    /// Waits until another message may be queued.
    bool room() {
        while (going() && producer_.unanswered() >= unanswered_max) {
            producer_.poll(100ms);
            progress();
        }
        return going();
    }

    void publish(std::string_view body) {
        if (stopped_ || !room()) {
            stopped_ = true;
            return;
        }
        client::Message message;
        message.body = body;
        message.topic = options_.topic;
        message.key = options_.key;
        message.type = options_.type;
        message.headers = headers_;
        message.wants_reply = options_.reply;
        if (options_.priority >= 0) message.priority = static_cast<std::uint8_t>(options_.priority);
        producer_.publish(options_.to, message);
    }

    void read_records(int fd, const std::string& name) {
        RecordReader reader(options_.null ? '\0' : '\n');
        const RecordReader::Take take = [this](std::string_view record) { publish(record); };
        std::vector<char> octets(std::size_t{1} << 16U);
        while (!stopped_ && going()) {
            progress();
            if (!producer_.poll(200ms, fd)) continue;
            const ssize_t count = ::read(fd, octets.data(), octets.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return fail(name);
            if (count == 0) return reader.end(take);
            reader.feed({octets.data(), static_cast<std::size_t>(count)}, take);
        }
    }

    void read_file(const std::string& file) {
        const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) return fail(file);
        if (options_.lines || options_.null) {
            read_records(fd, file);
        } else {
            read_whole(fd, file);
        }
        ::close(fd);
    }

    void read_whole(int fd, const std::string& file) {
        std::string body;
        std::vector<char> octets(std::size_t{1} << 16U);
        for (;;) {
            const ssize_t count = ::read(fd, octets.data(), octets.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return fail(file);
            if (count == 0) break;
            body.append(octets.data(), static_cast<std::size_t>(count));
        }
        publish(body);
    }

    void fail(const std::string& name) {
        clear_line();
        std::fprintf(stderr, "yardmaster send: %s: %s\n", name.c_str(), std::strerror(errno));
        read_failed_ = true;
    }

    void take(const client::Answer& answer) {
        if (options_.json) std::printf("%s\n", to_json(answer).c_str());
        if (client::is_taken(answer.status)) return;
        Refusal& refusal = refusals_[answer.status];
        if (refusal.count++ == 0) refusal.text = answer.text;
    }

    void take(const client::Reply& reply) {
        if (options_.json) {
            std::printf("%s\n", to_json(reply).c_str());
        } else if (client::is_taken(reply.status)) {
            std::fwrite(reply.body.data(), 1, reply.body.size(), stdout);
            if (reply.body.empty() || reply.body.back() != '\n') std::fputc('\n', stdout);
        }
        if (reply.status == 206 || reply.status == 200) return;
        Refusal& refusal = no_reply_[reply.status];
        if (refusal.count++ == 0) refusal.text = reply.text;
    }

    void progress() {
        const auto now = Clock::now();
        if (!is_terminal_ || now - shown_ < 200ms) return;
        const client::Producer::Counts& counts = producer_.counts();
        const std::chrono::duration<double> since = now - shown_;
        const double rate = static_cast<double>(counts.confirmed - shown_confirmed_) / since.count();
        std::fprintf(stderr, "\r%llu sent, %llu confirmed, %llu refused, %.0f/s%s\033[K", number(counts.published),
                     number(counts.confirmed), number(counts.refused), rate,
                     producer_.connected() ? "" : " (waiting for the broker)");
        shown_ = now;
        shown_confirmed_ = counts.confirmed;
    }

    void clear_line() const {
        if (is_terminal_) std::fprintf(stderr, "\r\033[K");
    }

    static unsigned long long number(std::uint64_t value) { return value; }

    int finish() {
        clear_line();
        const std::uint64_t unanswered = producer_.unanswered();
        const bool was_reached = producer_.connected();
        if (!producer_.fault()) producer_.close(0ms);
        const client::Producer::Counts& counts = producer_.counts();
        const std::chrono::duration<double> took = Clock::now() - began_;
        std::fflush(stdout);
        if (is_terminal_ || counts.confirmed != counts.published || counts.published == 0) {
            std::fprintf(stderr, "%llu sent, %llu confirmed, %llu refused in %.1f s\n", number(counts.published),
                         number(counts.confirmed), number(counts.refused), took.count());
        }
        for (const auto& [status, refusal] : refusals_) explain("refused with", status, refusal);
        for (const auto& [status, refusal] : no_reply_) explain("without a reply:", status, refusal);
        if (producer_.fault()) {
            std::fprintf(stderr, "yardmaster send: %s (%d)\n", producer_.fault()->text.c_str(),
                         producer_.fault()->status);
            return producer_.fault()->status == 0 ? exit_usage : exit_failed;
        }
        if (unanswered > 0) {
            std::fprintf(stderr, "yardmaster send: %llu without an answer: whether they were taken is not known\n",
                         number(unanswered));
        }
        if (unanswered > 0 && !was_reached && interrupts_.seen() == 0) {
            std::fprintf(
                stderr, "yardmaster send: nobody answers at %s; is the broker running there? (`yardmaster run FILE`)\n",
                options_.endpoint.c_str());
            return exit_unavailable;
        }
        const bool complete = counts.confirmed == counts.published && no_reply_.empty() && !read_failed_ && !stopped_;
        return complete && interrupts_.seen() == 0 ? exit_ok : exit_failed;
    }

    struct Refusal {
        std::uint64_t count = 0;
        std::string text;  // of the first
    };

    static void explain(const char* what, client::Status status, const Refusal& refusal) {
        std::fprintf(stderr, "%llu %s %u%s%s\n    -> %s\n", number(refusal.count), what, status,
                     refusal.text.empty() ? "" : ": ", refusal.text.c_str(),
                     status == 504 ? "no worker was done in time: start workers" : advice(status));
    }

    static constexpr std::uint64_t unanswered_max = 20'000;  // bounds the memory; the broker's window is smaller

    const SendOptions& options_;
    const Interrupts interrupts_;
    client::Producer producer_;
    std::vector<client::Header> headers_;
    bool is_terminal_;
    bool stopped_ = false;
    bool read_failed_ = false;
    std::map<client::Status, Refusal> refusals_;
    std::map<client::Status, Refusal> no_reply_;
    Clock::time_point began_ = Clock::now();
    Clock::time_point reached_ = began_;
    Clock::time_point shown_ = began_;
    std::uint64_t shown_confirmed_ = 0;
};

}  // namespace

Command add_send(CLI::App& program) {
    const auto options = std::make_shared<SendOptions>();
    CLI::App* app = program.add_subcommand("send", "Publish lines, NUL-separated records, or files");
    app->add_option("files", options->files, "Each file is one message; without files: each line of standard input");
    app->add_option("--to", options->to, "Address to publish to: a queue or a pipeline")->capture_default_str();
    app->add_option("--topic", options->topic, "What a pipeline's routing looks at, such as order.new.eu");
    app->add_option("--key", options->key, "What groups messages");
    app->add_option("--type", options->type, "What kind of message it is");
    app->add_option("--header", options->headers, "User property NAME=VALUE; may repeat")
        ->allow_extra_args(false)
        ->check(CLI::Validator(
            [](const std::string& text) {
                const std::size_t equals = text.find('=');
                return equals == 0 || equals == std::string::npos || equals > 255 ? "give NAME=VALUE" : std::string();
            },
            "NAME=VALUE"));
    app->add_option("--priority", options->priority, "31 goes first, 16 is usual")->check(CLI::Range(0, 31));
    auto* lines = app->add_flag("--lines", options->lines, "Each line of the files is one message");
    app->add_flag("--null", options->null, "Messages end with NUL instead of a line's end")->excludes(lines);
    app->add_flag("--reply", options->reply, "Ask for replies, wait for them and print them");
    app->add_flag("--json", options->json, "Print every answer and reply as a line of JSON");
    app->add_option("--retry", options->retry, "Seconds for which a full queue is tried again")
        ->check(CLI::NonNegativeNumber);
    app->add_option("--timeout", options->timeout, "Seconds without a broker before giving up")->capture_default_str();
    app->add_option("--batch", options->batch, "Messages of one frame, at most")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    app->add_option("--endpoint", options->endpoint, "ZeroMQ endpoint of the broker")->capture_default_str();
    app->footer(
        "Exits 0 only when every message was confirmed (and, with --reply, answered).\n"
        "Example: yardmaster send --to orders --topic order.new.eu < orders.txt");
    return {app, [options] { return Sender(*options).run(); }};
}

}  // namespace ym::cli
