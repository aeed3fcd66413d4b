// Simulated peers that speak Majordomo, as the RFCs and the field have them: clients that ask and wait, workers that
// answer one request at a time, and one that breaks every rule.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "majordomo.h"
#include "peer.h"

namespace ym::simulation {

/// What they share: none of them says HELLO.
class MajordomoPeer : public Peer {
  public:
    using Peer::Peer;

  protected:
    void greet() override {}
    void on_beat() override;
    void receive_now(Octets octets) final;
    virtual void hear_frames(const Frames& frames) = 0;
    virtual void beat() {}
    void on_welcome(const Welcome& /*welcome*/, bool /*resumed*/) final {}
    void on_frame(const wire::Frame& /*frame*/) final {}
    std::uint64_t hello_number() final { return 0; }
    void hello_fields(wire::FrameWriter& /*writer*/) final {}
    void on_start() override {}
    void on_death() override {}
    void on_alarm(Alarm /*alarm*/, std::uint64_t /*detail*/) override {}
};

class MajordomoClient final : public MajordomoPeer {
  public:
    MajordomoClient(Surroundings& world, std::uint32_t index, std::string name, std::uint32_t messages);

    /// True when it has asked all that it has to, and waits for nothing.
    [[nodiscard]] bool finished() const { return left_ == 0 && waiting_.empty(); }
    [[nodiscard]] bool spent() const { return left_ == 0; }

  protected:
    void on_start() override;
    void on_death() override;
    void hear_frames(const Frames& frames) override;
    void on_alarm(Alarm alarm, std::uint64_t detail) override;

  private:
    void ask();
    void ask_broker();
    std::string draw_service();

    std::uint32_t left_;
    std::uint64_t made_ = 0;
    Speech speech_{};
    bool correlates_ = false;  // numbers its requests in their envelopes, and sends several at a time
    bool delimited_ = true;
    std::map<std::string, Instant> waiting_;  // by the number in the envelope
    std::uint64_t asked_ = 0;
};

class MajordomoWorker : public MajordomoPeer {
  public:
    MajordomoWorker(Surroundings& world, std::uint32_t index, std::string name, std::string service);

    void heal() override;

  protected:
    void greet() override;
    void on_start() override;
    void on_death() override;
    void beat() override;
    void hear_frames(const Frames& frames) override;
    void on_alarm(Alarm alarm, std::uint64_t detail) override;
    void say(WorkerWord word, const Frames& behind = {});

    bool is_v02_ = false;
    bool delimited_ = true;
    std::string service_;
    std::string token_;      // of the request in hand
    std::string old_token_;  // of the one before

  private:
    void on_request(const Frames& rest);
    bool misbehave();
    void answer();
    void answer_with(WorkerWord word, std::uint64_t part, const std::string& token);
    void begin_again(Duration after);

    Uid uid_ = no_uid;
    std::uint64_t parts_ = 0;
    int pauses_ = 0;
    std::uint64_t request_ = 0;  // counts them, so that an alarm knows its own
    Instant heard_at_;
};

/// Sends what no peer should, to its own harm only.
class MajordomoVandal final : public MajordomoWorker {
  public:
    using MajordomoWorker::MajordomoWorker;

  protected:
    void greet() override {}
    void on_start() override;
    void beat() override {}
    void hear_frames(const Frames& frames) override;
    void on_alarm(Alarm alarm, std::uint64_t detail) override;

  private:
    void spoil();
    void spoil_as_client();

    bool as_client_ = false;
};

}  // namespace ym::simulation
