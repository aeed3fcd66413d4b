#include "options.h"

#include <algorithm>
#include <sstream>

#include "base/prng.h"

namespace ym::simulation {
namespace {

class Draw {
  public:
    explicit Draw(std::uint64_t seed) : prng_(mix64(seed) ^ 0x6f7074696f6e73ULL) {}

    /// Uniform in [low, high].
    std::uint64_t number(std::uint64_t low, std::uint64_t high) { return low + prng_.below(high - low + 1); }
    std::uint32_t count(std::uint32_t low, std::uint32_t high) { return static_cast<std::uint32_t>(number(low, high)); }
    Duration ms(std::uint64_t low, std::uint64_t high) { return std::chrono::milliseconds(number(low, high)); }
    bool chance(std::uint64_t numerator, std::uint64_t denominator) { return prng_.chance(numerator, denominator); }
    /// `odds` in half of the seeds, else never: a fault that every seed has hides what happens without it.
    Odds odds(std::uint32_t low, std::uint32_t high) { return chance(1, 2) ? count(low, high) : 0; }
    template <class T>
    T one_of(std::initializer_list<T> choices) {
        return choices.begin()[prng_.below(choices.size())];
    }

  private:
    Prng prng_;
};

void draw_retries(Draw& draw, const Options& options, Scene& scene) {
    const std::uint32_t attempts = options.recut ? 100'000 : draw.count(2, 8);
    scene.retries = {{"default", RetryKind::backoff, draw.ms(10, 300), draw.ms(300, 2000), attempts, true},
                     {"steady", RetryKind::fixed, draw.ms(0, 500), Duration{0}, attempts, false},
                     {"once", RetryKind::none, Duration{0}, Duration{0}, 1, false}};
    if (options.recut) scene.retries[2] = {"once", RetryKind::fixed, Duration{0}, Duration{0}, attempts, false};
}

QueueScene draw_queue(Draw& draw, const Options& options, const std::string& name) {
    QueueScene q;
    q.name = name;
    q.durable = draw.chance(1, 2);
    q.retry = draw.one_of<std::size_t>({0, 0, 1, 1, 2});
    q.lease = draw.ms(300, 3000);
    q.lease_max = q.lease * draw.count(1, 4);
    q.weight = draw.count(1, 4);
    q.balance = draw.one_of({"round_robin", "least_loaded", "sticky", "sticky, when_busy: move", "single_active"});
    if (draw.chance(1, 4)) q.in_flight = draw.number(1, 30);
    if (draw.chance(1, 8)) q.rate = draw.number(50, 2000);
    if (!options.recut && draw.chance(1, 4)) {
        q.messages = draw.number(3, 60);
        q.when_full = draw.one_of({WhenFull::reject, WhenFull::reject, WhenFull::drop_oldest, WhenFull::dead_letter});
    }
    return q;
}

void draw_queues(Draw& draw, const Options& options, Scene& scene) {
    const std::uint32_t queues = draw.count(1, 4);
    for (std::uint32_t i = 0; i < queues; ++i) {
        scene.queues.push_back(draw_queue(draw, options, "queue" + std::to_string(i)));
        if (!draw.chance(1, 3)) continue;
        // Dead letters of this one become messages of a queue of their own, which nothing else reaches.
        scene.queues.back().dead_to = "grave" + std::to_string(i);
        QueueScene grave = draw_queue(draw, options, scene.queues.back().dead_to);
        grave.durable = scene.queues.back().durable;
        grave.messages = unlimited;
        grave.when_full = WhenFull::reject;
        grave.publish_direct = false;
        scene.queues.push_back(grave);
    }
    if (options.settings_change) scene.queues.push_back(draw_queue(draw, options, "passing"));
    if (draw.chance(1, 3)) {
        scene.create_match = "dyn.*";
        scene.create_idle = draw.ms(1000, 4000);
        scene.create_like = scene.queues.size();
        for (int i = 0; i < 3; ++i) {
            QueueScene q = i == 0 ? draw_queue(draw, options, "") : scene.queues.back();
            q.name = "dyn." + std::to_string(i);
            q.on_demand = true;
            scene.queues.push_back(q);
        }
    }
}

PipelineScene pipeline(const std::string& name, RouteKind kind, std::vector<Binding> bindings) {
    PipelineScene made;
    made.name = name;
    made.kind = kind;
    made.bindings = std::move(bindings);
    return made;
}

void draw_pipelines(Draw& draw, const Options& options, Scene& scene) {
    std::vector<std::string> queues;
    for (const QueueScene& q : scene.queues) {
        if (q.publish_direct && !q.on_demand && q.name != "passing") queues.push_back(q.name);
    }
    const auto any = [&] { return queues[draw.number(0, queues.size() - 1)]; };
    PipelineScene direct = pipeline("straight", RouteKind::direct, {{"", any()}});
    direct.kind = draw.one_of({RouteKind::direct, RouteKind::key_hash, RouteKind::headers, RouteKind::weighted});
    direct.has_priority = true;
    direct.priority = static_cast<std::uint8_t>(draw.number(0, 31));
    PipelineScene all = pipeline("all", RouteKind::fanout, {});
    for (const std::string& q : queues) all.bindings.push_back({"", q});
    PipelineScene spare = all;
    spare.name = "spare";
    for (std::size_t i = 1; i < queues.size(); ++i) spare.optional.push_back(queues[i]);
    if (options.recut) spare.optional.clear();
    PipelineScene topics =
        pipeline("topics", RouteKind::topic,
                 {{"order.*.eu", any()}, {"order.#", any()}, {"#.log", any()}, {"audit", "straight"}});
    if (options.settings_change) topics.bindings.insert(topics.bindings.begin(), {"order.#", "passing"});
    topics.take_first = draw.chance(1, 2);
    topics.unmatched = draw.one_of({Unmatched::reject, Unmatched::drop, Unmatched::forward});
    if (topics.unmatched == Unmatched::forward) topics.unmatched_to = draw.chance(1, 2) ? "straight" : any();
    PipelineScene chain = pipeline("chain", RouteKind::fanout, {{"", "topics"}, {"", any()}});
    scene.pipelines = {direct, all, spare, topics, chain};
    for (PipelineScene& p : scene.pipelines) p.reply_timeout = draw.ms(200, 10'000);
}

void draw_work(Draw& draw, Options& o) {
    o.producers = draw.count(1, 4);
    o.workers = draw.count(1, 5);
    o.vandals = draw.chance(1, 3) ? draw.count(1, 2) : 0;
    o.messages = draw.count(400, 900);
    o.batch = draw.count(1, 60);
    o.body = draw.one_of<std::uint32_t>({16, 40, 200, 1000, 3000});
    o.request = draw.odds(2, 10);
    o.nowhere = draw.odds(5, 50);
    o.oversized = draw.odds(50, 200);
    o.spoiled = draw.odds(20, 200);
    o.resend_all = draw.odds(1, 4);
    o.impatient = draw.odds(4, 40);
    o.too_old = draw.odds(4, 40);
    o.pause = draw.ms(1, 600);
    o.credit = draw.one_of<std::uint32_t>({1, 3, 10, 50, 200});
    if (draw.chance(1, 3)) o.bytes = o.body * draw.number(1, 20);
    o.threads = draw.count(1, 8);
    o.service = draw.ms(0, 40);
    o.nack = draw.odds(4, 100);
    o.reject = draw.odds(10, 200);
    o.throttled = draw.odds(10, 200);
    o.release = draw.odds(10, 200);
    o.extend = draw.odds(5, 100);
    o.part = draw.odds(5, 50);
    o.result = draw.odds(100, 300);
    o.tell_durable = draw.odds(2, 10);
}

void draw_faults(Draw& draw, Options& o) {
    o.lie = draw.odds(5, 60);
    o.hang = draw.odds(30, 300);
    o.die = draw.odds(30, 300);
    o.leave = draw.odds(50, 300);
    o.rest = draw.odds(50, 300);
    o.delay = std::chrono::microseconds(draw.one_of<std::uint64_t>({1, 50, 500, 5000, 50'000}));
    o.grain = std::chrono::microseconds(draw.one_of<std::uint64_t>({1, 100, 1000, 10'000}));
    if (draw.chance(2, 3)) o.cut_every = draw.ms(50, 1000);
    o.cut_long = draw.odds(2, 6);
    o.cut_silent = draw.odds(2, 6);
    if (draw.chance(1, 3)) o.producer_dies = draw.ms(200, 3000);
    o.store_delay = std::chrono::microseconds(draw.one_of<std::uint64_t>({10, 1000, 20'000, 200'000}));
    if (o.store) {
        o.store_full = draw.odds(20, 200);
        o.store_unknown = draw.odds(20, 200);
        if (draw.chance(1, 6)) o.store_fenced = draw.count(50, 400);
        if (draw.chance(1, 6)) o.store_failed = draw.count(50, 400);
    }
    if (draw.chance(o.store ? 2 : 1, o.store ? 3 : 6)) o.crash_every = draw.ms(200, 4000);
    if (o.store) {
        o.crash_in_replay = draw.odds(3, 6);
        o.replay_twice = draw.odds(2, 4);
        o.twin = draw.odds(3, 6);
        o.crash_changes = draw.odds(1, 3);
        o.store_slack = std::uint64_t{1} << draw.number(16, 18);
    }
    o.drain_midway = draw.chance(1, 10);
    o.drain_at_end = draw.chance(1, 4);
    // Times in the store are of the wall clock: behind a jump they are others.
    if (draw.chance(1, 4) && !o.store) o.wall_jump = std::chrono::hours(draw.number(1, 10'000));
}

/// Takes out what makes the outcome of a message depend on when something happened.
void calm(Options& o) {
    o.reject = 0;
    o.nowhere = 0;
    o.oversized = 0;
    o.producer_dies = Duration{0};
    // A publish that a store refused comes again later, and others come before it.
    o.store_full = o.store_unknown = o.store_fenced = o.store_failed = 0;
    o.crash_every = Duration{0};
    o.drain_midway = false;
    o.settings_change = false;
}

/// So little memory that publishes are refused for it. Dead letters that are kept count, and nothing here takes them
/// away: so there may not be many, or the memory is full for ever.
void small_memory(Options& o, std::uint64_t octets) {
    o.scene.memory_max = octets;
    for (QueueScene& q : o.scene.queues) {
        if (q.when_full == WhenFull::dead_letter) q.when_full = WhenFull::drop_oldest;
        if (o.scene.retries[q.retry].kind == RetryKind::none) q.retry = 0;
    }
    for (RetryScene& retry : o.scene.retries) {
        if (retry.kind != RetryKind::none) retry.attempts = std::max(retry.attempts, 5U);
    }
}

void draw_majordomo(Draw& draw, Options& o) {
    o.majordomo_clients = draw.count(1, 3);
    o.majordomo_workers = draw.count(1, 4);
    o.majordomo_vandals = draw.chance(1, 3) ? draw.count(1, 2) : 0;
    o.majordomo_messages = draw.count(20, 100);
    o.scene.tell_refused = draw.chance(3, 4);
    o.scene.busy_max = draw.ms(1000, 4000);
}

}  // namespace

Options expand(std::uint64_t seed) {
    Draw draw(seed);
    Options o;
    o.seed = seed;
    o.recut = seed % 10 == 0;
    o.store = draw.chance(2, 3);
    o.settings_change = draw.chance(1, 5);
    draw_work(draw, o);
    draw_faults(draw, o);
    if (o.recut) calm(o);
    draw_retries(draw, o, o.scene);
    draw_queues(draw, o, o.scene);
    draw_pipelines(draw, o, o.scene);
    PeerLimits& limits = o.scene.limits;
    limits.heartbeat = draw.ms(200, 1000);
    limits.missed = draw.count(3, 10);
    limits.grace = draw.ms(200, 2000);
    limits.frame = 8192;
    limits.records = 200;
    limits.unconfirmed = draw.one_of<std::uint64_t>({5, 50, 200, 2000});
    limits.peers = 1000;
    o.scene.memory_max = std::uint64_t{64} << 20U;
    if (!o.recut && draw.chance(1, 10)) {
        small_memory(o, std::uint64_t{1200} << 10U);
    } else if (!o.recut && o.store && draw.chance(1, 3)) {
        // So little that bodies are paged out; what is refused for it is sent again.
        small_memory(o, draw.one_of<std::uint64_t>({1024, 1100, 1300}) << 10U);
        o.body = 3000;
        o.messages = std::max(o.messages, 600U);
    }
    o.scene.drain = draw.ms(500, 5000);
    if (draw.chance(1, 4)) o.cut = Cut::one_by_one;
    // What a lost connection takes with it is not sent again, so the outcome depends on time.
    if (!o.recut && draw.chance(1, 2)) draw_majordomo(draw, o);
    if (!o.recut && draw.chance(1, 3)) limits.heartbeats = draw.count(1, 10);
    return o;
}

std::string to_text(const Options& o) {
    const auto ms = [](Duration d) {
        return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(d).count()) + "us";
    };
    std::ostringstream out;
    out << "seed " << o.seed << (o.recut ? " recut" : "") << (o.cut == Cut::together ? "" : " one_by_one") << "\n";
    out << "peers: producers " << o.producers << ", workers " << o.workers << ", vandals " << o.vandals << "\n";
    out << "messages: " << o.messages << ", batch " << o.batch << ", body " << o.body << ", pause " << ms(o.pause)
        << ", once in: request " << o.request << ", nowhere " << o.nowhere << ", oversized " << o.oversized
        << ", spoiled " << o.spoiled << ", resend_all " << o.resend_all << ", impatient " << o.impatient << ", too_old "
        << o.too_old << "\n";
    out << "work: credit " << o.credit << ", bytes " << o.bytes << ", threads " << o.threads << ", service "
        << ms(o.service) << ", once in: nack " << o.nack << ", reject " << o.reject << ", throttled " << o.throttled
        << ", release " << o.release << ", extend " << o.extend << ", part " << o.part << ", result " << o.result
        << ", tell_durable " << o.tell_durable << "\n";
    out << "faults, once in: lie " << o.lie << ", hang " << o.hang << ", die " << o.die << ", leave " << o.leave
        << ", rest " << o.rest << "; producer_dies " << ms(o.producer_dies) << "\n";
    out << "network: delay " << ms(o.delay) << ", grain " << ms(o.grain) << ", cut_every " << ms(o.cut_every)
        << ", once in: cut_long " << o.cut_long << ", cut_silent " << o.cut_silent << "\n";
    out << "store: " << (o.store ? "kept" : "none") << ", delay " << ms(o.store_delay) << ", once in: full "
        << o.store_full << ", unknown " << o.store_unknown << ", fenced " << o.store_fenced << ", failed "
        << o.store_failed << "\n";
    out << "broker: crash_every " << ms(o.crash_every) << ", once in: crash_in_replay " << o.crash_in_replay
        << ", replay_twice " << o.replay_twice << ", twin " << o.twin << ", crash_changes " << o.crash_changes
        << "; store_slack " << o.store_slack << "\n";
    out << "majordomo: clients " << o.majordomo_clients << ", workers " << o.majordomo_workers << ", vandals "
        << o.majordomo_vandals << ", messages of each client " << o.majordomo_messages << "\n";
    out << "other: settings_change " << o.settings_change << ", drain_midway " << o.drain_midway << ", drain_at_end "
        << o.drain_at_end << ", wall_jump " << ms(o.wall_jump) << "\n";
    out << to_yaml(o.scene);
    return out.str();
}

}  // namespace ym::simulation
