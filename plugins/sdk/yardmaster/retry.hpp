// retry/1 in C++17: a class with a constructor from ym::Settings and `uint64_t decide(const ym::Failed&)`.
#pragma once

#include <yardmaster/retry.h>
#include <yardmaster/plugin.hpp>

namespace ym {

/// One failed attempt. Times in nanoseconds.
struct Failed {
    std::int32_t reason;           // of ym_reason; above YM_WORKER_LOST: from a newer host
    std::uint32_t attempt;         // from 1
    std::uint64_t age_ns;          // since acceptance
    std::uint64_t retry_after_ns;  // what the worker asked for; 0: nothing
    std::uint64_t random;
};

namespace detail {

template <class T>
const void* get_retry(const char* interface_id) {
    static const ym_retry table = {
        sizeof(ym_retry),
        sizeof(ym_setting),
        T::settings,
        &create<T>,
        &destroy<T>,
        [](void* self, const ym_failures* failures, std::uint64_t* wait_ns) -> ym_status {
            return run<T>(self, [&](T& object) {
                for (std::uint32_t i = 0; i < failures->count; ++i) {
                    wait_ns[i] = object.decide(Failed{failures->reason[i], failures->attempt[i], failures->age_ns[i],
                                                      failures->retry_after_ns[i], failures->random[i]});
                }
            });
        },
    };
    return std::strcmp(interface_id, YM_RETRY_1) == 0 ? &table : nullptr;
}

}  // namespace detail
}  // namespace ym

#define YM_RETRY_ENTRY(Class, id, version, doc) \
    { sizeof(ym_plugin), id, version, doc, &ym::detail::get_retry<Class> }

/// Exports `Class` as the only plugin of this library.
#define YM_RETRY(Class, id, version, doc) YM_PLUGINS(YM_RETRY_ENTRY(Class, id, version, doc))
