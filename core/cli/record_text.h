// Records of a store, for people: a line of words, and JSON.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "broker/record.h"

namespace ym::cli {

/// Names of queues, as the records of kind queue gave them.
class QueueNames {
  public:
    void learn(const StoreRecord& record);
    /// "orders", or "queue 7" if its name was not told.
    [[nodiscard]] std::string operator[](AddressId queue) const;

  private:
    std::map<std::uint32_t, std::string> names_;
};

[[nodiscard]] std::string words_of(const StoreRecord& record, const QueueNames& names);
/// One object, without an end of the line.
[[nodiscard]] std::string json_of(const StoreRecord& record, const QueueNames& names);

/// A message that is still to be done, with each queue's copy of it.
struct LiveCopy {
    std::uint32_t attempts = 0;
    std::int64_t not_before_ms = 0;  // 0: at once
    bool dead = false;
    FailureReason reason{};    // of a dead letter
    std::int64_t dead_ms = 0;  // since when
};
/// `record` tells of the message: accepted, moved or relocated.
[[nodiscard]] std::string json_of_live(std::uint32_t shard, const StoreRecord& record,
                                       const std::map<std::uint32_t, LiveCopy>& copies, const QueueNames& names);

}  // namespace ym::cli
