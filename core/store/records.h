// The layout of records in a batch: FORMAT.md beside this file. Pure; the plugin that keeps a batch never looks
// into it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "broker/record.h"

namespace ym::store {

inline constexpr std::uint8_t format_version = 0;  // a draft until 1.0
inline constexpr std::size_t batch_head_bytes = 24;

struct BatchHead {
    std::uint32_t epoch = 0;   // of the owner that appended it
    std::uint32_t count = 0;   // of records
    std::uint64_t number = 0;  // the batch's, as the plugin knows it
};

/// Octets that `record` takes in a batch.
[[nodiscard]] std::size_t encoded_bytes(const StoreRecord& record);

/// Writes one batch into a buffer that is empty: `add* finish`.
class BatchWriter {
  public:
    explicit BatchWriter(Buffer& out) : out_(&out) { out_->grow(batch_head_bytes); }
    void add(const StoreRecord& record);
    /// False if the batch would be larger than `batch_bytes` with it; the record is not added then.
    [[nodiscard]] bool add_within(const StoreRecord& record, std::uint64_t batch_bytes);
    void finish(std::uint32_t epoch, std::uint64_t number);

    /// Of how many messages of a record that does not fit the batch there is room for what it says. It is not cut where
    /// it holds none but one.
    [[nodiscard]] std::size_t fitting(const StoreRecord& record, std::uint64_t batch_bytes) const;
    [[nodiscard]] bool empty() const { return count_ == 0; }

  private:
    void add(const StoreRecord& record, std::size_t bytes);

    Buffer* out_;
    std::uint32_t count_ = 0;
};

/// What `record` says of the first `count` of its messages, or of those behind them; at least one of each.
[[nodiscard]] StoreRecord first_of(const StoreRecord& record, std::size_t count);
[[nodiscard]] StoreRecord behind(const StoreRecord& record, std::size_t count);

/// Puts another epoch and number into a finished batch: it is appended again under a new owner.
void readdress(Buffer& batch, std::uint32_t epoch, std::uint64_t number);

/// Runs of values that stay where they are until clear(), which keeps the memory of the first ones.
template <class T>
class Runs {
  public:
    [[nodiscard]] T* take(std::size_t count) {
        if (count == 0) return nullptr;
        if (count > left_) add_chunk(count);
        T* at = chunks_.back().get() + (size_ - left_);
        left_ -= count;
        return at;
    }
    void clear() {
        if (chunks_.size() > 1) chunks_.resize(1);
        size_ = chunks_.empty() ? 0 : first_size_;
        left_ = size_;
    }

  private:
    void add_chunk(std::size_t count) {
        constexpr std::size_t usual = 1024;
        size_ = count > usual ? count : usual;
        if (chunks_.empty()) first_size_ = size_;
        chunks_.emplace_back(new T[size_]);
        left_ = size_;
    }

    std::vector<std::unique_ptr<T[]>> chunks_;
    std::size_t first_size_ = 0;
    std::size_t size_ = 0;  // of the last chunk
    std::size_t left_ = 0;  // in it
};

/// What records show that does not stand in their batch as they show it.
struct RecordLists {
    Runs<AddressId> queues;
    Runs<std::uint64_t> numbers;
    Runs<Content> contents;
    void clear() {
        queues.clear();
        numbers.clear();
        contents.clear();
    }
};

/// Reads the records of a batch: `open next*`.
class BatchReader {
  public:
    /// Fails if the head is cut, of another version, or does not fit `octets`, which stay borrowed.
    [[nodiscard]] static Result<BatchReader> open(Octets octets);

    [[nodiscard]] const BatchHead& head() const { return head_; }

    /// True: `record` is the next one, its views borrowed until the next call. False: the end. Fails at the
    /// first record that breaks the layout; the reader is then at its end.
    [[nodiscard]] Result<bool> next(StoreRecord& record);

  private:
    friend class BatchRecords;
    enum class Step : std::uint8_t { record, end, broken };

    BatchReader(BatchHead head, Octets left) : head_(head), left_(left) {}
    [[nodiscard]] Step step(StoreRecord& fresh, RecordLists& lists);
    [[nodiscard]] Step broken(const char* what);
    [[nodiscard]] Failure failure() const;

    BatchHead head_;
    Octets left_;
    std::uint32_t read_ = 0;
    const char* broken_ = nullptr;  // what is wrong with the record behind the last one that was read
    RecordLists lists_;
};

/// All records of some batches.
class BatchRecords {
  public:
    /// Adds those of one batch: `octets`, which stay borrowed for as long as the records are. Fails as BatchReader
    /// does; adds nothing then.
    [[nodiscard]] Result<BatchHead> add(Octets octets);
    /// Ends what is borrowed.
    void clear();
    /// Of all batches in the order that they were added in; as their views, borrowed until the next add() or clear().
    [[nodiscard]] std::span<const StoreRecord> records() const { return records_; }

  private:
    std::vector<StoreRecord> records_;
    RecordLists lists_;
};

}  // namespace ym::store
