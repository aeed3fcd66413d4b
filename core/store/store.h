// The store of one shard: gives records their layout, hands batches to the persistence plugin, and turns the plugin's
// answers into events. All calls on the shard's thread; the plugin answers on any thread, and the store wakes
// the shard.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/event.h"
#include "broker/record.h"
#include "host/persistence.h"

namespace ym::store {

struct StoreOptions {
    std::uint32_t shard = 0;
    std::string owner{};           // names this process, for people
    Duration ttl = 10s;            // how long the shard stays ours without a renewal, if the plugin fences
    std::function<void()> wake{};  // on any thread: there is something to poll
    Duration acquire_again = 1s;   // wait before an acquisition whose outcome is unknown is tried again
};

/// Legal order: `acquire (append | poll | acquire)* close`. Batches complete in the order of their appends; a store
/// that keeps nothing completes them at once, and no record is encoded.
class Store {
  public:
    Store(host::Persistence& plugin, StoreOptions options);
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// False: what it is given is gone with the process.
    [[nodiscard]] bool keeps() const { return caps_.durability != host::Durability::none; }
    /// A record must fit this, with the head of a batch.
    [[nodiscard]] std::uint64_t batch_bytes_max() const { return caps_.batch_bytes_max; }

    /// Asks for the shard. poll() answers with StoreAcquired. What was appended, and is not known to be stored, is
    /// appended again under the new epoch.
    void acquire();

    /// Appends `records` as batch `batch`, one above the last, under the newest epoch. Copies them; poll() answers with
    /// StoreCompleted, up to `wait` later than it could.
    void append(std::uint64_t batch, std::span<const StoreRecord> records, Duration wait = Duration{0});

    /// Appends what has been answered to `events`, and does what is due by `now`.
    void poll(Instant now, std::vector<Event>& events);

    /// True if poll() has something to tell.
    [[nodiscard]] bool answered() const { return answered_.load(std::memory_order_acquire) || !ready_.empty(); }
    /// When poll() must be called though nothing was answered.
    [[nodiscard]] Instant next_deadline() const { return std::min(renew_at_, acquire_at_); }

    /// Ends the plugin's work; true if it did so before the deadline. No call follows.
    bool close(Duration deadline);

    /// How the store ended, if it did: fenced or failed.
    [[nodiscard]] std::optional<StoreStatus> ended() const { return ended_; }
    /// What the plugin said last about a failure, for the log.
    [[nodiscard]] const std::string& why() const { return why_; }

  private:
    /// One batch of the plugin: a batch of the broker, or a part of one that is too large for the plugin.
    struct Part {
        Buffer octets;
        std::uint64_t number = 0;  // the plugin's; given when it is sent
        std::uint64_t batch = 0;   // the broker's
        std::uint64_t ticket = 0;
        Duration wait{0};
        bool first = true;  // of its batch
        bool last = true;
    };
    /// A copy of a completion, to be read on the shard's thread.
    struct Answer {
        std::uint64_t ticket = 0;
        StoreStatus status = StoreStatus::ok;
        std::uint64_t epoch = 0;
        std::uint64_t through = 0;
        std::string why;
    };

    void take(const host::StoreCompletion& completion);
    bool fetch_answers();
    void settle(const Answer& answer, Instant now);
    void acquired(const Answer& answer, Instant now);
    void renewed(const Answer& answer);
    void appended(const Answer& answer);
    void appended_full(const Part& part);
    void send_waiting();
    void ask_for_shard();
    void end(StoreStatus status);
    Part& new_part(std::uint64_t batch);
    void drop_front();
    void tell(std::uint64_t batch, StoreStatus status) { ready_.emplace_back(StoreCompleted{batch, status}); }

    host::Persistence& plugin_;
    StoreOptions options_;
    host::StoreCaps caps_;
    std::uint64_t epoch_ = 0;
    std::uint64_t through_ = 0;        // the highest number that the plugin is known to keep
    std::uint64_t batch_through_ = 0;  // the broker's batches up to here are answered
    std::uint64_t ticket_ = 0;
    std::uint64_t acquire_ticket_ = 0;
    std::uint64_t renew_ticket_ = 0;
    Instant renew_at_ = Instant::never();
    Instant acquire_at_ = Instant::never();
    bool started_ = false;         // the first acquisition is done
    bool usable_ = false;          // ours, as far as we know
    bool acquire_wanted_ = false;  // as soon as nothing is under way
    bool stalled_ = false;         // after a full one, until nothing is under way: numbers have no gaps

    std::optional<StoreStatus> ended_;  // nothing more is sent

    /// Appended and not known to be kept, in order: first `unknown_` that were answered so, then `under_way_` that are
    /// not answered, then those that wait to be sent.
    std::deque<std::unique_ptr<Part>> parts_;
    std::size_t unknown_ = 0;
    std::size_t under_way_ = 0;
    std::vector<std::unique_ptr<Part>> spare_;
    std::vector<Event> ready_;
    std::string why_;

    std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<Answer> inbox_;  // guarded by mutex_
    std::vector<Answer> reading_;
    std::atomic<bool> answered_{false};
};

}  // namespace ym::store
