// A persistence plugin that answers when the test says so. The members may be looked at while no call is under way.
#pragma once

#include <gtest/gtest.h>
#include <yardmaster/persistence.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "host/persistence.h"
#include "store/records.h"

namespace ym::store {

inline StoreRecord settled(std::uint64_t message) {
    StoreRecord record;
    record.kind = RecordKind::settled;
    record.message = MessageId{message};
    record.queue = AddressId{1};
    record.outcome = Outcome::acked;
    return record;
}

class ScriptedPlugin {
  public:
    struct Append {
        std::uint64_t epoch = 0;
        std::uint64_t number = 0;
        std::uint64_t ticket = 0;
        std::string octets;
    };
    struct Read {
        std::uint64_t from = 0;
        std::uint64_t bytes_max = 0;
        std::uint64_t ticket = 0;
    };
    struct Fetch {
        std::vector<std::uint64_t> numbers;
        std::uint64_t ticket = 0;
    };
    struct Reclaim {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        std::uint64_t ticket = 0;
    };

    explicit ScriptedPlugin(ym_durability durability, std::uint64_t batch_bytes_max = 1U << 20U, bool fenced = false)
        : durability_(durability), batch_bytes_max_(batch_bytes_max), fenced_(fenced) {
        current = this;
        persistence_ = host::Persistence::make(table(), host_, nullptr);
    }

    [[nodiscard]] host::Persistence& persistence() { return *persistence_; }

    void answer_acquire(ym_status status, std::uint64_t epoch = 0, std::uint64_t through = 0) {
        ym_completion what{};
        what.size = sizeof what;
        what.epoch = epoch;
        what.through = through;
        std::unique_lock<std::mutex> lock(mutex_);
        const std::uint64_t ticket = acquires.back();
        through_ = through;
        lock.unlock();
        completions_->complete(completions_->context, ticket, status, &what);
    }
    /// Answers the oldest append that is not answered.
    void answer_append(ym_status status) {
        Append append;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            append = under_way.at(0);
            under_way.erase(under_way.begin());
            if (status == YM_OK) kept.push_back(append);
        }
        completions_->complete(completions_->context, append.ticket, status, nullptr);
    }
    /// Answers the oldest read that is not answered.
    void answer_read(ym_status status, const std::vector<Append>& batches = {}, std::uint64_t through = 0) {
        Read read;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            read = reads.at(0);
            reads.erase(reads.begin());
        }
        give(read.ticket, status, batches, through);
    }
    /// Answers a fetch; batches without octets are not kept.
    void answer_fetch(ym_status status, const std::vector<Append>& batches = {}, std::size_t which = 0) {
        const Fetch fetch = fetches.at(which);
        fetches.erase(fetches.begin() + static_cast<std::ptrdiff_t>(which));
        give(fetch.ticket, status, batches, 0);
    }
    void answer_reclaim(ym_status status) {
        const Reclaim reclaim = reclaims.at(0);
        reclaims.erase(reclaims.begin());
        completions_->complete(completions_->context, reclaim.ticket, status, nullptr);
    }
    void answer_renew(ym_status status) {
        completions_->complete(completions_->context, renews.back(), status, nullptr);
    }

    /// Waits until the other thread has called, at most 5 s.
    void wait_for_acquire() {
        wait([this] { return !acquires.empty(); });
    }
    void wait_for_read() {
        wait([this] { return !reads.empty(); });
    }
    void wait_for_append() {
        wait([this] { return !under_way.empty(); });
    }

    bool acquires_at_once = false;  // under epoch 1
    std::vector<std::uint64_t> acquires;
    std::vector<std::uint64_t> renews;
    std::vector<Append> under_way;
    std::vector<Append> kept;
    bool reads_nothing = true;  // at once
    std::vector<Read> reads;
    std::vector<Fetch> fetches;
    std::vector<Reclaim> reclaims;
    int releases = 0;
    bool closes = true;
    bool releases_well = true;

  private:
    static ym_persistence& table() {
        static ym_persistence table{};
        table.size = sizeof table;
        table.create = [](const ym_host*, const ym_value*, const ym_completions* completions) -> void* {
            current->completions_ = completions;
            return current;
        };
        table.destroy = [](void*) {};
        table.caps = [](void* self, ym_store_caps* caps) {
            caps->durability = it(self).durability_;
            caps->batch_bytes_max = it(self).batch_bytes_max_;
            caps->fenced = it(self).fenced_ ? 1 : 0;
        };
        table.acquire = [](void* self, std::uint32_t, ym_text, std::uint64_t, std::uint64_t ticket) {
            it(self).call([&] { it(self).acquires.push_back(ticket); });
            if (it(self).acquires_at_once) it(self).answer_acquire(YM_OK, 1);
        };
        table.renew = [](void* self, std::uint32_t, std::uint64_t, std::uint64_t, std::uint64_t ticket) {
            it(self).renews.push_back(ticket);
        };
        table.release = [](void* self, std::uint32_t, std::uint64_t, std::uint64_t ticket) {
            ++it(self).releases;
            const ym_completions* to = it(self).completions_;
            if (!it(self).releases_well) to->complete(to->context, ticket, YM_FAILED, nullptr);
        };
        table.append = [](void* self, std::uint32_t, std::uint64_t epoch, std::uint64_t number, ym_text octets,
                          std::uint64_t /*wait_ns*/, std::uint64_t ticket) {
            it(self).call([&] {
                it(self).under_way.push_back({epoch, number, ticket, std::string(octets.data, octets.size)});
            });
        };
        table.read = [](void* self, std::uint32_t, std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket) {
            it(self).call([&] { it(self).reads.push_back({from, bytes_max, ticket}); });
            if (it(self).reads_nothing) it(self).answer_read(YM_OK, {}, it(self).through_);
        };
        table.fetch = [](void* self, std::uint32_t, const std::uint64_t* numbers, std::uint32_t count,
                         std::uint64_t ticket) {
            it(self).fetches.push_back({{numbers, numbers + count}, ticket});
        };
        table.reclaim = [](void* self, std::uint32_t, std::uint64_t, std::uint64_t first, std::uint64_t last,
                           std::uint64_t ticket) {
            it(self).reclaims.push_back({first, last, ticket});
        };
        table.close = [](void* self, std::uint64_t, std::uint64_t ticket) {
            const ym_completions* to = it(self).completions_;
            if (it(self).closes) to->complete(to->context, ticket, YM_OK, nullptr);
        };
        return table;
    }
    /// What it lends is gone when the call is over, as a plugin's memory may be.
    void give(std::uint64_t ticket, ym_status status, const std::vector<Append>& batches, std::uint64_t through) {
        const std::vector<Append> lent = batches;
        std::vector<std::uint64_t> numbers;
        std::vector<ym_text> octets;
        for (const Append& batch : lent) {
            numbers.push_back(batch.number);
            octets.push_back(batch.octets.empty() ? ym_text{} : ym_text{batch.octets.data(), batch.octets.size()});
        }
        ym_completion what{};
        what.size = sizeof what;
        what.count = static_cast<std::uint32_t>(lent.size());
        what.number = numbers.data();
        what.octets = octets.data();
        what.through = through;
        completions_->complete(completions_->context, ticket, status, &what);
    }
    template <class Act>
    void call(const Act& act) {
        const std::lock_guard<std::mutex> lock(mutex_);
        act();
        called_.notify_all();
    }
    template <class Condition>
    void wait(const Condition& condition) {
        std::unique_lock<std::mutex> lock(mutex_);
        EXPECT_TRUE(called_.wait_for(lock, std::chrono::seconds(5), condition));
    }
    static ScriptedPlugin& it(void* self) { return *static_cast<ScriptedPlugin*>(self); }

    static inline ScriptedPlugin* current = nullptr;

    std::mutex mutex_;
    std::condition_variable called_;
    ym_durability durability_;
    std::uint64_t batch_bytes_max_;
    bool fenced_;
    std::uint64_t through_ = 0;
    ym_host host_{};
    const ym_completions* completions_ = nullptr;
    std::unique_ptr<host::Persistence> persistence_;
};

inline void append(Store& store, std::uint64_t batch, std::size_t count = 1) {
    std::vector<StoreRecord> records(count, settled(batch));
    store.append(batch, records);
}

}  // namespace ym::store
