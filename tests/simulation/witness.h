// Stands at the broker's border and takes apart what crosses it, into facts for the checkers and the book.
#pragma once

#include <deque>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "broker/effect.h"
#include "checker.h"
#include "majordomo_border.h"
#include "network.h"
#include "simulated_store.h"

namespace ym::simulation {

class Witness {
  public:
    /// `trace` may be null: nothing is told then.
    Witness(const Options& options, const Messages& messages, Coverage& coverage, std::ostream* trace);

    void begin_step(Now now, bool healing);
    void received(PeerId peer, const Parcel& parcel);
    void unreachable(PeerId peer);
    /// Of another protocol than YMP.
    void received_frames(PeerId peer, std::span<const Octets> parts);
    void sent_frames(PeerId peer, Octets octets);
    void completed(const StoreCompleted& event);
    void acquired(const StoreAcquired& event);
    void settings(const Scene& scene);
    /// All events of the step are shown; what follows is what the broker makes of them.
    void all_received();
    void appended(std::uint64_t batch, Octets octets);
    /// The store has the batch.
    void kept(std::uint64_t batch);
    /// What the store has not given up; a broker that starts reads it, if `replayed`.
    void left(std::span<const SimulatedStore::Kept> batches, bool replayed);
    /// What a broker says that has read it.
    void recovered(const StatusReport& status);
    void sent(PeerId peer, Octets frame);
    void forgotten(PeerId peer);
    void noticed(const Notice& notice);
    void end_step(Instant next);
    void inspect(const StatusReport& status);
    /// What was in flight is kept or lost by now.
    void broker_ended(Finish how, Now now);
    void end(const StatusReport& status);
    void violation(const std::string& checker, const std::string& text) {
        evidence_.violations.push_back({checker, text});
    }

    [[nodiscard]] const std::vector<Violation>& violations() const { return evidence_.violations; }
    /// Of all that has crossed the border, in order.
    [[nodiscard]] std::uint64_t hash() const { return hash_; }
    [[nodiscard]] std::uint64_t frames() const { return frames_; }

    /// Shows a fact to the checkers.
    template <class Fact>
    void show(const Fact& fact) {
        for (const auto& checker : checkers_) checker->on(fact);
    }
    [[nodiscard]] Book& book() { return book_; }
    [[nodiscard]] Instant now() const { return evidence_.now; }

  private:
    struct Known {
        bool joined = false;
        SessionNumber session = 0;
        bool malformed = false;        // sent what is no frame; it may be ignored
        bool bye_pending = false;      // said BYE in the step of its HELLO
        std::uint64_t gone_in = 0;     // the step that learnt of the connection's end
        bool leaving = false;          // said BYE, and is owed the broker's
        std::deque<HelloFact> hellos;  // that no answer came for
    };

    [[nodiscard]] RecordFact fact_of(std::uint64_t batch, const StoreRecord& record) const;
    std::vector<RecordFact> facts_of(std::uint64_t batch, Octets octets);
    Known& known(PeerId peer);
    void leave(PeerId peer, GoneWhy why);
    void on_hello(Known& from, const wire::Frame& frame);
    void on_publish(SessionNumber session, const wire::Frame& frame, const Parcel& parcel);
    void on_settle(SessionNumber session, const wire::Frame& frame);
    void on_credit(SessionNumber session, const wire::Frame& frame);
    void on_welcome(PeerId peer, const wire::Frame& frame);
    void on_confirm(SessionNumber session, const wire::Frame& frame);
    void on_deliver(SessionNumber session, const wire::Frame& frame);
    void on_lost(SessionNumber session, const wire::Frame& frame);
    void on_reply(SessionNumber session, const wire::Frame& frame);
    void on_error(PeerId peer, const wire::Frame& frame);
    void mix(std::uint64_t kind, Octets octets);
    void tell(const char* arrow, PeerId peer, Octets frame);

    const Options& options_;
    const Messages& messages_;
    Coverage& coverage_;
    std::ostream* trace_;
    Book book_;
    Image image_;
    Evidence evidence_;
    MajordomoBorder majordomo_;
    Checkers checkers_;
    std::vector<Known> known_;  // by PeerId
    std::uint64_t hash_ = 0;
    std::uint64_t frames_ = 0;
    std::uint64_t steps_ = 0;
};

/// A frame in words, for a trace.
[[nodiscard]] std::string describe(Octets frame);

}  // namespace ym::simulation
