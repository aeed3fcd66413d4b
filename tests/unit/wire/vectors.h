// The test vectors of core/wire/vectors.json as values. PROTOCOL.md says how the file is to be read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "wire/ymp.h"

namespace ym::wire::test {

struct VectorError {
    std::uint16_t status = 0;
    std::string field;
    std::uint32_t at = 0;
};

enum class ValueKind : std::uint8_t { octets, number, property };

struct VectorField {
    std::uint8_t tag = 0;
    ValueKind kind = ValueKind::octets;
    bool bad = false;          // its value is not of its kind
    std::uint64_t number = 0;  // with ValueKind::number
    std::string name;          // with ValueKind::property
    std::string value;         // with the other two
};

struct VectorRecord {
    std::uint32_t at = 0;
    std::uint16_t code = 0;
    std::uint64_t id = 0;
    std::vector<VectorField> fields;
    std::string body;
    std::optional<VectorError> error;  // then only `at` and `id` count
};

struct Vector {
    std::string name;
    std::string octets;
    std::optional<VectorError> error;  // then nothing below counts
    Verb verb{};
    std::uint8_t flags = 0;
    std::string to;
    std::uint64_t number = 0;
    std::vector<VectorRecord> records;

    [[nodiscard]] bool well_formed() const;
};

/// All vectors of `path`. Throws when the file is not there or not as it should be.
[[nodiscard]] std::vector<Vector> read_vectors(const std::string& path);

/// The frame as our writer writes it; `vector` is well-formed. Borrowed from `buffer`.
[[nodiscard]] Octets write(const Vector& vector, Buffer& buffer);

}  // namespace ym::wire::test
