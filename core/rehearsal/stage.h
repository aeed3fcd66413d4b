// What a rehearsal plays on: the real broker and the real plugins, between a clock that only we turn, a network that
// carries every frame at once, and a store that keeps batches in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "broker/broker.h"
#include "wire/ymp.h"

namespace ym::rehearsal {

/// A record as a peer saw it; of a frame without records, one with nothing in it.
struct Got {
    wire::Verb verb{};
    std::string name;
    std::uint64_t number = 0;
    std::uint16_t code = 0;
    std::uint64_t id = 0;
    std::string body;
    std::map<std::uint8_t, std::string> fields;
    std::map<std::string, std::string> headers;

    [[nodiscard]] std::string text(wire::Field field) const;
    [[nodiscard]] std::uint64_t number_of(wire::Field field) const;
};

class Stage {
  public:
    /// What is seen of a broker. Called while a step's effects are performed: it may not step.
    struct Watcher {
        std::function<void(PeerId peer, const Got& got)> got;
        std::function<void(const Notice& notice)> noticed;
        std::function<void()> stepped;  // after each step
    };

    Stage(BrokerOptions options, Now start, Watcher watcher);
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    /// A broker of these settings, with what the store has of an earlier one, which is gone without another word.
    void start(std::unique_ptr<Topology> topology);
    /// Other settings for the running broker.
    void change(std::unique_ptr<Topology> topology);
    void drain();

    /// Sends a frame of `peer`; what follows at once is done when this returns.
    void send(PeerId peer, const std::function<void(wire::FrameWriter&)>& write);
    void lose(PeerId peer);

    /// Takes both clocks there, with a step. Not back.
    void go_to(Instant at);
    /// Turns the wall clock alone.
    void turn_wall_clock(std::chrono::milliseconds by) { now_.wall.since_epoch += by; }
    /// The store completes nothing, until it completes all.
    void pause_store(bool pauses);

    [[nodiscard]] const Now& now() const { return now_; }
    [[nodiscard]] Instant next_deadline() const { return broker_->next_deadline(); }
    [[nodiscard]] StatusReport status() const { return broker_->status(now_.monotonic); }
    [[nodiscard]] std::vector<CopyStatus> copies() const { return broker_->copies(); }
    [[nodiscard]] Finish finished() const { return finished_; }

  private:
    /// Steps until the store has nothing to say.
    void play();
    void perform();
    void show(const Send& send);
    void answer();

    BrokerOptions options_;
    Now now_;
    Watcher watcher_;
    std::unique_ptr<Broker> broker_;
    std::vector<Event> events_;
    Effects effects_;
    Finish finished_ = Finish::no;

    // The store: batches as octets.
    std::map<std::uint64_t, Buffer> kept_;
    std::vector<std::uint64_t> appended_;  // not completed
    std::vector<std::uint64_t> fetches_;
    std::uint64_t stored_ = 0;
    std::uint32_t epoch_ = 0;
    bool acquires_ = false;
    bool pauses_ = false;
};

}  // namespace ym::rehearsal
