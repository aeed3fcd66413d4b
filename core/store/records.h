// The layout of records in a batch: FORMAT.md beside this file. Pure; the plugin that keeps a batch never looks
// into it.
#pragma once

#include <cstdint>
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
    explicit BatchWriter(Buffer& out) : out_(out) { out_.grow(batch_head_bytes); }
    void add(const StoreRecord& record);
    void finish(std::uint32_t epoch, std::uint64_t number);

  private:
    Buffer& out_;
    std::uint32_t count_ = 0;
};

/// Puts another epoch and number into a finished batch: it is appended again under a new owner.
void readdress(Buffer& batch, std::uint32_t epoch, std::uint64_t number);

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
    BatchReader(BatchHead head, Octets left) : head_(head), left_(left) {}
    [[nodiscard]] Failure broken(const char* what);
    [[nodiscard]] bool parse(Octets octets, StoreRecord& record);
    [[nodiscard]] bool parse_accepted(Octets octets, StoreRecord& record);
    [[nodiscard]] static bool parse_moved(Octets octets, StoreRecord& record);

    [[nodiscard]] bool parse_copy(Octets octets, StoreRecord& record);
    [[nodiscard]] bool parse_window(Octets octets, StoreRecord& record);
    [[nodiscard]] bool parse_numbers(Octets octets, StoreRecord& record);

    BatchHead head_;
    Octets left_;
    std::uint32_t read_ = 0;
    std::vector<AddressId> queues_;
    std::vector<std::uint64_t> numbers_;
};

/// All records of a batch at once.
class BatchRecords {
  public:
    /// Reads `octets`, which stay borrowed for as long as the records are. Fails as BatchReader does; holds nothing
    /// then.
    [[nodiscard]] Result<std::uint64_t> read(Octets octets);
    /// Of the last read(), as are their views; an empty batch is none.
    [[nodiscard]] std::span<const StoreRecord> records() const { return records_; }

  private:
    std::vector<StoreRecord> records_;
    std::vector<AddressId> queues_;
    std::vector<std::uint64_t> numbers_;
};

}  // namespace ym::store
