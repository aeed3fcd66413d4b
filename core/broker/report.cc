// The books: what `status` answers. What is live is counted by walking, never derived.
#include <algorithm>

#include "broker/machine.h"

namespace ym {

namespace {

std::string hex(std::string_view octets) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char c : octets) {
        const auto octet = static_cast<unsigned char>(c);
        text += digits[octet >> 4U];
        text += digits[octet & 15U];
    }
    return text;
}

}  // namespace

void Broker::Machine::on(const AdminCommand& event) {
    out_->answers.push_back({event.ticket, status(now_.monotonic)});
}

QueueStatus Broker::Machine::status_of(const Queue& q, Instant now) const {
    QueueStatus status;
    status.name = q.settings.name;
    status.durable = q.settings.durable;
    status.orphan = q.orphan;
    status.created = q.created;
    status.group = groups_.of(q.address.value);
    status.ledger = q.ledger;
    status.dead_letters = q.dead_ledger;
    Instant oldest = now;
    const auto look = [&](Slot slot) { oldest = std::min(oldest, accepted_at(slot)); };
    // Each is counted; but only the first of each lane is looked at, for a look at ten million heads would take a
    // second.
    for (const Lane& lane : q.lanes) {
        lane.for_each([&](Slot /*slot*/) { ++status.ready; });
        if (lane.size() > 0) look(lane.front(messages_).slot);
    }
    const Copy* first = nullptr;
    for (const Waiting& waiting : q.waiting) {
        ++status.waiting;
        if (first == nullptr || waiting.copy.id < first->id) first = &waiting.copy;
    }
    if (first != nullptr) look(first->slot);
    status.oldest = now - oldest;
    for (std::size_t i = 0; i < q.dead.size(); ++i) ++status.dead_letters.live;
    status.storing = q.storing;
    status.bytes = q.bytes;
    status.delivered = q.delivered;
    status.redelivered = q.redelivered;
    status.failures = q.failures;
    status.refused = q.refused;
    status.processed = q.processed;
    status.processing = q.processing;
    status.workers = q.subscribers;
    return status;
}

PeerStatus Broker::Machine::status_of(Session& s) const {
    PeerStatus status;
    status.name = s.name;
    status.session = hex(s.key.text());
    for (const std::uint32_t index : s.subscriptions) {
        status.queues.push_back(addresses_[subscriptions_[index].queue.value].name);
    }
    status.connected = s.state == SessionState::connected;
    status.silent = s.silent;
    status.credit = s.credit - std::min(s.credit, s.unacked.last_tag());
    status.in_flight = s.unacked.size();
    status.published = s.published;
    status.acked = s.acked;
    status.unconfirmed = s.unconfirmed;
    return status;
}

/// Of a message that is in the store alone: when the first one of its batch was.
Instant Broker::Machine::accepted_at(Slot slot) const {
    if (messages_.is_loaded(slot)) return messages_.head(slot).accepted;
    const Batches::Batch* batch = batches_.find(messages_.batch(slot));
    return batch == nullptr ? now_.monotonic : to_instant(batch->at);
}

void Broker::Machine::add_plugins(StatusReport& report) const {
    const auto add = [&](const std::string& place, const PolicyHealth& health) {
        if (health.failed + health.slow + health.spared == 0) return;
        report.plugins.push_back({place, std::string(health.plugin), health.failed, health.slow, health.spared});
    };
    for (const Address& address : addresses_) {
        if (address.pipeline) add("pipeline " + address.name, address.pipeline->settings.route->health());
        if (address.queue) add("queue " + address.name, address.queue->settings.balance->health());
    }
    for (const NamedRetry& retry : topology_->retries) add("retry " + retry.name, retry.policy->health());
}

StatusReport Broker::Machine::status(Instant now) {
    StatusReport report;
    if (!topology_) return report;
    if (groups_are_old_) group_addresses();
    report.broker = topology_->broker_name;
    report.uptime = now - started_;
    report.draining = draining_;
    report.epoch = epoch_;
    report.memory = memory();
    report.memory_max = topology_->memory_max;
    report.duplicates = duplicates_;
    report.refused = refused_;
    report.dropped_unmatched = dropped_unmatched_;
    report.malformed = malformed_;
    report.stale = stale_;
    report.histories_lost = histories_.lost();
    report.replies_sent = replies_sent_;
    report.replies_dropped = replies_dropped_;
    std::vector<std::size_t> place(addresses_.size(), 0);
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
        if (!addresses_[i].queue) continue;
        place[i] = report.queues.size();
        report.queues.push_back(status_of(*addresses_[i].queue, now));
    }
    for (Session& s : sessions_) {
        if (s.state == SessionState::free) continue;
        if (s.state != SessionState::remembered) report.peers.push_back(status_of(s));
        s.unacked.for_each([&](std::uint64_t /*tag*/, const Delivery& delivery) {
            QueueStatus& q = report.queues[place[delivery.queue.value]];
            ++q.in_flight;
            q.oldest = std::max(q.oldest, now - messages_.head(delivery.slot).accepted);
        });
    }
    for (std::size_t i = 0; i < pending_.size(); ++i) {
        for (const StoringCopy& copy : pending_[i].behind) {
            QueueStatus& q = report.queues[place[copy.queue.value]];
            q.waiting += copy.count;
            q.oldest = std::max(q.oldest, now - messages_.head(copy.slot).accepted);
        }
    }
    add_plugins(report);
    for (QueueStatus& q : report.queues) q.live = q.ready + q.waiting + q.in_flight;
    return report;
}

}  // namespace ym
