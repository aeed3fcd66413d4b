#include "broker/policy.h"
#include "broker/status.h"

namespace ym {

std::string_view name_of(FailureReason reason) {
    switch (reason) {
        case FailureReason::nack: return "nack";
        case FailureReason::reject: return "reject";
        case FailureReason::throttled: return "throttled";
        case FailureReason::lease_expired: return "lease_expired";
        case FailureReason::worker_lost: return "worker_lost";
        case FailureReason::queue_full: return "queue_full";
    }
    return "unknown";
}

std::string_view name_of(DropReason reason) {
    switch (reason) {
        case DropReason::queue_full: return "queue_full";
        case DropReason::optional_full: return "optional_full";
        case DropReason::unmatched: return "unmatched";
    }
    return "unknown";
}

}  // namespace ym
