// One shard in use: the thread that writes and syncs, the thread beside it that reads back and makes segments ahead,
// and the calls that come in. Calls return at once; answers come from the two threads.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <thread>

#include "answers.h"
#include "log.h"

namespace ym::disklog {

enum class Status : std::uint8_t { ok, full, unknown, fenced, failed };

/// The answer to one call. Lent until the handler returns.
struct Outcome {
    Status status = Status::ok;
    std::uint64_t epoch = 0;
    std::uint64_t through = 0;
    const Answer* answer = nullptr;
    std::string_view why;
};

/// What the two threads tell. Called on either of them.
struct Listener {
    std::function<void(std::uint64_t ticket, const Outcome&)> complete;
    std::function<void(const std::string& line, bool alarming)> note;
};

class Writer {
  public:
    using Clock = std::chrono::steady_clock;

    Writer(std::unique_ptr<Disk> disk, LogOptions options, Listener listener);
    /// After close().
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // Each is answered by one completion; see <yardmaster/persistence.h>.
    void acquire(std::string owner, std::chrono::nanoseconds ttl, std::uint64_t ticket);
    void renew(std::uint64_t epoch, std::chrono::nanoseconds ttl, std::uint64_t ticket);
    void release(std::uint64_t epoch, std::uint64_t ticket);
    void append(std::uint64_t epoch, std::uint64_t number, Octets octets, std::chrono::nanoseconds wait,
                std::uint64_t ticket);
    void reclaim(std::uint64_t epoch, std::uint64_t last, std::uint64_t ticket);
    void read(std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket);
    void fetch(std::span<const std::uint64_t> numbers, std::uint64_t ticket);
    /// Ends the work: what came before is done, as far as `deadline` allows, and is answered as unknown otherwise. Then
    /// `closed` is called, and nothing more. A call of the system that never returns is waited for nevertheless.
    void close(std::chrono::nanoseconds deadline, std::function<void()> closed);

  private:
    enum class Kind : std::uint8_t { acquire, renew, release, append, reclaim, close };
    struct Call {
        Kind kind = Kind::append;
        std::uint64_t ticket = 0;
        std::uint64_t epoch = 0;
        std::uint64_t number = 0;  // append; reclaim: the last one
        Octets octets;
        std::chrono::nanoseconds wait{};  // append, close; acquire, renew: how long the owner stays
        Clock::time_point came;
        std::string owner;
        std::function<void()> closed;
    };
    struct Lookup {
        std::uint64_t ticket = 0;
        bool by_number = false;
        std::uint64_t from = 0;
        std::uint64_t bytes_max = 0;
        std::vector<std::uint64_t> numbers;
    };
    /// How far commit() came.
    enum class Progress : std::uint8_t { done, needs_segment };

    void post(Call call);
    void run();
    Clock::time_point step();
    void handle(Call& call);
    void handle_acquire(Call& call);
    void handle_append(Call& call);
    void handle_reclaim(const Call& call);
    void handle_release(const Call& call);
    void handle_close(const Call& call);
    void let_log_go();

    Progress commit();
    void commit_all();
    Progress write_waiting();
    Progress write_frame();
    Progress go_on(bool may_wait);
    void refuse_waiting();
    void sync_written();
    void mark();
    [[nodiscard]] Clock::time_point next_deadline() const;
    void fail(const Fault& fault);

    void take_made_segment();
    bool begin_segment();

    void run_beside();
    void look_up(const Lookup& lookup);
    void make_piece(std::unique_lock<std::mutex>& lock);

    void complete(std::uint64_t ticket, Status status, std::string_view why = {});

    std::unique_ptr<Disk> disk_;
    const LogOptions options_;
    const Listener listener_;

    // Between the threads.
    std::mutex mutex_;
    std::condition_variable came_;         // for the writer
    std::condition_variable came_beside_;  // for the thread beside it
    std::vector<Call> calls_;
    std::deque<Lookup> lookups_;
    bool looking_up_ = false;
    std::unique_ptr<SegmentMaker> making_;
    std::optional<Fault> made_;  // how making_ ended
    bool give_up_making_ = false;
    std::shared_ptr<const Log> shown_;  // for lookups; null when the shard has no owner
    bool stop_ = false;
    std::atomic<bool> broken_ = false;  // nothing works any more

    // Of the writer's thread.
    std::shared_ptr<Log> log_;
    std::string owner_;
    Clock::time_point owner_until_;
    std::uint64_t expected_ = 1;                             // the number of the next append
    bool refused_ = false;                                   // the last append was refused as full
    std::deque<Call> waiting_;                               // appends, not written
    std::deque<Call> written_;                               // appends, not synced
    std::size_t urgent_ = 0;                                 // of waiting_: those that may not wait
    Clock::time_point write_by_ = Clock::time_point::max();  // what waits
    Clock::time_point sync_by_ = Clock::time_point::max();   // what waits or is written
    Clock::time_point mark_at_ = Clock::time_point::max();
    Clock::time_point close_by_ = Clock::time_point::max();
    bool making_now_ = false;
    bool no_space_ = false;  // for the last segment that was to be made
    Clock::time_point no_segment_until_;
    std::string why_broken_;
    std::vector<Call> taken_;
    std::vector<Batch> batches_;

    std::thread writer_;
    std::thread beside_;
};

}  // namespace ym::disklog
