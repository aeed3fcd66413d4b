// A broker has ended, and another begins with what the store has. All else is forgotten: leases, windows, who was
// there.
#include <algorithm>

#include "book.h"

namespace ym::simulation {

void Book::recover(const Image& image, Now now) {
    ends_.clear();
    ended_now_.clear();
    recover_sessions(image);
    recover_copies(image, now);
}

/// Of each session there is left which of its sequences are in the store.
void Book::recover_sessions(const Image& image) {
    std::unordered_map<SessionNumber, Session> before;
    before.swap(sessions_);
    for (const auto& [number, old] : before) {
        Session& fresh = sessions_[number];
        fresh.vandal = old.vandal;
        const auto window = image.windows().find(number);
        if (window == image.windows().end()) continue;
        for (const auto& [sequence, known] : old.sequences) {
            if (!window->second.taken.contains(sequence)) continue;
            Sequence kept = known;
            kept.accepted = kept.earlier = true;
            kept.open.clear();
            kept.arrivals = kept.answers = 0;
            fresh.sequences.emplace(sequence, std::move(kept));
        }
    }
}

void Book::recover_copies(const Image& image, Now now) {
    for (QueueBook& q : queues_) {
        QueueBook fresh;
        fresh.drops = q.drops;
        fresh.unsteady = q.unsteady;
        q = std::move(fresh);
    }
    for (Copy& copy : copies_) {
        const bool kept = image.find(copy.uid, scene_.queues[copy.queue].name) != nullptr;
        copy.state = CopyState::gone;
        copy.confirmed = copy.confirmed && kept;
        copy.holder = 0;
        copy.tag = 0;
        if (!kept) by_uid_.erase(std::uint64_t{copy.uid} * queues_.size() + copy.queue);
    }
    // In order of the broker's numbers, which is the order of acceptance.
    for (const auto& [key, kept] : image.copies()) {
        const std::size_t queue = scene_.find_queue(image.name_of(key.second));
        if (kept.uid != no_uid && queue < queues_.size()) recover_copy(kept, queue, now);
    }
}

void Book::recover_copy(const Image::Copy& kept, std::size_t queue, Now now) {
    const std::uint64_t key = std::uint64_t{kept.uid} * queues_.size() + queue;
    const auto [at, fresh] = by_uid_.emplace(key, static_cast<CopyId>(copies_.size()));
    if (fresh) copies_.emplace_back();
    const CopyId id = at->second;
    Copy& copy = copies_[id];
    copy.uid = kept.uid;
    copy.queue = queue;
    copy.place = ++places_;
    copy.place_certain = true;
    copy.priority = kept.priority;
    copy.attempt = kept.attempts;
    copy.gave_back = false;
    copy.dead_letter = copy.dead_letter || !scene_.queues[queue].publish_direct;
    copy.state = CopyState::gone;
    const auto wait = std::chrono::duration_cast<Duration>(kept.not_before.since_epoch - now.wall.since_epoch);
    copy.not_before = wait > Duration{0} ? now.monotonic + wait : Instant{};
    QueueBook& q = queues_[queue];
    if (copy.confirmed && !copy.optional && !copy.dead_letter) ++q.confirmed;
    if (kept.state == Image::State::live) {
        set_state(id, wait > Duration{0} ? CopyState::waiting : CopyState::ready);
        return;
    }
    const bool died = kept.state == Image::State::dead || kept.outcome == Outcome::dead;
    if (died) ++q.dead;
    if (!died && kept.outcome != Outcome::acked) return;
    if (!died) ++q.acked;
    const bool moved = died && kept.state == Image::State::settled && !scene_.queues[queue].dead_to.empty();
    copy.state = !died ? CopyState::acked : moved ? CopyState::moved : CopyState::dead;
}

}  // namespace ym::simulation
