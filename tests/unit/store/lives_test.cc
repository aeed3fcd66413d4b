// Brokers live and die over one store: appends are refused, answers are lost, processes end between any two calls. In
// the end every message must have been settled once, and the books must say so.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/prng.h"
#include "store/store.h"
#include "unit/broker/harness.h"
#include "unit/store/disk_plugin.h"

namespace ym::store {
namespace {

using test::Bench;
using test::Got;
using wire::SettleCode;
using wire::Verb;

constexpr PeerId producer{1};
constexpr PeerId worker{2};
constexpr std::uint64_t slack = 16U << 10U;

const std::vector<std::string> all_queues{"orders", "audit", "beside", "graves", "quick"};
constexpr std::size_t durable_queues = 4;

/// Dead letters of orders go on in graves, those of beside are kept beside it; quick is in memory alone.
std::unique_ptr<Topology> settings() {
    auto t = test::topology(all_queues);
    for (std::size_t i = 0; i < durable_queues; ++i) t->queues[i].durable = true;
    t->queues[0].dead_to = "graves";
    t->pipelines.push_back(test::fanout("all", {"orders", "audit", "quick"}));
    t->memory_max = 600U << 10U;
    return t;
}

/// What the world outside knows, whatever becomes of brokers.
struct World {
    struct Message {
        std::string to;
        std::string body;
        bool sent = false;  // in this life, and not refused
    };
    std::uint64_t published = 0;
    std::map<std::uint64_t, Message> unconfirmed;
    std::map<std::string, std::uint64_t> expected;       // queue to messages
    std::set<std::pair<std::string, std::string>> done;  // queue and body: acked, and told that this is durable
};

/// How often what this test is about has happened.
struct Seen {
    std::uint64_t full = 0, lost = 0, fetched = 0, reclaimed = 0, relocated = 0, replayed = 0, redelivered = 0, cut = 0;
};
Seen seen;

/// One process: a broker, its store, and its peers' connections.
class Process {
  public:
    Process(Disk& disk, World& world, Prng& random, Now at, std::uint64_t batch_bytes_max)
        : world_(world),
          random_(random),
          plugin_(disk, batch_bytes_max),
          store_(plugin_.persistence(), {.read_bytes = 3000}),
          bench_({.store_keeps = true, .store_slack = slack}, settings(), at) {
        bench_.on_step = [this](const Effects& effects) { perform(effects); };
        store_.acquire();
        pump();
        seen.replayed += store_.replay().batches;
        for (auto& [sequence, message] : world.unconfirmed) message.sent = false;
        // A producer that stays away for a life leaves it to the store to remember what was accepted of it.
        away_ = random.chance(1, 3);
        come_back(!away_);
        bench_.hello(worker, "w", credit_ = 40, all_queues);
        pump();
    }

    void come_back(bool now = true) {
        away_ = !now;
        if (now) bench_.hello(producer, "p");
    }
    void publish() {
        if (away_) return settle(true);
        constexpr std::size_t unconfirmed_max = 60;
        if (world_.unconfirmed.size() >= unconfirmed_max) return send_again();
        const std::string to = std::array{"orders", "all", "beside", "audit"}.at(random_.below(4));
        const std::uint64_t sequence = ++world_.published;
        World::Message message{to, std::to_string(sequence) + " ", true};
        message.body.resize(1 + random_.below(random_.chance(1, 2) ? 4000 : 300), '.');
        for (const char* queue : {"orders", "audit"}) world_.expected[queue] += to == "all" || to == queue ? 1 : 0;
        world_.expected["beside"] += to == "beside" ? 1 : 0;
        message.body = std::to_string(sequence) + " " + message.body;
        bench_.publish(producer, to, sequence, message.body);
        world_.unconfirmed.emplace(sequence, std::move(message));
    }
    void send_again() {
        if (away_) return settle(true);
        for (auto& [sequence, message] : world_.unconfirmed) {
            if (!std::exchange(message.sent, true)) bench_.publish(producer, message.to, sequence, message.body);
        }
    }
    /// Settles one of the messages that the worker holds.
    void settle(bool only_ack) {
        hear();
        if (held_.empty()) return;
        auto at = held_.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(random_.below(held_.size())));
        const std::uint64_t dice = only_ack ? 0 : random_.below(20);
        const SettleCode code = dice < 14   ? SettleCode::ack
                                : dice < 17 ? SettleCode::nack
                                : dice < 18 ? SettleCode::reject
                                            : SettleCode::release;
        bench_.from(worker, [&](wire::FrameWriter& w) {
            w.begin(Verb::settle, wire::flag_tell_durable, "", ++credit_);
            w.begin_record(static_cast<std::uint16_t>(code), at->first);
        });
        if (code == SettleCode::ack) acked_.emplace(at->first, at->second);
        held_.erase(at);
        bench_.step();
    }
    void act_as_disk() {
        switch (random_.below(30)) {
            case 0:
                seen.full += plugin_.appends() > 0 ? 1 : 0;
                plugin_.refuse();
                break;
            case 1:
                seen.lost += plugin_.appends() > 0 ? 1 : 0;
                plugin_.lose(random_.below(plugin_.appends() + 1));
                break;
            default: plugin_.keep(random_.below(4)); break;
        }
        if (plugin_.fetches() > 0 && random_.chance(1, 2)) plugin_.answer_fetch(random_.below(plugin_.fetches()));
        pump();
    }
    void wait(Duration d) {
        const Instant until = bench_.now.monotonic + d;
        for (;;) {
            const Instant due = std::min(bench_.broker.next_deadline(), store_.next_deadline());
            if (due > until) break;
            bench_.set_time(std::max(due, bench_.now.monotonic));
            pump();
            bench_.step();
        }
        bench_.set_time(until);
        bench_.step();
        pump();
    }
    /// A disk that does all that it is asked for, until nothing is left to do.
    void serve_all() {
        while (plugin_.appends() > 0 || plugin_.fetches() > 0) {
            plugin_.keep(plugin_.appends());
            while (plugin_.fetches() > 0) plugin_.answer_fetch(0);
            pump();
        }
    }
    void crash() { plugin_.crash(random_.below(plugin_.appends() + 1)); }
    void check_books() {
        for (std::size_t i = 0; i < durable_queues; ++i) Bench::balanced(queue(all_queues[i]));
    }
    [[nodiscard]] QueueStatus queue(const std::string& name) { return bench_.queue(name); }
    [[nodiscard]] bool idle() {
        hear();
        bool empty = held_.empty() && world_.unconfirmed.empty();
        for (const std::string& name : all_queues) empty = empty && queue(name).live == 0;
        return empty;
    }
    [[nodiscard]] std::string state() {
        const StatusReport report = bench_.broker.status(bench_.now.monotonic);
        std::string text = std::to_string(world_.unconfirmed.size()) + " unconfirmed, " + std::to_string(held_.size()) +
                           " held, memory " + std::to_string(report.memory);
        for (const QueueStatus& q : report.queues) {
            text += ", " + q.name + " live " + std::to_string(q.live) + " ready " + std::to_string(q.ready) +
                    " in flight " + std::to_string(q.in_flight) + " waiting " + std::to_string(q.waiting);
        }
        return text;
    }
    [[nodiscard]] Now now() const { return bench_.now; }
    [[nodiscard]] const std::string& why() const { return store_.why(); }
    [[nodiscard]] bool ended() const { return store_.ended().has_value() || bench_.finish != Finish::no; }

  private:
    void perform(const Effects& effects) {
        for (const StoreRecord& r : effects.records) seen.relocated += r.kind == RecordKind::relocated ? 1 : 0;
        seen.fetched += effects.fetch.size();
        seen.reclaimed += effects.reclaim != 0 ? 1 : 0;
        if (!effects.records.empty()) {
            const std::size_t before = plugin_.appends();
            store_.append(effects.batch, effects.records);
            seen.cut += plugin_.appends() > before + 1 ? 1 : 0;
        }
        for (const std::uint64_t batch : effects.fetch) store_.fetch(batch);
        if (effects.reclaim != 0) store_.reclaim(effects.reclaim);
        if (effects.acquire) store_.acquire();
    }
    void pump() {
        while (!ended()) {
            store_.poll(bench_.now.monotonic, bench_.events);
            if (bench_.events.empty() && !store_.answered()) return;
            bench_.step();
        }
    }
    void hear() {
        for (const Got& got : bench_.got(producer, Verb::confirm)) {
            if (got.id == 0) continue;
            for (std::uint64_t id = got.id; id <= std::max(got.id, got.u64(wire::Field::through)); ++id) {
                const auto found = world_.unconfirmed.find(id);
                if (found == world_.unconfirmed.end()) continue;
                if (got.code == 200 || got.code == 208) {
                    world_.unconfirmed.erase(found);
                } else {
                    EXPECT_TRUE(got.code == 507 || got.code == 503 || got.code == 429) << got.code;
                    found->second.sent = false;
                }
            }
        }
        for (const Got& got : bench_.got(worker, Verb::deliver)) {
            if (got.id == 0) continue;
            EXPECT_FALSE(world_.done.contains({got.name, got.body})) << got.name << ": again " << got.body.substr(0, 9);
            held_[got.id] = {got.name, got.body};
            seen.redelivered += got.code > 1 ? 1 : 0;
        }
        for (const Got& got : bench_.got(worker, Verb::confirm)) {
            if (got.code != 1000) continue;
            for (std::uint64_t tag = got.id; tag <= std::max(got.id, got.u64(wire::Field::through)); ++tag) {
                const auto found = acked_.find(tag);
                if (found == acked_.end()) continue;
                if (found->second.first != "quick") world_.done.insert(found->second);
                acked_.erase(found);
            }
        }
    }

    World& world_;
    Prng& random_;
    DiskPlugin plugin_;
    Store store_;
    Bench bench_;
    std::uint64_t credit_ = 0;
    bool away_ = false;
    std::map<std::uint64_t, std::pair<std::string, std::string>> held_;   // by tag
    std::map<std::uint64_t, std::pair<std::string, std::string>> acked_;  // and not known to be durable
};

void settle_all(Process& last) {
    for (int turns = 0; turns < 20'000 && !last.idle() && !last.ended(); ++turns) {
        last.send_again();
        last.settle(true);
        last.serve_all();
        if (turns % 50 == 0) last.wait(std::chrono::seconds(1));
    }
}

void live(std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Prng random(seed);
    Disk disk;
    World world;
    Now now{Instant{1s}, WallTime{std::chrono::milliseconds(1'700'000'000'000)}};
    const std::uint64_t batch_bytes_max = random.chance(1, 3) ? 6000 : 1U << 20U;
    const std::uint64_t lives = 2 + random.below(6);
    for (std::uint64_t life = 0; life < lives; ++life) {
        Process process(disk, world, random, now, batch_bytes_max);
        ASSERT_FALSE(process.ended()) << process.why();
        process.check_books();
        for (std::uint64_t left = 20 + random.below(800); left > 0 && !process.ended(); --left) {
            switch (random.below(9)) {
                case 0:
                case 1:
                case 8: process.publish(); break;
                case 2: process.send_again(); break;
                case 3:
                case 4: process.settle(false); break;
                case 5: process.wait(std::chrono::milliseconds(random.below(300))); break;
                default: process.act_as_disk(); break;
            }
        }
        ASSERT_FALSE(process.ended()) << process.why();
        process.check_books();
        process.crash();
        now = process.now();
        now.wall.since_epoch += 1s;
    }
    Process last(disk, world, random, now, batch_bytes_max);
    last.check_books();
    last.come_back();
    settle_all(last);
    ASSERT_FALSE(last.ended()) << last.why();
    ASSERT_TRUE(last.idle()) << last.state();
    for (const auto& [name, count] : world.expected) {
        const Ledger ledger = last.queue(name).ledger;
        EXPECT_EQ(ledger.accepted, count) << name;
        EXPECT_EQ(ledger.acked + ledger.dead, count) << name;
    }
    // One that finds no room in the memory does not go on.
    const QueueStatus orders = last.queue("orders");
    const Ledger graves = last.queue("graves").ledger;
    EXPECT_EQ(graves.moved_in + orders.dead_letters.in, orders.ledger.dead);
    EXPECT_EQ(graves.acked + graves.dead, graves.moved_in);
    for (const char* name : {"audit", "beside", "graves"}) {
        EXPECT_EQ(last.queue(name).dead_letters.live, last.queue(name).ledger.dead) << name;
    }
    last.serve_all();
    EXPECT_LE(disk.octets(), 8 * slack);
}

/// YM_LIVES=1500 tries more of them.
std::uint64_t last_seed() {
    const char* given = std::getenv("YM_LIVES");
    return given == nullptr ? 60 : std::stoull(given);
}

TEST(Lives, OfBrokersLoseNothingAndCountAllOnce) {
    for (std::uint64_t seed = 1; seed <= last_seed() && !::testing::Test::HasFailure(); ++seed) live(seed);
    for (const std::uint64_t count : {seen.full, seen.lost, seen.fetched, seen.reclaimed, seen.relocated, seen.replayed,
                                      seen.redelivered, seen.cut}) {
        EXPECT_GT(count, 100U) << "this test proves nothing";
    }
}

}  // namespace
}  // namespace ym::store
