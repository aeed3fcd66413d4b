// Writer: its two threads, and what passes between them and the callers.
#include "writer.h"

namespace ym::disklog {
namespace {

/// Between two tries to make a segment when there is no space.
constexpr auto space_retry = std::chrono::milliseconds(100);

}  // namespace

Writer::Writer(std::unique_ptr<Disk> disk, LogOptions options, Listener listener)
    : disk_(std::move(disk)), options_(std::move(options)), listener_(std::move(listener)) {
    writer_ = std::thread([this] { run(); });
    beside_ = std::thread([this] { run_beside(); });
}

Writer::~Writer() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    came_.notify_all();
    came_beside_.notify_all();
    writer_.join();
    beside_.join();
}

void Writer::post(Call call) {
    call.came = Clock::now();
    {
        const std::lock_guard lock(mutex_);
        calls_.push_back(std::move(call));
        if (calls_.size() > 1) return;  // it has been told
    }
    came_.notify_one();
}

void Writer::acquire(std::string owner, std::chrono::nanoseconds ttl, std::uint64_t ticket) {
    Call call;
    call.kind = Kind::acquire;
    call.ticket = ticket;
    call.owner = std::move(owner);
    call.wait = ttl;
    post(std::move(call));
}

void Writer::renew(std::uint64_t epoch, std::chrono::nanoseconds ttl, std::uint64_t ticket) {
    Call call;
    call.kind = Kind::renew;
    call.ticket = ticket;
    call.epoch = epoch;
    call.wait = ttl;
    post(std::move(call));
}

void Writer::release(std::uint64_t epoch, std::uint64_t ticket) {
    Call call;
    call.kind = Kind::release;
    call.ticket = ticket;
    call.epoch = epoch;
    post(std::move(call));
}

void Writer::append(std::uint64_t epoch, std::uint64_t number, Octets octets, std::chrono::nanoseconds wait,
                    std::uint64_t ticket) {
    Call call;
    call.ticket = ticket;
    call.epoch = epoch;
    call.number = number;
    call.octets = octets;
    call.wait = wait;
    post(std::move(call));
}

void Writer::reclaim(std::uint64_t epoch, std::uint64_t last, std::uint64_t ticket) {
    Call call;
    call.kind = Kind::reclaim;
    call.ticket = ticket;
    call.epoch = epoch;
    call.number = last;
    post(std::move(call));
}

void Writer::close(std::chrono::nanoseconds deadline, std::function<void()> closed) {
    Call call;
    call.kind = Kind::close;
    call.wait = deadline;
    call.closed = std::move(closed);
    post(std::move(call));
}

void Writer::read(std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket) {
    {
        const std::lock_guard lock(mutex_);
        lookups_.push_back({ticket, false, from, bytes_max, {}});
    }
    came_beside_.notify_one();
}

void Writer::fetch(std::span<const std::uint64_t> numbers, std::uint64_t ticket) {
    {
        const std::lock_guard lock(mutex_);
        lookups_.push_back({ticket, true, 0, 0, {numbers.begin(), numbers.end()}});
    }
    came_beside_.notify_one();
}

void Writer::run() {
    Clock::time_point wake = Clock::time_point::max();
    std::unique_lock lock(mutex_);
    while (true) {
        const auto woken = [&] { return !calls_.empty() || made_.has_value() || stop_; };
        if (wake == Clock::time_point::max()) {
            came_.wait(lock, woken);
        } else {
            came_.wait_until(lock, wake, woken);
        }
        if (stop_ && calls_.empty()) return;
        taken_.swap(calls_);
        lock.unlock();
        for (Call& call : taken_) handle(call);
        taken_.clear();
        wake = step();
        lock.lock();
    }
}

void Writer::take_made_segment() {
    {
        const std::lock_guard lock(mutex_);
        if (!made_.has_value()) return;
    }
    const Fault failed = std::move(*made_);
    making_now_ = false;
    if (!failed) {
        if (log_) log_->made(making_->take());
        no_space_ = false;
    } else {
        if (log_) log_->not_made();
        if (failed.no_space()) {
            if (!no_space_) listener_.note(failed.what + "; new batches are refused until there is space", true);
            no_space_ = true;
            no_segment_until_ = Clock::now() + space_retry;
        } else {
            fail(failed);
        }
    }
    const std::lock_guard lock(mutex_);
    making_.reset();
    made_.reset();
}

/// False when it is too early to try again.
bool Writer::begin_segment() {
    if (!log_->has_free_file() && Clock::now() < no_segment_until_) return false;
    if (!log_->wants_segment()) return false;
    {
        const std::lock_guard lock(mutex_);
        making_ = std::make_unique<SegmentMaker>(log_->make_segment());
    }
    making_now_ = true;
    came_beside_.notify_one();
    return true;
}

void Writer::run_beside() {
    std::unique_lock lock(mutex_);
    while (true) {
        came_beside_.wait(lock, [&] { return stop_ || !lookups_.empty() || (making_ && !made_.has_value()); });
        if (!lookups_.empty()) {
            const Lookup lookup = std::move(lookups_.front());
            lookups_.pop_front();
            looking_up_ = true;
            lock.unlock();
            look_up(lookup);
            lock.lock();
            looking_up_ = false;
            came_.notify_one();
        } else if (making_ && !made_.has_value()) {
            make_piece(lock);
        } else {
            return;
        }
    }
}

void Writer::make_piece(std::unique_lock<std::mutex>& lock) {
    SegmentMaker& maker = *making_;
    const bool give_up = give_up_making_ || stop_;
    lock.unlock();
    bool done = false;
    Fault failed = give_up ? Fault{0, "it was given up"} : maker.step(done);
    if (failed) maker.abandon();
    lock.lock();
    if (!failed && !done) return;
    made_ = std::move(failed);
    came_.notify_one();
}

void Writer::look_up(const Lookup& lookup) {
    std::shared_ptr<const Log> log;
    {
        const std::lock_guard lock(mutex_);
        log = shown_;
    }
    Outcome outcome;
    Answer answer;
    Fault failed;
    if (!log) {
        outcome.status = Status::fenced;
        return listener_.complete(lookup.ticket, outcome);
    }
    if (broken_) {
        failed.what = "the store is broken";
    } else if (lookup.by_number) {
        failed = fetch_batches(log->index(), lookup.numbers, answer);
    } else {
        failed = read_batches(log->index(), lookup.from, lookup.bytes_max, answer);
    }
    if (failed) {
        outcome.status = Status::failed;
        outcome.why = failed.what;
    } else {
        outcome.answer = &answer;
        outcome.through = answer.through;
    }
    listener_.complete(lookup.ticket, outcome);
}

}  // namespace ym::disklog
