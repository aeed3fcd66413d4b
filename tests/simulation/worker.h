// A simulated worker: works on some queues, and answers as the options say; it may hang, die, leave, and lie.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "peer.h"

namespace ym::simulation {

class Worker : public Peer {
  public:
    Worker(Surroundings& world, std::uint32_t index, std::string name, std::vector<std::string> queues);

    void heal() override;

  protected:
    void on_start() override;
    void on_death() override;
    void on_welcome(const Welcome& welcome, bool resumed) override;
    void on_frame(const wire::Frame& frame) override;
    void on_alarm(Alarm alarm, std::uint64_t detail) override;
    void on_refused(wire::Status status, std::string_view text) override;
    std::uint64_t hello_number() override;
    void hello_fields(wire::FrameWriter& writer) override;

  private:
    struct Held {
        Uid uid = no_uid;
        std::uint32_t attempt = 0;
        bool grave = false;  // from a queue of dead letters
        Duration lease{0};
        bool started = false;
        std::uint32_t parts = 0;
        int extends_left = -1;
    };
    struct Settlement {
        wire::SettleCode code{};
        std::uint64_t tag = 0;
        Uid uid = no_uid;
        std::uint64_t part = 0;
        bool body = false;
        Duration retry_after{0};
    };

    void on_deliver(const wire::Frame& frame);
    void on_lost(const wire::Frame& frame);
    void misbehave();
    void start_work();
    void finish(std::uint64_t tag);
    wire::SettleCode outcome(const Held& held);
    bool fate(const Held& held, Odds once_in, std::uint64_t salt) const;
    void settle(Settlement settlement);
    void leave_when_done();
    void flush();
    void lie();
    void send_credit();
    [[nodiscard]] std::uint64_t credit() const;
    void write(const std::vector<Settlement>& settlements, std::uint8_t flags);

    std::vector<std::string> queues_;
    std::map<std::uint64_t, Held> held_;
    std::uint32_t busy_ = 0;
    std::uint64_t last_tag_ = 0;
    std::uint64_t bytes_got_ = 0;  // since WELCOME
    std::vector<Settlement> settlements_;
    std::deque<std::uint64_t> settled_;  // the last ones, to lie about
    std::deque<Settlement> unanswered_;  // the last ones, sent again after a lost connection by some
    bool flush_set_ = false;
    bool leaving_ = false;
    bool resting_ = false;
};

}  // namespace ym::simulation
