// What is told of attempts that failed: for messages that failed at least once, and for their dead letters.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/id.h"
#include "base/time.h"
#include "broker/policy.h"

namespace ym {

/// One failed attempt at a queue's copy of a message. Texts are borrowed.
struct PastAttempt {
    WallTime at;  // when it failed
    std::uint32_t attempt = 0;
    FailureReason reason{};
    std::string_view worker;  // its name, as it said HELLO
    std::string_view error;   // what it wrote with its nack, for people
};

/// Reads the attempts of a history, the oldest first: core/store/FORMAT.md has their layout.
class HistoryCursor {
  public:
    explicit HistoryCursor(Octets octets) : left_(octets) {}
    /// False at the end, or where the layout is broken.
    [[nodiscard]] bool next(PastAttempt& attempt);
    /// After next() was false: whether that was the end.
    [[nodiscard]] bool whole() const { return left_.empty(); }

  private:
    Octets left_;
};

/// Whether these octets are a history that a store may give back.
[[nodiscard]] bool is_history(Octets octets);

/// The histories of all copies that failed, in the layout that they are stored in.
class Histories {
  public:
    static constexpr std::size_t attempts_max = 8;       // of one copy: the last ones
    static constexpr std::size_t error_bytes_max = 256;  // of an error; what is longer is cut
    static constexpr std::size_t worker_bytes_max = 64;  // of a worker's name; the same
    static constexpr std::uint64_t share_of_memory = 8;  // all together: an eighth of limits.memory
    static constexpr std::uint64_t octets_around = 112;  // that each takes in memory besides its own

    void add(MessageId message, AddressId queue, const PastAttempt& attempt);
    /// What the store had of a copy.
    void load(MessageId message, AddressId queue, Octets history);
    /// Empty if there is none. Valid until the next call that is not const.
    [[nodiscard]] Octets of(MessageId message, AddressId queue) const;
    void forget(MessageId message, AddressId queue);
    /// Beyond so many octets the oldest messages lose theirs.
    void keep_within(std::uint64_t bytes);

    /// Octets in memory.
    [[nodiscard]] std::uint64_t memory() const { return bytes_; }
    /// How many were lost for lack of room.
    [[nodiscard]] std::uint64_t lost() const { return lost_; }

  private:
    using Key = std::pair<MessageId, AddressId>;
    using Map = std::map<Key, std::string>;

    void erase(Map::iterator at);

    Map map_;
    std::uint64_t bytes_ = 0;
    std::uint64_t lost_ = 0;
};

}  // namespace ym
