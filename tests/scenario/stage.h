// What a script plays on: the real broker with the bundled plugins, peers by their names, and a clock that only
// `advance` turns.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "host/host.h"
#include "scenario/line.h"
#include "unit/broker/harness.h"

namespace ym::scenario {

/// A peer as it knows itself: what it sent and got, over all its connections.
struct Peer {
    std::string name;
    PeerId id;
    std::vector<std::string> queues;  // to work on
    std::uint64_t next = 1;           // sequence
    std::set<std::uint64_t> unanswered;
    bool connected = true;
    bool silent = false;
};

class Stage {
  public:
    /// `settings` as YAML; what a script has no use for (format, listeners) is added.
    explicit Stage(const std::string& settings);

    /// Does what a line says. What came of it, in words.
    std::vector<std::string> run(Line line);
    /// Gives the running broker other settings.
    std::vector<std::string> change_settings(const std::string& settings);

  private:
    using Command = void (Stage::*)(Line&);
    static const std::map<std::string, Command>& commands();

    // peers.cc: what peers do.
    void producer(Line& line);
    void worker(Line& line);
    void publish(Line& line);
    void ack(Line& line) { settle(line, wire::SettleCode::ack); }
    void nack(Line& line) { settle(line, wire::SettleCode::nack); }
    void reject(Line& line) { settle(line, wire::SettleCode::reject); }
    void throttled(Line& line) { settle(line, wire::SettleCode::throttled); }
    void release(Line& line) { settle(line, wire::SettleCode::release); }
    void extend(Line& line) { settle(line, wire::SettleCode::extend); }
    void part(Line& line) { settle(line, wire::SettleCode::part); }
    void settle(Line& line, wire::SettleCode code);
    void credit(Line& line);
    void crash(Line& line);
    void resume(Line& line);
    void silent(Line& line);
    void bye(Line& line);

    // stage.cc: time, the broker, and its books.
    void speaks(Line& line);
    void advance(Line& line);
    void drain(Line& line);
    void store(Line& line);
    void ledger(Line& line);
    void status(Line& line);
    void totals(Line& line);

    void hello(Peer& peer, std::uint64_t credit, std::uint64_t lowest, std::uint64_t through);
    /// Sends a frame and plays what follows at once.
    void send(Peer& peer, const std::function<void(wire::FrameWriter&)>& write);
    void send_empty(Peer& peer, wire::Verb verb);
    Peer& peer(Line& line);
    std::unique_ptr<Topology> build(const std::string& settings, std::vector<std::string>& problems);
    /// A step, then those in which the store completes what it was given, and all that was said meanwhile.
    void play();
    void complete();
    void collect();
    void say(const std::string& who, const std::string& what) { said_.push_back(when_ + who + ": " + what); }
    void heartbeats();

    host::Host host_;  // outlives the broker, which runs its plugins
    std::unique_ptr<test::Bench> bench_;
    std::map<std::string, Peer> peers_;
    std::vector<std::string> order_;  // of names
    std::uint32_t last_id_ = 0;
    Instant heartbeats_at_;
    bool store_pauses_ = false;
    std::size_t completed_ = 0;  // of bench_->batches
    std::size_t told_notices_ = 0;
    std::string when_;  // stands before what is said
    std::vector<std::string> said_;
};

}  // namespace ym::scenario
