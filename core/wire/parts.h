// Several frames as one run of octets: `u32 length, octets` repeated. So a body of several frames is stored (field
// `parts`), and so messages of several frames leave the broker.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"

namespace ym::wire {

inline constexpr std::size_t part_head_bytes = 4;
inline constexpr std::size_t parts_max = 1000;  // frames of one body: each costs the broker a send of its own

/// Walks the frames. Ends at the first length that cannot be believed.
class PartsCursor {
  public:
    explicit PartsCursor(Octets octets) : left_(octets) {}

    bool next(Octets& part) {
        if (left_.size() < part_head_bytes) return false;
        const std::size_t length = load_be<std::uint32_t>(left_.data());
        if (left_.size() - part_head_bytes < length) return false;
        part = left_.subspan(part_head_bytes, length);
        left_ = left_.subspan(part_head_bytes + length);
        return true;
    }
    /// After the last frame: whether nothing is left over.
    [[nodiscard]] bool whole() const { return left_.empty(); }

  private:
    Octets left_;
};

/// Whether the octets are frames from start to end, and not too many.
[[nodiscard]] inline bool are_parts(Octets octets) {
    PartsCursor cursor(octets);
    Octets part;
    std::size_t count = 0;
    while (count <= parts_max && cursor.next(part)) ++count;
    return cursor.whole() && count <= parts_max;
}

inline void append_part(Buffer& out, Octets part) {
    YM_CHECK(part.size() <= 0xffffffffU);
    out.append_be(static_cast<std::uint32_t>(part.size()));
    out.append(part);
}

}  // namespace ym::wire
