// What the store can be told to do wrong, within its contract: late answers, a full disk, a lost connection, another
// owner, a broken disk. By chance, but the same in each run of a seed.
#pragma once

#include <chrono>
#include <cstdint>

namespace sqlite_store {

struct Faults {
    std::chrono::nanoseconds late{0};  // answers come up to so much later
    std::uint64_t octets_max = 0;      // FULL when the batches would take more; 0: never
    double unknown = 0;                // share of appends and acquires whose answer is lost
    std::uint64_t fenced_after = 0;    // another owner takes the shard after so many appends; 0: never
    std::uint64_t failed_after = 0;    // broken after so many appends; 0: never
    std::uint64_t random = 1;          // the seed
};

/// splitmix64, by Sebastiano Vigna.
class Chance {
  public:
    explicit Chance(std::uint64_t seed) : state_(seed) {}
    std::uint64_t below(std::uint64_t end) { return next() % end; }
    bool happens(double share) { return static_cast<double>(next() >> 11U) * 0x1.0p-53 < share; }

  private:
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31U);
    }

    std::uint64_t state_;
};

}  // namespace sqlite_store
