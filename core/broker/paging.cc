// Bodies that the store has need not stay in memory: which go, and how they come back.
#include <algorithm>

#include "broker/machine.h"

namespace ym {

/// Beyond this share of limits.memory, messages that nobody waits for go to the store alone.
bool Broker::Machine::is_memory_high() const {
    return memory() > topology_->memory_max - topology_->memory_max / 4;
}

/// The message may leave the memory before the next step, if that is short and nobody was given it.
void Broker::Machine::spare(Slot slot) {
    if (messages_.is_loaded(slot) && is_memory_high()) spared_.push_back(messages_.id(slot));
}

void Broker::Machine::page_out_spared() {
    for (const MessageId id : spared_) {
        const Slot slot = messages_.find(id);
        if (slot == no_slot || !messages_.is_loaded(slot) || !is_memory_high()) continue;
        if (messages_.head(slot).leases > 0 || !is_stored(messages_.batch(slot))) continue;
        if (is_kept(slot)) messages_.page_out(slot);
    }
    spared_.clear();
}

/// Whether a queue that holds the message is one that the store keeps it for.
bool Broker::Machine::is_kept(Slot slot) const {
    bool kept = false;
    holders_.for_each(messages_.holders(slot), [&](AddressId q) { kept = kept || addresses_[q.value].queue->keeps; });
    return kept;
}

Fetching& Broker::Machine::fetch(std::uint64_t number) {
    const auto [at, is_new] = fetching_.try_emplace(number);
    if (is_new) out_->fetch.push_back(number);
    return at->second;
}

/// The queue goes on when this message is back in memory.
void Broker::Machine::want(Queue& q, Slot slot) {
    q.wanted = messages_.id(slot);
    std::vector<AddressId>& queues = fetch(messages_.batch(slot)).queues;
    if (std::find(queues.begin(), queues.end(), q.address) == queues.end()) queues.push_back(q.address);
}

/// Fetches what will be wanted soon, so that nobody waits for it.
void Broker::Machine::look_ahead(Queue& q) {
    constexpr std::size_t ahead_max = 8192;
    constexpr std::size_t looks = 4;
    constexpr std::size_t fetches_max = 8;
    if (q.ready == 0 || !options_.store_keeps) return;
    const Lane& lane = q.next_lane();
    for (std::size_t i = 1; i <= looks; ++i) {
        const Slot slot = lane.ahead(ahead_max * i / looks);
        if (slot == no_slot || messages_.is_loaded(slot)) continue;
        if (is_memory_high() || fetching_.size() >= fetches_max) return;
        fetch(messages_.batch(slot));
    }
}

void Broker::Machine::on(const BatchFetched& event) {
    const auto found = fetching_.find(event.batch);
    if (found == fetching_.end()) return;
    const Fetching fetched = std::move(found->second);
    fetching_.erase(found);
    if (fetched.relocates) relocate(event, fetched.bytes);
    wanted_.clear();
    for (const AddressId id : fetched.queues) {
        if (!addresses_[id.value].queue) continue;
        wanted_.push_back(queue(id).wanted);
        touch(queue(id));
    }
    // What is wanted comes in any case, its neighbours while there is room.
    const std::uint64_t room = topology_->memory_max - topology_->memory_max / 8;
    for (const StoreRecord& r : event.records) {
        if (!holds_message(r.kind)) continue;
        each_message(r, [&](MessageId id, Octets fields, Octets body) {
            const Slot slot = messages_.find(id);
            if (slot == no_slot || messages_.is_loaded(slot) || messages_.batch(slot) != event.batch) return;
            const bool is_wanted = std::find(wanted_.begin(), wanted_.end(), id) != wanted_.end();
            if (!is_wanted && (fetched.relocates || memory() > room)) return;
            load(slot, r.at, fields, body, event.batch);
        });
    }
}

void Broker::Machine::load(Slot slot, WallTime accepted, Octets fields, Octets body, std::uint64_t number) {
    MessageHead head;
    head.accepted = to_instant(accepted);
    head.accepted_wall = accepted;
    head.batch = number;
    head.fields_bytes = static_cast<std::uint32_t>(fields.size());
    YM_CHECK(fields.size() + body.size() == messages_.bytes(slot));
    std::byte* to = messages_.load(slot, head);
    for (const Octets part : {fields, body}) {
        if (part.empty()) continue;
        std::memcpy(to, part.data(), part.size() - (YM_MUTANT(page_cut) ? 1 : 0));
        to += part.size();
    }
}

}  // namespace ym
