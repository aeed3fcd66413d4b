#include "world.h"

#include <algorithm>

namespace ym::simulation {
namespace {

constexpr Instant begin{1000s};
constexpr Duration safety_phase_max = 120s;
constexpr Duration liveness_max = 300s;
constexpr Duration replies_wait = 32s;  // longer than any reply may take

}  // namespace

World::World(const Options& options, Coverage& coverage, std::ostream* trace)
    : options_(options),
      coverage_(coverage),
      scene_(options.scene),
      prng_(mix64(options.seed) ^ 0x776f726c64ULL),
      network_(agenda_, options.seed, options.delay, options.grain),
      messages_(options.seed),
      store_(options, agenda_, coverage,
             {[this](std::uint64_t batch) { witness_.kept(batch); },
              [this](const std::string& text) { witness_.violation("store", text); }}),
      surroundings_{options, agenda_, network_, messages_, coverage, begin, false, 0},
      witness_(options, messages_, coverage, trace),
      now_(begin),
      wall_(1'760'000'000'000),
      heal_at_(Instant::never()) {
    make_peers();
    start_broker();
    plan_faults();
}

void World::make_peers() {
    const auto add = [this](std::unique_ptr<Peer> peer) { add_peer(std::move(peer)); };
    std::uint32_t index = 0;
    for (std::uint32_t i = 0; i < options_.producers; ++i) {
        const std::uint32_t share = options_.messages / options_.producers + 1;
        auto producer = std::make_unique<Producer>(surroundings_, index++, "producer" + std::to_string(i), share);
        producers_.push_back(producer.get());
        add(std::move(producer));
    }
    for (std::uint32_t i = 0; i < options_.workers; ++i) {
        // Each queue has one worker at least; some have more.
        std::vector<std::string> queues;
        for (std::size_t q = 0; q < scene_.queues.size(); ++q) {
            if (q % options_.workers == i || prng_.chance(1, 2)) queues.push_back(scene_.queues[q].name);
        }
        if (queues.empty()) queues.push_back(scene_.queues.front().name);
        auto worker = std::make_unique<Worker>(surroundings_, index++, "worker" + std::to_string(i), std::move(queues));
        workers_.push_back(worker.get());
        add(std::move(worker));
    }
    for (std::uint32_t i = 0; i < options_.vandals; ++i) {
        add(std::make_unique<Vandal>(surroundings_, index++, "vandal" + std::to_string(i)));
    }
    make_majordomo_peers();
}

void World::add_peer(std::unique_ptr<Peer> peer) {
    by_line_.push_back(peer.get());
    peers_.push_back(std::move(peer));
}

void World::make_majordomo_peers() {
    const auto index = [this] { return static_cast<std::uint32_t>(peers_.size()); };
    const auto queue = [this] { return scene_.queues[prng_.below(scene_.queues.size())].name; };
    for (std::uint32_t i = 0; i < options_.majordomo_clients; ++i) {
        auto client = std::make_unique<MajordomoClient>(surroundings_, index(), "client" + std::to_string(i),
                                                        options_.majordomo_messages);
        clients_.push_back(client.get());
        add_peer(std::move(client));
    }
    for (std::uint32_t i = 0; i < options_.majordomo_workers; ++i) {
        add_peer(std::make_unique<MajordomoWorker>(surroundings_, index(), "service" + std::to_string(i), queue()));
    }
    for (std::uint32_t i = 0; i < options_.majordomo_vandals; ++i) {
        add_peer(
            std::make_unique<MajordomoVandal>(surroundings_, index(), "service_vandal" + std::to_string(i), queue()));
    }
}

void World::plan_faults() {
    const auto plan = [&](Duration after, Nemesis fault) {
        agenda_.add(now_ + after, What::nemesis, 0, static_cast<std::uint64_t>(fault));
    };
    if (options_.cut_every.count() != 0) plan(up_to(2 * options_.cut_every), Nemesis::cut);
    if (options_.producer_dies.count() != 0) plan(up_to(2 * options_.producer_dies), Nemesis::kill_producer);
    if (options_.settings_change) plan(up_to(2s), Nemesis::change_settings);
    if (options_.drain_midway) plan(up_to(2s), Nemesis::drain);
    if (options_.crash_every.count() != 0) plan(up_to(2 * options_.crash_every), Nemesis::crash);
    if (options_.wall_jump.count() != 0) plan(up_to(1s), Nemesis::jump);
    agenda_.add(now_ + 500ms, What::inspection);
}

RunOutcome World::run() {
    while (!failed() && progress()) {
    }
    RunOutcome outcome;
    outcome.violations = witness_.violations();
    outcome.hash = witness_.hash();
    outcome.messages = messages_.size();
    outcome.frames = witness_.frames();
    outcome.steps = steps_;
    outcome.time = now_ - begin;
    if (!failed() && broker_ != nullptr) {
        for (const QueueStatus& q : broker_->status(now_).queues) {
            if (!q.created) outcome.ledgers[q.name] = q.ledger;
        }
    }
    if (!failed() && options_.drain_at_end) {
        coverage_.count(Fault::drained_at_end);
        draining_ = true;
        const Instant until = now_ + scene_.drain + 1ms;
        events_.emplace_back(DrainRequested{});
        step_all();
        while (!failed() && !drained_ && now_ <= until) progress();
        if (!drained_) witness_.violation("liveness", "a broker without messages did not drain");
        outcome.violations = witness_.violations();
    }
    return outcome;
}

bool World::progress() {
    const Instant due = broker_ == nullptr ? Instant::never() : broker_->next_deadline();
    now_ = std::max(now_, std::min(agenda_.next(), due));
    surroundings_.now = now_;
    while (agenda_.next() <= now_) {
        handle(agenda_.take());
        if (failed()) return false;
    }
    if (broker_ != nullptr && (!events_.empty() || due <= now_)) step_all();
    if (!healing_) {
        const bool published =
            std::all_of(producers_.begin(), producers_.end(), [](const Producer* p) { return p->spent(); }) &&
            std::all_of(clients_.begin(), clients_.end(), [](const MajordomoClient* c) { return c->spent(); });
        if (published || now_ > begin + safety_phase_max) heal();
        return true;
    }
    if (draining_) return true;
    if (now_ > heal_at_ + liveness_max) {
        finish();
        if (!failed()) witness_.violation("liveness", "something never ended, and nobody can say what");
        return false;
    }
    if (!settled()) return true;
    finish();
    return false;
}

void World::handle(const Entry& entry) {
    switch (entry.what) {
        case What::frame_to_broker: {
            Incoming in;
            in.line = entry.who;
            if (!network_.arrived_at_broker(entry, in.peer, in.parcel) || broker_ == nullptr) return;
            incoming_.push_back(std::move(in));
            Incoming& kept = incoming_.back();
            const Octets octets(kept.parcel.octets);
            if (kept.parcel.frames.empty()) {
                kept.parts.push_back(octets.first(kept.parcel.first));
                if (kept.parcel.split()) kept.parts.push_back(octets.subspan(kept.parcel.first));
            }
            std::size_t at = 0;
            for (const std::size_t size : kept.parcel.frames) {
                kept.parts.push_back(octets.subspan(at, size));
                at += size;
            }
            events_.emplace_back(FrameReceived{kept.peer, Principal{}, 0, kept.parts});
            return;
        }
        case What::frame_to_peer: {
            FrameOctets frame;
            if (network_.arrived_at_peer(entry, frame)) by_line_[entry.who]->receive(frame);
            return;
        }
        case What::line_restored:
            if (network_.life(entry.who) == entry.detail && by_line_[entry.who]->alive())
                network_.connect(entry.who, now_);
            return;
        case What::unreachable: {
            PeerId peer;
            if (network_.still_unreachable(entry, peer) && broker_ != nullptr)
                events_.emplace_back(PeerUnreachable{peer});
            return;
        }
        case What::store_completes: {
            StoreCompleted event;
            if (broker_ != nullptr && store_.complete(entry, event)) events_.emplace_back(event);
            return;
        }
        case What::store_acquired:
            if (broker_ != nullptr) events_.emplace_back(store_.acquired(now_));
            return;
        case What::store_fetched: {
            std::uint64_t batch = 0;
            Octets octets;
            if (broker_ == nullptr || !store_.fetched(entry, batch, octets)) return;
            events_.emplace_back(BatchFetched{batch, decode(octets)});
            return;
        }
        case What::broker_starts: return start_broker();
        case What::peer_wakes: return peers_[entry.who]->wake(entry.detail);
        case What::nemesis: return on_nemesis(static_cast<Nemesis>(entry.detail));
        case What::inspection: return inspect();
    }
}

void World::inspect() {
    agenda_.add(now_ + 10ms + up_to(2s), What::inspection);
    if (broker_ != nullptr && events_.empty()) witness_.inspect(broker_->status(now_));
}

/// Feeds the broker with all events, `most` at a time; 0: as the run's options say.
void World::step_all(std::size_t most) {
    if (most == 0) most = options_.cut == Cut::together ? events_.size() : 1;
    if (events_.empty()) step(0, 0);
    for (std::size_t i = 0; i < events_.size() && broker_ != nullptr && !failed(); i += most) {
        step(i, std::min(most, events_.size() - i));
    }
    events_.clear();
    incoming_.clear();
    decoded_.clear();
}

void World::step(std::size_t first, std::size_t count) {
    ++steps_;
    witness_.begin_step(clock(), healing_);
    twin_events_.clear();
    for (std::size_t i = first; i < first + count; ++i) {
        readdress(i);
        show(i);
        if (twin_ == nullptr) continue;
        if (std::holds_alternative<SettingsChanged>(events_[i])) {
            twin_events_.emplace_back(SettingsChanged{build(scene_)});
        } else {
            std::visit(
                [this](const auto& event) {
                    if constexpr (std::is_copy_constructible_v<std::decay_t<decltype(event)>>) {
                        twin_events_.emplace_back(event);
                    }
                },
                events_[i]);
        }
    }
    witness_.all_received();
    effects_.clear();
    broker_->step(clock(), std::span(events_).subspan(first, count), effects_);
    if (twin_ != nullptr) compare_twin();
    perform();
}

/// An earlier step of this moment may have forgotten the frame's peer: then it comes under a new number.
void World::readdress(std::size_t event) {
    auto* frame = std::get_if<FrameReceived>(&events_[event]);
    if (frame == nullptr || network_.is_given(frame->peer)) return;
    const auto incoming = std::find_if(incoming_.begin(), incoming_.end(),
                                       [&](const Incoming& in) { return in.parts.data() == frame->parts.data(); });
    frame->peer = network_.name_again(incoming->line, now_);
}

void World::show(std::size_t event) {
    if (const auto* frame = std::get_if<FrameReceived>(&events_[event])) {
        const auto incoming = std::find_if(incoming_.begin(), incoming_.end(),
                                           [&](const Incoming& in) { return in.parts.data() == frame->parts.data(); });
        if (incoming->parcel.frames.empty()) {
            witness_.received(frame->peer, incoming->parcel);
        } else {
            witness_.received_frames(frame->peer, incoming->parts);
        }
    } else if (const auto* gone = std::get_if<PeerUnreachable>(&events_[event])) {
        witness_.unreachable(gone->peer);
    } else if (const auto* completed = std::get_if<StoreCompleted>(&events_[event])) {
        store_.told(*completed);
        witness_.completed(*completed);
    } else if (const auto* acquired = std::get_if<StoreAcquired>(&events_[event])) {
        witness_.acquired(*acquired);
    } else if (std::holds_alternative<SettingsChanged>(events_[event])) {
        witness_.settings(scene_);
    }
}

void World::perform() {
    perform_store();
    if (crashing_) {
        // It ends in the middle of what it has to do.
        coverage_.count(Fault::crash_within_step);
        send(prng_.below(effects_.sends.size() + 1));
        return end_broker(Finish::no);
    }
    send(effects_.sends.size());
    for (const Notice& notice : effects_.notices) witness_.noticed(notice);
    for (const PeerId peer : effects_.forget) {
        witness_.forgotten(peer);
        network_.forget(peer);
    }
    if (effects_.acquire) store_.acquire(now_);
    if (effects_.finish != Finish::no) return end_broker(effects_.finish);
    witness_.end_step(broker_->next_deadline());
}

void World::perform_store() {
    if (!effects_.records.empty()) {
        batch_.clear();
        store::BatchWriter writer(batch_);
        for (const StoreRecord& record : effects_.records) writer.add(record);
        writer.finish(0, effects_.batch);
        witness_.appended(effects_.batch, batch_.octets());
        store_.append(effects_.batch, batch_.octets(), effects_.may_wait, now_, healing_);
    }
    for (const std::uint64_t batch : effects_.fetch) store_.fetch(batch, now_);
    if (effects_.reclaim == 0) return;
    store_.reclaim(effects_.reclaim);
    if (prng_.chance(1, 8)) witness_.left(store_.needed(), false);
}

void World::send(std::size_t most) {
    for (std::size_t i = 0; i < most; ++i) {
        const Send& send = effects_.sends[i];
        const Octets frame = effects_.octets.octets(send.at, send.size);
        if (send.parts) {
            witness_.sent_frames(send.peer, frame);
        } else {
            witness_.sent(send.peer, frame);
        }
        network_.send_to_peer(send.peer, now_, frame);
    }
}

std::span<const StoreRecord> World::decode(Octets octets) {
    store::BatchRecords& records = decoded_.emplace_back();
    if (!records.add(octets)) witness_.violation("codec", "what the store has cannot be read");
    return records.records();
}

bool World::settled() {
    const auto done = [](const Producer* p) { return p->finished(); };
    const bool asking = !std::all_of(clients_.begin(), clients_.end(), [](const auto* c) { return c->finished(); });
    const bool busy = broker_ == nullptr || asking || !std::all_of(producers_.begin(), producers_.end(), done);
    if (!busy && settled_at_ > now_) return false;
    if (!busy && settled_at_ != Instant{}) return true;
    if (busy) return false;
    for (const QueueStatus& q : broker_->status(now_).queues) {
        if (q.live > 0 || q.storing > 0) return false;
    }
    settled_at_ = now_ + (options_.request != 0 ? replies_wait : 100ms);
    return false;
}

void World::finish() {
    if (broker_ == nullptr) {
        witness_.violation("liveness", "the broker did not come back");
        return;
    }
    for (const Producer* producer : producers_) {
        if (!producer->finished()) witness_.violation("liveness", producer->describe());
    }
    for (const MajordomoClient* client : clients_) {
        if (!client->finished()) witness_.violation("liveness", "a Majordomo client still waits");
    }
    for (const QueueStatus& q : broker_->status(now_).queues) {
        if (q.live == 0 && q.storing == 0) continue;
        witness_.violation("liveness", "queue " + q.name + " holds " + std::to_string(q.ready) + " ready, " +
                                           std::to_string(q.waiting) + " waiting, " + std::to_string(q.in_flight) +
                                           " in flight, " + std::to_string(q.storing) + " being stored, for " +
                                           std::to_string(q.workers) + " workers");
    }
    witness_.left(store_.needed(), false);
    witness_.end(broker_->status(now_));
}

}  // namespace ym::simulation
