// Where a plugin's answers wait for the shard's thread. What it lends for the length of a call is copied here, once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "host/persistence.h"

namespace ym::store {

/// Batches that the plugin gave back, in one run of octets.
struct BatchCopies {
    struct Batch {
        std::uint64_t number = 0;
        std::size_t at = 0;
        std::size_t size = 0;
        bool kept = true;  // false: the plugin does not have it
    };
    Buffer octets;
    std::vector<Batch> batches;

    [[nodiscard]] Octets of(const Batch& batch) const { return octets.octets(batch.at, batch.size); }
};

/// A completion, to be read on the shard's thread.
struct Answer {
    std::uint64_t ticket = 0;
    StoreStatus status = StoreStatus::ok;
    std::uint64_t epoch = 0;
    std::uint64_t through = 0;
    std::string why{};
    std::unique_ptr<BatchCopies> copies{};  // null: it gave no batches
};

class Inbox {
  public:
    /// On any thread. True: the shard has to be told that there is something.
    [[nodiscard]] bool put(const host::StoreCompletion& completion);

    /// True if take() has something to give.
    [[nodiscard]] bool any() const { return any_.load(std::memory_order_acquire); }
    /// Replaces `answers` by what has come since the last call; false if that is nothing.
    [[nodiscard]] bool take(std::vector<Answer>& answers);

    /// Gives copies back that are not read any more, so that their memory serves the next ones.
    void recycle(std::unique_ptr<BatchCopies> copies);
    /// Frees what was given back; from now on nothing larger than this stays.
    void limit_spare(std::size_t octets);

    /// Waits until this ticket is answered; nothing is taken. False: the time is over.
    [[nodiscard]] bool wait_for(std::uint64_t ticket, Duration patience);

  private:
    [[nodiscard]] std::unique_ptr<BatchCopies> copy(const host::StoreCompletion& completion);

    std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<Answer> answers_;                      // guarded by mutex_
    std::vector<std::unique_ptr<BatchCopies>> spare_;  // guarded by mutex_
    std::size_t spare_octets_max_ = SIZE_MAX;          // guarded by mutex_
    std::atomic<bool> any_{false};
};

}  // namespace ym::store
