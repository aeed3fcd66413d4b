// A simulated producer, with its own book of what it published and what it was told.
#pragma once

#include <deque>
#include <vector>

#include "peer.h"

namespace ym::simulation {

class Producer : public Peer {
  public:
    Producer(Surroundings& world, std::uint32_t index, std::string name, std::uint32_t messages);

    /// True when all its messages are published and answered for good.
    [[nodiscard]] bool finished() const { return alive() && left_ == 0 && open_.empty(); }
    /// True when all its messages are made, whatever became of them.
    [[nodiscard]] bool spent() const { return left_ == 0; }
    /// What it waits for.
    [[nodiscard]] std::string describe() const;

  protected:
    void on_start() override;
    void on_death() override;
    void on_welcome(const Welcome& welcome, bool resumed) override;
    void on_frame(const wire::Frame& frame) override;
    void on_alarm(Alarm alarm, std::uint64_t detail) override;
    std::uint64_t hello_number() override { return 0; }
    std::uint64_t lowest_open() override { return first_; }
    void hello_fields(wire::FrameWriter& writer) override;

  private:
    enum class State : std::uint8_t { unsent, sent, refused, done };
    struct Open {
        Uid uid = no_uid;
        State state = State::unsent;
        bool spoiled = false;  // goes out malformed, once
        std::uint32_t refusals = 0;
        Instant again;
    };

    void burst();
    Message draw_message(std::uint64_t serial);
    std::string draw_address(std::uint64_t block);
    void flush();
    void send_run(const std::vector<std::uint64_t>& sequences);
    void send_ghost(std::uint64_t sequence, Uid uid);
    void write_head(std::uint64_t sequence, Uid uid, bool spoiled, wire::FrameWriter& writer);
    void on_confirm(const wire::Frame& frame);
    void on_answer(std::uint64_t sequence, wire::Status status, Duration retry_after);
    void drop_done();

    std::uint32_t left_;  // messages not made yet
    std::uint64_t made_ = 0;
    std::uint64_t first_ = 1;                              // sequence of open_.front()
    std::deque<Open> open_;                                // sequences not answered for good, in order
    std::deque<std::pair<std::uint64_t, Uid>> confirmed_;  // the last ones
    std::uint64_t sent_ = 0;                               // the highest sequence
    std::uint64_t window_ = 0;
    std::uint64_t bytes_window_ = 0;
    std::uint64_t bytes_sent_ = 0;
    bool draining_ = false;
};

}  // namespace ym::simulation
