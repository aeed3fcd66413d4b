// A status report as people read it.
#pragma once

#include <string>

#include "broker/status.h"

namespace ym::server {

/// What came in and went out of a queue between two reports, for the columns of rates.
struct RateBase {
    const StatusReport* earlier = nullptr;  // null: no rates are shown
    Duration apart{0};
};

/// Queues, peers and the ledger.
[[nodiscard]] std::string status_text(const StatusReport& report, const RateBase& rates = {});

/// The ledger alone: each term of each queue, and a line that says whether the books balance.
[[nodiscard]] std::string ledger_text(const StatusReport& report);

/// True if, for every queue, what came in is what left and what lives.
[[nodiscard]] bool balances(const StatusReport& report);

}  // namespace ym::server
