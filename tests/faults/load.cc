// A producer or a worker of a fault run: it keeps a synced ledger of all that it does, and goes on where a killed one
// of its name has stopped. SIGTERM ends it in order.
//
// A producer notes what it is about to send before it sends it. A worker notes what it got, and that it will ack it,
// before it does; so nothing can be known to the broker that no ledger tells of.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <deque>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>

#include "client/client.h"
#include "ledger.h"

namespace ym::faults {
namespace {

using client::Milliseconds;
using client::Status;

volatile std::sig_atomic_t going = 1;

struct Options {
    std::string endpoint;
    std::string address;
    std::string name;
    std::string ledger;
    std::string level = "durable";
    std::size_t size = 128;
    std::size_t size_max = 0;    // sizes from `size` to this
    std::size_t batch = 200;     // messages of one sync of the ledger
    std::size_t ahead = 4000;    // messages without an answer, at most
    std::uint64_t count = 0;     // 0: until SIGTERM
    std::uint64_t retry_ms = 0;  // how long what was refused with 507 is tried again
    std::uint64_t rate = 0;      // messages a second; 0: as many as can be
    std::uint32_t credit = 100;
    std::uint64_t pause_us = 0;  // between what a worker gets and its settlement
    unsigned nack_percent = 0;
    std::uint64_t seed = 1;
    bool hold_first = false;  // keep the first delivery of all until SIGTERM
    bool dead = false;        // the queue is one of dead letters
};

// --- the producer ---------------------------------------------------------------------------------------------------

/// What an earlier producer of this name has left in its ledger.
struct Past {
    std::uint64_t last = 0;                          // highest that was attempted
    std::map<std::uint64_t, std::uint64_t> unknown;  // ranges without an outcome, by their first

    void take_out(std::uint64_t first, std::uint64_t last_out) {
        auto range = unknown.upper_bound(first);
        if (range == unknown.begin()) return;
        --range;
        const auto [begin, end] = *range;
        unknown.erase(range);
        if (begin < first) unknown[begin] = first - 1;
        if (last_out < end) unknown[last_out + 1] = end;
    }
};

Past read_past(const std::string& path) {
    Past past;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (line.size() < 2 || line.substr(line.size() - 2) != " .") continue;
        std::istringstream words(line);
        std::string kind;
        std::uint64_t time = 0;
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        std::uint64_t status = 0;
        words >> kind >> time;
        if (kind == "attempt" && words >> first >> last) {
            past.unknown[first] = last;
            past.last = std::max(past.last, last);
        } else if ((kind == "confirm" || kind == "refused" || kind == "unknown") && words >> status >> first >> last) {
            past.take_out(first, last);
        }
    }
    return past;
}

class LoadProducer {
  public:
    explicit LoadProducer(const Options& options)
        : options_(options), past_(read_past(options.ledger)), ledger_(options.ledger), producer_(settings(options)) {
        next_ = past_.last + 1;
        offset_ = past_.last;
        ledger_.note("start", "producer " + options.name + " " + options.level, {});
        for (const auto& [first, last] : past_.unknown) ledger_.note("unknown", {0, first, last});
        producer_.on_answer([this](const client::Answer& answer) { take(answer); });
    }

    int run() {
        const auto began = std::chrono::steady_clock::now();
        std::uint64_t published = 0;
        while (going != 0 && !producer_.fault() && !is_complete()) {
            std::size_t room = options_.ahead - std::min<std::size_t>(options_.ahead, producer_.unanswered());
            room = std::min(room, options_.batch);
            if (options_.count != 0) room = std::min<std::size_t>(room, options_.count + 1 - next_);
            if (options_.rate != 0) {
                const auto passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
                const auto due = static_cast<std::uint64_t>(passed * static_cast<double>(options_.rate));
                room = std::min<std::size_t>(room, due - std::min(due, published));
            }
            publish(room);
            published += room;
            producer_.poll(Milliseconds{room == 0 ? 2 : 0});
            note_answers();
        }
        const bool complete = producer_.close(std::chrono::seconds(60));
        note_answers();
        ledger_.note("end");
        ledger_.sync();
        if (producer_.fault()) std::fprintf(stderr, "%s: %s\n", options_.name.c_str(), producer_.fault()->text.c_str());
        return complete && !producer_.fault() ? 0 : 1;
    }

  private:
    static client::Producer::Settings settings(const Options& options) {
        client::Producer::Settings settings;
        settings.options.endpoint = options.endpoint;
        settings.options.name = options.name;
        settings.options.heartbeat = Milliseconds{200};
        settings.retry = Milliseconds{options.retry_ms};
        settings.queued_max = options.ahead + options.batch;
        return settings;
    }

    [[nodiscard]] bool is_complete() const { return options_.count != 0 && next_ > options_.count; }

    void publish(std::size_t count) {
        if (count == 0) return;
        const std::uint64_t last = next_ + count - 1;
        ledger_.note("attempt", {next_, last});
        ledger_.sync();
        for (; next_ <= last; ++next_) {
            const std::size_t more = options_.size_max > options_.size ? options_.size_max - options_.size + 1 : 1;
            const std::string body =
                make_body(options_.name, next_, options_.size + (next_ * 0x9e3779b97f4a7c15U >> 20U) % more);
            client::Message message;
            message.body = body;
            producer_.publish(options_.address, message);
        }
    }

    /// Sequences of this session begin at 1, those of the name where the last session has ended.
    void take(const client::Answer& answer) { answers_[answer.status].add(offset_ + answer.sequence); }

    void note_answers() {
        for (auto& [status, ranges] : answers_) {
            const char* kind = client::is_taken(status) ? "confirm" : status == 410 ? "unknown" : "refused";
            for (const Ranges::Range& one : ranges.all()) ledger_.note(kind, {status, one.first, one.last});
            ranges.clear();
        }
        // With the next attempt, or here when nothing can be published.
        if (producer_.unanswered() >= options_.ahead || is_complete()) ledger_.sync();
    }

    Options options_;
    Past past_;
    Ledger ledger_;
    client::Producer producer_;
    std::uint64_t next_ = 1;
    std::uint64_t offset_ = 0;
    std::map<Status, Ranges> answers_;
};

// --- the worker -----------------------------------------------------------------------------------------------------

class LoadWorker {
  public:
    explicit LoadWorker(const Options& options)
        : options_(options), ledger_(options.ledger), worker_(settings(options)), random_(options.seed) {
        ledger_.note("start", "worker " + options.name + (options.dead ? " dead" : " live"), {});
        worker_.on_settled([this](std::uint64_t first, std::uint64_t last) {
            for (std::uint64_t tag = first; tag <= last; ++tag) end(tag, settled_);
        });
        worker_.on_lost([this](const client::Lost& lost) { end(lost.tag, lost_[lost.status]); });
    }

    int run() {
        empty_at_ = now_us();
        while (going != 0 && !worker_.fault()) {
            take_all();
            note_ends();
            if (hands_.empty()) {
                ledger_.sync();
                continue;
            }
            note_deliveries();
            if (options_.pause_us != 0) {
                ledger_.sync();
                pause();
            }
            settle();
        }
        ledger_.note("leave");
        if (held_) {
            ledger_.note("ack", {held_->number, held_->number});
            ledger_.sync();
            worker_.ack(held_->delivery);
        }
        const bool complete = worker_.close(std::chrono::seconds(20));
        note_ends();
        ledger_.note("end");
        ledger_.sync();
        if (worker_.fault()) std::fprintf(stderr, "%s: %s\n", options_.name.c_str(), worker_.fault()->text.c_str());
        return complete && !worker_.fault() ? 0 : 1;
    }

  private:
    struct Hand {
        client::Delivery delivery;
        std::uint64_t number = 0;  // of this process's deliveries, from 1; tags begin anew with each session
    };

    static client::Worker::Settings settings(const Options& options) {
        client::Worker::Settings settings;
        settings.options.endpoint = options.endpoint;
        settings.options.name = options.name;
        settings.options.heartbeat = Milliseconds{200};
        settings.queues = {options.address};
        settings.credit = options.credit;
        return settings;
    }

    /// All that is there. What comes later was handed out after `empty_at_`, but for its way here.
    void take_all() {
        since_ = empty_at_;
        auto one = worker_.receive(Milliseconds{20});
        for (; one && hands_.size() < options_.credit; one = worker_.receive(Milliseconds{0})) take(std::move(*one));
        if (one) {
            take(std::move(*one));
        } else {
            empty_at_ = now_us();
        }
    }

    void take(client::Delivery delivery) {
        if (delivery.tag <= last_tag_) numbers_.clear();  // a session that the broker did not know any more
        last_tag_ = delivery.tag;
        numbers_[delivery.tag] = ++number_;
        hands_.push_back({std::move(delivery), number_});
    }

    void note_deliveries() {
        struct Run {
            Named named;
            std::uint64_t count = 0;
            const Hand* first = nullptr;
        };
        std::optional<Run> run;
        const auto note_run = [&] {
            if (!run) return;
            const client::Delivery& one = run->first->delivery;
            const auto lease = static_cast<std::uint64_t>(one.lease.count());
            ledger_.note("deliver", run->named.producer,
                         {run->named.sequence, run->named.sequence + run->count - 1, run->first->number, one.fence(),
                          one.attempt, lease, since_});
            run.reset();
        };
        for (const Hand& hand : hands_) {
            const std::optional<Named> named = read_body(hand.delivery.body());
            if (run && named && named->producer == run->named.producer &&
                named->sequence == run->named.sequence + run->count && hand.number == run->first->number + run->count &&
                hand.delivery.fence() == run->first->delivery.fence() + run->count &&
                hand.delivery.attempt == run->first->delivery.attempt) {
                ++run->count;
                continue;
            }
            note_run();
            if (named) {
                run = Run{*named, 1, &hand};
            } else {
                ledger_.note("wrong", {hand.number, hand.delivery.fence()});
            }
        }
        note_run();
    }

    void pause() {
        const std::uint64_t end = now_us() + options_.pause_us;
        while (going != 0 && now_us() < end) {
            worker_.poll(Milliseconds{1});
            note_ends();
        }
    }

    void settle() {
        Ranges acks;
        Ranges nacks;
        std::deque<Hand> rest;
        for (Hand& hand : hands_) {
            if (options_.hold_first && !held_) {
                held_ = std::move(hand);
            } else if (!worker_.holds(hand.delivery)) {
                continue;  // lost meanwhile
            } else if (options_.nack_percent > random_() % 100) {
                nacks.add(hand.number);
                rest.push_back(std::move(hand));
            } else {
                acks.add(hand.number);
                rest.push_back(std::move(hand));
            }
        }
        for (const Ranges::Range& one : acks.all()) ledger_.note("ack", {one.first, one.last});
        for (const Ranges::Range& one : nacks.all()) ledger_.note("nack", {one.first, one.last});
        ledger_.sync();
        auto nack = nacks.all().begin();
        for (const Hand& hand : rest) {
            while (nack != nacks.all().end() && nack->last < hand.number) ++nack;
            if (nack != nacks.all().end() && nack->first <= hand.number) {
                worker_.nack(hand.delivery, "by chance");
            } else {
                worker_.ack(hand.delivery);
            }
        }
        hands_.clear();
        worker_.poll();
        for (const Ranges::Range& one : acks.all()) ledger_.note("sent", {one.first, one.last});
    }

    void end(std::uint64_t tag, Ranges& ranges) {
        const auto found = numbers_.find(tag);
        if (found == numbers_.end()) return;
        ranges.add(found->second);
        numbers_.erase(found);
    }

    void note_ends() {
        for (const Ranges::Range& one : settled_.all()) ledger_.note("settled", {one.first, one.last});
        settled_.clear();
        for (auto& [status, ranges] : lost_) {
            for (const Ranges::Range& one : ranges.all()) ledger_.note("lost", {status, one.first, one.last});
            ranges.clear();
        }
    }

    Options options_;
    Ledger ledger_;
    client::Worker worker_;
    std::minstd_rand random_;
    std::deque<Hand> hands_;  // got and not settled
    std::optional<Hand> held_;
    std::map<std::uint64_t, std::uint64_t> numbers_;  // by tag, until the broker says what became of it
    std::uint64_t number_ = 0;
    std::uint64_t last_tag_ = 0;
    std::uint64_t since_ = 0;
    std::uint64_t empty_at_ = 0;
    Ranges settled_;
    std::map<Status, Ranges> lost_;
};

CLI::App* add_role(CLI::App& program, const char* role, const char* what, Options& options) {
    CLI::App* app = program.add_subcommand(role, what);
    app->add_option("--endpoint", options.endpoint)->required();
    app->add_option("--address", options.address, "where to publish, or the queue to work on")->required();
    app->add_option("--name", options.name)->required();
    app->add_option("--ledger", options.ledger)->required();
    return app;
}

}  // namespace
}  // namespace ym::faults

int main(int argc, char** argv) {
    using namespace ym::faults;
    Options options;
    CLI::App program("A producer or a worker of a fault run, with a ledger");
    program.require_subcommand(1);
    CLI::App* producer = add_role(program, "producer", "publishes", options);
    producer->add_option("--level", options.level, "durable or memory: what a confirm promises here");
    producer->add_option("--size", options.size, "octets of a body");
    producer->add_option("--size-max", options.size_max, "bodies from --size to this");
    producer->add_option("--batch", options.batch, "messages of one sync of the ledger");
    producer->add_option("--ahead", options.ahead, "messages without an answer, at most");
    producer->add_option("--count", options.count, "messages of this name in all; 0 until SIGTERM");
    producer->add_option("--retry-ms", options.retry_ms, "how long what was refused with 507 is tried again");
    producer->add_option("--rate", options.rate, "messages a second; 0 as many as can be");
    CLI::App* worker = add_role(program, "worker", "takes, and settles", options);
    worker->add_option("--credit", options.credit);
    worker->add_option("--pause-us", options.pause_us, "between a delivery and its settlement");
    worker->add_option("--nack", options.nack_percent, "percent that is not acked");
    worker->add_option("--seed", options.seed);
    worker->add_flag("--hold-first", options.hold_first, "keep the first delivery until SIGTERM");
    worker->add_flag("--dead", options.dead, "the queue is one of dead letters");
    CLI11_PARSE(program, argc, argv);
    for (const int number : {SIGTERM, SIGINT}) std::signal(number, [](int) { going = 0; });
    return producer->parsed() ? LoadProducer(options).run() : LoadWorker(options).run();
}
