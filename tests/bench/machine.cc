// `./dev bench machine`: the state machine alone, without sockets, threads or a store: what publish, route, lease,
// deliver and settle of a message cost when nothing else is there. Frames of two producers go in, those of two workers
// come back so many messages later; only the time in Broker::step counts. Nothing here passes or fails by a time.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "bench/traffic.h"

namespace ym::bench {
namespace {

class Timed final : public Traffic {
  public:
    using Traffic::Traffic;
    [[nodiscard]] double seconds() const { return std::chrono::duration<double>(spent_).count(); }

  private:
    void step_broker() override {
        const auto began = std::chrono::steady_clock::now();
        Traffic::step_broker();
        spent_ += std::chrono::steady_clock::now() - began;
    }

    std::chrono::nanoseconds spent_{0};
};

}  // namespace
}  // namespace ym::bench

int main(int count, char** words) {
    ym::bench::TrafficOptions options;
    options.behind = 16'000;
    std::uint64_t messages = 2'000'000;
    CLI::App app("What the state machine alone takes for a message");
    app.add_option("--plugins", options.plugins, "Folder of the plugins")->required();
    app.add_option("--batch", options.batch, "Messages of a frame")->check(CLI::Range(1, 10'000));
    app.add_option("--body", options.body, "Octets")->check(CLI::Range(1, 1'000'000));
    app.add_option("--messages", messages, "In all");
    app.add_option("--behind", options.behind, "Deliveries that are not settled yet");
    app.add_flag("--durable", options.durable, "A store that answers at once");
    CLI11_PARSE(app, count, words);
    ym::bench::Timed traffic(options);
    for (std::uint64_t sent = 0; sent < messages; sent += ym::bench::Timed::producers * options.batch) traffic.turn();
    traffic.finish();
    const std::uint64_t acked = traffic.acked();
    std::printf("batch %u: %.1f ns a message, %llu acked\n", options.batch,
                traffic.seconds() * 1e9 / static_cast<double>(acked), static_cast<unsigned long long>(acked));
    return acked == 0 ? 1 : 0;
}
