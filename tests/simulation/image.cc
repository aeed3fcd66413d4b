#include "image.h"

#include <algorithm>
#include <sstream>

namespace ym::simulation {
namespace {

constexpr std::size_t ledger_numbers = 9 + drop_reason_count;
constexpr auto optional_full = static_cast<std::size_t>(DropReason::optional_full);
constexpr auto queue_full = static_cast<std::size_t>(DropReason::queue_full);

std::string text_of(const Image::Books& books) {
    const Ledger& l = books.ledger;
    std::ostringstream text;
    text << "accepted " << l.accepted << ", moved in " << l.moved_in << ", acked " << l.acked << ", dead " << l.dead
         << ", expired " << l.expired << ", deleted " << l.deleted << ", moved out " << l.moved_out << ", dropped";
    for (const std::uint64_t dropped : l.dropped) text << " " << dropped;
    text << ", dead letters in " << books.dead_in << " and dropped " << books.dead_dropped;
    return text.str();
}

bool equal(const Image::Books& a, const Image::Books& b) {
    return a.ledger == b.ledger && a.dead_in == b.dead_in && a.dead_dropped == b.dead_dropped;
}

}  // namespace

template <class... Part>
void Image::wrong(const Part&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    faults_.push_back(text.str());
}

void Image::read(const RecordFact& fact) {
    next_message_ = std::max(next_message_, fact.message + 1);
    switch (fact.kind) {
        case RecordKind::queue: return named(fact);
        case RecordKind::accepted: return accepted(fact);
        case RecordKind::settled: return settled(fact);
        case RecordKind::attempted: return attempted(fact);
        case RecordKind::moved: return moved(fact);
        case RecordKind::dead: return dead(fact);
        case RecordKind::relocated: return relocated(fact);
        case RecordKind::ledger: return ledger(fact);
        case RecordKind::window: return window(fact);
        case RecordKind::totals: return totals(fact);
    }
    wrong("a record of kind ", static_cast<int>(fact.kind));
}

std::string Image::text_of(const Key& key) const {
    const auto found = copies_.find(key);
    const std::string uid = found == copies_.end() ? "?" : std::to_string(found->second.uid);
    return "message number " + std::to_string(key.first) + " (message " + uid + ") of queue " + name_of(key.second);
}

const std::string& Image::name_of(std::uint32_t number) const {
    static const std::string none;
    const auto found = names_.find(number);
    return found == names_.end() ? none : found->second;
}

const Image::Copy* Image::find(Uid uid, const std::string& queue) const {
    // A queue that was made again has another number.
    for (auto name = names_.rbegin(); name != names_.rend(); ++name) {
        if (name->second != queue) continue;
        const auto found = by_uid_.find({uid, name->first});
        if (found == by_uid_.end()) continue;
        const auto copy = copies_.find({found->second, name->first});
        if (copy != copies_.end()) return &copy->second;
    }
    return nullptr;
}

Image::Books Image::books_of(const std::string& queue) const {
    for (auto name = names_.rbegin(); name != names_.rend(); ++name) {
        if (name->second != queue) continue;
        const auto found = books_.find(name->first);
        return found == books_.end() ? Books{} : found->second;
    }
    return {};
}

void Image::named(const RecordFact& fact) {
    const auto [at, fresh] = names_.emplace(fact.queues.front(), fact.name);
    if (fresh || at->second == fact.name) return;
    // A number stands for another queue only when nothing is left of the one before, also of what it said.
    for (auto copy = copies_.begin(); copy != copies_.end();) {
        if (copy->first.second != at->first) {
            ++copy;
            continue;
        }
        if (copy->second.state != State::settled)
            wrong("number ", at->first, " of queue ", at->second, ", which is not empty, is given to ", fact.name);
        by_uid_.erase({copy->second.uid, at->first});
        copy = copies_.erase(copy);
    }
    books_.erase(at->first);
    at->second = fact.name;
}

/// Makes a copy.
void Image::add(std::uint64_t message, std::uint32_t queue, const RecordFact& fact) {
    if (name_of(queue).empty())
        wrong("message ", message, " is stored for queue number ", queue, ", which has no name");
    Copy copy;
    copy.uid = fact.uid;
    copy.priority = fact.priority;
    copy.accepted = fact.at;
    by_uid_[{fact.uid, queue}] = message;
    had_.insert({fact.uid, name_of(queue)});
    const auto said = to_come_.find({message, queue});
    if (said != to_come_.end()) {
        copy.state = said->second.state;
        copy.attempts = said->second.attempts;
        copy.not_before = said->second.not_before;
        copy.since = said->second.since;
        copy.reason = said->second.reason;
        to_come_.erase(said);
    }
    copies_[{message, queue}] = copy;
}

void Image::accepted(const RecordFact& fact) {
    if (!messages_.insert(fact.message).second) wrong("message number ", fact.message, " is stored twice");
    if (fact.session < first_unowned_session) {
        Window& window = windows_[fact.session];
        if (!window.taken.insert(fact.sequence).second)
            wrong("sequence ", fact.sequence, " of session ", fact.session, " is stored twice");
        window.highest = std::max(window.highest, fact.sequence);
    }
    if (fact.uid == no_uid || !fact.fields_intact)
        wrong("message ", fact.message, " is stored with a body that nobody published");
    if (fact.queues.empty()) wrong("message ", fact.message, " is stored for no queue");
    for (const std::uint32_t queue : fact.queues) {
        add(fact.message, queue, fact);
        ++books_[queue].ledger.accepted;
    }
}

/// The message again: what older batches say of it is not needed any more.
void Image::relocated(const RecordFact& fact) {
    messages_.insert(fact.message);
    if (fact.uid == no_uid || !fact.fields_intact)
        wrong("message ", fact.message, " is written again with a body that nobody published");
    for (const std::uint32_t queue : fact.queues) {
        const auto before = copies_.find({fact.message, queue});
        if (before == copies_.end()) {
            add(fact.message, queue, fact);
            continue;
        }
        Copy& copy = before->second;
        if (copy.state == State::settled) {
            wrong("message number ", fact.message, " of queue ", name_of(queue),
                  " is written again after it was settled");
        }
        if (copy.uid != fact.uid || copy.priority != fact.priority || copy.accepted != fact.at)
            wrong("message number ", fact.message, " is written again as another");
    }
}

/// A dead letter goes on in another queue, under a number of its own. It has died where it was: it is no copy there.
void Image::moved(const RecordFact& fact) {
    if (!messages_.insert(fact.message).second) wrong("message number ", fact.message, " is stored twice");
    if (fact.uid == no_uid || !fact.fields_intact)
        wrong("dead letter ", fact.message, " is stored with a body that nobody published");
    if (fact.message <= fact.origin) wrong("dead letter ", fact.origin, " gets number ", fact.message);
    add(fact.message, fact.queues.front(), fact);
    ++books_[fact.queues.front()].ledger.moved_in;
    const auto origin = copies_.find({fact.origin, fact.from});
    if (origin == copies_.end()) return;  // of a queue that no store keeps, or in batches that are gone
    if (origin->second.state != State::live)
        wrong("message number ", fact.origin, " goes on in another queue, and was not where it came from");
    ++books_[fact.from].ledger.dead;
    origin->second.state = State::settled;
    origin->second.outcome = Outcome::dead;
}

void Image::settled(const RecordFact& fact) {
    Copy* copy = find(fact, "settled");
    if (copy == nullptr) return;
    Books& books = books_[fact.queues.front()];
    if (copy->state == State::settled)
        wrong("message number ", fact.message, " of queue ", name_of(fact.queues.front()), " is settled twice");
    if (copy->state == State::dead) {
        ++books.dead_dropped;
        copy->state = State::settled;
        copy->outcome = Outcome::dead;
        return;
    }
    copy->state = State::settled;
    copy->outcome = fact.outcome;
    switch (fact.outcome) {
        case Outcome::acked: ++books.ledger.acked; break;
        case Outcome::dead: ++books.ledger.dead; break;
        case Outcome::expired: ++books.ledger.expired; break;
        case Outcome::dropped: ++books.ledger.dropped[queue_full]; break;
        case Outcome::deleted: ++books.ledger.deleted; break;
        case Outcome::moved: ++books.ledger.moved_out; break;
    }
}

void Image::attempted(const RecordFact& fact) {
    Copy* copy = find(fact, "attempted");
    if (copy == nullptr) return;
    // What an old batch says is said again when that is given up; the highest count holds.
    const bool is_new =
        said_.insert({fact.message, fact.queues.front(), fact.attempt, fact.at.since_epoch.count()}).second;
    const bool ended = copy->state != State::live;
    if (is_new && ended && !late_) wrong("message number ", fact.message, " is attempted after it was settled");
    if (ended) return;
    if (is_new && fact.attempt <= copy->attempts && !late_)
        wrong("attempts of message number ", fact.message, " fall to ", fact.attempt);
    if (fact.attempt <= copy->attempts) return;
    copy->attempts = fact.attempt;
    copy->not_before = fact.at;
}

void Image::dead(const RecordFact& fact) {
    Copy* copy = find(fact, "dead");
    if (copy == nullptr) return;
    if (copy->state == State::dead) return;  // written again
    Books& books = books_[fact.queues.front()];
    if (copy->state == State::settled)
        wrong("message number ", fact.message, " of queue ", name_of(fact.queues.front()),
              " dies after it was settled");
    ++books.ledger.dead;
    ++books.dead_in;
    copy->state = State::dead;
    copy->attempts = fact.attempt;
    copy->since = fact.at;
    copy->reason = fact.reason;
}

void Image::ledger(const RecordFact& fact) {
    const std::uint32_t queue = fact.queues.front();
    if (name_of(queue).empty()) wrong("books of queue number ", queue, ", which has no name");
    if (fact.numbers.size() != ledger_numbers) return wrong("books of ", fact.numbers.size(), " numbers");
    const auto& n = fact.numbers;
    Books told;
    told.ledger = {n[0], n[1], n[2], n[3], n[4], {n[9], n[10], n[11]}, n[5], n[6]};
    told.dead_in = n[7];
    told.dead_dropped = n[8];
    // A message that an optional queue could not take is in no record: only the books tell of it.
    Books counted = books_[queue];
    const std::uint64_t before = counted.ledger.dropped[optional_full];
    const std::uint64_t now = told.ledger.dropped[optional_full];
    counted.ledger.dropped[optional_full] = now;
    counted.ledger.accepted += now - before;
    if (!is_unsteady(name_of(queue)) && (now < before || !equal(counted, told))) {
        wrong("the books of queue ", name_of(queue), " say ", simulation::text_of(told),
              ", and by the records before it is ", simulation::text_of(books_[queue]));
    }
    books_[queue] = told;
}

void Image::window(const RecordFact& fact) {
    const auto& n = fact.numbers;
    if (n.size() < 3 || n.size() % 2 == 0) return wrong("a window of ", n.size(), " numbers");
    Window told;
    told.floor = n[0];
    told.highest = n[1];
    for (std::size_t i = 3; i + 1 < n.size(); i += 2) {
        if (n[i] > n[i + 1] || n[i + 1] - n[i] > 1'000'000) return wrong("a window with a run that is none");
        for (std::uint64_t sequence = n[i]; sequence <= n[i + 1]; ++sequence) told.taken.insert(sequence);
    }
    for (const std::uint64_t sequence : windows_[fact.session].taken) {
        if (told.knows(sequence) || fact.session >= first_unowned_session) continue;
        wrong("the window of session ", fact.session, " forgets sequence ", sequence, "; it begins behind ", told.floor,
              ", ends with ", told.highest, " and holds ", told.taken.size(), " sequences");
        break;
    }
    windows_[fact.session] = std::move(told);
}

void Image::totals(const RecordFact& fact) {
    const auto& n = fact.numbers;
    if (n.size() != 4) return wrong("totals of ", n.size(), " numbers");
    if (n[0] < next_message_) wrong("the next message is to be number ", n[0], ", after ", next_message_ - 1);
    next_message_ = std::max(next_message_, n[0]);
    for (std::size_t i = 0; i < 3; ++i) {
        if (n[i + 1] < totals_[i]) wrong("a total of the shard falls from ", totals_[i], " to ", n[i + 1]);
        totals_[i] = n[i + 1];
    }
}

Image::Copy* Image::find(const RecordFact& fact, const char* what) {
    const auto found = copies_.find({fact.message, fact.queues.front()});
    if (found != copies_.end()) return &found->second;
    if (partial_) return &to_come_[{fact.message, fact.queues.front()}];
    wrong("message number ", fact.message, " is ", what, ", and was never stored");
    return nullptr;
}

std::string Image::difference(const Image& left) const {
    if (const std::string text = copies_differ(left); !text.empty()) return text;
    if (const std::string text = windows_differ(left); !text.empty()) return text;
    for (const auto& [queue, books] : books_) {
        if (is_unsteady(name_of(queue))) continue;
        const auto found = left.books_.find(queue);
        const Books told = found == left.books_.end() ? Books{} : found->second;
        if (equal(books, told)) continue;
        return "the books of queue " + name_of(queue) + " are " + simulation::text_of(books) + ", and become " +
               simulation::text_of(told);
    }
    if (left.next_message_ < next_message_) {
        return "the next message is number " + std::to_string(next_message_) + ", and becomes " +
               std::to_string(left.next_message_);
    }
    return left.totals_ == totals_ ? "" : "the totals of the shard change";
}

std::string Image::copies_differ(const Image& left) const {
    for (const auto& [key, copy] : copies_) {
        const auto found = left.copies_.find(key);
        if (found == left.copies_.end()) {
            if (copy.state != State::settled) return text_of(key) + " is gone";
            continue;
        }
        const Copy& other = found->second;
        if (other.state != copy.state) return text_of(key) + " is in another state";
        if (copy.state == State::settled) continue;
        if (left.name_of(key.second) != name_of(key.second)) return text_of(key) + " is in another queue";
        if (other.uid != copy.uid || other.priority != copy.priority || other.accepted != copy.accepted)
            return text_of(key) + " is another";
        if (other.attempts != copy.attempts)
            return text_of(key) + " has used up " + std::to_string(copy.attempts) + " attempts, and then " +
                   std::to_string(other.attempts);
        if (copy.state == State::live && other.not_before != copy.not_before)
            return text_of(key) + " waits for another time";
        if (copy.state == State::dead && (other.since != copy.since || other.reason != copy.reason))
            return text_of(key) + " is dead for another reason, or since another time";
    }
    for (const auto& [key, copy] : left.copies_) {
        if (copy.state == State::settled) continue;
        if (!copies_.contains(key)) return left.text_of(key) + " comes from nowhere";
    }
    return {};
}

std::string Image::windows_differ(const Image& left) const {
    for (const auto& [session, window] : windows_) {
        if (session >= first_unowned_session) continue;
        const auto found = left.windows_.find(session);
        for (const std::uint64_t sequence : window.taken) {
            if (found != left.windows_.end() && found->second.knows(sequence)) continue;
            return "sequence " + std::to_string(sequence) + " of session " + std::to_string(session) + " is forgotten";
        }
        if (found == left.windows_.end()) continue;
        for (const std::uint64_t sequence : found->second.taken) {
            if (window.knows(sequence)) continue;
            return "sequence " + std::to_string(sequence) + " of session " + std::to_string(session) +
                   " was never taken";
        }
    }
    return {};
}

}  // namespace ym::simulation
