// A persistence plugin that answers when the test says so.
#pragma once

#include <yardmaster/persistence.h>

#include <cstdint>
#include <string>
#include <vector>

#include "host/persistence.h"
#include "store/records.h"

namespace ym::store {

class ScriptedPlugin {
  public:
    struct Append {
        std::uint64_t epoch = 0;
        std::uint64_t number = 0;
        std::uint64_t ticket = 0;
        std::string octets;
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
        const std::uint64_t ticket = acquires.back();
        completions_->complete(completions_->context, ticket, status, &what);
    }
    /// Answers the oldest append that is not answered.
    void answer_append(ym_status status) {
        const Append append = under_way.at(0);
        under_way.erase(under_way.begin());
        if (status == YM_OK) kept.push_back(append);
        completions_->complete(completions_->context, append.ticket, status, nullptr);
    }
    void answer_renew(ym_status status) {
        completions_->complete(completions_->context, renews.back(), status, nullptr);
    }

    std::vector<std::uint64_t> acquires;
    std::vector<std::uint64_t> renews;
    std::vector<Append> under_way;
    std::vector<Append> kept;
    int releases = 0;
    bool closes = true;

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
            it(self).acquires.push_back(ticket);
        };
        table.renew = [](void* self, std::uint32_t, std::uint64_t, std::uint64_t, std::uint64_t ticket) {
            it(self).renews.push_back(ticket);
        };
        table.release = [](void* self, std::uint32_t, std::uint64_t, std::uint64_t) { ++it(self).releases; };
        table.append = [](void* self, std::uint32_t, std::uint64_t epoch, std::uint64_t number, ym_text octets,
                          std::uint64_t ticket) {
            it(self).under_way.push_back({epoch, number, ticket, std::string(octets.data, octets.size)});
        };
        table.close = [](void* self, std::uint64_t, std::uint64_t ticket) {
            const ym_completions* to = it(self).completions_;
            if (it(self).closes) to->complete(to->context, ticket, YM_OK, nullptr);
        };
        return table;
    }
    static ScriptedPlugin& it(void* self) { return *static_cast<ScriptedPlugin*>(self); }

    static inline ScriptedPlugin* current = nullptr;

    ym_durability durability_;
    std::uint64_t batch_bytes_max_;
    bool fenced_;
    ym_host host_{};
    const ym_completions* completions_ = nullptr;
    std::unique_ptr<host::Persistence> persistence_;
};

}  // namespace ym::store
