// The store: what a step wants kept is one batch; what waits for it is told when it completes.
#include "broker/machine.h"

namespace ym {

using wire::Status;

PendingBatch& Broker::Machine::batch() {
    if (!batch_open_) {
        if (batch_spare_.empty()) {
            pending_.push_back({});
        } else {
            pending_.push_back(std::move(batch_spare_.back()));
            batch_spare_.pop_back();
        }
        pending_.back().number = ++last_batch_;
        batches_.add(last_batch_);
        batch_open_ = true;
    }
    return pending_.back();
}

/// The batch of this number, if the store is still asked about it.
PendingBatch* Broker::Machine::pending(std::uint64_t number) {
    for (std::size_t i = pending_.size(); i > 0 && pending_[i - 1].number >= number; --i) {
        if (pending_[i - 1].number == number) return &pending_[i - 1];
    }
    return nullptr;
}

/// Before a batch names a queue by its number, the store is told what that number means: in the same batch, until one
/// of them is stored.
void Broker::Machine::name_queue(Queue& q) {
    if (!q.keeps || q.named || q.named_in == batch().number) return;
    if (q.number == no_address) {
        q.number.value = static_cast<std::uint32_t>(numbers_.size());
        numbers_.push_back(q.address);
    }
    q.named_in = q.recorded_in = batch().number;
    q.named = YM_MUTANT(name_told_once);
    batch().named.push_back(q.address);
    StoreRecord& r = record(RecordKind::queue);
    r.queue = q.number;
    r.name = addresses_[q.address.value].name;
}

StoreRecord& Broker::Machine::record(RecordKind kind) {
    batch();
    out_->records.push_back({});
    out_->records.back().kind = kind;
    return out_->records.back();
}

/// The queue that a record of this life names.
Queue& Broker::Machine::queue_of(const StoreRecord& r) {
    return queue(numbers_[r.queue.value]);
}

/// A record that no publish waits for; it is held back while the store takes nothing.
StoreRecord& Broker::Machine::record_of(Queue& q, RecordKind kind) {
    if (store_open()) {
        name_queue(q);
        StoreRecord& r = record(kind);
        r.queue = q.number;
        q.recorded_in = batch().number;
        return r;
    }
    held_records_.push_back({});
    held_records_.back().kind = kind;
    held_records_.back().queue = q.number;
    ++q.held_records;
    return held_records_.back();
}

bool Broker::Machine::store_open() const {
    return store_state_ == StoreState::ready && now_.monotonic >= store_full_until_;
}

/// Appends what was held back while the store took nothing.
/// A store that is short of space takes what it can only without a publish in the batch.
void Broker::Machine::release_held() {
    if (!holds_records() || !store_open()) return;
    held_go_ = store_short_;
    PendingBatch& pending = batch();
    pending.settled.insert(pending.settled.end(), held_settled_.begin(), held_settled_.end());
    held_settled_.clear();
    for (const StoreRecord& r : held_records_) {
        Queue& q = queue_of(r);
        name_queue(q);
        --q.held_records;
        q.recorded_in = pending.number;
    }
    out_->records.insert(out_->records.end(), held_records_.begin(), held_records_.end());
    held_records_.clear();
    for (const MovingCopy& moving : held_moved_) record_move(moving);
    held_moved_.clear();
}

/// A batch that answers wait for, but nothing was written to it (a lease that was extended, a part of a reply): there
/// is nothing to store, and no completion would come. Its answers wait for the batch before it, if there is one.
void Broker::Machine::close_empty_batch() {
    if (!batch_open_ || !out_->records.empty()) return;
    PendingBatch empty = std::move(pending_.back());
    pending_.pop_back();
    batch_open_ = false;
    --last_batch_;
    batches_.take_back();
    if (pending_.empty()) {
        complete(empty);
    } else {
        PendingBatch& before = pending_.back();
        before.settled.insert(before.settled.end(), empty.settled.begin(), empty.settled.end());
        before.relocated.insert(before.relocated.end(), empty.relocated.begin(), empty.relocated.end());
        before.read_notes.insert(before.read_notes.end(), empty.read_notes.begin(), empty.read_notes.end());
    }
    empty.clear();
    batch_spare_.push_back(std::move(empty));
}

void Broker::Machine::seal_batch() {
    if (!batch_open_) return;
    batch_open_ = false;
    YM_CHECK(!out_->records.empty());  // an empty batch is never appended, and would never complete
    PendingBatch& pending = pending_.back();
    out_->batch = pending.number;
    // A batch that may wait is one that a store short of space still takes, so then workers that ask wait as well.
    const bool asked = !pending.settled.empty() && !store_short_;
    out_->may_wait = pending.copies.empty() && pending.confirms.empty() && !asked;
    std::size_t route = 0;
    std::size_t list = 0;
    std::uint32_t from = 0;
    std::uint32_t numbers_from = 0;
    std::size_t at = 0;
    for (StoreRecord& r : out_->records) {
        // Said again, they need not be held back if the store is full: where they were said first they still are.
        const bool is_again = at >= pending.notes_first && at < pending.notes_last;
        ++at;
        switch (r.kind) {
            case RecordKind::accepted:
            case RecordKind::relocated: {
                const std::uint32_t to = record_queues_at_[route++];
                r.queues = std::span<const AddressId>(record_queues_).subspan(from, to - from);
                from = to;
                break;
            }
            case RecordKind::settled:
            case RecordKind::attempted:
            case RecordKind::dead:
                if (!is_again) pending.others.push_back(r);
                break;
            case RecordKind::ledger:
            case RecordKind::window:
            case RecordKind::totals: {
                const std::uint32_t to = record_numbers_at_[list++];
                r.numbers = std::span<const std::uint64_t>(record_numbers_).subspan(numbers_from, to - numbers_from);
                numbers_from = to;
                break;
            }
            case RecordKind::queue:
            case RecordKind::moved: break;
        }
    }
    measure_batch(pending.number, out_->records);
    batches_.find(pending.number)->at = now_.wall;
}

void Broker::Machine::on(const StoreCompleted& event) {
    if (pending_.empty() || event.batch != pending_.front().number) return;  // of an earlier epoch
    switch (event.status) {
        case StoreStatus::ok:
        case StoreStatus::full: break;
        case StoreStatus::unknown:
            if (store_state_ == StoreState::acquiring) return;
            store_state_ = StoreState::acquiring;
            out_->acquire = true;
            notice(NoticeKind::store_unknown, "store", "does not know whether a batch was kept; acquiring again",
                   event.batch);
            return;
        case StoreStatus::fenced:
            notice(NoticeKind::store_fenced, "store", "another broker owns this shard now", epoch_);
            return finish(Finish::fenced);
        case StoreStatus::failed:
            notice(NoticeKind::store_failed, "store", "failed; nothing more is confirmed", event.batch);
            return finish(Finish::store_failed);
    }
    // Taken out first: what follows from it may open another batch.
    PendingBatch done = std::move(pending_.front());
    pending_.pop_front();
    if (event.status == StoreStatus::ok) {
        complete(done);
    } else {
        refuse_batch(done);
    }
    done.clear();
    batch_spare_.push_back(std::move(done));
}

void Broker::Machine::on(const StoreAcquired& event) {
    notice(NoticeKind::store_acquired, {}, "epoch", event.epoch);
    epoch_ = event.epoch;
    if (replay_) finish_replay();
    store_state_ = StoreState::ready;
    last_batch_ = std::max(last_batch_, event.through);
    while (!pending_.empty() && (pending_.front().number <= event.through || YM_MUTANT(confirmed_on_acquire))) {
        PendingBatch done = std::move(pending_.front());
        pending_.pop_front();
        complete(done);
    }
    release_held();
}

void Broker::Machine::complete(PendingBatch& pending) {
    if (!pending.copies.empty()) store_short_ = false;
    for (const AddressId id : pending.named) queue(id).named = true;
    for (const StoringCopy& copy : pending.copies) {
        --queue(copy.queue).storing;
        ++queue(copy.queue).ledger.accepted;
        make_ready(copy);
    }
    for (const MovingCopy& moving : pending.moved) {
        --queue(moving.to.queue).storing;
        ++queue(moving.to.queue).ledger.moved_in;
        make_ready(moving.to);
    }
    for (const StoringCopy& copy : pending.behind) make_ready(copy);
    for (const StoreRecord& r : pending.others) {  // queues that waited for it may be removed now
        Queue& q = queue_of(r);
        if (q.live == 0 && (q.orphan || q.created)) schedule(q);
    }
    for (const AddressId id : pending.optional_full) count_optional_full(queue(id));
    complete_relocation(pending);
    for (const StoringCopy& copy : pending.copies) spare(copy.slot);
    dropped_unmatched_ += pending.unmatched;
    for (const PendingAnswer& run : pending.confirms) {
        Session* s = session(run.session);
        if (s == nullptr) continue;
        s->unconfirmed -= run.last - run.first + 1;
        s->bytes_unconfirmed -= run.bytes;
        if (s->state != SessionState::connected) continue;
        if (!YM_MUTANT(early_confirm)) s->confirms.push_back({run.first, run.last, Status::ok, {}, Duration{0}});
        say(*s);
    }
    for (const PendingAnswer& run : pending.settled) {
        Session* s = session(run.session);
        if (s == nullptr || s->state != SessionState::connected) continue;
        add_answers(s->settled, run.first, run.last, Status::ok);
        say(*s);
    }
}

/// The store was full: the publishes of the batch are refused as if they had never been, all else is tried again.
void Broker::Machine::refuse_batch(PendingBatch& pending) {
    store_full_until_ = now_.monotonic + store_full_wait;
    store_short_ = true;
    for (const StoringCopy& copy : pending.copies) {
        Queue& q = queue(copy.queue);
        const MessageId id = messages_.id(copy.slot);
        if (messages_.wants_reply(copy.slot)) {
            const auto request = requests_.find(id);
            if (request != requests_.end() && request->second.majordomo) {
                end_request(id, Status::full, "the store is full");
            } else if (request != requests_.end()) {
                if (Session* s = session(request->second.session)) --s->requests;
                requests_.erase(request);
            }
        }
        --q.storing;
        --q.live;
        q.bytes -= messages_.bytes(copy.slot);
        ++q.refused;
        drop_copy(copy.queue, copy.slot);
    }
    for (const PendingAnswer& run : pending.confirms) {
        refused_ += run.last - run.first + 1;
        Session* s = session(run.session);
        if (s == nullptr) continue;
        s->unconfirmed -= run.last - run.first + 1;
        s->bytes_unconfirmed -= run.bytes;
        for (std::uint64_t sequence = run.first; sequence <= run.last; ++sequence) {
            s->accepted.refuse(sequence);
            --s->published;
        }
        if (s->state != SessionState::connected) continue;
        s->confirms.push_back({run.first, run.last, Status::full, "the store is full", store_full_wait});
        say(*s);
    }
    for (const StoringCopy& copy : pending.behind) make_ready(copy);
    for (const MovingCopy& moving : pending.moved) {
        leave_batch(moving.to.slot);
        messages_.set_batch(moving.to.slot, 0);
    }
    held_moved_.insert(held_moved_.end(), pending.moved.begin(), pending.moved.end());
    for (const StoreRecord& r : pending.others) ++queue_of(r).held_records;
    held_records_.insert(held_records_.end(), pending.others.begin(), pending.others.end());
    held_settled_.insert(held_settled_.end(), pending.settled.begin(), pending.settled.end());
    refuse_relocation(pending);
}

}  // namespace ym
