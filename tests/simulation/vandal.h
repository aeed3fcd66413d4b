// A peer that sends what no peer should send. Nothing of it may become a message, end the broker, or hurt another peer.
#pragma once

#include "peer.h"

namespace ym::simulation {

class Vandal : public Peer {
  public:
    Vandal(Surroundings& world, std::uint32_t index, std::string name);

  protected:
    void on_start() override;
    void on_death() override {}
    void on_welcome(const Welcome& welcome, bool resumed) override;
    void on_frame(const wire::Frame& frame) override;
    void on_alarm(Alarm alarm, std::uint64_t detail) override;
    std::uint64_t hello_number() override { return 0; }
    void hello_fields(wire::FrameWriter&) override {}

  private:
    void spoil();
    FrameOctets valid_frame();

    bool mad_ = false;  // goes on until it is ignored
};

}  // namespace ym::simulation
