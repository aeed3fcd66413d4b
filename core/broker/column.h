// Fields of messages as policies read them: named in settings, looked up in each message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ym {

enum class ColumnKind : std::uint8_t { topic, type, key, header };
struct Column {
    ColumnKind kind{};
    std::string header;  // its name, with ColumnKind::header
};

/// Of "topic", "type", "key" or "header.NAME".
[[nodiscard]] Column column_of(const std::string& name);

/// What the fields of a message hold; null data() when it is missing.
[[nodiscard]] std::string_view field_of(Octets fields, const Column& column);
[[nodiscard]] std::string_view header_of(Octets fields, std::string_view name);

}  // namespace ym
