// The store of one shard: gives records their layout, hands batches to the persistence plugin, and turns the plugin's
// answers into events. All calls on the shard's thread; the plugin answers on any thread, and the store wakes
// the shard.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/event.h"
#include "broker/record.h"
#include "host/persistence.h"
#include "store/batch_numbers.h"
#include "store/inbox.h"
#include "store/records.h"

namespace ym::store {

struct StoreOptions {
    std::uint32_t shard = 0;
    std::string owner{};           // names this process, for people
    Duration ttl = 10s;            // how long the shard stays ours without a renewal, if the plugin fences
    std::function<void()> wake{};  // on any thread: there is something to poll
    Duration again = 1s;           // wait before what a lost connection has cut off is tried again
    Duration room_again = 100ms;   // wait before the rest of a batch is tried again, when the room ended inside it
    std::uint64_t read_bytes = std::uint64_t{8} << 20U;  // octets of one read; two are in memory at most
};

/// How far reading back has come.
struct Replay {
    bool done = false;
    std::uint64_t batches = 0;
    std::uint64_t records = 0;
    std::uint64_t last = 0;     // the last batch
    std::uint64_t through = 0;  // where it ends
    // Batches between others that the plugin does not give: some of them, and how many in all.
    std::vector<BatchNumbers::Range> missing{};
    std::uint64_t missing_count = 0;
};

/// Legal order: `acquire poll* (append | fetch | reclaim | poll | acquire)* close`, with nothing appended before the
/// first StoreAcquired. Batches complete in the order of their appends; a store that keeps nothing completes them
/// at once, and no record is encoded.
class Store {
  public:
    Store(host::Persistence& plugin, StoreOptions options);
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// False: what it is given is gone with the process.
    [[nodiscard]] bool keeps() const { return caps_.durability != host::Durability::none; }
    /// A record must fit this, with the head of a batch.
    [[nodiscard]] std::uint64_t batch_bytes_max() const { return caps_.batch_bytes_max; }

    /// Asks for the shard. poll() answers with StoreAcquired; the first time, what an earlier run left comes before it,
    /// a StoreReplayed for each batch. What was appended, and is not known to be stored, is appended again under the
    /// new epoch.
    void acquire();

    /// Appends `records` as batch `batch`, one above the last, under the newest epoch. Copies them; poll() answers with
    /// StoreCompleted, up to `wait` later than it could. When one is refused as full, so is every later one that was
    /// appended before poll() told of it.
    void append(std::uint64_t batch, std::span<const StoreRecord> records, Duration wait = Duration{0});

    /// Asks for a batch that is stored. poll() answers with BatchFetched; several may be asked for at once.
    void fetch(std::uint64_t batch);

    /// Batches up to this one are not needed any more. Nothing answers.
    void reclaim(std::uint64_t through);

    /// Appends what has been answered to `events`, and does what is due by `now`. What the events show is lent until
    /// the next call.
    void poll(Instant now, std::vector<Event>& events);

    /// True if poll() has something to tell.
    [[nodiscard]] bool answered() const { return inbox_.any() || !ready_.empty() || !loaded_.empty(); }
    /// When poll() must be called though nothing was answered.
    [[nodiscard]] Instant next_deadline() const { return std::min({renew_at_, acquire_at_, resume_at_}); }

    [[nodiscard]] const Replay& replay() const { return replay_; }

    /// Ends the plugin's work; true if it did so before the deadline. No call follows.
    bool close(Duration deadline);
    /// After close(): the plugin failed in its last work. All that was confirmed is stored, but its files are to be
    /// looked at by another start.
    [[nodiscard]] bool failed_at_close() const { return failed_at_close_; }

    /// How the store ended, if it did: fenced or failed.
    [[nodiscard]] std::optional<StoreStatus> ended() const { return ended_; }
    /// What went wrong last, for a person.
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
    /// Batches that the plugin gave and the broker was not told of yet.
    struct Loaded {
        std::unique_ptr<BatchCopies> copies;
        std::size_t next = 0;           // of them
        std::uint64_t fetched = 0;      // the broker's batch that they are the parts of; 0: they were read back
        BatchNumbers::Range numbers{};  // of those parts
    };
    struct Fetch {
        std::uint64_t ticket = 0;  // 0: to be sent when the shard is ours again
        std::uint64_t batch = 0;
        BatchNumbers::Range numbers{};
    };
    /// Records of an event to come.
    struct Shown {
        std::uint64_t batch = 0;
        std::size_t from = 0;  // in `lent_`
        std::size_t to = 0;
        bool fetched = false;
    };

    // store.cc: the shard
    void settle(Answer& answer, Instant now);
    void keep_time(Instant now);
    void ask_for_shard();
    void lose_hold(Instant acquire_at);
    void acquired(const Answer& answer, Instant now);
    void renewed(const Answer& answer);
    void end(StoreStatus status);
    void fail(std::string why);
    void tell(std::uint64_t batch, StoreStatus status) { ready_.emplace_back(StoreCompleted{batch, status}); }

    // appends.cc
    [[nodiscard]] bool sends() const;
    void send_waiting();
    void appended(const Answer& answer, Instant now);
    void appended_full(const Part& part, Instant now);
    void refused_answered(const Answer& answer);
    void nothing_under_way();
    void keep_front();
    void skip_kept();
    Part& new_part(std::uint64_t batch);
    void spare(std::unique_ptr<Part> part);

    // reads.cc
    void read_on();
    void read_answered(Answer& answer, Instant now);
    void send_fetches();
    void fetched(Fetch fetch, Answer& answer, Instant now);
    void reclaim_on();
    void reclaimed(const Answer& answer, Instant now);
    void take_back();
    void tell_loaded(std::vector<Event>& events);
    [[nodiscard]] bool show(Loaded& loaded);
    [[nodiscard]] bool read(const Loaded& loaded, std::uint64_t number);
    [[nodiscard]] bool follows(std::uint64_t number);
    void note_missing(std::uint64_t next);

    host::Persistence& plugin_;
    StoreOptions options_;
    host::StoreCaps caps_;
    Inbox inbox_;
    std::vector<Answer> reading_;
    std::vector<Event> ready_;
    std::optional<StoreStatus> ended_;  // nothing more is sent
    std::string why_;
    bool failed_at_close_ = false;

    bool held_ = false;            // the shard is ours, as far as we know
    bool acquire_wanted_ = false;  // as soon as nothing is under way
    std::uint64_t epoch_ = 0;
    std::uint64_t ticket_ = 0;
    std::uint64_t acquire_ticket_ = 0;  // of what is under way; 0: nothing. So are those below.
    std::uint64_t renew_ticket_ = 0;
    Instant renew_at_ = Instant::never();
    Instant acquire_at_ = Instant::never();

    /// Appended and not known to be kept, in order: first `idle_` that were answered so, then `under_way_` that are
    /// not answered, then those that wait to be sent.
    std::deque<std::unique_ptr<Part>> parts_;
    std::size_t idle_ = 0;
    std::size_t under_way_ = 0;
    bool full_inside_ = false;  // the idle ones will be sent again at `resume_at_`; else only an acquisition helps
    Instant resume_at_ = Instant::never();
    std::deque<std::unique_ptr<Part>> refused_;  // under way, but behind a full one, and the broker knows
    std::vector<std::unique_ptr<Part>> spare_;
    std::uint64_t through_ = 0;        // the highest number that the plugin is known to keep
    std::uint64_t batch_through_ = 0;  // the broker's last batch that is stored
    std::uint64_t batch_first_ = 0;    // the plugin's number of its first part, or of the next one's
    BatchNumbers numbers_;

    Replay replay_;
    std::uint64_t read_ticket_ = 0;
    std::uint64_t read_from_ = 1;  // where the next read starts
    std::vector<Fetch> fetches_;
    std::uint64_t reclaim_ticket_ = 0;
    std::uint64_t batches_from_ = 0;  // the broker's batches before it were reclaimed
    std::uint64_t reclaim_to_ = 0;    // the plugin's numbers, up to here
    std::uint64_t reclaim_sent_ = 0;  // under way
    std::uint64_t reclaimed_ = 0;     // done
    std::deque<Loaded> loaded_;
    BatchRecords lent_;                                    // shown by the last poll's events
    std::vector<std::unique_ptr<BatchCopies>> lent_from_;  // and read to their end
    std::vector<Shown> shown_;
};

}  // namespace ym::store
