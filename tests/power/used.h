// A Writer on any disk, and what it has told; for tests of the log with its threads.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <future>
#include <map>

#include "log/writer.h"

namespace ym::disklog {

/// What a completion said.
struct Told {
    Status status = Status::ok;
    std::uint64_t epoch = 0;
    std::uint64_t through = 0;
    std::vector<std::uint64_t> numbers;
    std::vector<std::string> batches;  // "(none)" for one that is not kept
    std::string why;
    std::size_t order = 0;
};

class Used {
  public:
    Used(std::unique_ptr<Disk> disk, LogOptions options) {
        Listener listener{[this](std::uint64_t ticket, const Outcome& outcome) { note(ticket, outcome); },
                          [this](const std::string& line, bool) {
                              const std::lock_guard lock(mutex_);
                              notes_.push_back(line);
                          }};
        writer = std::make_unique<Writer>(std::move(disk), std::move(options), listener);
    }
    ~Used() { close(); }

    void close(std::chrono::nanoseconds deadline = std::chrono::seconds(60)) {
        if (!writer) return;
        std::promise<void> closed;
        writer->close(deadline, [&] { closed.set_value(); });
        closed.get_future().wait();
        writer.reset();
    }
    Told wait(std::uint64_t ticket) {
        std::unique_lock lock(mutex_);
        came_.wait(lock, [&] { return told_.contains(ticket); });
        return told_[ticket];
    }
    Told acquire(std::uint64_t ticket, const std::string& owner = "me") {
        writer->acquire(owner, std::chrono::seconds(10), ticket);
        return wait(ticket);
    }
    void append(std::uint64_t epoch, std::uint64_t number, std::string octets, std::chrono::nanoseconds wait,
                std::uint64_t ticket) {
        const std::string& kept = octets_.emplace_back(std::move(octets));
        writer->append(epoch, number, std::as_bytes(std::span(kept)), wait, ticket);
    }
    std::vector<std::string> notes() {
        const std::lock_guard lock(mutex_);
        return notes_;
    }

    std::unique_ptr<Writer> writer;
    /// Called with each completion, before anybody waits for it.
    std::function<void(std::uint64_t ticket, Status status)> on_complete;

  private:
    void note(std::uint64_t ticket, const Outcome& outcome) {
        Told told{outcome.status, outcome.epoch, outcome.through, {}, {}, std::string(outcome.why), 0};
        if (outcome.answer != nullptr) {
            told.numbers = outcome.answer->numbers;
            for (const Octets batch : outcome.answer->batches) {
                told.batches.push_back(batch.data() == nullptr
                                           ? "(none)"
                                           : std::string(reinterpret_cast<const char*>(batch.data()), batch.size()));
            }
        }
        const std::lock_guard lock(mutex_);
        if (on_complete) on_complete(ticket, outcome.status);
        told.order = told_.size();
        EXPECT_TRUE(told_.emplace(ticket, told).second) << "ticket " << ticket << " was answered twice";
        came_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable came_;
    std::map<std::uint64_t, Told> told_;
    std::deque<std::string> octets_;
    std::vector<std::string> notes_;
};

}  // namespace ym::disklog
