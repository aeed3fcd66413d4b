// The options of one run. A seed expands to them; a failure prints them.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "scene.h"

namespace ym::simulation {

/// How the events of one moment are cut into steps.
enum class Cut : std::uint8_t { together, one_by_one };

/// How often something goes wrong: once in `chance` occasions, 0 = never.
using Odds = std::uint32_t;

struct Options {
    std::uint64_t seed = 0;
    Scene scene;
    Cut cut = Cut::together;
    bool recut = false;  // outcomes depend on messages alone: the run is repeated with another cut

    std::uint32_t producers = 1;
    std::uint32_t workers = 1;
    std::uint32_t vandals = 0;
    std::uint32_t messages = 500;  // of all producers
    std::uint32_t batch = 20;      // messages that a producer publishes at once, at most
    std::uint32_t body = 100;      // octets, at most
    Odds request = 0;
    Odds fields = 2;      // a message carries fields of its own
    Odds nowhere = 0;     // an address that nobody has
    Odds oversized = 0;   // a body above the limit
    Odds spoiled = 0;     // a record that is malformed when it is first sent
    Odds resend_all = 0;  // a producer that resumes sends again what was confirmed
    Odds impatient = 0;   // a burst goes beyond the window
    Odds too_old = 0;     // a burst begins with a sequence from long ago
    Duration pause{0};    // between two bursts of a producer, at most

    std::uint32_t credit = 10;  // of a worker
    std::uint64_t bytes = 0;    // credit in octets; 0: without limit
    std::uint32_t threads = 1;  // messages that a worker has in hand at once
    Duration service{0};        // time for one message, at most
    Odds nack = 0, reject = 0, throttled = 0, release = 0, extend = 0, part = 0, result = 0;
    Odds tell_durable = 0;
    Odds lie = 0;    // a settlement that nobody asked for comes with a frame
    Odds hang = 0;   // a worker stops for longer than its lease, after a delivery
    Odds die = 0;    // a worker's process ends, after a delivery
    Odds leave = 0;  // a worker says BYE, after a delivery, and comes back
    Odds rest = 0;   // a worker says DRAIN, finishes, and comes back

    Duration delay{0};          // of a frame on its way, at most
    Duration grain{1};          // arrivals fall on multiples of this
    Duration cut_every{0};      // mean time between two lost connections; 0: none
    Odds cut_long = 0;          // of lost connections stay away for longer than the grace
    Odds cut_silent = 0;        // of lost connections are not noticed by the broker's side at once
    Duration producer_dies{0};  // mean time between two deaths of producers; 0: none

    bool store = false;                                                          // the store keeps what it is given
    Duration store_delay{0};                                                     // until a batch is stored, at most
    Odds store_full = 0, store_unknown = 0, store_fenced = 0, store_failed = 0;  // in so many batches

    Duration crash_every{0};   // mean time between two ends of the broker in the middle of whatever it does; 0: none
    Odds crash_in_replay = 0;  // in so many starts the broker ends before it has read everything back
    Odds replay_twice = 0;     // in so many starts a first part of the batches is read back twice
    Odds twin = 0;             // in so many starts a second broker goes along, which must do the same
    Odds crash_changes = 0;    // in so many starts settings are others than before
    std::uint64_t store_slack = 64 << 10;  // octets of dead records beside what is alive

    std::uint32_t majordomo_clients = 0;
    std::uint32_t majordomo_workers = 0;
    std::uint32_t majordomo_vandals = 0;
    std::uint32_t majordomo_messages = 0;  // of each client

    bool settings_change = false;
    bool drain_midway = false;
    bool drain_at_end = false;
    Duration wall_jump{0};  // the wall clock jumps by up to this, both ways
};

/// The options of a seed. The same seed gives the same options.
[[nodiscard]] Options expand(std::uint64_t seed);

/// For a person, one line a subject.
[[nodiscard]] std::string to_text(const Options& options);

}  // namespace ym::simulation
