// A store's handle: one instance of a persistence plugin, called through the C table of persistence/1.
// <yardmaster/persistence.h> is the contract; this class only gives it C++ types.
#pragma once

#include <yardmaster/persistence.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"
#include "broker/event.h"

namespace ym::host {

enum class Durability : std::uint8_t { none, disk, replicated };

struct StoreCaps {
    Durability durability = Durability::none;
    std::uint64_t batch_bytes_max = 0;  // octets of one batch
    bool fenced = false;
};

/// The answer to one call. Everything borrowed is lent until the handler returns.
struct StoreCompletion {
    std::uint64_t ticket = 0;
    StoreStatus status = StoreStatus::ok;
    std::uint64_t epoch = 0;                 // acquire
    std::uint64_t through = 0;               // acquire, read
    const std::uint64_t* numbers = nullptr;  // read, fetch: of each batch
    const ym_text* batches = nullptr;        // read, fetch: its octets; see batch()
    std::uint32_t count = 0;                 // read, fetch: of batches
    std::string_view why;

    /// The octets of a batch; null data() if the store does not hold it.
    [[nodiscard]] Octets batch(std::uint32_t index) const {
        return {reinterpret_cast<const std::byte*>(batches[index].data), batches[index].size};
    }
};

class Persistence {
  public:
    /// Called on any thread, on several at once, and from inside a call below: must be safe for that, return soon, and
    /// not call back into this object.
    using Handler = std::function<void(const StoreCompletion&)>;

    /// Makes an instance of `table` and takes it over. Null if create() gives none. `host` outlives the handle;
    /// `keeps`, if given, is what it lives in.
    [[nodiscard]] static std::unique_ptr<Persistence> make(const ym_persistence& table, const ym_host& host,
                                                           const ym_value* settings,
                                                           std::shared_ptr<const void> keeps = nullptr);
    /// After the completion of close(), unless nothing was ever called.
    ~Persistence();
    Persistence(const Persistence&) = delete;
    Persistence& operator=(const Persistence&) = delete;

    /// Before the first call below.
    void on_complete(Handler handler) { handler_ = std::move(handler); }

    [[nodiscard]] StoreCaps caps() const;

    // Each of these is answered by one completion with its ticket. All from one thread. Contract and legal order:
    // <yardmaster/persistence.h>.
    void acquire(std::uint32_t shard, std::string_view owner, Duration ttl, std::uint64_t ticket);
    void renew(std::uint32_t shard, std::uint64_t epoch, Duration ttl, std::uint64_t ticket);
    void release(std::uint32_t shard, std::uint64_t epoch, std::uint64_t ticket);
    /// `octets` stay borrowed until the completion, which may come `wait` later than it could.
    void append(std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, Octets octets, Duration wait,
                std::uint64_t ticket);
    void read(std::uint32_t shard, std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket);
    void fetch(std::uint32_t shard, std::span<const std::uint64_t> numbers, std::uint64_t ticket);
    void reclaim(std::uint32_t shard, std::uint64_t epoch, std::uint64_t first, std::uint64_t last,
                 std::uint64_t ticket);
    void close(Duration deadline, std::uint64_t ticket);

  private:
    explicit Persistence(const ym_persistence& table) : table_(table) {}
    static void complete(void* context, std::uint64_t ticket, ym_status status, const ym_completion* what);

    std::shared_ptr<const void> keeps_;
    const ym_persistence& table_;
    ym_completions completions_{};
    void* self_ = nullptr;
    Handler handler_;
};

}  // namespace ym::host
