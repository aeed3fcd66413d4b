// The keys of a settings file: the one place that knows each key's kind, range, default and meaning. Reading, errors,
// `check --print` and the test of config/reference.yaml all go by this table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ym::settings {

enum class Kind : std::uint8_t {
    map,       // the keys of `inside`; `~` takes all defaults
    names,     // free names, each with a value as inside[0] says
    list,      // values as inside[0] says
    plugin,    // a map with `plugin`, whose other keys belong to the plugin's schema
    version,   // of the format
    boolean,   // true | false
    count,     // 2000, 10k, 1M
    bytes,     // 16MiB
    rate,      // 10/s
    duration,  // 30s
    choice,    // one of the words of `range`
    text,      // printable, not empty
    pattern,   // a name in which * stands for any run of characters
    endpoint,  // tcp://HOST:PORT or ipc://PATH
    admin_endpoint,
    template_name,
    retry_name,
    address,  // a queue or pipeline, or one of the words of `range`
};

/// What the names of a `names` map are.
enum class NameKind : std::uint8_t { address, plain, plugin_id };

struct Setting {
    std::string_view key = {};  // "*" for the value of a free name, "[]" for an item
    Kind kind = Kind::map;
    /// The default as it would stand in a file, where `none` is a word that may be written; `required`, or empty: none.
    /// Of a plugin map: the plugin's name. A map's default are the defaults of its keys, or empty: none unless written.
    std::string_view otherwise = {};
    std::string_view range = {};  // "1ms..30d", or "reject|drop"
    std::string_view doc = {};    // one sentence
    std::span<const Setting> inside = {};
    NameKind names = NameKind::plain;
};

inline constexpr std::string_view required = "required";
inline constexpr std::string_view none = "none";
/// The default of a map that is as good as written with no keys.
inline constexpr std::string_view its_defaults = "{}";

/// The keys at the top of a file.
[[nodiscard]] std::span<const Setting> table();
/// The one of `settings` with this key; nullptr if there is none.
[[nodiscard]] const Setting* find(std::span<const Setting> settings, std::string_view key);

/// For people: "a duration from 1ms to 30d", "reject, drop or the name of a queue or pipeline".
[[nodiscard]] std::string describe(const Setting& setting);

}  // namespace ym::settings
