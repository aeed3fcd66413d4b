// What a step needs for itself: nothing here says anything to the next one, which finds its memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "broker/keeping.h"
#include "broker/parts.h"
#include "broker/policy.h"

namespace ym {

struct Scratch {
    Buffer set_fields_;
    Buffer majordomo_body_, majordomo_fields_;
    std::vector<Candidate> candidates_;
    std::vector<Target> targets_;
    std::vector<AddressId> holding_;  // queues of one message
    std::vector<MessageId> wanted_;
    std::vector<Storing> storing_;                              // by address
    std::vector<AddressId> optional_full_;                      // of one message: optional targets that cannot take it
    std::uint64_t route_random_ = 0;                            // of the frame's producer
    std::vector<std::unique_ptr<RouteScratch>> route_scratch_;  // by depth of the chain
    std::vector<WorkerView> views_;
    std::vector<Slot> next_slots_;                      // messages that are shown to a balance policy
    std::vector<std::vector<std::string_view>> shown_;  // their fields
    std::vector<const std::string_view*> shown_pointers_;
    std::vector<Hand> hands_;  // by view
    std::vector<std::uint32_t> picks_;
    Failures failures_;
    std::vector<Taken> taken_;
    std::vector<std::uint64_t> expired_;
};

}  // namespace ym
