// A store with a bug: calls go to the store on SQLite through a Bug, which may change them, and its answers come back
// through the same. Without a bug it is that store.
#pragma once

#include <yardmaster/persistence.h>

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "../sqlite/store.h"

namespace planted {

/// The instance of the store on SQLite, and the host behind us.
class Inner {
  public:
    Inner(const ym_host* host, const ym_value* settings, const ym_completions* host_side);
    ~Inner();
    Inner(const Inner&) = delete;
    Inner& operator=(const Inner&) = delete;
    /// Ends the instance. It may answer until then.
    void end();

    [[nodiscard]] void* self() const { return self_; }
    [[nodiscard]] const ym_persistence& table() const { return sqlite_store::table; }
    void tell(std::uint64_t ticket, ym_status status, const ym_completion& what) const;
    void tell(std::uint64_t ticket, ym_status status) const;

    /// What the store answers; without one, it goes to the host.
    std::function<void(std::uint64_t, ym_status, const ym_completion&)> answered;

  private:
    ym_completions completions_;
    const ym_completions* host_side_;
    void* self_;
};

/// What a plugin is asked, as one object. A bug overrides what it does wrong.
class Bug {
  public:
    explicit Bug(std::unique_ptr<Inner> inner);
    virtual ~Bug() = default;
    Bug(const Bug&) = delete;
    Bug& operator=(const Bug&) = delete;

    void end() { inner->end(); }
    virtual void caps(ym_store_caps* caps) { table().caps(self(), caps); }
    virtual void acquire(std::uint32_t shard, ym_text owner, std::uint64_t ttl_ns, std::uint64_t ticket) {
        table().acquire(self(), shard, owner, ttl_ns, ticket);
    }
    virtual void renew(std::uint32_t shard, std::uint64_t epoch, std::uint64_t ttl_ns, std::uint64_t ticket) {
        table().renew(self(), shard, epoch, ttl_ns, ticket);
    }
    virtual void release(std::uint32_t shard, std::uint64_t epoch, std::uint64_t ticket) {
        table().release(self(), shard, epoch, ticket);
    }
    virtual void append(std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, ym_text octets,
                        std::uint64_t wait_ns, std::uint64_t ticket) {
        table().append(self(), shard, epoch, number, octets, wait_ns, ticket);
    }
    virtual void read(std::uint32_t shard, std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket) {
        table().read(self(), shard, from, bytes_max, ticket);
    }
    virtual void fetch(std::uint32_t shard, const std::uint64_t* numbers, std::uint32_t count, std::uint64_t ticket) {
        table().fetch(self(), shard, numbers, count, ticket);
    }
    virtual void reclaim(std::uint32_t shard, std::uint64_t epoch, std::uint64_t first, std::uint64_t last,
                         std::uint64_t ticket) {
        table().reclaim(self(), shard, epoch, first, last, ticket);
    }
    virtual void close(std::uint64_t deadline_ns, std::uint64_t ticket) { table().close(self(), deadline_ns, ticket); }

  protected:
    [[nodiscard]] void* self() const { return inner->self(); }
    [[nodiscard]] const ym_persistence& table() const { return inner->table(); }
    /// An answer of the store. Any thread.
    virtual void answer(std::uint64_t ticket, ym_status status, const ym_completion& what) {
        inner->tell(ticket, status, what);
    }

    std::unique_ptr<Inner> inner;
};

/// Null: there is no bug of this name. "none" is one that does no harm.
std::unique_ptr<Bug> make_bug(const std::string& name, std::unique_ptr<Inner> inner);

/// All names, with bars between.
extern const char* const bug_names;

}  // namespace planted
