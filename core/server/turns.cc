#include "server/turns.h"

#include <algorithm>
#include <string>
#include <utility>

#include "server/clock.h"

namespace ym::server {
namespace {

// An idle ROUTER must be touched at least once a second (libzmq#954).
constexpr Duration wait_max = 1s;
// What is parked wakes the socket's descriptor when there is room, but a send to another peer may have eaten that wake.
constexpr Duration wait_max_parked = 10ms;
// While messages keep coming, signals and other threads are still looked for this often.
constexpr Duration poll_every = 2ms;
constexpr Duration house_every = 1s;
// A batch that nobody waits for is synced so much later at most; a plugin writes it a tenth of that after it came.
constexpr Duration batch_wait = 50ms;
// At the end: for what is parked, then for what ZeroMQ itself has not yet sent.
constexpr Duration flush_max = 1s;
constexpr Duration linger = 500ms;

}  // namespace

Turns::Turns(Parts parts, const BrokerOptions& options) : parts_(parts), broker_(options) {
    descriptors_.push_back({parts_.signals.descriptor(), POLLIN, 0});
    descriptors_.push_back({parts_.wake.descriptor(), POLLIN, 0});
    descriptors_.push_back({parts_.admin.socket().descriptor(), POLLIN, 0});
    for (const Socket& socket : parts_.sockets) descriptors_.push_back({socket.descriptor(), POLLIN, 0});
}

Ended Turns::run(std::unique_ptr<Topology> topology) {
    events_.emplace_back(SettingsChanged{std::move(topology)});
    const Now start = read_clocks();
    step(start);
    started_at_ = start.monotonic;
    house_at_ = start.monotonic + house_every;
    parts_.store.acquire();
    while (!over_) {
        const Now now = read_clocks();
        gather(now);
        if (!events_.empty() || now.monotonic >= broker_.next_deadline()) step(now);
        if (acquired_ && !over_ && !std::exchange(replay_told_, true)) tell_replay(now.monotonic);
        watch_store();
        keep_house(now.monotonic);
        if (!over_) wait(busy());
    }
    Ended result = ended();
    flush_out();
    return result;
}

void Turns::gather(Now now) {
    parts_.store.poll(now.monotonic, events_);
    for (const Event& event : events_) acquired_ = acquired_ || std::holds_alternative<StoreAcquired>(event);
    if (!parts_.outbox.idle()) parts_.outbox.flush();
    for (const PeerId peer : parts_.outbox.unreachable()) events_.emplace_back(PeerUnreachable{peer});
    parts_.outbox.clear_unreachable();
    parts_.admin.read(events_);
    if (!acquired_) return;
    for (std::uint32_t listener = 0; listener < parts_.sockets.size(); ++listener) {
        parts_.intake.read(parts_.sockets[listener], listener, parts_.peers, parts_.outbox);
    }
    parts_.intake.add_events(events_);
}

void Turns::step(Now now) {
    if (over_) return;
    effects_.clear();
    broker_.step(now, events_, effects_);
    events_.clear();
    parts_.intake.clear();
    perform(now);
}

void Turns::perform(Now now) {
    if (!effects_.records.empty()) {
        parts_.store.append(effects_.batch, effects_.records, effects_.may_wait ? batch_wait : Duration{0});
    }
    for (const Send& send : effects_.sends) {
        parts_.outbox.send(send.peer, effects_.octets.octets(send.at, send.size), send.parts);
    }
    for (const PeerId peer : effects_.forget) {
        if (!parts_.peers.knows(peer)) continue;  // named twice
        parts_.outbox.forget(peer);
        parts_.peers.forget(peer);
    }
    for (const AdminAnswer& answer : effects_.answers) parts_.admin.answer(answer);
    for (const Notice& notice : effects_.notices) parts_.report.notice(notice, now.monotonic);
    for (const std::uint64_t batch : effects_.fetch) parts_.store.fetch(batch);
    if (effects_.reclaim != 0) parts_.store.reclaim(effects_.reclaim);
    if (effects_.acquire) parts_.store.acquire();
    switch (effects_.finish) {
        case Finish::no: return;
        case Finish::drained: ending_ = Ending::drained; break;
        case Finish::fenced: ending_ = Ending::fenced; break;
        case Finish::store_failed: ending_ = Ending::store_failed; break;
    }
    why_ = parts_.store.why();
    over_ = true;
}

void Turns::watch_store() {
    // The store may end while no batch waits for it: then it is not the broker that notices.
    const auto status = parts_.store.ended();
    if (!status || over_) return;
    ending_ = *status == StoreStatus::fenced ? Ending::fenced : Ending::store_failed;
    why_ = parts_.store.why();
    over_ = true;
}

void Turns::tell_progress() {
    const store::Replay& replay = parts_.store.replay();
    if (replay.through == 0) {
        parts_.report.line(Level::info, "waiting for the store");
    } else {
        parts_.report.line(Level::info, "reading back: batch " + std::to_string(replay.last) + " of " +
                                            std::to_string(replay.through) + ", " + std::to_string(replay.records) +
                                            " records so far");
    }
}

void Turns::tell_replay(Instant now) {
    const store::Replay& replay = parts_.store.replay();
    for (const auto& gap : replay.missing) {
        parts_.report.line(Level::error, "batches " + std::to_string(gap.first) + " to " + std::to_string(gap.last) +
                                             " of the store are missing; what they told is lost");
    }
    if (replay.missing_count > 0) {
        parts_.report.line(Level::error, std::to_string(replay.missing_count) + " batches are missing in all");
    }
    if (replay.batches == 0) return;
    std::uint64_t live = 0;
    for (const QueueStatus& queue : broker_.status(now).queues) live += queue.live;
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - started_at_).count();
    parts_.report.line(Level::info, "read back " + std::to_string(replay.batches) + " batches with " +
                                        std::to_string(replay.records) + " records in " + std::to_string(ms) +
                                        " ms: " + std::to_string(live) + " messages are in queues");
}

void Turns::take_signals() {
    while (parts_.signals.next()) {
        if (!acquired_) {
            ending_ = Ending::unserved;
            over_ = true;
        } else if (std::exchange(draining_, true)) {
            ending_ = Ending::stopped;
            over_ = true;
        } else {
            events_.emplace_back(DrainRequested{});
        }
    }
}

void Turns::keep_house(Instant now) {
    if (now < house_at_) return;
    house_at_ = now + house_every;
    parts_.report.summary(now);
    if (!acquired_) tell_progress();
    const std::uint64_t turned_away = parts_.intake.turned_away();
    if (turned_away == turned_away_told_) return;
    parts_.report.line(Level::warning, "too many peers: " + std::to_string(turned_away - turned_away_told_) +
                                           " messages of unknown ones were dropped; see listeners.*.limits.peers");
    turned_away_told_ = turned_away;
}

bool Turns::busy() {
    // Asking a socket also runs what its I/O thread wants of it; descriptors are edge-triggered, so every socket is
    // asked, and after the sends of this turn.
    bool found = parts_.admin.socket().readable();
    for (const Socket& socket : parts_.sockets) found = (socket.readable() && acquired_) || found;
    if (!parts_.outbox.idle()) parts_.outbox.flush();
    return found || parts_.store.answered() || !parts_.outbox.unreachable().empty() || !events_.empty();
}

void Turns::wait(bool busy) {
    const Instant now = read_clocks().monotonic;
    if (busy && now - polled_at_ < poll_every) return;
    polled_at_ = now;
    Duration patience = parts_.outbox.idle() ? wait_max : wait_max_parked;
    for (const Instant due : {broker_.next_deadline(), parts_.store.next_deadline()}) {
        if (due != Instant::never()) patience = std::min(patience, due - now);
    }
    if (busy || patience < Duration{0}) patience = Duration{0};
    const timespec timeout{static_cast<time_t>(patience / 1s), static_cast<long>((patience % 1s).count())};
    if (::ppoll(descriptors_.data(), descriptors_.size(), &timeout, nullptr) <= 0) return;
    if (descriptors_[0].revents != 0) take_signals();
    if (descriptors_[1].revents != 0) parts_.wake.clear();
}

void Turns::flush_out() {
    const Instant until = read_clocks().monotonic + flush_max;
    if (ending_ == Ending::stopped || ending_ == Ending::unserved) return;
    while (!parts_.outbox.idle() && read_clocks().monotonic < until) {
        (void)busy();
        const timespec timeout{0, std::chrono::nanoseconds(wait_max_parked).count()};
        ::ppoll(descriptors_.data() + 3, descriptors_.size() - 3, &timeout, nullptr);
    }
    for (Socket& socket : parts_.sockets) socket.set_linger(linger);
}

Ended Turns::ended() {
    return {ending_, why_, broker_.status(read_clocks().monotonic), acquired_};
}

}  // namespace ym::server
