// What the store holds that still counts: reclaimed at its old end, relocated to its new one (decision 0013).
#include <algorithm>
#include <tuple>

#include "broker/machine.h"

namespace ym {
namespace {

/// Of what is said of one copy the last holds: that it is dead, or the highest count of attempts. Each batch that says
/// it again would double it otherwise, when the older ones are read once more after a restart.
void keep_last_notes(std::vector<StoreRecord>& notes) {
    const auto rank = [](const StoreRecord& note) {
        return std::tuple(note.message, note.queue, note.kind != RecordKind::dead, ~note.attempt);
    };
    std::stable_sort(notes.begin(), notes.end(),
                     [&](const StoreRecord& a, const StoreRecord& b) { return rank(a) < rank(b); });
    const auto same = [](const StoreRecord& a, const StoreRecord& b) {
        return a.message == b.message && a.queue == b.queue;
    };
    notes.erase(std::unique(notes.begin(), notes.end(), same), notes.end());
}

}  // namespace

/// The message's record stands in batch `number` from now on.
void Broker::Machine::keep_in(Slot slot, std::uint64_t number) {
    leave_batch(slot);
    messages_.set_batch(slot, number);
    batches_.join(number, messages_.bytes(slot));
}

void Broker::Machine::leave_batch(Slot slot) {
    const std::uint64_t number = messages_.batch(slot);
    if (number != 0) batches_.leave(number, messages_.bytes(slot));
}

/// Whether the store is known to have the batch.
bool Broker::Machine::is_stored(std::uint64_t number) const {
    return number != 0 && (pending_.empty() || number < pending_.front().number);
}

/// A queue holds the message no longer; the last one takes it along.
void Broker::Machine::drop_copy(AddressId holder, Slot slot) {
    if (messages_.has_failed(slot)) histories_.forget(messages_.id(slot), holder);
    const Holders::Set left = holders_.without(messages_.holders(slot), holder);
    if (left != Holders::none) return messages_.set_holders(slot, left);
    leave_batch(slot);
    messages_.remove(slot);
}

/// A message of its own for `to`, with the octets of one of `from`, which no longer holds the other.
Slot Broker::Machine::split(Queue& from, Queue& to, Slot slot) {
    MessageEntry entry;
    entry.id = MessageId{next_message_++};
    entry.bytes = messages_.bytes(slot);
    entry.priority = messages_.priority(slot);
    entry.holders = Holders::single(to.address);
    if (Holders::is_single(messages_.holders(slot))) {
        if (messages_.has_failed(slot)) histories_.forget(messages_.id(slot), from.address);
        leave_batch(slot);
        messages_.set_batch(slot, 0);
        return messages_.renumber(slot, entry);
    }
    MessageHead head = messages_.head(slot);
    head.batch = 0;
    head.leases = 0;
    std::byte* octets = nullptr;
    const Slot made = messages_.add(entry, head, octets);
    const Octets old = messages_.octets(slot);
    if (!old.empty()) std::memcpy(octets, old.data(), old.size());
    drop_copy(from.address, slot);
    return made;
}

/// What a batch takes on disk, nearly, and whether it says something of single copies.
void Broker::Machine::measure_batch(std::uint64_t number, std::span<const StoreRecord> records) {
    std::uint64_t bytes = 0;
    std::uint64_t around = 0;
    std::uint64_t messages = 0;
    bool has_notes = false;
    for (const StoreRecord& r : records) {
        bytes += Batches::record_bytes(r.fields.size() + r.body.size() + r.name.size() + r.numbers.size_bytes() +
                                       r.steps.size() + r.history.size());
        has_notes = has_notes || is_note(r.kind);
        if (!holds_message(r.kind)) continue;
        for (const Content& content : r.more) bytes += Batches::more_bytes(content.bytes());
        around += Batches::record_bytes(0) + Batches::more_bytes(0) * r.more.size();
        messages += messages_of(r);
    }
    batches_.wrote(number, bytes, messages == 0 ? 0 : static_cast<std::uint32_t>(around / messages));
    batches_.find(number)->has_notes = has_notes;
}

/// What every record says that holds a message. Of a loaded one, whose octets the record borrows.
void Broker::Machine::show_message(StoreRecord& r, Slot slot) const {
    const MessageHead& head = messages_.head(slot);
    const Octets octets = messages_.octets(slot);
    r.message = messages_.id(slot);
    r.at = head.accepted_wall;
    r.priority = messages_.priority(slot);
    r.fields = octets.first(head.fields_bytes);
    r.body = octets.subspan(head.fields_bytes);
}

/// Gives up what is oldest, and copies what counts of it when it keeps too much back that does not.
void Broker::Machine::tend_store() {
    // What was read so far seems dead: what is alive may come later.
    if (!options_.store_keeps || replay_ || store_state_ != StoreState::ready) return;
    const std::uint64_t end = pending_.empty() ? batches_.end() : pending_.front().number;
    if (relocation_.fetches == 0 && !relocation_.from.empty()) write_relocated();
    reclaiming_.next = std::max(reclaiming_.next, batches_.first());
    while (reclaiming_.next < end) {
        const Batches::Batch& batch = *batches_.find(reclaiming_.next);
        if (batch.live > 0 || batch.has_notes) break;
        reclaiming_.bytes += batch.bytes;
        ++reclaiming_.next;
    }
    if (!store_open() || holds_records() || draining_) return;
    relocate_more(end);
    // A snapshot is worth its octets only for many others.
    constexpr std::uint64_t part = 8;
    if (reclaiming_.snapshot_batch != 0 || is_read_below(reclaiming_.next)) return;
    if (reclaiming_.bytes > std::max(options_.store_slack / part, part * reclaiming_.snapshot_bytes)) {
        write_snapshot();
    }
}

/// Whether a batch below `number` is being fetched: it stays until it was.
bool Broker::Machine::is_read_below(std::uint64_t number) const {
    return std::any_of(fetching_.begin(), fetching_.end(), [number](const auto& f) { return f.first < number; });
}

/// Fetches the oldest batches that still count, as long as the dead keep more than three times the room of the living.
void Broker::Machine::relocate_more(std::uint64_t end) {
    constexpr std::size_t fetches_max = 32;
    constexpr std::uint64_t bytes_max = std::uint64_t{4} << 20U;
    const std::uint64_t bytes = batches_.bytes() - reclaiming_.bytes;
    if (relocation_.fetches > 0 ||
        bytes <= 4 * (batches_.live_bytes() + reclaiming_.snapshot_bytes) + options_.store_slack)
        return;
    // A pass ends at what was the newest batch when it began; another one is worth it when this one has freed
    // something.
    if (relocation_.next >= relocation_.end && reclaiming_.next > relocation_.front) {
        relocation_.front = relocation_.next = reclaiming_.next;
        relocation_.end = end;
    }
    relocation_.next = std::max(relocation_.next, reclaiming_.next);
    while (relocation_.next < relocation_.end && relocation_.fetches < fetches_max && relocation_.bytes < bytes_max) {
        const std::uint64_t number = relocation_.next++;
        const Batches::Batch& batch = *batches_.find(number);
        if (batch.live == 0 && !batch.has_notes) continue;
        Fetching& fetching = fetch(number);
        if (fetching.relocates) continue;
        fetching.relocates = true;
        fetching.bytes = batch.bytes;
        ++relocation_.fetches;
        relocation_.bytes += batch.bytes;
    }
}

/// Gathers what counts of an old batch.
void Broker::Machine::relocate(const BatchFetched& event, std::uint64_t bytes) {
    --relocation_.fetches;
    relocation_.bytes -= bytes;
    for (const StoreRecord& r : event.records) {
        // All other records are older than the next snapshot.
        if (is_note(r.kind)) {
            relocation_.notes.push_back(r);
            relocation_.notes.back().history = {};  // borrowed; its copy has one
        }
        if (!holds_message(r.kind)) continue;
        each_message(r, [&](MessageId id, Octets fields, Octets body) {
            const Slot slot = messages_.find(id);
            if (slot == no_slot || messages_.batch(slot) != event.batch) return;
            if (!messages_.is_loaded(slot)) load(slot, r.at, fields, body, event.batch);
            relocation_.messages.push_back(id);
        });
    }
    relocation_.from.push_back(event.batch);
}

/// Writes down again what counts of several old batches, in one: small ones become a large one. Only at the end of a
/// step: records show the octets of messages, which an ack would give up.
void Broker::Machine::write_relocated() {
    if (store_open() && !holds_records()) {
        for (const MessageId id : relocation_.messages) relocate_message(id);
        batch().notes_first = out_->records.size();
        keep_last_notes(relocation_.notes);
        for (const StoreRecord& note : relocation_.notes) {
            if (!YM_MUTANT(notes_left_behind)) relocate_note(note);
        }
        batch().notes_last = out_->records.size();
        std::vector<std::uint64_t>& read = batch().read_notes;
        read.insert(read.end(), relocation_.from.begin(), relocation_.from.end());
    } else {
        relocation_.next = batches_.first();  // another time
    }
    relocation_.messages.clear();
    relocation_.notes.clear();
    relocation_.from.clear();
}

void Broker::Machine::relocate_message(MessageId id) {
    const Slot slot = messages_.find(id);
    if (slot == no_slot) return;
    if (!messages_.is_loaded(slot)) {  // memory was short meanwhile
        relocation_.next = batches_.first();
        return;
    }
    batch().relocated.push_back(id);
    const std::size_t first = lists_.queues.size();
    holders_.for_each(messages_.holders(slot), [this](AddressId q) {
        if (!queue(q).keeps) return;
        name_queue(queue(q));
        lists_.queues.push_back(queue(q).number);
    });
    if (lists_.queues.size() == first) return;  // those that still hold it keep nothing
    lists_.end_message();
    show_message(record(RecordKind::relocated), slot);
}

/// What is said of a copy that is still there is said again as it was; the highest count of attempts holds.
void Broker::Machine::relocate_note(const StoreRecord& old) {
    const Slot slot = messages_.find(old.message);
    const AddressId address = old.queue.value < numbers_.size() ? numbers_[old.queue.value] : no_address;
    if (slot == no_slot || address == no_address || !holders_.contains(messages_.holders(slot), address)) return;
    record(old.kind) = old;
    queue(address).recorded_in = batch().number;
}

/// All that old batches told besides messages. In order: the store has it only if it has all before it.
void Broker::Machine::write_snapshot() {
    reclaiming_.snapshot_batch = batch().number;
    reclaiming_.through = reclaiming_.next - 1;
    const auto write = [this](RecordKind kind) -> StoreRecord& {
        lists_.numbers_to.push_back(static_cast<std::uint32_t>(lists_.numbers.size()));
        return record(kind);
    };
    lists_.numbers.insert(lists_.numbers.end(), {next_message_, duplicates_, refused_, dropped_unmatched_});
    write(RecordKind::totals);
    storing_.assign(addresses_.size(), {});
    for (std::size_t i = 0; i < pending_.size(); ++i) {
        for (const StoringCopy& copy : pending_[i].copies) storing_[copy.queue.value].accepted += copy.count;
        for (const MovingCopy& moving : pending_[i].moved) ++storing_[moving.to.queue.value].moved_in;
    }
    for (const Address& address : addresses_) {
        if (!address.queue || !address.queue->keeps) continue;
        Queue& q = *address.queue;
        q.named = false;  // whatever told its name before goes
        name_queue(q);
        add_books(q, storing_[q.address.value]);
        write(RecordKind::ledger).queue = q.number;
    }
    for (const Session& s : sessions_) {
        if (s.state == SessionState::free || s.majordomo || s.accepted.taken() == 0) continue;
        if (YM_MUTANT(windows_left_behind)) continue;
        s.accepted.save(lists_.numbers);
        StoreRecord& r = write(RecordKind::window);
        r.principal = s.key.principal;
        r.session = as_octets(s.key.text());
    }
    reclaiming_.snapshot_bytes =
        lists_.numbers.size() * sizeof(std::uint64_t) + Batches::record_bytes(0) * lists_.numbers_to.size();
}

/// A queue's books as they will be when everything that was appended is stored: with `storing`.
void Broker::Machine::add_books(const Queue& q, const Storing& storing) {
    const Ledger& l = q.ledger;
    lists_.numbers.insert(lists_.numbers.end(), {l.accepted + (YM_MUTANT(snapshot_too_early) ? 0 : storing.accepted),
                                                 l.moved_in + storing.moved_in, l.acked, l.dead, l.expired, l.deleted,
                                                 l.moved_out, q.dead_ledger.in, q.dead_ledger.dropped});
    lists_.numbers.insert(lists_.numbers.end(), l.dropped.begin(), l.dropped.end());
}

/// A batch is stored: what it carries on from others need not be there twice.
void Broker::Machine::complete_relocation(PendingBatch& pending) {
    for (const MessageId id : pending.relocated) {
        const Slot slot = messages_.find(id);
        if (slot == no_slot) continue;
        if (is_kept(slot)) {
            keep_in(slot, pending.number);
            spare(slot);
        } else if (messages_.is_loaded(slot)) {
            leave_batch(slot);
            messages_.set_batch(slot, 0);
        }
    }
    for (const std::uint64_t number : pending.read_notes) {
        if (Batches::Batch* batch = batches_.find(number)) batch->has_notes = false;
    }
    if (pending.number != reclaiming_.snapshot_batch) return;
    reclaiming_.snapshot_batch = 0;
    out_->reclaim = reclaiming_.through + (YM_MUTANT(reclaimed_too_far) ? 1 : 0);
    for (std::uint64_t n = batches_.first(); n <= reclaiming_.through; ++n) {
        reclaiming_.bytes -= batches_.find(n)->bytes;
    }
    batches_.reclaim(reclaiming_.through);
}

/// The store was full: nothing of the batch is there.
void Broker::Machine::refuse_relocation(PendingBatch& pending) {
    if (pending.number == reclaiming_.snapshot_batch) reclaiming_.snapshot_batch = 0;
    if (!pending.relocated.empty() || !pending.read_notes.empty()) relocation_.next = batches_.first();
    Batches::Batch* batch = batches_.find(pending.number);
    if (batch == nullptr) return;
    batch->has_notes = false;
    batches_.wrote(pending.number, 0, 0);
}

}  // namespace ym
