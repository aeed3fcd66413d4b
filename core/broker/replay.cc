// Recovery: what the store kept of an earlier life becomes the state of this one.
#include "broker/replay.h"

#include <algorithm>

#include "broker/machine.h"

namespace ym {
namespace {

/// The numbers of a `ledger` record, in their order (core/store/FORMAT.md).
bool read_books(std::span<const std::uint64_t> numbers, Replay::Books& books) {
    Ledger& l = books.ledger;
    std::uint64_t* const counters[] = {&l.accepted,  &l.moved_in,    &l.acked,
                                       &l.dead,      &l.expired,     &l.deleted,
                                       &l.moved_out, &books.dead.in, &books.dead.dropped};
    if (numbers.size() != std::size(counters) + l.dropped.size()) return false;
    for (std::size_t i = 0; i < std::size(counters); ++i) *counters[i] = numbers[i];
    std::copy_n(numbers.end() - static_cast<std::ptrdiff_t>(l.dropped.size()), l.dropped.size(), l.dropped.begin());
    return true;
}

void count(Ledger& ledger, Outcome outcome) {
    switch (outcome) {
        case Outcome::acked: ++ledger.acked; break;
        case Outcome::dead: ++ledger.dead; break;
        case Outcome::expired: ++ledger.expired; break;
        case Outcome::dropped: ++ledger.dropped[static_cast<std::size_t>(DropReason::queue_full)]; break;
        case Outcome::deleted: ++ledger.deleted; break;
        case Outcome::moved: ++ledger.moved_out; break;
    }
}

}  // namespace

/// Batches come in the order of their numbers; one that was read before says nothing.
void Broker::Machine::on(const StoreReplayed& event) {
    if (event.batch <= last_batch_) {
        for (const StoreRecord& r : event.records) {
            if (YM_MUTANT(batch_read_twice) && replay_ && r.kind == RecordKind::settled) (void)replay_settled(r);
        }
        return;
    }
    if (!replay_) {
        replay_ = std::make_unique<Replay>();
        for (const ListenerSettings& listener : topology_->listeners)
            replay_->span = std::max(replay_->span, 2 * listener.unconfirmed);
    }
    last_batch_ = event.batch;
    batches_.add(event.batch);
    for (const StoreRecord& r : event.records) {
        if (replay_record(r)) continue;
        notice(NoticeKind::store_failed, "store", "a record of the batch contradicts those before it", event.batch);
        return finish(Finish::store_failed);
    }
    measure_batch(event.batch, event.records);
}

/// False if the record cannot be.
bool Broker::Machine::replay_record(const StoreRecord& r) {
    Replay::Books* const books = r.queue == no_address ? nullptr : replay_->books(r.queue);
    switch (r.kind) {
        case RecordKind::queue:
            if (books == nullptr) return false;
            if (r.name.empty()) *books = {};  // the queue was removed
            books->name = r.name;
            return true;
        case RecordKind::accepted:
            if (SequenceWindow* window = replay_session(r)) {
                for (std::size_t i = 0; i < messages_of(r); ++i) {
                    window->make_room(r.sequence + i, replay_->span);
                    window->accept(r.sequence + i);
                }
            }
            for (const AddressId number : r.queues) {
                Replay::Books* of = replay_->books(number);
                if (of == nullptr) return false;
                of->ledger.accepted += messages_of(r);
            }
            return replay_messages(r, r.queues);
        case RecordKind::relocated: return replay_messages(r, r.queues);
        case RecordKind::moved:
            if (books == nullptr) return false;
            ++books->ledger.moved_in;
            if (Replay::Books* from = r.from == no_address ? nullptr : replay_->books(r.from))
                replay_settled(*from, r.from, r.origin, Outcome::dead);
            return replay_messages(r, {&r.queue, 1});
        case RecordKind::settled: return replay_settled(r);
        case RecordKind::attempted:
        case RecordKind::dead: return books != nullptr && replay_note(r, *books);
        case RecordKind::ledger: return books != nullptr && read_books(r.numbers, *books);
        case RecordKind::window: {
            SequenceWindow* window = replay_session(r);
            if (window == nullptr || r.numbers.size() < 3 || r.numbers[0] > r.numbers[1]) return false;
            window->widen(std::min(r.numbers[1] - r.numbers[0], replay_->span));
            return window->load(r.numbers);
        }
        case RecordKind::totals:
            if (r.numbers.size() != 4) return false;
            next_message_ = std::max(next_message_, r.numbers[0]);
            duplicates_ = r.numbers[1];
            refused_ = r.numbers[2];
            dropped_unmatched_ = r.numbers[3];
            return true;
    }
    return false;
}

bool Broker::Machine::replay_messages(const StoreRecord& r, std::span<const AddressId> numbers) {
    const auto is_known = [](AddressId number) { return number.value < Replay::numbers_max; };
    if (!std::all_of(numbers.begin(), numbers.end(), is_known)) return false;
    holding_.assign(numbers.begin(), numbers.end());
    const Holders::Set holders = holders_.of(holding_);
    bool possible = true;
    each_message(r, [&](MessageId id, Octets fields, Octets body) {
        possible = possible && replay_message(r, id, fields.size() + body.size(), holders);
    });
    return possible;
}

/// A message's record. One that is known already has been relocated: its record stands here now.
bool Broker::Machine::replay_message(const StoreRecord& r, MessageId id, std::uint64_t bytes, Holders::Set holders) {
    next_message_ = std::max(next_message_, id.value + 1);
    const Slot known = messages_.find(id);
    if (known != no_slot) {
        if (messages_.bytes(known) != bytes) return false;
        keep_in(known, last_batch_);
        return true;
    }
    if (holders == Holders::none || r.priority > 31 || bytes > 0xffffffffU || id.value == 0) return false;
    MessageEntry entry;
    entry.id = id;
    entry.bytes = static_cast<std::uint32_t>(bytes);
    entry.priority = r.priority;
    entry.holders = holders;
    holders_.retain(entry.holders);
    (void)messages_.add_paged(entry, last_batch_);
    batches_.join(last_batch_, bytes);
    Batches::Batch& batch = *batches_.find(last_batch_);
    if (batch.live == 1) batch.at = r.at;
    return true;
}

bool Broker::Machine::replay_settled(const StoreRecord& r) {
    Replay::Books* books = replay_->books(r.queue);
    if (books == nullptr) return false;
    each_settled(r, [&](MessageId id) { replay_settled(*books, r.queue, id, r.outcome); });
    return true;
}

void Broker::Machine::replay_settled(Replay::Books& books, AddressId number, MessageId message, Outcome outcome) {
    bool was_dead = false;
    if (!replay_->notes.empty()) {
        const auto note = replay_->notes.find({message, number});
        if (note != replay_->notes.end()) {
            was_dead = note->second.is_dead;
            replay_->history_bytes -= note->second.history.size();
            replay_->notes.erase(note);
        }
    }
    if (was_dead) {
        ++books.dead.dropped;
    } else {
        count(books.ledger, outcome);
    }
    const Slot slot = messages_.find(message);
    if (slot != no_slot) drop_copy(number, slot);
}

/// Its message may only come later, if its older record was reclaimed.
bool Broker::Machine::replay_note(const StoreRecord& r, Replay::Books& books) {
    Replay::Note& note = replay_->notes[{r.message, r.queue}];
    if (r.kind == RecordKind::dead) {
        if (!note.is_dead) {
            ++books.ledger.dead;
            ++books.dead.in;
        }
        note = {r.attempt, r.at, r.reason, true, std::move(note.history)};
        replay_history(r, note);
    } else if (!note.is_dead && r.attempt >= note.attempts) {
        note = {r.attempt, r.at, {}, false, std::move(note.history)};
        replay_history(r, note);
    }
    return true;
}

/// What there is no room for is not read back.
void Broker::Machine::replay_history(const StoreRecord& r, Replay::Note& note) {
    const std::uint64_t others = replay_->history_bytes - note.history.size();
    const bool fits = others + r.history.size() <= topology_->memory_max / Histories::share_of_memory;
    note.history = fits ? as_text(r.history) : std::string_view{};
    replay_->history_bytes = others + note.history.size();
}

/// The window of the session that the record names; nullptr if it has none.
SequenceWindow* Broker::Machine::replay_session(const StoreRecord& r) {
    SessionKey key;
    if (r.session.size() != key.octets.size()) return nullptr;
    key.principal = r.principal;
    std::memcpy(key.octets.data(), r.session.data(), key.octets.size());
    if (replay_->session < sessions_.size() && sessions_[replay_->session].key == key)
        return &sessions_[replay_->session].accepted;
    const auto known = by_key_.find(key);
    if (known != by_key_.end()) {
        replay_->session = known->second;
        return &sessions_[known->second].accepted;
    }
    Session& s = new_session();
    s.key = key;
    s.state = SessionState::remembered;
    s.since = now_.monotonic;
    s.accepted.begin(r.sequence - std::min(r.sequence, replay_->span), 1);
    by_key_.emplace(key, s.ref.index);
    remembered_.push_back(s.ref);
    replay_->session = s.ref.index;
    return &s.accepted;
}

/// All was read: messages go to their places.
void Broker::Machine::finish_replay() {
    for (const Replay::Books& books : replay_->queues)
        numbers_.push_back(books.name.empty() ? no_address : intern(books.name));
    replay_holders();
    for (std::uint32_t number = 0; number < numbers_.size(); ++number) {
        if (numbers_[number] != no_address) replay_queue(number, replay_->queues[number]);
    }
    messages_.for_each([this](Slot slot) {
        holders_.for_each(messages_.holders(slot), [&](AddressId id) { replay_copy(queue(id), slot); });
    });
    for (const Address& address : addresses_) {
        if (!address.queue) continue;
        Queue& q = *address.queue;
        if (q.dead.size() > 1) q.sort_dead();
        while (q.dead.size() > q.settings.dead_max) drop_dead(q);
        touch(q);
    }
    histories_.keep_within(topology_->memory_max / Histories::share_of_memory);
    connect_addresses();
    while (remembered_.size() > remembered_max) {
        if (Session* oldest = session(remembered_.front())) forget(*oldest);
        remembered_.pop_front();
    }
    for (Session& s : sessions_) {
        if (s.state == SessionState::remembered) schedule(s);
    }
    notice(NoticeKind::store_replayed, "store", "messages are back", messages_.count());
    replay_.reset();
}

/// From the store's numbers to addresses.
void Broker::Machine::replay_holders() {
    std::unordered_map<Holders::Set, Holders::Set> known;
    messages_.for_each([&](Slot slot) {
        const Holders::Set old = messages_.holders(slot);
        auto [at, is_new] = known.try_emplace(old, old);
        if (is_new) {
            holding_.clear();
            holders_.for_each(old, [&](AddressId number) {
                Replay::Books& books = *replay_->books(number);
                if (numbers_.size() < replay_->queues.size()) numbers_.resize(replay_->queues.size(), no_address);
                if (numbers_[number.value] == no_address) {
                    // The batch that told its name was damaged, and somebody has accepted that.
                    books.is_nameless = true;
                    books.name = "unnamed-" + std::to_string(number.value);
                    numbers_[number.value] = intern(books.name);
                }
                books.has_copies = true;
                holding_.push_back(numbers_[number.value]);
            });
            at->second = holders_.of(holding_);
        }
        holders_.retain(at->second);
        holders_.release(old);
        messages_.set_holders(slot, at->second);
    });
}

/// The queue that had this number: it is there, is made on demand, or is an orphan if it holds anything.
void Broker::Machine::replay_queue(std::uint32_t number, const Replay::Books& books) {
    const AddressId id = numbers_[number];
    Address& address = addresses_[id.value];
    if (!address.queue) {
        if (!address.pipeline && on_demand(books.name) && (books.has_copies || !demand_is_full())) {
            apply_queue(topology_->create->make(books.name), true);
        } else if (books.has_copies) {
            apply_queue(topology_->orphan(books.name), false);
            queue(id).orphan = true;
            notice(NoticeKind::queue_orphaned, books.name,
                   books.is_nameless ? "is what is left of a queue whose name was lost; takes no message and drains"
                                     : "left the settings; takes no message and drains");
        } else {
            numbers_[number] = no_address;
            if (address.pipeline) return;
            names_.erase(address.name);
            addresses_free_.push_back(id.value);
            return;
        }
    }
    Queue& q = queue(id);
    // What is in the store stays there, also if settings want the queue in memory alone from now on.
    q.keeps = q.keeps || books.has_copies;
    q.number = AddressId{number};
    q.named = !books.is_nameless;
    if (!YM_MUTANT(books_begin_anew)) q.ledger = books.ledger;
    q.dead_ledger.in = books.dead.in;
    q.dead_ledger.dropped = books.dead.dropped;
}

void Broker::Machine::replay_copy(Queue& q, Slot slot) {
    const MessageId id = messages_.id(slot);
    const auto found = replay_->notes.empty() ? replay_->notes.end() : replay_->notes.find({id, q.number});
    const std::uint8_t priority = messages_.priority(slot);
    Replay::Note note = found == replay_->notes.end() ? Replay::Note{} : found->second;
    if (YM_MUTANT(attempts_forgotten) && !note.is_dead) note.attempts = 0;
    if (!note.history.empty() && !YM_MUTANT(history_forgotten)) {
        histories_.load(id, q.address, as_octets(note.history));
        messages_.set_failed(slot);
    }
    if (note.is_dead && !YM_MUTANT(dead_come_alive)) {
        q.dead.push_back({slot, to_instant(note.at), note.reason, note.attempts});
        return;
    }
    ++q.live;
    q.bytes += messages_.bytes(slot);
    const Instant due = to_instant(note.at);
    if (note.attempts > 0 && due > now_.monotonic && !YM_MUTANT(delay_forgotten)) {
        q.wait({due, {id, slot, note.attempts}});
    } else if (note.attempts > 0) {
        q.put_back({id, slot, note.attempts}, priority);
    } else {
        q.add_ready(id, slot, priority);
    }
}

/// When a wall time is, or was, on the clock that waits are counted by.
Instant Broker::Machine::to_instant(WallTime at) const {
    return now_.monotonic + (at.since_epoch - now_.wall.since_epoch);
}

}  // namespace ym
