// What the store holds: each batch, and how much of it still counts (decision 0013).
#pragma once

#include <cstdint>

#include "base/check.h"
#include "base/ring.h"
#include "base/time.h"

namespace ym {

/// The batches that are not reclaimed, by number, from the oldest to the one that is being written.
class Batches {
  public:
    struct Batch {
        std::uint64_t bytes = 0;       // on disk, nearly
        std::uint64_t live_bytes = 0;  // of the messages whose records stand in it
        std::uint32_t live = 0;        // messages
        std::uint32_t around = 0;      // octets that each message takes there besides its own, on average
        bool has_notes = false;        // holds records of single copies that may still count
        WallTime at;  // when it was appended; of one that was replayed: when its first message was accepted
    };

    /// What a record of `bytes` octets of fields and body takes, and each message behind the first of a record.
    static constexpr std::uint64_t record_bytes(std::uint64_t bytes) { return 64 + bytes; }
    static constexpr std::uint64_t more_bytes(std::uint64_t bytes) { return 8 + bytes; }

    /// Batch `number`, above all others; numbers between are of batches that were never kept.
    Batch& add(std::uint64_t number) {
        if (line_.empty()) first_ = number;
        YM_CHECK(number >= first_ + line_.size());
        while (first_ + line_.size() <= number) line_.push_back({});
        return line_.back();
    }
    /// nullptr if it was reclaimed, or never was.
    [[nodiscard]] Batch* find(std::uint64_t number) {
        return number < first_ || number - first_ >= line_.size() ? nullptr : &line_[number - first_];
    }
    [[nodiscard]] const Batch* find(std::uint64_t number) const {
        return number < first_ || number - first_ >= line_.size() ? nullptr : &line_[number - first_];
    }
    /// The last batch was not written after all.
    void take_back() { line_.pop_back(); }
    [[nodiscard]] std::uint64_t first() const { return first_; }
    [[nodiscard]] std::uint64_t end() const { return first_ + line_.size(); }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t live_bytes() const { return live_bytes_; }

    /// The batch takes so many octets. Those that each of its messages takes besides its own count with it.
    void wrote(std::uint64_t number, std::uint64_t bytes, std::uint32_t around) {
        constexpr std::uint64_t block = 4096;
        Batch& batch = line_[number - first_];
        const std::uint64_t whole = (bytes + block - 1) / block * block;
        const std::uint64_t change = std::uint64_t{batch.live} * (std::uint64_t{around} - batch.around);
        batch.live_bytes += change;
        live_bytes_ += change;
        batch.around = around;
        bytes_ += whole - batch.bytes;
        batch.bytes = whole;
    }
    /// A message's record stands in it.
    void join(std::uint64_t number, std::uint64_t message_bytes) {
        Batch& batch = line_[number - first_];
        ++batch.live;
        batch.live_bytes += message_bytes + batch.around;
        live_bytes_ += message_bytes + batch.around;
    }
    /// It does not count any more.
    void leave(std::uint64_t number, std::uint64_t message_bytes) {
        Batch* batch = find(number);
        YM_CHECK(batch != nullptr && batch->live > 0);
        --batch->live;
        batch->live_bytes -= message_bytes + batch->around;
        live_bytes_ -= message_bytes + batch->around;
    }
    /// Batches up to `through` are gone.
    void reclaim(std::uint64_t through) {
        while (!line_.empty() && first_ <= through) {
            YM_CHECK(line_.front().live == 0);
            bytes_ -= line_.front().bytes;
            line_.pop_front();
            ++first_;
        }
    }

  private:
    Ring<Batch> line_;
    std::uint64_t first_ = 1;
    std::uint64_t bytes_ = 0;
    std::uint64_t live_bytes_ = 0;
};

}  // namespace ym
