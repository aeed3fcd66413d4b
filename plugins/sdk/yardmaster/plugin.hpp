// What the C++17 wrappers share: settings as values, texts as views, and the export.
//
// A plugin is a class. Its constructor takes ym::Settings, its static member `settings` is the schema. An exception
// that leaves it becomes a failed call; none crosses to the host.
#pragma once

#include <yardmaster/common.h>

#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace ym {

inline std::string_view view(ym_text text) {
    return {text.data, text.size};
}
inline ym_text text_of(std::string_view text) {
    return {text.data(), text.size()};
}

class Settings;

/// The log of the broker, for as long as the instance lives. Any thread.
class Log {
  public:
    explicit Log(const ym_host* host) : host_(host) {}
    void operator()(ym_level level, std::string_view line) const { host_->log(host_->context, level, text_of(line)); }

  private:
    const ym_host* host_;
};

/// A value of the settings, valid inside the constructor only.
class Settings {
  public:
    Settings(const ym_host* host, const ym_value* value, bool* refused)
        : host_(host), value_(value), refused_(refused) {}

    /// The value of a key of the schema.
    Settings operator[](const char* key) const { return {host_, host_->get(value_, key), refused_}; }
    /// Of a list or map.
    [[nodiscard]] std::size_t size() const { return host_->count(value_); }

    [[nodiscard]] int kind() const { return host_->kind(value_); }
    /// False: neither given nor defaulted.
    explicit operator bool() const { return kind() != YM_NOTHING; }
    /// Whether the settings file says it.
    [[nodiscard]] bool given() const { return host_->given(value_) != 0; }

    [[nodiscard]] std::string_view text() const { return view(host_->text(value_)); }
    [[nodiscard]] std::int64_t integer() const { return host_->integer(value_); }
    [[nodiscard]] bool boolean() const { return host_->integer(value_) != 0; }
    /// Of YM_DURATION_NS, never negative.
    [[nodiscard]] std::uint64_t nanoseconds() const { return static_cast<std::uint64_t>(host_->integer(value_)); }
    [[nodiscard]] double number() const { return host_->number(value_); }
    /// Of YM_TARGET, or of a value whose key is an address ("@").
    [[nodiscard]] ym_target target() const { return host_->target(value_); }
    /// The column of the field that this YM_FIELD names; routing and balance.
    [[nodiscard]] std::uint32_t column() const { return column(text()); }
    [[nodiscard]] std::uint32_t column(std::string_view field) const {
        return host_->column(host_->context, text_of(field));
    }

    /// Says why this value is wrong. The constructor may go on, to find more, but its instance will not be used.
    void refuse(std::string_view why) const {
        host_->refuse(host_->context, value_, text_of(why));
        *refused_ = true;
    }
    [[nodiscard]] Log log() const { return Log(host_); }

    /// Walks a list or map, in the order of the file: `for (const auto& [key, value] : settings["countries"])`. The
    /// keys of a list are empty.
    class Iterator {
      public:
        Iterator(const Settings& of, std::size_t at) : of_(of), at_(at) {}
        std::pair<std::string_view, Settings> operator*() const {
            ym_text key{};
            const ym_value* value = of_.host_->at(of_.value_, at_, &key);
            return {view(key), Settings(of_.host_, value, of_.refused_)};
        }
        Iterator& operator++() {
            ++at_;
            return *this;
        }
        bool operator!=(const Iterator& other) const { return at_ != other.at_; }

      private:
        const Settings& of_;
        std::size_t at_;
    };
    [[nodiscard]] Iterator begin() const { return {*this, 0}; }
    [[nodiscard]] Iterator end() const { return {*this, size()}; }

  private:
    const ym_host* host_;
    const ym_value* value_;
    bool* refused_;
};

namespace detail {

/// An instance as the host holds it: the object of the plugin's class, and the host's table for its log.
template <class T>
struct Held {
    const ym_host* host;
    T object;
};

template <class T>
void* create(const ym_host* host, const ym_value* settings) {
    bool refused = false;
    const Settings given(host, settings, &refused);
    try {
        std::unique_ptr<Held<T>> held(new Held<T>{host, T(given)});
        return refused ? nullptr : held.release();
    } catch (const std::exception& error) {
        if (!refused) given.refuse(error.what());
    } catch (...) {
        if (!refused) given.refuse("its constructor threw an exception");
    }
    return nullptr;
}

template <class T>
void destroy(void* self) {
    delete static_cast<Held<T>*>(self);
}

/// Runs a call of the object. What it throws is logged, and the call has failed.
template <class T, class Call>
ym_status run(void* self, const Call& call) {
    auto* held = static_cast<Held<T>*>(self);
    try {
        call(held->object);
        return YM_OK;
    } catch (const std::exception& error) {
        held->host->log(held->host->context, YM_ERROR, text_of(error.what()));
    } catch (...) {
        held->host->log(held->host->context, YM_ERROR, text_of("an exception"));
    }
    return YM_FAILED;
}

}  // namespace detail
}  // namespace ym

/// Exports the plugins of a library: one entry, YM_ROUTING_ENTRY or the like, or several with commas between. No
/// semicolon follows.
#define YM_PLUGINS(...) \
    extern "C" YM_EXPORT const ym_plugin ym_plugin_1[] = {__VA_ARGS__, {0, nullptr, nullptr, nullptr, nullptr}};
