// The store: what a step wants kept is one batch; what waits for it is told when it completes.
#include "broker/machine.h"

namespace ym {

using wire::Status;

PendingBatch& Broker::Machine::open_batch() {
    if (batch_spare_.empty()) {
        pending_.push_back({});
    } else {
        pending_.push_back(std::move(batch_spare_.back()));
        batch_spare_.pop_back();
    }
    pending_.back().number = ++last_batch_;
    batches_.add(last_batch_);
    batch_open_ = true;
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
    held_.records.push_back({});
    held_.records.back().kind = kind;
    held_.records.back().queue = q.number;
    ++q.held_records;
    return held_.records.back();
}

/// The store is to keep the newest message for those of its queues that do.
void Broker::Machine::record_message(const Session& s, const Candidate& c, Slot slot) {
    const std::uint64_t number = batch().number;
    const std::uint32_t bytes = messages_.bytes(slot);
    messages_.set_batch(slot, number);
    batches_.join(number, bytes);
    if (record_behind(s, c, slot)) return;
    for (std::uint32_t t = c.first; t != no_link; t = targets_[t].next) name_queue(queue(targets_[t].queue));
    StoreRecord& r = record(RecordKind::accepted);
    show_message(r, slot);
    r.principal = s.key.principal;
    // A Majordomo client has no session that outlives its connection.
    if (!s.majordomo) r.session = as_octets(s.key.text());
    r.sequence = c.sequence;
    for (std::uint32_t t = c.first; t != no_link; t = targets_[t].next) {
        const Queue& q = queue(targets_[t].queue);
        if (q.keeps) lists_.queues.push_back(q.number);
    }
    lists_.end_message();
    lists_.run = {
        out_->records.size(), s.ref, messages_.holders(slot), c.priority, r.message.value, c.sequence, 1, bytes};
}

/// Adds the newest message to the record of the one before it, if that was recorded last and differs in nothing but
/// number, sequence and content.
bool Broker::Machine::record_behind(const Session& s, const Candidate& c, Slot slot) {
    // What a reader takes from a record is not without end.
    constexpr std::uint64_t bytes_max = std::uint64_t{256} << 10U;
    OpenRun& run = lists_.run;
    const bool follows = run.records == out_->records.size() && run.session == s.ref &&
                         run.sequence + 1 == c.sequence && run.message + 2 == next_message_ &&
                         run.priority == c.priority && run.holders == messages_.holders(slot) && run.count < run_max &&
                         run.bytes < bytes_max;
    if (!follows) return false;
    const std::uint32_t fields_bytes = messages_.head(slot).fields_bytes;
    const Octets octets = messages_.octets(slot);
    lists_.contents.push_back({octets.data(), fields_bytes, static_cast<std::uint32_t>(octets.size()) - fields_bytes});
    ++lists_.contents_to.back();
    ++run.message;
    ++run.sequence;
    ++run.count;
    run.bytes += octets.size();
    return true;
}

/// The queue's copy of the message is done. Several share a record, if their numbers rise by not too much.
void Broker::Machine::record_settled(Queue& q, MessageId message, Outcome outcome) {
    constexpr std::uint64_t step_max = 255;
    constexpr std::uint32_t count_max = 4096;
    OpenSettled& open = lists_.settled;
    const std::uint64_t step = message.value - open.message;
    const bool follows = open.records != 0 && open.records == out_->records.size() && open.queue == q.number &&
                         open.outcome == outcome && step - 1 < step_max && open.count < count_max;
    const bool is_open = store_open();
    if (follows && is_open) {
        lists_.steps.push_back(static_cast<std::byte>(step));
        ++lists_.steps_to.back();
        open.message = message.value;
        ++open.count;
        return;
    }
    StoreRecord& r = record_of(q, RecordKind::settled);
    r.message = message;
    r.outcome = outcome;
    if (!is_open) return;
    lists_.steps_to.push_back(static_cast<std::uint32_t>(lists_.steps.size()));
    open = {out_->records.size(), q.number, outcome, message.value, 1};
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
    pending.settled.insert(pending.settled.end(), held_.settled.begin(), held_.settled.end());
    held_.settled.clear();
    for (const StoreRecord& r : held_.records) {
        Queue& q = queue_of(r);
        name_queue(q);
        --q.held_records;
        q.recorded_in = pending.number;
        if (r.kind == RecordKind::settled) lists_.steps_to.push_back(static_cast<std::uint32_t>(lists_.steps.size()));
    }
    out_->records.insert(out_->records.end(), held_.records.begin(), held_.records.end());
    held_.records.clear();
    for (const MovingCopy& moving : held_.moved) record_move(moving);
    held_.moved.clear();
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

/// Records get their views of the lists, which do not move any more.
void Broker::Machine::show_lists(PendingBatch& pending) {
    pending.steps.swap(lists_.steps);  // they are shown again if the store is full
    const auto next = [](const auto& list, const std::vector<std::uint32_t>& ends, std::size_t& which) {
        const std::uint32_t from = which == 0 ? 0 : ends[which - 1];
        return std::span(list).subspan(from, ends[which++] - from);
    };
    std::size_t queues = 0;
    std::size_t contents = 0;
    std::size_t numbers = 0;
    std::size_t settled = 0;
    std::size_t at = 0;
    for (StoreRecord& r : out_->records) {
        // Said again, they need not be held back if the store is full: where they were said first they still are.
        const bool is_again = at >= pending.notes_first && at < pending.notes_last;
        ++at;
        switch (r.kind) {
            case RecordKind::accepted:
            case RecordKind::relocated:
                r.queues = next(lists_.queues, lists_.queues_to, queues);
                r.more = next(lists_.contents, lists_.contents_to, contents);
                break;
            case RecordKind::settled:
                r.steps = next(pending.steps, lists_.steps_to, settled);
                pending.others.push_back(r);
                break;
            case RecordKind::attempted:
            case RecordKind::dead:
                if (!is_again) pending.others.push_back(r);
                // As it is now: it never tells less than when the record was made.
                r.history = histories_.of(r.message, numbers_[r.queue.value]);
                break;
            case RecordKind::ledger:
            case RecordKind::window:
            case RecordKind::totals: r.numbers = next(lists_.numbers, lists_.numbers_to, numbers); break;
            case RecordKind::queue:
            case RecordKind::moved: break;
        }
    }
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
    show_lists(pending);
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
        queue(copy.queue).storing -= copy.count;
        queue(copy.queue).ledger.accepted += copy.count;
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
    for (const StoringCopy& copy : pending.copies) {
        for (Slot slot = copy.slot; is_memory_high() && slot < copy.slot + copy.count; ++slot) spare(slot);
    }
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

/// The message was not stored: the queue does not have it.
void Broker::Machine::refuse_copy(Queue& q, Slot slot) {
    const MessageId id = messages_.id(slot);
    if (messages_.wants_reply(slot)) {
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
    q.bytes -= messages_.bytes(slot);
    ++q.refused;
    drop_copy(q.address, slot);
}

/// The store was full: the publishes of the batch are refused as if they had never been, all else is tried again.
void Broker::Machine::refuse_batch(PendingBatch& pending) {
    store_full_until_ = now_.monotonic + store_full_wait;
    store_short_ = true;
    for (const StoringCopy& copy : pending.copies) {
        for (Slot slot = copy.slot; slot < copy.slot + copy.count; ++slot) refuse_copy(queue(copy.queue), slot);
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
    held_.moved.insert(held_.moved.end(), pending.moved.begin(), pending.moved.end());
    for (const StoreRecord& r : pending.others) {
        // What shows several messages would have to borrow them for longer.
        for (std::size_t i = 0; i < messages_of(r); ++i) held_.records.push_back(one_of(r, i));
        queue_of(r).held_records += messages_of(r);
    }
    held_.settled.insert(held_.settled.end(), pending.settled.begin(), pending.settled.end());
    refuse_relocation(pending);
}

}  // namespace ym
