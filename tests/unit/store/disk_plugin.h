// A persistence plugin over a line of batches in memory that outlives it. Appends wait until the test answers them; so
// do fetches, and they come in any order.
#pragma once

#include <gtest/gtest.h>
#include <yardmaster/persistence.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/persistence.h"

namespace ym::store {

/// What is left when a process is gone.
struct Disk {
    std::map<std::uint64_t, std::string> line;
    std::uint64_t through = 0;
    std::uint64_t epoch = 0;
    std::uint64_t reclaimed = 0;

    [[nodiscard]] std::size_t octets() const {
        std::size_t sum = 0;
        for (const auto& [number, batch] : line) sum += batch.size();
        return sum;
    }
};

class DiskPlugin {
  public:
    DiskPlugin(Disk& disk, std::uint64_t batch_bytes_max) : disk_(disk), batch_bytes_max_(batch_bytes_max) {
        current = this;
        persistence_ = host::Persistence::make(table(), host_, nullptr);
    }

    [[nodiscard]] host::Persistence& persistence() { return *persistence_; }
    [[nodiscard]] std::size_t appends() const { return appends_.size(); }
    [[nodiscard]] std::size_t fetches() const { return fetches_.size(); }

    /// The oldest `count` appends are kept, and the store is told.
    void keep(std::size_t count) {
        for (; count > 0 && !appends_.empty(); --count) answer(YM_OK, true);
    }
    /// There was no room for what is under way.
    void refuse() {
        while (!appends_.empty()) answer(YM_FULL, false);
    }
    /// The connection is lost: `kept` of what is under way are kept, and nobody knows.
    void lose(std::size_t kept) {
        for (std::size_t i = 0; !appends_.empty(); ++i) answer(YM_UNKNOWN, i < kept);
    }
    /// The process ends: `kept` of what is under way are kept, and nobody hears of it.
    void crash(std::size_t kept) {
        for (std::size_t i = 0; i < kept && i < appends_.size(); ++i) keep_on_disk(appends_[i]);
        appends_.clear();
        fetches_.clear();
    }
    void answer_fetch(std::size_t which) {
        const Fetch fetch = fetches_[which];
        fetches_.erase(fetches_.begin() + static_cast<std::ptrdiff_t>(which));
        std::vector<std::uint64_t> numbers = fetch.numbers;
        give(fetch.ticket, numbers, 0);
    }

  private:
    struct Append {
        std::uint64_t number = 0;
        std::uint64_t ticket = 0;
        ym_text octets{};
    };
    struct Fetch {
        std::vector<std::uint64_t> numbers;
        std::uint64_t ticket = 0;
    };

    static DiskPlugin& it(void* self) { return *static_cast<DiskPlugin*>(self); }
    static ym_completion empty() {
        ym_completion what{};
        what.size = sizeof what;
        return what;
    }
    void complete(std::uint64_t ticket, ym_status status, const ym_completion& what) {
        completions_->complete(completions_->context, ticket, status, &what);
    }
    void keep_on_disk(const Append& append) {
        ASSERT_EQ(append.number, disk_.through + 1) << "numbers have no gaps";
        disk_.through = append.number;
        disk_.line[append.number] = std::string(append.octets.data, append.octets.size);
    }
    void answer(ym_status status, bool kept) {
        const Append append = appends_.front();
        appends_.pop_front();
        if (kept) keep_on_disk(append);
        complete(append.ticket, status, empty());
    }
    void give(std::uint64_t ticket, const std::vector<std::uint64_t>& numbers, std::uint64_t through) {
        std::vector<ym_text> octets;
        for (const std::uint64_t number : numbers) {
            const auto found = disk_.line.find(number);
            octets.push_back(found == disk_.line.end() ? ym_text{}
                                                       : ym_text{found->second.data(), found->second.size()});
        }
        ym_completion what = empty();
        what.count = static_cast<std::uint32_t>(numbers.size());
        what.number = numbers.data();
        what.octets = octets.data();
        what.through = through;
        complete(ticket, YM_OK, what);
    }
    void read(std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket) {
        std::vector<std::uint64_t> numbers;
        std::uint64_t through = disk_.through;
        std::size_t sum = 0;
        for (auto at = disk_.line.lower_bound(from); at != disk_.line.end(); ++at) {
            sum += at->second.size();
            if (sum > bytes_max && !numbers.empty()) {
                through = numbers.back();
                break;
            }
            numbers.push_back(at->first);
        }
        give(ticket, numbers, through);
    }
    static ym_persistence& table() {
        static ym_persistence table{};
        table.size = sizeof table;
        table.create = [](const ym_host*, const ym_value*, const ym_completions* completions) -> void* {
            current->completions_ = completions;
            return current;
        };
        table.destroy = [](void*) {};
        table.caps = [](void* self, ym_store_caps* caps) {
            caps->durability = YM_DURABLE_DISK;
            caps->batch_bytes_max = it(self).batch_bytes_max_;
            caps->fenced = 0;
        };
        table.acquire = [](void* self, std::uint32_t, ym_text, std::uint64_t, std::uint64_t ticket) {
            ym_completion what = empty();
            what.epoch = ++it(self).disk_.epoch;
            what.through = it(self).disk_.through;
            it(self).complete(ticket, YM_OK, what);
        };
        table.renew = [](void*, std::uint32_t, std::uint64_t, std::uint64_t, std::uint64_t) {};
        table.release = [](void*, std::uint32_t, std::uint64_t, std::uint64_t) {};
        table.append = [](void* self, std::uint32_t, std::uint64_t, std::uint64_t number, ym_text octets, std::uint64_t,
                          std::uint64_t ticket) {
            it(self).appends_.push_back({number, ticket, octets});
        };
        table.read = [](void* self, std::uint32_t, std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket) {
            it(self).read(from, bytes_max, ticket);
        };
        table.fetch = [](void* self, std::uint32_t, const std::uint64_t* numbers, std::uint32_t count,
                         std::uint64_t ticket) {
            it(self).fetches_.push_back({{numbers, numbers + count}, ticket});
        };
        table.reclaim = [](void* self, std::uint32_t, std::uint64_t, std::uint64_t, std::uint64_t last,
                           std::uint64_t ticket) {
            Disk& disk = it(self).disk_;
            disk.line.erase(disk.line.begin(), disk.line.upper_bound(last));
            disk.reclaimed = last;
            it(self).complete(ticket, YM_OK, empty());
        };
        table.close = [](void* self, std::uint64_t, std::uint64_t ticket) {
            it(self).complete(ticket, YM_OK, empty());
        };
        return table;
    }

    static inline DiskPlugin* current = nullptr;

    Disk& disk_;
    std::uint64_t batch_bytes_max_;
    std::deque<Append> appends_;
    std::vector<Fetch> fetches_;
    ym_host host_{};
    const ym_completions* completions_ = nullptr;
    std::unique_ptr<host::Persistence> persistence_;
};

}  // namespace ym::store
