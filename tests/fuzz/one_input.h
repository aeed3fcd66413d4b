// One input for each decoder: what the long runs of libFuzzer and the short runs of every test share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ym::fuzz {

/// The parts of a frame that can be at fault, as the decoder names them.
inline constexpr std::array<std::string_view, 8> wire_parts{"head",   "magic",  "verb",    "name length",
                                                            "record", "length", "body at", "field"};

/// How far inputs came. A run in which one of these stays 0 has tested less than it says.
struct WireCounts {
    std::array<std::uint64_t, wire_parts.size()> refused{};  // by part
    std::uint64_t frames = 0;                                // whose head is good
    std::uint64_t records = 0;                               // good ones
    std::uint64_t behind_bad = 0;                            // good ones behind a bad one
    std::uint64_t fields = 0;
    std::uint64_t numbers = 0;     // fields that hold a u64
    std::uint64_t properties = 0;  // fields that hold a name and a value
    std::uint64_t rewritten = 0;   // frames without a fault, written again by our writer
};

/// Runs every decoder of YMP over the octets. Returns the rule that broke, nullptr if none.
[[nodiscard]] const char* fuzz_one_wire(const std::uint8_t* data, std::size_t size, WireCounts& counts);

}  // namespace ym::fuzz
