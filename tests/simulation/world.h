// One run: a broker, a network, peers and a store, driven through virtual time.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "agenda.h"
#include "broker/broker.h"
#include "majordomo_peers.h"
#include "network.h"
#include "peer.h"
#include "producer.h"
#include "simulated_store.h"
#include "store/records.h"
#include "vandal.h"
#include "witness.h"
#include "worker.h"

namespace ym::simulation {

/// Makes what the broker is given of a scene: the settings as text, read and built by the real plugins.
[[nodiscard]] std::unique_ptr<Topology> build(const Scene& scene);

struct RunOutcome {
    std::vector<Violation> violations;
    std::uint64_t hash = 0;
    std::uint64_t messages = 0;
    std::uint64_t frames = 0;
    std::uint64_t steps = 0;
    Duration time{0};
    std::map<std::string, Ledger> ledgers;  // of the queues that stayed all the time
};

class World {
  public:
    World(const Options& options, Coverage& coverage, std::ostream* trace);

    RunOutcome run();

  private:
    /// A message on its way into a step, kept until the step is over.
    struct Incoming {
        LineId line = no_line;
        PeerId peer;
        Parcel parcel;
        std::vector<Octets> parts;
    };
    enum class Nemesis : std::uint8_t { cut, kill_producer, change_settings, restore_settings, drain, jump, crash };

    void make_peers();
    void make_majordomo_peers();
    void add_peer(std::unique_ptr<Peer> peer);
    void plan_faults();
    void handle(const Entry& entry);
    void on_nemesis(Nemesis fault);
    void cut_line();
    void change_settings(bool remove);
    [[nodiscard]] const QueueScene& as_planned(const std::string& queue) const {
        return options_.scene.queues[options_.scene.find_queue(queue)];
    }
    void change_settings_by_crash();
    void forget_settings();
    void crash();
    void step_all(std::size_t most = 0);
    void step(std::size_t first, std::size_t count);
    void show(std::size_t event);
    void readdress(std::size_t event);
    void perform();
    void perform_store();
    void send(std::size_t most);
    void start_broker();
    void replay();
    void replay_up_to(std::size_t count);
    void compare_twin();
    [[nodiscard]] std::unique_ptr<Broker> make_broker() const;
    /// The records of a batch, kept until the step is over.
    std::span<const StoreRecord> decode(Octets octets);
    void end_broker(Finish how);
    void heal();
    /// True when nothing is left to do; false while the run must go on.
    bool settled();
    bool progress();
    void inspect();
    void finish();
    [[nodiscard]] bool failed() const { return !witness_.violations().empty(); }
    [[nodiscard]] Now clock() const {
        return {now_, {wall_ + std::chrono::duration_cast<std::chrono::milliseconds>(now_.since_start)}};
    }
    Duration up_to(Duration most) {
        return Duration(static_cast<std::int64_t>(prng_.below(1 + static_cast<std::uint64_t>(most.count()))));
    }

    const Options& options_;
    Coverage& coverage_;
    Scene scene_;
    Prng prng_;
    Agenda agenda_;
    Network network_;
    Messages messages_;
    SimulatedStore store_;
    Surroundings surroundings_;
    Witness witness_;
    Instant now_;
    std::chrono::milliseconds wall_;
    Instant heal_at_;
    bool healing_ = false;
    bool draining_ = false;
    bool drained_ = false;
    Instant settled_at_;
    std::uint64_t steps_ = 0;
    std::uint64_t boot_ = 0;

    std::unique_ptr<Broker> broker_;
    Effects effects_;
    bool crashing_ = false;  // in the next step
    std::vector<SimulatedStore::Kept> to_replay_;
    std::deque<store::BatchRecords> decoded_;
    Buffer batch_;

    /// Goes along for some steps, fed with the same; it must do the same.
    std::unique_ptr<Broker> twin_;
    Effects twin_effects_;
    std::vector<Event> twin_events_;
    std::uint64_t twin_steps_ = 0;
    bool twin_compares_ = false;
    std::deque<Incoming> incoming_;
    std::vector<Event> events_;
    std::vector<std::unique_ptr<Peer>> peers_;
    std::vector<Producer*> producers_;
    std::vector<Worker*> workers_;
    std::vector<MajordomoClient*> clients_;
    std::vector<Peer*> by_line_;
};

}  // namespace ym::simulation
