// What a broker says and holds, in words.
#pragma once

#include <optional>
#include <string>

#include "broker/status.h"
#include "unit/broker/harness.h"

namespace ym::scenario {

/// A record that a peer got; nothing for what only keeps the connection going (heartbeats, windows).
[[nodiscard]] std::optional<std::string> in_words(const test::Got& got);

/// `accepted 2, acked 1, live 1; balanced`: the terms that are not zero, and whether they add up.
[[nodiscard]] std::string ledger_in_words(const QueueStatus& queue);

/// `ready 1, waiting 0, in flight 0`, and what is unusual about the queue.
[[nodiscard]] std::string status_in_words(const QueueStatus& queue);

/// Counters of the whole broker that are not zero.
[[nodiscard]] std::string totals_in_words(const StatusReport& report);

}  // namespace ym::scenario
