#include "teller.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace sqlite_store {

Teller::Teller(const ym_completions& completions, const Faults& faults)
    : completions_(completions), late_(faults.late), chance_(faults.random + 1) {
    if (late_.count() > 0) thread_ = std::thread([this] { run(); });
}

Teller::~Teller() {
    finish(Clock::now());
}

void Teller::tell(Answer answer) {
    if (!thread_.joinable()) return complete(answer);
    const std::lock_guard lock(mutex_);
    const std::chrono::nanoseconds late(chance_.below(static_cast<std::uint64_t>(late_.count()) + 1));
    const auto due = Clock::now() + late;
    held_.push_back({std::move(answer), held_.empty() ? due : std::max(due, held_.back().due)});
    changed_.notify_all();
}

void Teller::finish(Clock::time_point deadline) {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        finishing_ = true;
        deadline_ = deadline;
        changed_.notify_all();
    }
    thread_.join();
}

void Teller::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        if (held_.empty()) {
            if (finishing_) return;
            changed_.wait(lock);
            continue;
        }
        Held& next = held_.front();
        const auto now = Clock::now();
        const bool over = finishing_ && now >= deadline_;
        if (now < next.due && !over) {
            changed_.wait_until(lock, finishing_ ? std::min(next.due, deadline_) : next.due);
            continue;
        }
        Answer answer = std::move(next.answer);
        // Behind one that is given up all are: what is told to be kept is kept in order.
        given_up_ = given_up_ || now < next.due;
        if (given_up_) answer = {answer.ticket, YM_UNKNOWN, "the store was closed before it answered"};
        held_.pop_front();
        lock.unlock();
        complete(answer);
        lock.lock();
    }
}

void Teller::complete(const Answer& answer) const {
    std::vector<ym_text> octets;
    for (const auto& batch : answer.batches.octets) {
        octets.push_back(batch ? ym_text{batch->data(), batch->size()} : ym_text{});
    }
    ym_completion what{};
    what.size = sizeof what;
    what.count = static_cast<std::uint32_t>(octets.size());
    what.number = answer.batches.numbers.data();
    what.octets = octets.data();
    what.epoch = answer.epoch;
    what.through = answer.through;
    what.why = {answer.why.data(), answer.why.size()};
    completions_.complete(completions_.context, answer.ticket, answer.status, &what);
}

}  // namespace sqlite_store
