#include "host/adapters.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "host/abi.h"

namespace ym::host {
namespace {

/// The fields of messages as the ABI has them. Kept for its memory.
class Columns {
  public:
    explicit Columns(std::size_t count) : texts_(count), pointers_(count) {}

    [[nodiscard]] std::size_t count() const { return texts_.size(); }
    const ym_text* const* set(std::span<const std::string_view* const> columns, std::size_t messages) {
        YM_CHECK(columns.size() >= texts_.size());
        for (std::size_t c = 0; c < texts_.size(); ++c) {
            texts_[c].resize(messages);
            std::transform(columns[c], columns[c] + messages, texts_[c].begin(), as_ym_text);
            pointers_[c] = texts_[c].data();
        }
        return pointers_.data();
    }

  private:
    std::vector<std::vector<ym_text>> texts_;  // one a column
    std::vector<const ym_text*> pointers_;
};

/// A table of a plugin that may be older than this host: what it does not have is null.
template <class Table>
Table whole(const Table& table) {
    Table copy{};
    std::memcpy(&copy, &table, std::min<std::size_t>(table.size, sizeof(Table)));
    return copy;
}

/// Calls into a plugin. The ABI forbids exceptions; one that comes nevertheless is a failed call, not our end.
template <class Call>
bool runs(InstanceHost& host, const Call& call) {
    try {
        const ym_status status = call();
        if (status == YM_OK) return true;
        host.log(YM_ERROR, "a call failed with status " + std::to_string(status));
    } catch (...) {
        host.log(YM_ERROR, "a call threw an exception, which no plugin may");
    }
    ++host.failed;
    return false;
}

/// The same for a call that has a time it may take. A slow one is not made again for as long as it took: so a plugin
/// can take half of its shard's time at most, and peers still hear the broker's heartbeats. Late::counts takes the
/// answer nevertheless, where anything else in its place would cost messages.
enum class Late : bool { fails, counts };
template <class Call>
bool succeeds(InstanceHost& host, const Call& call, Late late = Late::fails) {
    const CallBudget& budget = host.budget;
    if (budget.clock == nullptr) return runs(host, call);
    const Duration began = budget.clock();
    if (began < host.resume_at) {
        ++host.spared;
        return false;
    }
    const bool good = runs(host, call);
    const Duration ended = budget.clock();
    if (ended - began <= budget.most) return good;
    const auto ms = [](Duration d) {
        return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
    };
    ++host.slow;
    if (late == Late::counts) {
        host.log(YM_ERROR, "a call took " + ms(ended - began) + "; plugins.budget is " + ms(budget.most));
        return good;
    }
    host.log(YM_ERROR, "a call took " + ms(ended - began) + "; plugins.budget is " + ms(budget.most) +
                           ": its answer does not count, and the plugin is not asked for as long");
    host.resume_at = ended + (ended - began);
    return false;
}

PolicyHealth health_of(const InstanceHost& host) {
    return {host.plugin(), host.failed, host.slow, host.spared};
}

class PluginRouting final : public RoutingPolicy {
  public:
    PluginRouting(const ym_routing& table, void* self, std::unique_ptr<InstanceHost> host, std::uint32_t targets)
        : table_(table), self_(self), host_(std::move(host)), columns_(host_->columns().size()) {
        answer_.targets = targets;
    }
    ~PluginRouting() override { table_.destroy(self_); }
    PluginRouting(const PluginRouting&) = delete;
    PluginRouting& operator=(const PluginRouting&) = delete;
    [[nodiscard]] PolicyHealth health() const override { return health_of(*host_); }

    [[nodiscard]] const std::vector<std::string>& columns() const override { return host_->columns(); }

    bool route(const RouteBatch& batch, RouteSink& sink) override {
        answer_.sink = &sink;
        answer_.count = batch.count;
        answer_.wrong_message = answer_.wrong_target = false;
        const ym_batch columns{sizeof(ym_batch), batch.count, columns_.set(batch.columns, batch.count), batch.random};
        const ym_routes routes{sizeof(ym_routes), &answer_, &PluginRouting::add};
        const bool good = succeeds(*host_, [&] { return table_.route(self_, &columns, &routes); });
        answer_.sink = nullptr;
        if (good && (answer_.wrong_message || answer_.wrong_target)) ++host_->failed;
        if (good && answer_.wrong_message) host_->log(YM_ERROR, "named a message that there is not");
        if (good && answer_.wrong_target) host_->log(YM_ERROR, "named a target that there is not");
        return good && !answer_.wrong_message;
    }

  private:
    struct Answer {
        RouteSink* sink = nullptr;  // null outside route()
        std::uint32_t count = 0;
        std::uint32_t targets = 0;
        bool wrong_message = false;
        bool wrong_target = false;
    };

    static void add(void* context, std::uint32_t message, ym_target to) {
        auto* answer = static_cast<Answer*>(context);
        if (answer->sink == nullptr || message >= answer->count) {
            answer->wrong_message = true;
        } else if (to >= answer->targets) {
            answer->wrong_target = true;
            answer->sink->fail(message);
        } else {
            answer->sink->add(message, AddressId{to});
        }
    }

    const ym_routing& table_;
    void* self_;
    std::unique_ptr<InstanceHost> host_;
    Answer answer_;
    Columns columns_;
};

class PluginBalance final : public BalancePolicy {
  public:
    PluginBalance(const ym_balance& table, void* self, std::unique_ptr<InstanceHost> host)
        : table_(whole(table)), self_(self), host_(std::move(host)), columns_(host_->columns().size()) {}
    ~PluginBalance() override { table_.destroy(self_); }
    PluginBalance(const PluginBalance&) = delete;
    PluginBalance& operator=(const PluginBalance&) = delete;
    [[nodiscard]] PolicyHealth health() const override { return health_of(*host_); }

    [[nodiscard]] const std::vector<std::string>& columns() const override { return host_->columns(); }
    void show(std::span<const std::string_view* const> columns) override { shown_ = columns; }
    [[nodiscard]] bool follows_workers() const override { return table_.gone != nullptr; }
    void gone(std::string_view session) override {
        if (table_.gone == nullptr) return;
        // Not to be left out: the plugin would wait for this worker for ever.
        runs(*host_, [&] {
            table_.gone(self_, as_ym_text(session));
            return YM_OK;
        });
    }

    void pick(std::span<const WorkerView> workers, std::span<std::uint32_t> picks) override {
        resize(workers.size());
        for (std::size_t i = 0; i < workers.size(); ++i) {
            credit_[i] = workers[i].credit;
            in_flight_[i] = workers[i].in_flight;
            idle_[i] = as_ns(workers[i].idle);
            session_[i] = as_ym_text(workers[i].session);
            name_[i] = as_ym_text(workers[i].name);
        }
        std::fill(picks.begin(), picks.end(), nobody);
        const auto count = static_cast<std::uint32_t>(workers.size());
        const ym_workers columns{sizeof(ym_workers), count,           credit_.data(), in_flight_.data(),
                                 idle_.data(),       session_.data(), name_.data()};
        const ym_ready ready{sizeof(ym_ready), static_cast<std::uint32_t>(picks.size()),
                             columns_.set(shown_, picks.size())};
        if (!succeeds(*host_, [&] { return table_.pick(self_, &columns, &ready, picks.data()); })) in_turn(picks);
    }

  private:
    void resize(std::size_t count) {
        credit_.resize(count);
        in_flight_.resize(count);
        idle_.resize(count);
        session_.resize(count);
        name_.resize(count);
    }

    /// What a plugin that fails is replaced with for this call, so that its queue does not stand still.
    void in_turn(std::span<std::uint32_t> picks) {
        std::size_t worker = 0;
        std::size_t without = 0;  // workers in a row that have no credit left
        for (std::uint32_t& pick : picks) {
            pick = nobody;
            while (without < credit_.size() && pick == nobody) {
                if (credit_[worker] > 0) {
                    --credit_[worker];
                    pick = static_cast<std::uint32_t>(worker);
                    without = 0;
                } else {
                    ++without;
                }
                worker = worker + 1 == credit_.size() ? 0 : worker + 1;
            }
        }
    }

    const ym_balance table_;
    void* self_;
    std::unique_ptr<InstanceHost> host_;
    Columns columns_;
    std::span<const std::string_view* const> shown_;
    std::vector<std::uint64_t> credit_;
    std::vector<std::uint64_t> in_flight_;
    std::vector<std::uint64_t> idle_;
    std::vector<ym_text> session_;
    std::vector<ym_text> name_;
};

class PluginRetry final : public RetryPolicy {
  public:
    PluginRetry(const ym_retry& table, void* self, std::unique_ptr<InstanceHost> host)
        : table_(table), self_(self), host_(std::move(host)) {}
    ~PluginRetry() override { table_.destroy(self_); }
    PluginRetry(const PluginRetry&) = delete;
    PluginRetry& operator=(const PluginRetry&) = delete;
    [[nodiscard]] PolicyHealth health() const override { return health_of(*host_); }

    void decide(std::span<const FailedAttempt> failures, std::span<Duration> waits) override {
        YM_CHECK(failures.size() == waits.size());
        resize(failures.size());
        for (std::size_t i = 0; i < failures.size(); ++i) {
            reason_[i] = static_cast<std::int32_t>(failures[i].reason);
            attempt_[i] = failures[i].attempt;
            age_[i] = as_ns(failures[i].age);
            retry_after_[i] = as_ns(failures[i].retry_after);
            random_[i] = failures[i].random;
        }
        const ym_failures columns{sizeof(ym_failures), static_cast<std::uint32_t>(failures.size()),
                                  reason_.data(),      attempt_.data(),
                                  age_.data(),         retry_after_.data(),
                                  random_.data()};
        if (!succeeds(
                *host_, [&] { return table_.decide(self_, &columns, wait_.data()); }, Late::counts)) {
            std::fill(waits.begin(), waits.end(), dead_letter);
            return;
        }
        std::transform(wait_.begin(), wait_.end(), waits.begin(), [](std::uint64_t wait) {
            if (wait == YM_DEAD_LETTER) return dead_letter;
            return Duration(static_cast<Duration::rep>(std::min(wait, wait_max)));
        });
    }

  private:
    static constexpr std::uint64_t wait_max = 365ULL * 24 * 3600 * 1'000'000'000;

    void resize(std::size_t count) {
        reason_.resize(count);
        attempt_.resize(count);
        age_.resize(count);
        retry_after_.resize(count);
        random_.resize(count);
        wait_.assign(count, YM_DEAD_LETTER);
    }

    const ym_retry& table_;
    void* self_;
    std::unique_ptr<InstanceHost> host_;
    std::vector<std::int32_t> reason_;
    std::vector<std::uint32_t> attempt_;
    std::vector<std::uint64_t> age_;
    std::vector<std::uint64_t> retry_after_;
    std::vector<std::uint64_t> random_;
    std::vector<std::uint64_t> wait_;
};

}  // namespace

std::unique_ptr<RoutingPolicy> make_routing(const ym_routing& table, void* self, std::unique_ptr<InstanceHost> host,
                                            std::uint32_t targets) {
    return std::make_unique<PluginRouting>(table, self, std::move(host), targets);
}

std::unique_ptr<BalancePolicy> make_balance(const ym_balance& table, void* self, std::unique_ptr<InstanceHost> host) {
    return std::make_unique<PluginBalance>(table, self, std::move(host));
}

std::unique_ptr<RetryPolicy> make_retry(const ym_retry& table, void* self, std::unique_ptr<InstanceHost> host) {
    return std::make_unique<PluginRetry>(table, self, std::move(host));
}

}  // namespace ym::host
