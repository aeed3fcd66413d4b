#include "checker.h"

namespace ym::simulation {

Checkers make_checkers(Evidence& evidence) {
    Checkers all;
    all.push_back(make_confirm_checker(evidence));
    all.push_back(make_delivery_checker(evidence));
    all.push_back(make_lease_checker(evidence));
    all.push_back(make_settlement_checker(evidence));
    all.push_back(make_credit_checker(evidence));
    all.push_back(make_fence_checker(evidence));
    all.push_back(make_order_checker(evidence));
    all.push_back(make_reply_checker(evidence));
    all.push_back(make_ledger_checker(evidence));
    all.push_back(make_image_checker(evidence));
    all.push_back(make_error_checker(evidence));
    all.push_back(make_heartbeat_checker(evidence));
    all.push_back(make_recovery_checker(evidence));
    all.push_back(make_durable_checker(evidence));
    all.push_back(make_history_checker(evidence));
    return all;
}

}  // namespace ym::simulation
