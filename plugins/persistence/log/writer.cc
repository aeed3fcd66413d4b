#include "writer.h"

#include <algorithm>

namespace ym::disklog {
namespace {

constexpr auto never = Writer::Clock::time_point::max();
/// After it a mark says that the last batches are durable.
constexpr auto quiet = std::chrono::milliseconds(50);
/// Octets of one frame, unless one batch is larger: what comes behind would wait for long.
constexpr std::uint64_t frame_bytes_max = std::uint64_t{4} << 20U;

}  // namespace

void Writer::handle(Call& call) {
    if (broken_ && call.kind != Kind::close) return complete(call.ticket, Status::failed, why_broken_);
    switch (call.kind) {
        case Kind::append: return handle_append(call);
        case Kind::acquire: return handle_acquire(call);
        case Kind::renew:
            if (!log_ || call.epoch != log_->epoch()) return complete(call.ticket, Status::fenced);
            owner_until_ = call.came + call.wait;
            return complete(call.ticket, Status::ok);
        case Kind::reclaim: return handle_reclaim(call);
        case Kind::release: return handle_release(call);
        case Kind::close: return handle_close(call);
    }
}

void Writer::handle_acquire(Call& call) {
    commit_all();
    if (log_ && call.owner != owner_ && Clock::now() < owner_until_) {
        return complete(call.ticket, Status::fenced, "the shard belongs to " + owner_);
    }
    if (broken_) return complete(call.ticket, Status::failed, why_broken_);
    Fault failed;
    bool held = false;
    if (log_) {
        failed = log_->new_epoch();
        if (failed) fail(failed);
    } else {
        log_ = std::make_shared<Log>(*disk_, options_);
        failed = log_->recover(held);
        for (const std::string& line : log_->notes()) listener_.note(line, false);
        if (failed) log_.reset();
    }
    if (failed) return complete(call.ticket, held ? Status::fenced : Status::failed, failed.what);
    owner_ = call.owner;
    owner_until_ = call.came + call.wait;
    expected_ = log_->next_number();
    refused_ = false;
    {
        const std::lock_guard lock(mutex_);
        shown_ = log_;
    }
    Outcome outcome;
    outcome.epoch = log_->epoch();
    outcome.through = log_->next_number() - 1;
    listener_.complete(call.ticket, outcome);
}

void Writer::handle_append(Call& call) {
    const bool owns = log_ && call.epoch == log_->epoch();
    if (owns && call.number == expected_ && !call.octets.empty() &&
        call.octets.size() <= batch_bytes_max(options_.segment_bytes)) {
        ++expected_;
        refused_ = false;
        urgent_ += call.wait.count() == 0 ? 1 : 0;
        write_by_ = std::min(write_by_, call.came + call.wait / 10);
        sync_by_ = std::min(sync_by_, call.came + call.wait);
        waiting_.push_back(std::move(call));
        return;
    }
    // Those before it are answered first. One of them may turn out to be refused as full.
    commit_all();
    if (broken_) return complete(call.ticket, Status::failed, why_broken_);
    if (!owns) return complete(call.ticket, Status::fenced);
    if (call.number > expected_ && refused_) return complete(call.ticket, Status::full);
    complete(call.ticket, Status::failed,
             call.number == expected_ ? "a batch has 1 to batch_bytes_max octets"
                                      : "the number of a batch is not one above the last");
}

void Writer::handle_reclaim(const Call& call) {
    if (!log_ || call.epoch != log_->epoch()) return complete(call.ticket, Status::fenced);
    log_->reclaim(call.number);
    // When space is short, what is reclaimed is let go at once.
    mark_at_ = no_space_ ? call.came : std::max(call.came + quiet, mark_at_ == never ? call.came : mark_at_);
    complete(call.ticket, Status::ok);
}

void Writer::handle_release(const Call& call) {
    commit_all();
    if (broken_) return complete(call.ticket, Status::failed, why_broken_);
    if (!log_ || call.epoch != log_->epoch()) return complete(call.ticket, Status::fenced);
    mark();
    if (broken_) return complete(call.ticket, Status::failed, why_broken_);
    let_log_go();
    complete(call.ticket, Status::ok);
}

void Writer::handle_close(const Call& call) {
    if (log_ && !broken_) {
        close_by_ = call.came + call.wait;
        commit_all();
        if (!broken_) mark();
    }
    for (const Call& unanswered : waiting_) complete(unanswered.ticket, Status::unknown, "the store is closed");
    waiting_.clear();
    let_log_go();
    {
        std::unique_lock lock(mutex_);
        came_.wait(lock, [&] { return lookups_.empty() && !looking_up_; });
        stop_ = true;
    }
    came_beside_.notify_one();
    call.closed();
}

void Writer::let_log_go() {
    std::unique_lock lock(mutex_);
    shown_.reset();
    if (making_now_) {
        give_up_making_ = true;
        came_.wait(lock, [&] { return made_.has_value(); });
        made_.reset();
        making_.reset();
        give_up_making_ = making_now_ = false;
    }
    if (log_) log_->unlock();
    log_.reset();
    mark_at_ = never;
}

Writer::Clock::time_point Writer::step() {
    take_made_segment();
    if (!log_ || broken_) return never;
    const Clock::time_point now = Clock::now();
    if (urgent_ > 0 || now >= sync_by_) {
        commit();
    } else if (!waiting_.empty() && now >= write_by_) {
        write_waiting();
    }
    if (!broken_ && waiting_.empty() && written_.empty() && Clock::now() >= mark_at_) mark();
    if (!broken_ && log_->wants_segment() && (!no_space_ || log_->has_free_file())) begin_segment();
    return next_deadline();
}

Writer::Clock::time_point Writer::next_deadline() const {
    if (broken_) return never;
    Clock::time_point next = never;
    // What waits for a segment goes on when that is made.
    if (!waiting_.empty() && !making_now_) next = std::min(next, write_by_);
    if (!written_.empty() && (waiting_.empty() || !making_now_)) next = std::min(next, sync_by_);
    if (waiting_.empty() && written_.empty()) next = std::min(next, mark_at_);
    return next;
}

Writer::Progress Writer::commit() {
    if (!log_ || broken_) return Progress::done;
    const Progress progress = write_waiting();
    if (!broken_) sync_written();
    return progress;
}

/// The same, with all segments that it takes; as far as closing leaves time for it.
void Writer::commit_all() {
    while (commit() == Progress::needs_segment && Clock::now() < close_by_) {
        std::unique_lock lock(mutex_);
        const auto is_made = [&] { return made_.has_value(); };
        // No wait_until(): some libraries cannot wait until the end of time.
        if (close_by_ == never) {
            came_.wait(lock, is_made);
        } else if (!came_.wait_until(lock, close_by_, is_made)) {
            return;
        }
        lock.unlock();
        take_made_segment();
    }
}

Writer::Progress Writer::write_waiting() {
    while (!waiting_.empty() && !broken_ && Clock::now() < close_by_) {
        if (write_frame() == Progress::needs_segment) return Progress::needs_segment;
        // A large backlog: each frame is confirmed as soon as it can be.
        if (urgent_ > 0 && !broken_) sync_written();
    }
    return Progress::done;
}

Writer::Progress Writer::write_frame() {
    const bool may_wait = waiting_.front().wait.count() > 0;
    if (frame_bytes_of(1, waiting_.front().octets.size()) > log_->room() ||
        (!may_wait && no_space_ && log_->in_reserve())) {
        const std::size_t before = waiting_.size();
        const Progress progress = go_on(may_wait);
        if (progress == Progress::needs_segment || broken_ || waiting_.size() < before) return progress;
    }
    batches_.clear();
    std::uint64_t octets = 0;
    for (const Call& call : waiting_) {
        if (call.wait.count() == 0 && no_space_ && log_->in_reserve()) break;
        octets += call.octets.size();
        const std::uint64_t bytes = frame_bytes_of(batches_.size() + 1, octets);
        if (bytes > log_->room() || (bytes > frame_bytes_max && !batches_.empty())) break;
        batches_.push_back({call.number, call.octets});
    }
    if (Fault failed = log_->append(batches_)) {
        fail(failed);
        return Progress::done;
    }
    for (std::size_t i = 0; i < batches_.size(); ++i) {
        urgent_ -= waiting_.front().wait.count() == 0 ? 1 : 0;
        written_.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    write_by_ = never;
    for (const Call& call : waiting_) write_by_ = std::min(write_by_, call.came + call.wait / 10);
    return Progress::done;
}

/// Goes on in the next segment, for a batch that does not fit this one. Without a segment, what waits is refused.
Writer::Progress Writer::go_on(bool may_wait) {
    const bool reserve_only = !may_wait && no_space_ && log_->in_reserve();
    if (!reserve_only && log_->may_roll(may_wait)) {
        sync_written();
        if (broken_) return Progress::done;
        if (Fault failed = log_->roll()) fail(failed);
        return Progress::done;
    }
    if (making_now_ || begin_segment()) return Progress::needs_segment;
    refuse_waiting();
    return Progress::done;
}

void Writer::refuse_waiting() {
    sync_written();
    if (broken_) return;
    expected_ = log_->next_number();
    refused_ = true;
    const std::deque<Call> refused = std::move(waiting_);
    waiting_.clear();
    urgent_ = 0;
    write_by_ = sync_by_ = never;
    for (const Call& call : refused) complete(call.ticket, Status::full, "there is no space for another segment");
}

void Writer::sync_written() {
    if (written_.empty()) return;
    if (Fault failed = log_->sync()) return fail(failed);
    mark_at_ = Clock::now() + quiet;
    for (const Call& call : written_) complete(call.ticket, Status::ok);
    written_.clear();
    sync_by_ = never;
    for (const Call& call : waiting_) sync_by_ = std::min(sync_by_, call.came + call.wait);
}

void Writer::mark() {
    mark_at_ = never;
    if (log_->marked() || !log_->may_mark()) return;
    if (Fault failed = log_->mark()) fail(failed);
}

void Writer::fail(const Fault& fault) {
    if (broken_) return;
    why_broken_ = fault.what;
    broken_ = true;
    listener_.note(fault.what + "; nothing more is confirmed", true);
    for (const Call& call : written_) complete(call.ticket, Status::failed, why_broken_);
    for (const Call& call : waiting_) complete(call.ticket, Status::failed, why_broken_);
    written_.clear();
    waiting_.clear();
    urgent_ = 0;
}

void Writer::complete(std::uint64_t ticket, Status status, std::string_view why) {
    Outcome outcome;
    outcome.status = status;
    outcome.why = why;
    listener_.complete(ticket, outcome);
}

}  // namespace ym::disklog
