#include "planted.h"

#include <cstring>

namespace planted {

Inner::Inner(const ym_host* host, const ym_value* settings, const ym_completions* host_side)
    : completions_{sizeof(ym_completions), this,
                   [](void* context, std::uint64_t ticket, ym_status status, const ym_completion* what) {
                       static_cast<Inner*>(context)->answered(ticket, status, *what);
                   }},
      host_side_(host_side),
      self_(table().create(host, settings, &completions_)) {}

Inner::~Inner() {
    end();
}

void Inner::end() {
    if (self_ != nullptr) table().destroy(self_);
    self_ = nullptr;
}

void Inner::tell(std::uint64_t ticket, ym_status status, const ym_completion& what) const {
    host_side_->complete(host_side_->context, ticket, status, &what);
}
void Inner::tell(std::uint64_t ticket, ym_status status) const {
    ym_completion what{};
    what.size = sizeof what;
    tell(ticket, status, what);
}

Bug::Bug(std::unique_ptr<Inner> of) : inner(std::move(of)) {
    inner->answered = [this](std::uint64_t ticket, ym_status status, const ym_completion& what) {
        answer(ticket, status, what);
    };
}

namespace {

void* create(const ym_host* host, const ym_value* given, const ym_completions* completions) {
    const ym_text name = host->text(host->get(given, "bug"));
    auto inner = std::make_unique<Inner>(host, host->get(given, "store"), completions);
    if (inner->self() == nullptr) return nullptr;
    return make_bug({name.data, name.size}, std::move(inner)).release();
}

Bug& at(void* self) {
    return *static_cast<Bug*>(self);
}

const ym_setting* rows() {
    static const ym_setting all[] = {
        {"bug", YM_CHOICE, nullptr, bug_names, "what it does wrong", nullptr},
        {"store", YM_MAP, nullptr, nullptr, "settings of the store on SQLite", sqlite_store::table.settings},
        {}};
    return all;
}

const ym_persistence& planted_table() {
    static const ym_persistence table = {
        sizeof(ym_persistence),
        sizeof(ym_setting),
        rows(),
        &create,
        [](void* self) {
            at(self).end();
            delete &at(self);
        },
        [](void* self, ym_store_caps* caps) { at(self).caps(caps); },
        [](void* self, std::uint32_t shard, ym_text owner, std::uint64_t ttl_ns, std::uint64_t ticket) {
            at(self).acquire(shard, owner, ttl_ns, ticket);
        },
        [](void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t ttl_ns, std::uint64_t ticket) {
            at(self).renew(shard, epoch, ttl_ns, ticket);
        },
        [](void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t ticket) {
            at(self).release(shard, epoch, ticket);
        },
        [](void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, ym_text octets,
           std::uint64_t wait_ns,
           std::uint64_t ticket) { at(self).append(shard, epoch, number, octets, wait_ns, ticket); },
        [](void* self, std::uint32_t shard, std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket) {
            at(self).read(shard, from, bytes_max, ticket);
        },
        [](void* self, std::uint32_t shard, const std::uint64_t* numbers, std::uint32_t count, std::uint64_t ticket) {
            at(self).fetch(shard, numbers, count, ticket);
        },
        [](void* self, std::uint32_t shard, std::uint64_t epoch, std::uint64_t first, std::uint64_t last,
           std::uint64_t ticket) { at(self).reclaim(shard, epoch, first, last, ticket); },
        [](void* self, std::uint64_t deadline_ns, std::uint64_t ticket) { at(self).close(deadline_ns, ticket); },
    };
    return table;
}

}  // namespace
}  // namespace planted

extern "C" YM_EXPORT const ym_plugin ym_plugin_1[] = {
    {sizeof(ym_plugin), "planted", "1.0.0", "the store on SQLite with a planted bug",
     [](const char* interface_id) -> const void* {
         return std::strcmp(interface_id, YM_PERSISTENCE_1) == 0 ? &planted::planted_table() : nullptr;
     }},
    {0, nullptr, nullptr, nullptr, nullptr},
};
