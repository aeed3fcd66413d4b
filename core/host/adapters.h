// The broker's policies over the C tables of plugins. Each keeps its buffers: no allocation for a message once they
// have grown to the largest batch.
#pragma once

#include <yardmaster/balance.h>
#include <yardmaster/retry.h>
#include <yardmaster/routing.h>

#include <memory>

#include "broker/policy.h"
#include "host/value.h"

namespace ym::host {

/// Each takes over `self`, which the table's create() gave, and the host it was created with.

/// Answers AddressId{i} for the i-th of `targets` addresses.
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_routing(const ym_routing& table, void* self,
                                                          std::unique_ptr<InstanceHost> host, std::uint32_t targets);
[[nodiscard]] std::unique_ptr<BalancePolicy> make_balance(const ym_balance& table, void* self,
                                                          std::unique_ptr<InstanceHost> host);
[[nodiscard]] std::unique_ptr<RetryPolicy> make_retry(const ym_retry& table, void* self,
                                                      std::unique_ptr<InstanceHost> host);

}  // namespace ym::host
