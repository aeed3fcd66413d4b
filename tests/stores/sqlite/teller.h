// Gives answers to the host, in the order in which they were ready; late, if the store is told to be late.
#pragma once

#include <yardmaster/persistence.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "database.h"
#include "faults.h"

namespace sqlite_store {

struct Answer {
    std::uint64_t ticket = 0;
    ym_status status = YM_OK;
    std::string why{};
    std::uint64_t epoch = 0;
    std::uint64_t through = 0;
    Batches batches{};
};

class Teller {
  public:
    using Clock = std::chrono::steady_clock;

    Teller(const ym_completions& completions, const Faults& faults);
    Teller(const Teller&) = delete;
    Teller& operator=(const Teller&) = delete;
    ~Teller();

    void tell(Answer answer);

    /// Gives out what is left until `deadline`; what is still held then ends with YM_UNKNOWN. The last call.
    void finish(Clock::time_point deadline);

  private:
    struct Held {
        Answer answer;
        Clock::time_point due;
    };

    void run();
    void complete(const Answer& answer) const;

    const ym_completions& completions_;
    const std::chrono::nanoseconds late_;
    Chance chance_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Held> held_;
    bool finishing_ = false;
    Clock::time_point deadline_{};
    bool given_up_ = false;
    std::thread thread_;  // only if it has to wait
};

}  // namespace sqlite_store
