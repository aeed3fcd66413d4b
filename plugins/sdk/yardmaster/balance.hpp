// balance/1 in C++17: a class with a constructor from ym::Settings and `void pick(ym::Workers, ym::Picks)`. With
// `void gone(std::string_view session)` it sees all workers, and is told when one has left.
#pragma once

#include <yardmaster/balance.h>
#include <yardmaster/plugin.hpp>

namespace ym {

/// The workers that could take a message. An index < count() names one during the call.
class Workers {
  public:
    explicit Workers(const ym_workers* workers) : workers_(workers) {}

    [[nodiscard]] std::uint32_t count() const { return workers_->count; }
    [[nodiscard]] std::uint64_t credit(std::uint32_t worker) const { return workers_->credit[worker]; }
    [[nodiscard]] std::uint64_t in_flight(std::uint32_t worker) const { return workers_->in_flight[worker]; }
    [[nodiscard]] std::uint64_t idle_ns(std::uint32_t worker) const { return workers_->idle_ns[worker]; }
    [[nodiscard]] std::string_view session(std::uint32_t worker) const { return view(workers_->session[worker]); }
    [[nodiscard]] std::string_view name(std::uint32_t worker) const { return view(workers_->name[worker]); }

  private:
    const ym_workers* workers_;
};

/// The messages that are ready, and who takes each: nobody at first.
class Picks {
  public:
    Picks(const ym_ready* ready, std::uint32_t* picks) : ready_(ready), picks_(picks) {}

    [[nodiscard]] std::uint32_t count() const { return ready_->count; }
    /// What a field of a message holds; null data() when it is missing.
    [[nodiscard]] std::string_view text(std::uint32_t column, std::uint32_t message) const {
        return view(ready_->column[column][message]);
    }
    void give(std::uint32_t message, std::uint32_t worker) const { picks_[message] = worker; }

  private:
    const ym_ready* ready_;
    std::uint32_t* picks_;
};

namespace detail {

/// The function of the table for T::gone(), or null if T has none. What it throws is logged and passed over.
template <class T>
auto gone_of(int)
    -> decltype(std::declval<T&>().gone(std::string_view()), static_cast<decltype(ym_balance::gone)>(nullptr)) {
    return [](void* self, ym_text session) { run<T>(self, [&](T& object) { object.gone(view(session)); }); };
}
template <class T>
decltype(ym_balance::gone) gone_of(long) {
    return nullptr;
}

template <class T>
const void* get_balance(const char* interface_id) {
    static const ym_balance table = {
        sizeof(ym_balance),
        sizeof(ym_setting),
        T::settings,
        &create<T>,
        &destroy<T>,
        [](void* self, const ym_workers* workers, const ym_ready* ready, std::uint32_t* picks) -> ym_status {
            return run<T>(self, [&](T& object) { object.pick(Workers(workers), Picks(ready, picks)); });
        },
        gone_of<T>(0),
    };
    return std::strcmp(interface_id, YM_BALANCE_1) == 0 ? &table : nullptr;
}

}  // namespace detail
}  // namespace ym

#define YM_BALANCE_ENTRY(Class, id, version, doc) \
    { sizeof(ym_plugin), id, version, doc, &ym::detail::get_balance<Class> }

/// Exports `Class` as the only plugin of this library.
#define YM_BALANCE(Class, id, version, doc) YM_PLUGINS(YM_BALANCE_ENTRY(Class, id, version, doc))
