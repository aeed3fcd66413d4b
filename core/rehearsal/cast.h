// The peers of a scenario, what they say by themselves, and what is known of the messages that they handle.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rehearsal/script.h"
#include "rehearsal/stage.h"

namespace ym::rehearsal {

/// Carries the number of a message through the broker: peers pass on what they do not know (PROTOCOL section 4).
inline constexpr std::uint8_t number_tag = 0xff;

/// How a copy of a message left its queue.
struct Fate {
    std::string is;       // acked, dropped, expired, deleted; moved: its dead letter went on
    std::string because;  // of a drop
    std::string by;       // who acked it
};

/// What is known of one queue's copy of a message beside what the broker shows.
struct CopyKnown {
    std::uint32_t attempts = 0;
    std::string failed;  // why the last attempt did
    std::optional<Fate> fate;
};

struct Told {
    std::string name;
    std::string producer;
    std::uint64_t sequence = 0;
    Sending sending;
    std::uint16_t status = 0;  // of its last confirm; 0: none came
    std::string text;
    std::map<std::string, CopyKnown> copies;  // by queue
    bool replied = false;
    std::uint16_t reply_status = 0;
    std::string reply;
    std::vector<std::string> parts;
};

struct Given {
    Instant at;
    std::size_t message = 0;
    std::string worker;
    std::string queue;
    std::uint32_t attempt = 0;
};

struct Actor {
    std::string name;
    PeerId id;
    bool connected = false;
    bool frozen = false;
    std::set<std::uint64_t> unconfirmed;  // sequences
    std::uint64_t next = 1;
    bool produces = false;
    // Of a worker:
    WorkerGiven given;
    std::map<std::uint64_t, std::size_t> holds;  // tag: message
    std::set<std::uint64_t> hung;                // those of them that it never answers
    std::uint64_t stuck = 0;                     // hung ones that it has lost: each still takes its place
    std::uint64_t last_tag = 0;
    std::uint64_t lost = 0;
    std::uint64_t life = 0;  // of its connection: what was planned in an earlier one is not done
};

/// Raised by what a scenario asks for and cannot be.
struct CannotPlay {
    std::string found;
};

class Cast {
  public:
    Cast(BrokerOptions options, Now start);

    [[nodiscard]] Stage& stage() { return *stage_; }
    void say(const std::string& who, const std::string& what);

    // What steps do.
    void add_producer(const std::string& name);
    void add_worker(const WorkerGiven& given);
    void send(const Sending& sending);
    void act(PeerDoes does, const std::string& name);
    void restart(std::unique_ptr<Topology> topology);
    /// Lets time pass, up to and with what is due then.
    void advance(Duration by);

    // What expectations look at.
    [[nodiscard]] const std::deque<Told>& told() const { return told_; }
    [[nodiscard]] const Told* find(const std::string& name) const;
    [[nodiscard]] const std::vector<Given>& given() const { return given_; }
    [[nodiscard]] const Actor* actor(const std::string& name) const;
    /// The number of the message that this is a copy of, if it is one of ours.
    [[nodiscard]] std::optional<std::size_t> number_in(const CopyStatus& copy) const;
    [[nodiscard]] Duration since_start() const { return stage_->now().monotonic - start_; }
    [[nodiscard]] const std::vector<std::string>& timeline() const { return timeline_; }
    [[nodiscard]] std::uint64_t steps() const { return steps_; }

  private:
    struct CopyKey {
        std::size_t message = 0;
        std::string queue;
        friend auto operator<=>(const CopyKey&, const CopyKey&) = default;
    };
    using Doing = std::function<void()>;

    Actor& need(const std::string& name);
    void plan(Duration after, Doing doing) { agenda_.emplace(stage_->now().monotonic + after, std::move(doing)); }
    void hello(Actor& actor);
    void lose(Actor& actor);
    void resume(Actor& actor);
    void send_empty(const Actor& actor, wire::Verb verb, std::uint64_t number = 0);
    void publish(const Actor& from, std::size_t message);
    void heartbeats();
    void got(PeerId peer, const Got& got);
    void got_welcome(Actor& actor, const Got& got);
    void got_lost(Actor& worker, const Got& got);
    void got_delivery(Actor& worker, const Got& got);
    void got_confirm(const Actor& producer, const Got& got);
    void got_reply(const Actor& producer, const Got& got);
    [[nodiscard]] Told* told_of(const Actor& producer, std::uint64_t sequence);
    [[nodiscard]] static const Conduct& conduct_for(const Actor& worker, const Got& got);
    void answer(Actor& worker, std::uint64_t tag, const Conduct& conduct);
    void settle(Actor& worker, std::uint64_t tag, const Conduct& conduct);
    void go_on(Actor& worker);
    [[nodiscard]] static std::uint64_t credit_of(const Actor& worker);
    [[nodiscard]] std::size_t number_of(const Told& told) const;

    // watch.cc
    void watch();
    void learn(const CopyKey& key, const StatusReport& before, const StatusReport& after,
               const std::map<CopyKey, CopyStatus>& copies);

    std::unique_ptr<Stage> stage_;
    Instant start_;
    std::map<std::string, Actor> actors_;
    std::vector<std::string> order_;  // of names
    std::map<std::uint32_t, std::string> by_id_;
    std::uint32_t last_id_ = 0;
    std::multimap<Instant, Doing> agenda_;
    std::deque<Told> told_;
    std::vector<Given> given_;
    std::vector<std::string> timeline_;
    std::uint64_t steps_ = 0;

    std::map<MessageId, std::size_t> numbers_;  // as the fields told, while they were in memory
    StatusReport books_;                        // as they were after the last step
    std::map<CopyKey, CopyStatus> copies_;
    std::string acking_;                     // who acks in this step
    std::optional<std::size_t> publishing_;  // the last message that was published
};

}  // namespace ym::rehearsal
