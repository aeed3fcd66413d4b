// The store's old end is given up, and bodies leave the memory, without a message noticing it.
#include <set>

#include "base/prng.h"
#include "kept.h"

namespace ym::test {
namespace {

using testing::ElementsAre;
using wire::SettleCode;
using wire::Verb;

constexpr BrokerOptions small_slack{.store_keeps = true, .store_slack = 64U << 10U};

std::string body_of(std::uint64_t sequence) {
    return std::to_string(sequence) + std::string(500, '.');
}

TEST(Paging, TakesABacklogThatIsLargerThanTheMemory) {
    constexpr std::uint64_t memory = 4U << 20U;
    KeptStore store;
    auto t = durable({"orders"});
    t->memory_max = memory;
    Life b(store, std::move(t));
    b.hello(producer, "p");
    constexpr std::uint64_t count = 30'000;
    for (std::uint64_t i = 1; i <= count; ++i) {
        b.publish(producer, "orders", i, body_of(i));
        if (i % 20 == 0) b.settle_down();
        ASSERT_LE(b.broker.status(b.now.monotonic).memory, memory);
    }
    EXPECT_EQ(b.queue("orders").live, count);
    b.hello(worker, "w", 100, {"orders"});
    std::uint64_t expected = 1;
    while (expected <= count) {
        b.settle_down();
        const std::vector<Got> got = b.got(worker, Verb::deliver);
        ASSERT_FALSE(got.empty()) << "stuck at " << expected;
        for (const Got& g : got) {
            if (g.id == 0) continue;
            ASSERT_EQ(g.body, body_of(expected++));
        }
        b.settle(worker, SettleCode::ack, got.front().id, got.back().id + 100, {}, got.back().id);
        ASSERT_LE(b.broker.status(b.now.monotonic).memory, memory);
    }
    b.settle_down();
    EXPECT_EQ(b.queue("orders").live, 0U);
    EXPECT_LE(store.fetches, count) << "no batch is fetched twice";
}

TEST(Reclaim, KeepsTheStoreSmallThoughOneMessageIsNeverAcked) {
    KeptStore store;
    {
        Life b(store, durable({"orders", "stuck"}), small_slack);
        b.hello(producer, "p");
        b.hello(other, "o", 1, {"stuck"});
        b.hello(worker, "w", 100, {"orders"});
        b.publish(producer, "stuck", 1, "me");
        for (std::uint64_t i = 2; i <= 5000; ++i) {
            b.publish(producer, "orders", i, body_of(i));
            b.settle_down();
            b.settle(worker, SettleCode::ack, i - 1, i + 99);
            b.settle_down();
            ASSERT_LE(store.batches.size() * 4096, 512U << 10U);
        }
        EXPECT_GT(store.reclaimed, 9000U);
        EXPECT_GT(store.count(RecordKind::relocated), 0U);
    }
    Life b(store, durable({"orders", "stuck"}), small_slack);
    EXPECT_EQ(b.queue("orders").ledger.acked, 4999U);
    EXPECT_EQ(b.queue("stuck").live, 1U);
    Bench::balanced(b.queue("orders"));
    Bench::balanced(b.queue("stuck"));
    b.hello(producer, "p");
    b.publish(producer, "orders", 4000, "again");
    b.settle_down();
    EXPECT_EQ(b.broker.status(b.now.monotonic).duplicates, 1U) << "which a reclaimed batch had told";
    b.hello(worker, "w", 9, {"stuck"});
    b.settle_down();
    EXPECT_THAT(b.bodies(worker), ElementsAre("me"));
}

/// One producer, two workers and their store, by chance, life after life.
class Chance {
  public:
    explicit Chance(std::uint64_t seed) : prng_(seed) {}

    void run() {
        Now at = Life::start;
        for (int life = 0; life < 6 && !testing::Test::HasFatalFailure(); ++life) {
            Life b(store_, settings(), small_slack, at, 1 + static_cast<int>(prng_.below(2)));
            check(b);
            work(b);
            at.wall = b.now.wall;
            at.wall.since_epoch += 1s;
        }
        finish(at);
    }

  private:
    std::unique_ptr<Topology> settings() {
        auto t = durable({"left", "right", "graves", "quick"});
        t->queues[0].dead_to = "graves";
        t->queues[3].durable = false;
        t->queues[1].dead_max = 5;
        t->retries[0].policy = std::make_unique<Wait>(prng_.chance(1, 2) ? Duration{0} : 700ms, 3);
        t->pipelines.push_back(fanout("both", {"left", "right", "quick"}));
        t->memory_max = prng_.chance(1, 2) ? 2U << 20U : 1U << 30U;
        return t;
    }
    void work(Life& b) {
        b.hello(producer, "p");
        b.hello(worker, "w", 20, {"left", "right", "graves", "quick"});
        std::uint64_t credit = 20;
        for (int i = 0; i < 400; ++i) {
            switch (prng_.below(8)) {
                case 0: publish(b, "left", {"left"}); break;
                case 1: publish(b, "right", {"right"}); break;
                case 2: publish(b, "both", {"left", "right"}); break;
                case 3: b.settle_down(); break;
                case 4: b.advance(100ms); break;
                default: settle(b, credit); break;
            }
        }
        b.settle_down();
        tags_.clear();
    }
    void publish(Life& b, const std::string& to, const std::vector<std::string>& queues) {
        ++sequence_;
        b.publish(producer, to, sequence_, std::to_string(sequence_) + std::string(prng_.below(2000), '.'));
        for (const std::string& q : queues) open_[q].insert(sequence_);
    }
    void read(Life& b) {
        for (const Got& g : b.got(worker, Verb::deliver)) {
            if (g.id != 0) tags_.emplace_back(g.id, std::make_pair(g.name, std::stoull(g.body)));
        }
    }
    void settle(Life& b, std::uint64_t& credit) {
        read(b);
        if (tags_.empty()) return;
        const std::size_t i = prng_.below(tags_.size());
        const auto [tag, message] = tags_[i];
        tags_.erase(tags_.begin() + static_cast<std::ptrdiff_t>(i));
        const std::uint64_t draw = prng_.below(10);
        const SettleCode code = draw < 6 ? SettleCode::ack : draw < 8 ? SettleCode::nack : SettleCode::reject;
        if (code == SettleCode::ack) open_[message.first].erase(message.second);
        // A dead letter leaves its queue, for `graves` or for those kept beside it.
        if (code == SettleCode::reject || (code == SettleCode::nack && ++nacks_[message] >= 3)) {
            open_[message.first].erase(message.second);
            if (message.first == "left") open_["graves"].insert(message.second);
        }
        b.settle(worker, code, tag, ++credit);
    }
    /// What is live is what was taken and not settled.
    void check(Life& b) {
        for (const std::string name : {"left", "right", "graves"}) {
            const QueueStatus q = b.queue(name);
            Bench::balanced(q);
            EXPECT_EQ(q.dead_letters.in, q.dead_letters.dropped + q.dead_letters.live) << name;
            ASSERT_EQ(q.live, open_[name].size()) << name;
        }
    }
    void finish(Now at) {
        Life b(store_, settings(), small_slack, at);
        check(b);
        b.hello(worker, "w", 1'000'000, {"left", "right", "graves"});
        for (int i = 0; i < 200; ++i) {
            b.advance(1s);
            b.settle_down();
            for (const Got& g : b.got(worker, Verb::deliver)) {
                if (g.id == 0) continue;
                ASSERT_EQ(open_[g.name].erase(std::stoull(g.body)), 1U) << g.name << " " << g.body.substr(0, 9);
                b.settle(worker, SettleCode::ack, g.id, 1'000'000);
            }
        }
        for (const auto& [name, left] : open_) EXPECT_TRUE(left.empty() || name == "quick") << name;
    }

    Prng prng_;
    KeptStore store_;
    std::uint64_t sequence_ = 0;
    std::map<std::string, std::set<std::uint64_t>> open_;
    std::map<std::pair<std::string, std::uint64_t>, int> nacks_;
    std::vector<std::pair<std::uint64_t, std::pair<std::string, std::uint64_t>>> tags_;
};

TEST(Reclaim, LosesNothingInManyLives) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE(seed);
        Chance(seed).run();
        if (testing::Test::HasFailure()) return;
    }
}

}  // namespace
}  // namespace ym::test
