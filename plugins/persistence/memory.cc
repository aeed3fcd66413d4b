// Keeps nothing, and says so at once: every call completes inside itself. Messages live in the broker's memory alone.
#include <yardmaster/persistence.h>
#include <cstring>
#include <map>
#include <string_view>
#include <vector>

namespace {

class Memory {
  public:
    explicit Memory(const ym_completions* completions) : completions_(completions) {}

    void acquire(std::uint32_t shard, std::uint64_t ticket) {
        Shard& owned = shards_[shard];
        owned.owned = true;
        ++owned.epoch;
        ym_completion what = empty();
        what.epoch = owned.epoch;
        what.through = owned.through;
        complete(ticket, YM_OK, what);
    }

    void renew(std::uint32_t shard, std::uint64_t epoch, std::uint64_t ticket) {
        complete(ticket, owns(shard, epoch) ? YM_OK : YM_FENCED, empty());
    }

    void release(std::uint32_t shard, std::uint64_t epoch, std::uint64_t ticket) {
        const bool owned = owns(shard, epoch);
        if (owned) shards_[shard].owned = false;
        complete(ticket, owned ? YM_OK : YM_FENCED, empty());
    }

    void append(std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, std::uint64_t ticket) {
        if (!owns(shard, epoch)) return complete(ticket, YM_FENCED, empty());
        std::uint64_t& through = shards_[shard].through;
        if (number != through + 1) {
            ym_completion what = empty();
            constexpr std::string_view why = "the number of a batch is not one above the last";
            what.why = {why.data(), why.size()};
            return complete(ticket, YM_FAILED, what);
        }
        through = number;
        complete(ticket, YM_OK, empty());
    }

    void read(std::uint32_t shard, std::uint64_t ticket) {
        ym_completion what = empty();
        what.through = shards_[shard].through;
        complete(ticket, YM_OK, what);
    }

    void fetch(const std::uint64_t* numbers, std::uint32_t count, std::uint64_t ticket) {
        const std::vector<ym_text> gone(count, ym_text{});
        ym_completion what = empty();
        what.count = count;
        what.number = numbers;
        what.octets = gone.data();
        complete(ticket, YM_OK, what);
    }

    void close(std::uint64_t ticket) { complete(ticket, YM_OK, empty()); }

  private:
    struct Shard {
        bool owned = false;
        std::uint64_t epoch = 0;
        std::uint64_t through = 0;
    };

    static ym_completion empty() {
        ym_completion what{};
        what.size = sizeof what;
        return what;
    }
    [[nodiscard]] bool owns(std::uint32_t shard, std::uint64_t epoch) const {
        const auto found = shards_.find(shard);
        return found != shards_.end() && found->second.owned && found->second.epoch == epoch;
    }
    void complete(std::uint64_t ticket, ym_status status, const ym_completion& what) {
        completions_->complete(completions_->context, ticket, status, &what);
    }

    const ym_completions* completions_;
    std::map<std::uint32_t, Shard> shards_;
};

Memory& at(void* self) {
    return *static_cast<Memory*>(self);
}

constexpr ym_setting settings[] = {{}};

// Memory that the maps of shards and batches need and cannot get ends the process, as it would in the broker.
constexpr ym_persistence persistence = {
    sizeof(ym_persistence),
    sizeof(ym_setting),
    settings,
    [](const ym_host* /*host*/, const ym_value* /*given*/, const ym_completions* completions) -> void* {
        return new Memory(completions);
    },
    [](void* self) { delete static_cast<Memory*>(self); },
    [](void* /*self*/, ym_store_caps* caps) {
        caps->durability = YM_DURABLE_NONE;
        caps->batch_bytes_max = std::uint64_t{1} << 30U;
        caps->fenced = 0;
    },
    [](void* self, std::uint32_t shard, ym_text /*owner*/, std::uint64_t /*ttl_ns*/, std::uint64_t ticket) {
        at(self).acquire(shard, ticket);
    },
    [](void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t /*ttl_ns*/, std::uint64_t ticket) {
        at(self).renew(shard, epoch, ticket);
    },
    [](void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t ticket) {
        at(self).release(shard, epoch, ticket);
    },
    [](void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, ym_text /*octets*/,
       std::uint64_t /*wait_ns*/, std::uint64_t ticket) { at(self).append(shard, epoch, number, ticket); },
    [](void* self, std::uint32_t shard, std::uint64_t /*from*/, std::uint64_t /*bytes_max*/, std::uint64_t ticket) {
        at(self).read(shard, ticket);
    },
    [](void* self, std::uint32_t /*shard*/, const std::uint64_t* numbers, std::uint32_t count, std::uint64_t ticket) {
        at(self).fetch(numbers, count, ticket);
    },
    [](void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t /*first*/, std::uint64_t /*last*/,
       std::uint64_t ticket) { at(self).renew(shard, epoch, ticket); },
    [](void* self, std::uint64_t /*deadline_ns*/, std::uint64_t ticket) { at(self).close(ticket); },
};

const void* get(const char* interface_id) {
    return std::strcmp(interface_id, YM_PERSISTENCE_1) == 0 ? &persistence : nullptr;
}

}  // namespace

extern "C" YM_EXPORT const ym_plugin ym_plugin_1[] = {
    {sizeof(ym_plugin), "memory", "1.0.0", "keeps nothing: messages live in memory alone", &get},
    {0, nullptr, nullptr, nullptr, nullptr},
};
