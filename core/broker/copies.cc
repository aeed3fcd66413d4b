// Where every copy of every message is, for those who look on.
#include "broker/machine.h"

namespace ym {

namespace {

CopyStatus copy_of(const Messages& messages, const Histories& histories, const Queue& q, CopyState state, Slot slot) {
    CopyStatus status;
    status.message = messages.id(slot);
    status.queue = q.settings.name;
    status.state = state;
    if (messages.is_loaded(slot)) {
        status.fields = as_text(messages.octets(slot).first(messages.head(slot).fields_bytes));
    }
    if (messages.has_failed(slot)) status.history = as_text(histories.of(status.message, q.address));
    return status;
}

}  // namespace

std::vector<CopyStatus> Broker::Machine::copies() {
    std::vector<CopyStatus> all;
    for (const Address& address : addresses_) {
        if (!address.queue) continue;
        const Queue& q = *address.queue;
        for (const Lane& lane : q.lanes) {
            lane.first(lane.size(), messages_,
                       [&](Slot slot) { all.push_back(copy_of(messages_, histories_, q, CopyState::ready, slot)); });
        }
        for (const Waiting& waiting : q.waiting) {
            all.push_back(copy_of(messages_, histories_, q, CopyState::waiting, waiting.copy.slot));
            all.back().until = waiting.due;
        }
        for (std::size_t i = 0; i < q.dead.size(); ++i) {
            all.push_back(copy_of(messages_, histories_, q, CopyState::dead, q.dead[i].slot));
            all.back().until = q.dead[i].since;
            all.back().why = q.dead[i].reason;
        }
    }
    for (Session& s : sessions_) {
        if (s.state == SessionState::free) continue;
        s.unacked.for_each([&](std::uint64_t /*tag*/, const Delivery& delivery) {
            all.push_back(copy_of(messages_, histories_, queue(delivery.queue), CopyState::leased, delivery.slot));
            all.back().until = delivery.deadline;
            all.back().worker = s.name;
        });
    }
    for (std::size_t i = 0; i < pending_.size(); ++i) {
        for (const auto* copies : {&pending_[i].copies, &pending_[i].behind}) {
            for (const StoringCopy& copy : *copies) {
                for (Slot slot = copy.slot; slot < copy.slot + copy.count; ++slot)
                    all.push_back(copy_of(messages_, histories_, queue(copy.queue), CopyState::storing, slot));
            }
        }
    }
    return all;
}

}  // namespace ym
