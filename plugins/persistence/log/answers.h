// Reading batches back while the log is in use. Any thread.
#pragma once

#include "index.h"

namespace ym::disklog {

/// Batches, and the memory that their octets stand in.
struct Answer {
    std::vector<std::uint64_t> numbers;
    std::vector<Octets> batches;  // data() is null for one that is not kept
    std::uint64_t through = 0;
    std::vector<std::unique_ptr<std::byte[]>> memory;
};

/// Batches from `from` on, in order, as many as `bytes_max` octets hold, but one at least if there is one.
Fault read_batches(const Index& index, std::uint64_t from, std::uint64_t bytes_max, Answer& answer);

/// Batches by number.
Fault fetch_batches(const Index& index, std::span<const std::uint64_t> numbers, Answer& answer);

}  // namespace ym::disklog
