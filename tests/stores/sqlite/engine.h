// The store: calls wait in one line, and one thread does them, in order. All appends that wait go into one transaction.
#pragma once

#include <yardmaster/persistence.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "database.h"
#include "faults.h"
#include "teller.h"

namespace sqlite_store {

struct Settings {
    std::string file;
    std::uint64_t batch_bytes_max = 0;
    Faults faults;
};

struct Call {
    enum class Kind { acquire, renew, release, append, read, fetch, reclaim };

    Kind kind{};
    std::uint32_t shard = 0;
    std::uint64_t ticket = 0;
    std::uint64_t epoch = 0;
    std::string owner{};                   // acquire
    std::uint64_t ttl_ns = 0;              // acquire, renew
    std::uint64_t number = 0;              // append; read: from; reclaim: first
    std::uint64_t last = 0;                // reclaim; read: octets at most
    ym_text octets{};                      // append
    std::vector<std::uint64_t> numbers{};  // fetch
    Teller::Clock::time_point due{};       // append: may wait for others until then
};

class Engine {
  public:
    Engine(const Settings& settings, const ym_completions& completions);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine();

    [[nodiscard]] std::uint64_t batch_bytes_max() const { return settings_.batch_bytes_max; }
    void call(Call call);
    void close(std::uint64_t deadline_ns, std::uint64_t ticket);

  private:
    /// What this instance knows of a shard, beside what the database says.
    struct Shard {
        bool full = false;  // the last append was refused: those behind it are, too
        bool lost = false;  // an answer was lost: nothing is appended before the next acquire
    };
    struct Closing {
        std::uint64_t ticket;
        Teller::Clock::time_point deadline;
    };

    void run();
    std::vector<Call> take_due(std::unique_lock<std::mutex>& lock);
    void perform(const std::vector<Call>& calls);
    void append(const std::vector<Call>& calls);
    ym_status append_one(const Call& call, std::map<std::uint32_t, Owner>& owners, std::string& why);
    Answer answer_to(const Call& call);
    Answer acquire(const Call& call);
    Answer owned(const Call& call);
    void lose_connection();
    void end(const std::vector<Call>& calls, ym_status status, const std::string& why);

    const Settings settings_;
    const ym_completions& completions_;
    Database database_;
    Teller teller_;
    Chance chance_;
    std::map<std::uint32_t, Shard> shards_;
    std::uint64_t appends_ = 0;
    std::uint64_t octets_ = 0;           // in the database, if there is a limit
    std::optional<std::string> broken_;  // why nothing works any more

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Call> calls_;
    std::optional<Closing> closing_;
    std::thread thread_;
};

}  // namespace sqlite_store
