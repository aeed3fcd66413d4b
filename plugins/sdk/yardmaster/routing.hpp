// routing/1 in C++17: a class with a constructor from ym::Settings and `void route(ym::Batch, ym::Routes)`.
#pragma once

#include <yardmaster/routing.h>
#include <yardmaster/plugin.hpp>

#include <functional>
#include <map>

namespace ym {

/// Messages to route, as columns.
class Batch {
  public:
    explicit Batch(const ym_batch* batch) : batch_(batch) {}

    [[nodiscard]] std::uint32_t count() const { return batch_->count; }
    /// What a field of a message holds; null data() when it is missing. `column` < number of columns, message <
    /// count().
    [[nodiscard]] std::string_view text(std::uint32_t column, std::uint32_t message) const {
        return view(batch_->column[column][message]);
    }
    /// The same when the message is sent again.
    [[nodiscard]] std::uint64_t random(std::uint32_t message) const { return batch_->random[message]; }

  private:
    const ym_batch* batch_;
};

/// Fields whose names are known only at run time, as in a script: the settings list those that it may ask for.
///
///     {"fields", YM_LIST, "[topic]", nullptr, "the fields that the script may read", field},   // field: {"*",
///     YM_FIELD, ...}
///     ...
///     fields_(given["fields"])                          // in the constructor
///     batch.text(fields_.column("header.country"), i)   // later
class Fields {
  public:
    static constexpr std::uint32_t none = UINT32_MAX;

    explicit Fields(Settings list) {
        for (const auto& [key, field] : list) columns_.emplace(std::string(field.text()), field.column());
    }
    /// The column of a field, or `none` if the settings do not list it.
    [[nodiscard]] std::uint32_t column(std::string_view name) const {
        const auto found = columns_.find(name);
        return found == columns_.end() ? none : found->second;
    }

  private:
    std::map<std::string, std::uint32_t, std::less<>> columns_;
};

/// Takes the answers.
class Routes {
  public:
    explicit Routes(const ym_routes* routes) : routes_(routes) {}
    void add(std::uint32_t message, ym_target to) const { routes_->add(routes_->context, message, to); }

  private:
    const ym_routes* routes_;
};

namespace detail {

template <class T>
const void* get_routing(const char* interface_id) {
    static const ym_routing table = {
        sizeof(ym_routing),
        sizeof(ym_setting),
        T::settings,
        &create<T>,
        &destroy<T>,
        [](void* self, const ym_batch* batch, const ym_routes* routes) -> ym_status {
            return run<T>(self, [&](T& object) { object.route(Batch(batch), Routes(routes)); });
        },
    };
    return std::strcmp(interface_id, YM_ROUTING_1) == 0 ? &table : nullptr;
}

}  // namespace detail
}  // namespace ym

#define YM_ROUTING_ENTRY(Class, id, version, doc) \
    { sizeof(ym_plugin), id, version, doc, &ym::detail::get_routing<Class> }

/// Exports `Class` as the only plugin of this library.
#define YM_ROUTING(Class, id, version, doc) YM_PLUGINS(YM_ROUTING_ENTRY(Class, id, version, doc))
