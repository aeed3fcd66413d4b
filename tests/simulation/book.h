// What must be true of sessions, messages and leases, concluded from facts alone. The checkers compare the next fact
// with it. It holds what is certain; where two things may be right it says so.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "facts.h"
#include "image.h"
#include "options.h"

namespace ym::simulation {

enum class CopyState : std::uint8_t {
    offered,  // published, not answered yet
    refused,
    ready,    // could be delivered, for certain
    waiting,  // could be delivered at some time, or is gone by a limit of its queue
    leased,
    acked,
    dead,   // no further attempt; kept beside the queue
    moved,  // no further attempt; now in the queue of dead letters
    gone,   // by a limit of its queue, or with the memory of a broker that has ended
};

/// A message in one queue.
struct Copy {
    Uid uid = no_uid;
    std::size_t queue = 0;
    std::uint64_t place = 0;  // in order of acceptance
    bool place_certain = true;
    std::uint8_t priority = 0;
    bool optional = false;
    bool dead_letter = false;  // came from another queue
    bool confirmed = false;
    CopyState state = CopyState::offered;
    bool gave_back = false;     // its last lease ended without using up the attempt, or may have
    std::uint32_t attempt = 0;  // of the last delivery
    Instant not_before;         // as the store has it, for a copy that an earlier broker delayed
    SessionNumber holder = 0;
    std::uint64_t tag = 0;
};
using CopyId = std::uint32_t;
inline constexpr CopyId no_copy = 0xffffffffU;

struct Lease {
    CopyId copy = no_copy;
    std::size_t queue = 0;
    std::uint32_t attempt = 0;
    Duration length{0};
    Instant granted;
    Instant deadline;
    bool live = false;
    bool ended_now = false;  // by a settlement of this step; a refusal of that may bring it back
};

/// A record of a sequence that came in: its place if it is taken, and where it then belongs.
struct Arrival {
    std::uint64_t place = 0;
    Route route;
};

/// A sequence of a producer's session.
struct Sequence {
    Uid uid = no_uid;
    bool accepted = false;
    bool earlier = false;  // by a broker that has ended
    bool wants_reply = false;
    std::uint32_t arrivals = 0;
    std::uint32_t answers = 0;
    std::deque<Arrival> open;  // that no answer came for
    Route route;               // of the one that was taken, or may be
};

struct Session {
    bool vandal = false;
    bool joined = false;    // a WELCOME was sent, and nothing ended it
    bool greeting = false;  // said HELLO in this step
    bool away = false;
    Instant lost_at;  // while away
    std::uint64_t connections = 0;

    std::map<std::uint64_t, Sequence> sequences;
    std::uint64_t floor = 0;  // sequences up to here are too old
    std::uint64_t highest = 0;
    std::uint64_t window = 0;
    std::uint64_t bytes_window = 0;
    std::uint64_t bytes_published = 0;

    std::deque<Lease> leases;  // of tag 1, 2, ...
    std::uint64_t credit = 0;
    std::uint64_t bytes_credit = 0;
    std::uint64_t bytes_delivered = 0;
};

/// Where a copy stands among the ready ones of its queue: higher priority first, then order of acceptance.
using Place = std::tuple<std::uint8_t, std::uint64_t, CopyId>;

struct QueueBook {
    std::set<Place> ready;
    std::set<Place> offered;
    std::uint64_t live_leases = 0;
    std::uint64_t confirmed = 0;  // copies that a 2xx promised, without those that may be dropped at once
    std::uint64_t acked = 0;
    std::uint64_t dead = 0;
    bool drops = false;     // its limit takes messages away, so nothing is certain to be ready
    bool unsteady = false;  // on demand, or it left the settings: its books may begin anew
};

class Book {
  public:
    Book(const Options& options, const Messages& messages);

    // Each fact, in order of what happened. Step: facts in, end_due, facts out.
    void on(const HelloFact& fact);
    void on(const WelcomeFact& fact);
    void on(const PublishFact& fact);
    void on(const AnswerFact& fact);
    void on(const WindowFact& fact);
    void on(const CreditFact& fact);
    void on(const DeliverFact& fact, Instant now);
    void on(const SettleFact& fact, Instant now);
    void on(const LostFact& fact);
    void on(const GoneFact& fact, Instant now);
    /// The attempt that the next delivery of a copy must be; what Majordomo workers are not told.
    [[nodiscard]] std::uint32_t next_attempt(CopyId id) const;
    /// Ends the leases and graces that are over: the broker does so behind the events of a step.
    void end_due(Instant now);
    /// A message is about to be delivered: a limit of a queue may have made it a dead letter, which no peer could see.
    void expect(Uid uid, std::size_t queue);
    /// The broker is gone, and what it held in memory with it: what there is, is what the store has.
    void recover(const Image& image, Now now);
    void change_scene(const Scene& scene) { scene_ = scene; }

    [[nodiscard]] Session& session(SessionNumber number);
    [[nodiscard]] const Scene& scene() const { return scene_; }
    [[nodiscard]] const Messages& messages() const { return messages_; }
    [[nodiscard]] const Options& options() const { return options_; }
    [[nodiscard]] Copy& copy(CopyId id) { return copies_[id]; }
    [[nodiscard]] const std::vector<Copy>& copies() const { return copies_; }
    /// The copy of a message in a queue; no_copy if nothing can have brought it there.
    [[nodiscard]] CopyId find(Uid uid, std::size_t queue) const;
    /// nullptr if the tag was never given.
    [[nodiscard]] Lease* lease(SessionNumber session, std::uint64_t tag);
    [[nodiscard]] QueueBook& queue(std::size_t index) { return queues_[index]; }
    [[nodiscard]] std::size_t queues() const { return queues_.size(); }
    [[nodiscard]] const std::unordered_map<SessionNumber, Session>& sessions() const { return sessions_; }
    /// The earliest end of a lease or of a grace; Instant::never() if nothing waits for one.
    [[nodiscard]] Instant next_end();
    [[nodiscard]] bool keeps(std::size_t queue) const { return options_.store && scene_.queues[queue].durable; }

  private:
    enum class Reason : std::uint8_t { given_back, nack, reject, expired, lost };
    struct End {
        Instant at;
        SessionNumber session = 0;
        std::uint64_t tag = 0;  // 0: the session's grace
        friend bool operator>(const End& a, const End& b) {
            // At one moment leases end by themselves first; what a lost session then still holds ends with it.
            return std::tuple(a.at, a.tag == 0, a.session, a.tag) > std::tuple(b.at, b.tag == 0, b.session, b.tag);
        }
    };

    void offer(Sequence& sequence, const Arrival& arrival, bool certain);
    static const Arrival& best(const Sequence& sequence);
    void leave_open(Sequence& sequence);
    void take(Sequence& sequence);
    void set_state(CopyId id, CopyState state);
    [[nodiscard]] bool stands_behind_offered(CopyId id);
    void end_lease(SessionNumber session, std::uint64_t tag, Reason reason);
    void end_leases(SessionNumber session, Reason reason);
    void fail(CopyId id, Reason reason);
    void bury(CopyId id);
    CopyId add_dead(const Copy& copy, std::size_t grave);
    [[nodiscard]] bool is_current(const End& end);
    void recover_sessions(const Image& image);
    void recover_copies(const Image& image, Now now);
    void recover_copy(const Image::Copy& kept, std::size_t queue, Now now);

    const Options& options_;
    const Messages& messages_;
    Scene scene_;
    std::unordered_map<SessionNumber, Session> sessions_;  // those of Majordomo peers have numbers far apart
    std::vector<Copy> copies_;
    std::unordered_map<std::uint64_t, CopyId> by_uid_;  // uid and queue
    std::vector<QueueBook> queues_;
    std::vector<End> ends_;  // a heap
    std::vector<std::pair<SessionNumber, std::uint64_t>> ended_now_;
    std::uint64_t places_ = 0;
};

}  // namespace ym::simulation
