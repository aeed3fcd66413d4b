// A store that keeps what brokers append, for one life after the other.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness.h"

namespace ym::test {

/// A batch with octets of its own.
class KeptBatch {
  public:
    explicit KeptBatch(std::span<const StoreRecord> records) {
        for (const StoreRecord& r : records) {
            StoreRecord& kept = records_.emplace_back(r);
            kept.name = text(r.name);
            kept.session = octets(r.session);
            kept.fields = octets(r.fields);
            kept.body = octets(r.body);
            kept.steps = octets(r.steps);
            kept.history = octets(r.history);
            kept.queues = queues_.emplace_back(r.queues.begin(), r.queues.end());
            std::vector<Content>& more = contents_.emplace_back(r.more.begin(), r.more.end());
            for (Content& content : more) content.at = octets({content.at, content.bytes()}).data();
            kept.more = more;
            kept.numbers = numbers_.emplace_back(r.numbers.begin(), r.numbers.end());
        }
    }
    [[nodiscard]] std::span<const StoreRecord> records() const { return records_; }

  private:
    std::string_view text(std::string_view from) { return texts_.emplace_back(from); }
    Octets octets(Octets from) { return as_octets(text(as_text(from))); }

    std::vector<StoreRecord> records_;
    std::deque<std::string> texts_;
    std::deque<std::vector<AddressId>> queues_;
    std::deque<std::vector<Content>> contents_;
    std::deque<std::vector<std::uint64_t>> numbers_;
};

struct KeptStore {
    std::map<std::uint64_t, std::shared_ptr<KeptBatch>> batches;
    std::uint32_t epoch = 0;
    std::uint64_t fetches = 0;

    [[nodiscard]] std::uint64_t through() const { return batches.empty() ? reclaimed : batches.rbegin()->first; }
    [[nodiscard]] std::size_t count(RecordKind kind) const {
        std::size_t n = 0;
        for (const auto& [number, batch] : batches) {
            for (const StoreRecord& r : batch->records()) n += r.kind == kind ? messages_of(r) : 0;
        }
        return n;
    }
    std::uint64_t reclaimed = 0;
};

/// One life of a broker on a store, which takes all that it is given as soon as settle_down() is called.
class Life : public Bench {
  public:
    Life(KeptStore& store, std::unique_ptr<Topology> t, BrokerOptions options = {.store_keeps = true}, Now at = start,
         int times = 1)
        : Bench(options, std::move(t), at), store_(store) {
        on_step = [this](const Effects& done) { take(done); };
        for (int i = 0; i < times; ++i) {
            for (const auto& [number, batch] : store.batches) {
                events.emplace_back(StoreReplayed{number, batch->records()});
                step();
            }
        }
        events.emplace_back(StoreAcquired{++store_.epoch, store_.through()});
        step();
        settle_down();
    }
    /// Until the store has nothing left to answer.
    void settle_down() {
        while (!appended_.empty() || !fetches_.empty()) {
            while (!appended_.empty()) {
                const std::uint64_t batch = appended_.front();
                appended_.pop_front();
                complete(batch, StoreStatus::ok);
            }
            if (fetches_.empty()) return;
            const std::uint64_t batch = fetches_.front();
            fetches_.pop_front();
            ++store_.fetches;
            ASSERT_TRUE(store_.batches.contains(batch)) << "batch " << batch << " is fetched, and was reclaimed";
            fetched_ = store_.batches.at(batch);
            events.emplace_back(BatchFetched{batch, fetched_->records()});
            step();
        }
    }

    static constexpr Now start{Instant{1s}, WallTime{std::chrono::milliseconds(1'700'000'000'000)}};

  private:
    void take(const Effects& done) {
        if (!done.records.empty()) {
            store_.batches.emplace(done.batch, std::make_shared<KeptBatch>(done.records));
            appended_.push_back(done.batch);
        }
        for (const std::uint64_t batch : done.fetch) fetches_.push_back(batch);
        if (done.reclaim == 0) return;
        store_.batches.erase(store_.batches.begin(), store_.batches.upper_bound(done.reclaim));
        store_.reclaimed = done.reclaim;
    }

    KeptStore& store_;
    std::deque<std::uint64_t> appended_;
    std::deque<std::uint64_t> fetches_;
    std::shared_ptr<KeptBatch> fetched_;
};

}  // namespace ym::test
