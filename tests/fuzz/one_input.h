// One input for each decoder: what the long runs of libFuzzer and the short runs of every test share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
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

/// What a broker said while it was fed; by verb and by status.
struct BrokerCounts {
    std::uint64_t frames_in = 0;
    std::array<std::uint64_t, 32> verbs_out{};
    std::array<std::uint64_t, 600> statuses_out{};
    std::uint64_t majordomo_in = 0;
    std::uint64_t majordomo_requests = 0;  // to workers
    std::uint64_t majordomo_replies = 0;   // to clients
};

/// Feeds the real state machine with a script and looks at everything that it says. A script is a row of steps, each an
/// octet of what to do (see ScriptStep), and for some an argument. Any octets are a script.
enum class ScriptStep : std::uint8_t {
    frame,           // u8 peer, u32 length, octets: from this peer
    frame_and_body,  // the same, and a second frame with a body
    time,            // u8: goes on by so many times 20 ms
    unreachable,     // u8 peer: its connection is gone
    stored,          // the oldest batch is stored
    store_full,      // or is refused
    majordomo,       // u8 peer, u32 length, octets: a message of several frames, `u32 length, octets` each
};
[[nodiscard]] const char* fuzz_one_broker(const std::uint8_t* data, std::size_t size, BrokerCounts& counts);

/// How far messages came at the decoders of Majordomo and Paranoid Pirate.
struct MajordomoCounts {
    std::array<std::uint64_t, 3> decoded{};  // as mdp::Decoded
    std::array<std::uint64_t, 5> dialects{};
    std::array<std::uint64_t, 7> verbs{};
};
/// Decodes the frames (`u32 length, octets` each) as Majordomo and as either side of Paranoid Pirate. Returns the rule
/// that broke, nullptr if none.
[[nodiscard]] const char* fuzz_one_majordomo(const std::uint8_t* data, std::size_t size, MajordomoCounts& counts);

/// What the reader of stored batches made of octets.
struct StoreCounts {
    std::uint64_t heads = 0;      // good ones
    std::uint64_t records = 0;    // good ones
    std::uint64_t refused = 0;    // batches with a fault behind a good head
    std::uint64_t rewritten = 0;  // batches without a fault, written again
};
/// Reads the octets as a batch of stored records. Returns the rule that broke, nullptr if none.
[[nodiscard]] const char* fuzz_one_store(const std::uint8_t* data, std::size_t size, StoreCounts& counts);

/// What the log made of a segment.
struct LogCounts {
    std::uint64_t started = 0;  // with what the segment holds
    std::uint64_t refused = 0;  // as damaged
    std::uint64_t batches = 0;  // that were given back
    std::uint64_t cut = 0;      // an unfinished write, or what looked like one
};
/// Starts a log on the octets, filled up to a segment of 64 KiB. Returns the rule that broke, nullptr if none.
[[nodiscard]] const char* fuzz_one_log(const std::uint8_t* data, std::size_t size, LogCounts& counts);

/// What the settings reader made of texts.
struct SettingsCounts {
    std::uint64_t good = 0;                      // files without a problem
    std::uint64_t bad = 0;                       // files with problems
    std::uint64_t problems = 0;                  // in all
    std::map<std::string, std::uint64_t> by_id;  // how often each
};

/// Reads the text as a settings file, looks at every problem and, if there is none, prints the settings and reads them
/// again. Returns the rule that broke, nullptr if none; an exception is one.
[[nodiscard]] const char* fuzz_one_settings(const std::uint8_t* data, std::size_t size, SettingsCounts& counts);

}  // namespace ym::fuzz
