// What became of each copy of a message: seen from outside, by the copies that there are and the broker's own books.
#include <algorithm>

#include "rehearsal/cast.h"

namespace ym::rehearsal {
namespace {

const QueueStatus* books_of(const StatusReport& report, const std::string& name) {
    const auto found =
        std::find_if(report.queues.begin(), report.queues.end(), [&](const QueueStatus& q) { return q.name == name; });
    return found == report.queues.end() ? nullptr : &*found;
}

/// Whether the two books of a queue tell of the same state of each of its copies.
bool same(const QueueStatus& a, const QueueStatus& b) {
    return a.name == b.name && a.ledger == b.ledger && a.dead_letters.in == b.dead_letters.in &&
           a.dead_letters.dropped == b.dead_letters.dropped && a.delivered == b.delivered && a.ready == b.ready &&
           a.waiting == b.waiting && a.in_flight == b.in_flight && a.storing == b.storing && a.failures == b.failures;
}

bool same(const StatusReport& a, const StatusReport& b) {
    return std::equal(a.queues.begin(), a.queues.end(), b.queues.begin(), b.queues.end(),
                      [](const QueueStatus& x, const QueueStatus& y) { return same(x, y); });
}

}  // namespace

void Cast::watch() {
    ++steps_;
    StatusReport after = stage_->status();
    if (same(books_, after)) return;
    std::map<CopyKey, CopyStatus> copies;
    for (CopyStatus& copy : stage_->copies()) {
        const auto number = number_in(copy);
        if (!number) continue;
        numbers_[copy.message] = *number;
        copies.insert_or_assign(CopyKey{*number, copy.queue}, std::move(copy));
    }
    for (const auto& [key, copy] : copies) {
        if (!copies_.contains(key)) told_[key.message].copies[key.queue].fate.reset();  // known from now on
    }
    for (const auto& [key, copy] : copies_) learn(key, books_, after, copies);
    // An optional queue that is full never holds its copy.
    for (const QueueStatus& queue : after.queues) {
        const QueueStatus* before = books_of(books_, queue.name);
        const auto optional = static_cast<std::size_t>(DropReason::optional_full);
        const std::uint64_t had = before == nullptr ? 0 : before->ledger.dropped[optional];
        if (queue.ledger.dropped[optional] > had && publishing_)
            told_[*publishing_].copies[queue.name].fate = Fate{"dropped", "optional_full", ""};
    }
    copies_ = std::move(copies);
    books_ = std::move(after);
}

/// What this step did to a copy that there was before it.
void Cast::learn(const CopyKey& key, const StatusReport& before, const StatusReport& after,
                 const std::map<CopyKey, CopyStatus>& copies) {
    const CopyStatus& was = copies_.at(key);
    const auto now = copies.find(key);
    const QueueStatus* old_books = books_of(before, key.queue);
    const QueueStatus* new_books = books_of(after, key.queue);
    if (old_books == nullptr || new_books == nullptr) return;
    CopyKnown& known = told_[key.message].copies[key.queue];
    const bool came_back = was.state == CopyState::leased && (now == copies.end() || now->second.state != was.state);
    for (std::size_t i = 0; came_back && i < failure_reason_count; ++i) {
        if (new_books->failures[i] > old_books->failures[i]) known.failed = name_of(static_cast<FailureReason>(i));
    }
    if (now != copies.end()) return;
    const auto grew = [&](auto member) { return new_books->ledger.*member > old_books->ledger.*member; };
    const bool moved = std::any_of(copies.begin(), copies.end(), [&](const auto& copy) {
        return copy.first.message == key.message && !copies_.contains(copy.first);
    });
    Fate fate{"deleted", "", ""};
    if (was.state == CopyState::leased && grew(&Ledger::acked) && !acking_.empty()) {
        fate = {"acked", "", acking_};
    } else if (moved && grew(&Ledger::dead)) {
        fate = {"moved", known.failed, ""};
    } else if (was.state == CopyState::dead) {
        fate = {"dropped", "dead_letter", ""};
    } else if (grew(&Ledger::expired)) {
        fate = {"expired", "", ""};
    } else {
        for (std::size_t i = 0; i < drop_reason_count; ++i) {
            if (new_books->ledger.dropped[i] > old_books->ledger.dropped[i])
                fate = {"dropped", std::string(name_of(static_cast<DropReason>(i))), ""};
        }
    }
    known.fate = fate;
}

}  // namespace ym::rehearsal
