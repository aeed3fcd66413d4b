// `./dev bench machine`: the state machine alone, without sockets, threads or a store: what publish, route, lease,
// deliver and settle of a message cost when nothing else is there. Frames of two producers go in, those of two workers
// come back so many messages later; only the time in Broker::step counts. Nothing here passes or fails by a time.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "host/host.h"
#include "settings/config.h"
#include "wire/ymp.h"

namespace ym::bench {
namespace {

using wire::Field;
using wire::Verb;

constexpr unsigned producers = 2;
constexpr unsigned workers = 2;

struct Options {
    std::string plugins;
    std::uint32_t batch = 100;
    std::uint32_t body = 100;
    std::uint64_t messages = 2'000'000;
    std::uint64_t behind = 16'000;  // deliveries that are not settled yet
    bool durable = false;
};

/// Octets of a frame that was sent and may still be borrowed.
using Octet = std::vector<std::byte>;

class Traffic {
  public:
    explicit Traffic(const Options& options)
        : options_(options), broker_(BrokerOptions{1, 1, true, std::uint64_t{64} << 20U}) {
        settings::Problems problems;
        const settings::Config config = settings::read_text(
            "yardmaster: 1\n"
            "listeners: {main: {bind: [\"ipc:///nowhere\"], limits: {unconfirmed: 100k}}}\n"
            "queues: {jobs: {durable: " +
                std::string(options.durable ? "true" : "false") +
                "}}\n"
                "pipelines: {in: {route: {plugin: topic, bindings: [{match: \"job.#\", to: jobs}]}}}\n",
            "bench.yaml", [](const char*) -> const char* { return nullptr; }, problems);
        if (!host_.load_bundled(options.plugins.c_str()).ok() || !problems.empty()) std::abort();
        auto topology = host_.build(config, problems);
        if (!problems.empty()) std::abort();
        events_.emplace_back(StoreAcquired{1, 0});
        events_.emplace_back(SettingsChanged{std::move(topology)});
        step();
        for (unsigned peer = 0; peer < producers + workers; ++peer) hello(peer);
        step();
        spent_ = {};
        for (unsigned producer = 0; producer < producers; ++producer) frames_.push_back(publish_frame());
    }

    void run() {
        for (std::uint64_t sent = 0; sent < options_.messages; sent += producers * options_.batch) {
            now_.monotonic.since_start += 50us;
            for (unsigned producer = 0; producer < producers; ++producer) publish(producer);
            while (unsettled_ > options_.behind) settle();
            step();
        }
        while (!settles_.empty()) {
            settle();
            step();
        }
    }

    [[nodiscard]] std::uint64_t acked() const { return broker_.status(now_.monotonic).queues.at(0).ledger.acked; }
    [[nodiscard]] double seconds() const { return std::chrono::duration<double>(spent_).count(); }

  private:
    static std::string session(unsigned peer) { return "session number " + std::to_string(peer); }

    void from(unsigned peer, Octets octets) {
        parts_.push_back(std::make_unique<Octets>(octets));
        events_.emplace_back(FrameReceived{PeerId{peer}, {}, 0, {parts_.back().get(), 1}});
    }

    void hello(unsigned peer) {
        Buffer buffer;
        wire::FrameWriter writer(buffer);
        writer.begin(Verb::hello, 0, session(peer), peer < producers ? 0 : 1'000'000);
        writer.begin_record(0, 0);
        writer.field(Field::session, session(peer));
        writer.field(Field::versions, std::string_view("\1"));
        if (peer >= producers) writer.field(Field::queue, std::string_view("jobs"));
        writer.end();
        lend(peer, buffer.octets());
    }

    void lend(unsigned peer, Octets octets) {
        lent_.emplace_back(octets.begin(), octets.end());
        from(peer, lent_.back());
    }

    Octet publish_frame() {
        Buffer buffer;
        wire::FrameWriter writer(buffer);
        writer.begin(Verb::publish, 0, "in", 0);
        const std::vector<std::byte> body(options_.body);
        for (unsigned i = 0; i < options_.batch; ++i) {
            at_ = at_ == 0 ? buffer.size() : at_;
            writer.begin_record(wire::publish_plain, 0);
            writer.field(Field::topic, std::string_view("job.load"));
            writer.body(body);
        }
        const Octets frame = writer.end();
        size_ = (frame.size() - at_) / options_.batch;
        return {frame.begin(), frame.end()};
    }

    void publish(unsigned producer) {
        Octet& frame = frames_[producer];
        for (unsigned i = 0; i < options_.batch; ++i)
            store_be(frame.data() + at_ + i * size_ + 8, ++sequence_[producer]);
        from(producer, frame);
    }

    void settle() {
        const Settle& next = settles_.front();
        Buffer buffer;
        wire::FrameWriter writer(buffer);
        writer.begin(Verb::settle, 0, {}, next.last + 1'000'000);
        writer.begin_record(static_cast<std::uint16_t>(wire::SettleCode::ack), next.first);
        writer.field(Field::through, next.last);
        writer.end();
        lend(next.peer, buffer.octets());
        unsettled_ -= next.last - next.first + 1;
        settles_.pop_front();
    }

    void step() {
        if (sealed_ != 0) events_.emplace_back(StoreCompleted{sealed_, StoreStatus::ok});
        effects_.clear();
        const auto began = std::chrono::steady_clock::now();
        broker_.step(now_, events_, effects_);
        spent_ += std::chrono::steady_clock::now() - began;
        events_.clear();
        parts_.clear();
        lent_.clear();
        sealed_ = effects_.records.empty() ? 0 : effects_.batch;
        for (const Send& send : effects_.sends) answer(send.peer, effects_.octets.octets(send.at, send.size));
    }

    void answer(PeerId peer, Octets octets) {
        wire::Frame frame;
        if (wire::parse_frame(octets, frame) || frame.verb != Verb::deliver) return;
        wire::RecordCursor cursor(frame);
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        for (wire::Record record; cursor.next(record) == wire::RecordCursor::Step::record;) {
            first = first == 0 ? record.id : first;
            last = record.id;
        }
        settles_.push_back({peer.value, first, last});
        unsettled_ += last - first + 1;
    }

    struct Settle {
        std::uint32_t peer;
        std::uint64_t first, last;
    };

    Options options_;
    host::Host host_;
    Broker broker_;
    Now now_{Instant{1s}, WallTime{std::chrono::milliseconds(1'700'000'000'000)}};
    std::vector<Event> events_;
    std::vector<std::unique_ptr<Octets>> parts_;
    std::deque<Octet> lent_;
    std::vector<Octet> frames_;
    std::deque<Settle> settles_;
    Effects effects_;
    std::uint64_t sequence_[producers] = {};
    std::size_t at_ = 0;
    std::size_t size_ = 0;
    std::uint64_t sealed_ = 0;
    std::uint64_t unsettled_ = 0;
    std::chrono::nanoseconds spent_{0};
};

}  // namespace
}  // namespace ym::bench

int main(int count, char** words) {
    ym::bench::Options options;
    CLI::App app("What the state machine alone takes for a message");
    app.add_option("--plugins", options.plugins, "Folder of the plugins")->required();
    app.add_option("--batch", options.batch, "Messages of a frame")->check(CLI::Range(1, 10'000));
    app.add_option("--body", options.body, "Octets")->check(CLI::Range(1, 1'000'000));
    app.add_option("--messages", options.messages, "In all");
    app.add_option("--behind", options.behind, "Deliveries that are not settled yet");
    app.add_flag("--durable", options.durable, "A store that answers at once");
    CLI11_PARSE(app, count, words);
    ym::bench::Traffic traffic(options);
    traffic.run();
    const std::uint64_t acked = traffic.acked();
    std::printf("batch %u: %.1f ns a message, %llu acked\n", options.batch,
                traffic.seconds() * 1e9 / static_cast<double>(acked), static_cast<unsigned long long>(acked));
    return acked == 0 ? 1 : 0;
}
