// Messages in, many at once: those of a frame that stand behind one another and go to one queue are looked at once.
#include "broker/machine.h"

namespace ym {

using wire::Status;

/// How many candidates from `first` on go to one queue, and differ in nothing that decides about them.
std::size_t Broker::Machine::alike(std::size_t first) const {
    const auto is_plain = [this](const Candidate& c) {
        return c.first != no_link && targets_[c.first].next == no_link && c.refused == Status{} && !c.wants_reply &&
               c.unmatched == 0 && !c.repeats;
    };
    const Candidate& one = candidates_[first];
    if (!is_plain(one)) return 1;
    const AddressId to = targets_[one.first].queue;
    std::size_t end = first + 1;
    for (; end < candidates_.size(); ++end) {
        const Candidate& c = candidates_[end];
        if (c.sequence != one.sequence + (end - first) || c.priority != one.priority || !is_plain(c) ||
            targets_[c.first].queue != to)
            break;
    }
    return end - first;
}

/// Accepts messages that alike() found, as accept() would one after the other. False, and nothing is done, if there
/// may not be room for all of them.
bool Broker::Machine::accept_run(Session& s, std::span<const Candidate> run) {
    Queue& q = queue(targets_[run.front().first].queue);
    std::uint64_t bytes = 0;
    std::uint64_t body_bytes = 0;
    for (const Candidate& c : run) {
        bytes += c.fields.size() + c.body.size();
        body_bytes += c.body.size();
    }
    if (draining_ || asking_ != nullptr || memory() + bytes > topology_->memory_max ||
        !has_room_for(q, run.size(), bytes) || !may_store_for(q))
        return false;
    s.published += run.size();
    Slot first = no_slot;
    std::uint32_t count = 0;
    for (const Candidate& c : run) {
        s.accepted.accept(c.sequence);
        const Slot slot = store_message(c);
        if (q.keeps) record_message(s, c, slot);
        q.bytes += messages_.bytes(slot);  // with what a pipeline filled in
        if (count > 0 && slot != first + count) {
            enqueue(q, first, count, q.keeps);
            count = 0;
        }
        if (count++ == 0) first = slot;
    }
    enqueue(q, first, count, q.keeps);
    confirm(s, run.front().sequence, run.back().sequence, body_bytes, q.keeps);
    return true;
}

}  // namespace ym
