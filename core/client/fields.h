// Messages to and from encoded fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "client/client.h"
#include "wire/ymp.h"

namespace ym::client {

/// Octets that stand in a record as they are: its fields, then its body.
struct Encoded {
    std::string octets;
    std::size_t fields_bytes = 0;
};

[[nodiscard]] Encoded encode(const Message& message);
/// Only a text, a wait, or nothing (the default), and a body.
[[nodiscard]] Encoded encode(std::string_view text, std::optional<Milliseconds> retry_after, std::string_view body);

/// The first value of the field, as text or as number.
[[nodiscard]] std::string_view text_of(Octets fields, wire::Field field);
[[nodiscard]] std::uint64_t number_of(Octets fields, wire::Field field, std::uint64_t otherwise);

/// Every field as PROTOCOL.md names it, numbers in decimal; and the headers.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> fields_of(Octets fields);
[[nodiscard]] std::vector<std::pair<std::string, std::string>> headers_of(Octets fields);

/// The tag of a field that the receiver must understand and this library does not; 0 if there is none.
[[nodiscard]] std::uint8_t not_understood(Octets fields);

}  // namespace ym::client
