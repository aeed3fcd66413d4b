// Majordomo as the RFCs 7 and 18 write it, frame by frame, and its dialect in the field. Written by hand and apart from
// core/wire/mdp.h, so that both are measured against the text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace ym::simulation {

/// A ZeroMQ message, frame by frame, without the routing id.
using Frames = std::vector<std::string>;

/// How a client speaks.
enum class Speech : std::uint8_t {
    v01,      // "" | MDPC01 | service | body+
    v02,      // MDPC02 | 01 | service | body+, with "" in front or without
    shifted,  // "" | MDPC02 | 02 | service | body+; answers have 03 and 04, and no service
};
inline constexpr std::size_t speech_count = 3;

/// What a client asks. `envelope` ends with an empty frame, or has none.
[[nodiscard]] Frames client_request(Speech speech, const Frames& envelope, const std::string& service,
                                    const Frames& body);

enum class WorkerWord : std::uint8_t { ready, request, partial, final, heartbeat, disconnect, unknown };
inline constexpr std::size_t worker_word_count = 7;
/// A command of a worker, or of the broker to one; `behind` stands behind the command's octet.
[[nodiscard]] Frames worker_command(bool is_v02, bool delimited, WorkerWord word, const Frames& behind = {});

/// A message taken apart.
struct Heard {
    enum class Kind : std::uint8_t { foreign, malformed, client, worker };
    Kind kind = Kind::foreign;
    Frames envelope;
    bool is_v02 = false;
    std::string code;  // of 0.2, and of workers: one octet
    Frames rest;       // behind it
    WorkerWord word = WorkerWord::unknown;
};
[[nodiscard]] Heard hear(const Frames& frames);

/// The frames of what the broker sends: `u32 length, octets` repeated.
[[nodiscard]] std::optional<Frames> unpack(Octets octets);

[[nodiscard]] std::string join(const Frames& frames, std::size_t from = 0);
[[nodiscard]] std::string describe(const Frames& frames);

}  // namespace ym::simulation
