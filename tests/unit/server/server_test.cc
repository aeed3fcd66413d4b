#include "server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <future>

#include "server/endpoint.h"
#include "server/status_json.h"
#include "server/status_text.h"
#include "unit/server/wires.h"
#include "unit/store/scripted_plugin.h"
#include "wire/ymp.h"

namespace ym::server {
namespace {

using ::testing::HasSubstr;
using wire::Verb;

class First final : public BalancePolicy {
  public:
    void pick(std::span<const WorkerView> workers, std::span<std::uint32_t> picks) override {
        std::uint64_t credit = workers.front().credit;
        for (std::uint32_t& pick : picks) pick = credit-- > 0 ? 0 : nobody;
    }
};

class Never final : public RetryPolicy {
  public:
    void decide(std::span<const FailedAttempt> failures, std::span<Duration> waits) override {
        ASSERT_EQ(failures.size(), waits.size());
        std::fill(waits.begin(), waits.end(), dead_letter);
    }
};

std::string frame(Verb verb, std::string_view name, std::uint64_t number,
                  const std::function<void(wire::FrameWriter&)>& records = {}) {
    Buffer buffer;
    wire::FrameWriter writer(buffer);
    writer.begin(verb, 0, name, number);
    if (records) records(writer);
    return std::string(as_text(writer.end()));
}

std::string hello(const std::string& session, std::uint64_t credit = 0, const std::string& queue = {}) {
    return frame(Verb::hello, "test", credit, [&](wire::FrameWriter& w) {
        w.begin_record(0, 0);
        w.field(wire::Field::session, std::string_view(session));
        if (!queue.empty()) w.field(wire::Field::queue, std::string_view(queue));
    });
}

std::string publish(const std::string& to, std::uint64_t sequence) {
    return frame(Verb::publish, to, 0, [&](wire::FrameWriter& w) {
        w.begin_record(0, sequence);
        w.body(as_octets("a body of more than thirty-three octets"));
    });
}

/// The next message of `verb`; the decoded head borrows `octets`. Skips some others; fails after 5 s of silence.
bool next(Dealer& dealer, Verb verb, std::string& octets, wire::Frame& head) {
    for (int skipped = 0; skipped < 10; ++skipped) {
        const std::vector<std::string> frames = dealer.receive();
        if (frames.empty()) return false;
        octets = frames[0];
        if (!wire::parse_frame(as_octets(octets), head) && head.verb == verb) return true;
    }
    return false;
}

class ServerTest : public ::testing::Test {
  protected:
    ServerTest() {
        settings::Listener listener;
        listener.name = "main";
        listener.bind = {folder_.endpoint("main")};
        config_.listeners.push_back(listener);
        config_.admin_bind = folder_.endpoint("admin");
        ReportOptions quiet;
        quiet.sink = [this](const std::string& line) { log_ += line + "\n"; };
        report_ = std::make_unique<Report>(quiet);
    }

    ~ServerTest() override {
        // Of a test that failed in its middle: two signals end any broker.
        while (running_.valid() && running_.wait_for(10ms) != std::future_status::ready) signal();
    }

    static std::unique_ptr<Topology> topology() {
        auto topology = std::make_unique<Topology>();
        QueueSettings queue;
        queue.name = "orders";
        queue.balance = std::make_unique<First>();
        topology->queues.push_back(std::move(queue));
        topology->retries.push_back({"default", std::make_unique<Never>()});
        topology->listeners.emplace_back();
        return topology;
    }

    /// Starts a broker over `plugin` in a thread of its own.
    void start(store::ScriptedPlugin& plugin) {
        server_ = std::make_unique<Server>(config_, signals_, *report_);
        const auto bound = server_->listen();
        ASSERT_TRUE(bound.ok()) << bound.error().text;
        store::StoreOptions options;
        options.wake = [this] { server_->wake().wake(); };
        store_ = std::make_unique<store::Store>(plugin.persistence(), options);
        BrokerOptions broker;
        broker.store_keeps = store_->keeps();
        running_ =
            std::async(std::launch::async, [this, broker] { return server_->serve(broker, topology(), *store_); });
    }
    /// A memory store, which is acquired at once.
    void start() {
        memory_.acquires_at_once = true;
        start(memory_);
    }
    static void signal() { ::kill(::getpid(), SIGTERM); }
    Ended end() { return running_.get(); }

    Result<std::string> ask(const std::string& question) {
        Context context;
        auto socket = Socket::dealer(context, config_.admin_bind);
        Message answer;
        if (!socket->ask(as_octets(question), 5s, answer)) return Failure{"no answer"};
        return std::string(as_text(answer.octets()));
    }
    StatusReport status() { return report_from_json(ask(command_to_json(AdminVerb::status)).value()).value(); }

    Folder folder_;
    Signals signals_;
    settings::Config config_;
    std::string log_;
    std::unique_ptr<Report> report_;
    store::ScriptedPlugin memory_{YM_DURABLE_NONE};
    std::unique_ptr<Server> server_;
    std::unique_ptr<store::Store> store_;
    std::future<Ended> running_;
};

TEST_F(ServerTest, ServesProducersAndWorkersAndEndsDrainedAtASignal) {
    start();
    Dealer producer(folder_.endpoint("main"), "p");
    std::string octets;
    wire::Frame head;
    producer.send({hello("producer.session")});
    ASSERT_TRUE(next(producer, Verb::welcome, octets, head));
    for (std::uint64_t sequence = 1; sequence <= 500; ++sequence) producer.send({publish("orders", sequence)});
    ASSERT_TRUE(next(producer, Verb::confirm, octets, head));

    Dealer worker(folder_.endpoint("main"), "w");
    worker.send({hello("worker...session", 1000, "orders")});
    std::uint64_t acked = 0;
    while (acked < 500 && next(worker, Verb::deliver, octets, head)) {
        wire::RecordCursor cursor(head);
        wire::Record record;
        while (cursor.next(record) == wire::RecordCursor::Step::record) {
            worker.send({frame(Verb::settle, "", 1000, [&](wire::FrameWriter& w) { w.begin_record(0, record.id); })});
            ++acked;
        }
    }
    EXPECT_EQ(acked, 500U);
    signal();
    EXPECT_TRUE(next(worker, Verb::bye, octets, head));
    const Ended ended = end();
    EXPECT_EQ(ended.ending, Ending::drained);
    ASSERT_EQ(ended.status.queues.size(), 1U);
    EXPECT_EQ(ended.status.queues[0].ledger.acked, 500U);
    EXPECT_TRUE(balances(ended.status));
}

TEST_F(ServerTest, WaitsForAWorkerUntilTheSecondSignal) {
    start();
    Dealer peer(folder_.endpoint("main"), "p");
    std::string octets;
    wire::Frame head;
    peer.send({hello("a session of 16b", 10, "orders")});
    ASSERT_TRUE(next(peer, Verb::welcome, octets, head));
    peer.send({publish("orders", 1)});
    ASSERT_TRUE(next(peer, Verb::deliver, octets, head));
    signal();
    ASSERT_TRUE(next(peer, Verb::drain, octets, head));
    EXPECT_EQ(status().draining, true);
    signal();
    const Ended ended = end();
    EXPECT_EQ(ended.ending, Ending::stopped);
    EXPECT_EQ(ended.status.queues.at(0).in_flight, 1U);
}

TEST_F(ServerTest, AnswersTheAdministrator) {
    start();
    EXPECT_EQ(status().queues.at(0).name, "orders");
    EXPECT_THAT(ask(R"({"command": "explode"})").value(), HasSubstr("unknown command 'explode'"));
    EXPECT_THAT(ask("").value(), HasSubstr("one of: status"));
    signal();
    EXPECT_EQ(end().ending, Ending::drained);
}

TEST_F(ServerTest, KeepsItsAdminSocketToItsOwner) {
    config_.admin_bind = folder_.endpoint("new/folder/admin");
    start();
    struct stat file {};
    ASSERT_EQ(::stat(folder_.file("new/folder/admin").c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777U, 0600U);
    ASSERT_EQ(::stat(folder_.file("new/folder").c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777U, 0700U);
    signal();
    (void)end();
}

TEST_F(ServerTest, RefusesAnAdminSocketAtWhichALivingBrokerAnswers) {
    start();
    Server second(config_, signals_, *report_);
    const auto bound = second.listen();
    ASSERT_FALSE(bound.ok());
    EXPECT_EQ(bound.error().code, EADDRINUSE);
    EXPECT_THAT(bound.error().text, HasSubstr("a running program answers there"));
    EXPECT_EQ(status().queues.size(), 1U) << "the first one is unharmed";
    signal();
    (void)end();
}

TEST_F(ServerTest, TakesThePlaceOfADeadBrokersSocket) {
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    folder_.file("admin").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(listener);  // the file stays
    start();
    EXPECT_EQ(status().queues.size(), 1U);
    signal();
    (void)end();
}

TEST_F(ServerTest, NeverRemovesAFileThatIsNoSocket) {
    std::fclose(std::fopen(folder_.file("admin").c_str(), "w"));
    Server server(config_, signals_, *report_);
    const auto bound = server.listen();
    ASSERT_FALSE(bound.ok());
    EXPECT_THAT(bound.error().text, HasSubstr("is no socket"));
    EXPECT_TRUE(std::filesystem::exists(folder_.file("admin")));
}

TEST_F(ServerTest, SaysWhoToAskWhenAPortIsTaken) {
    Context context;
    Socket taken = Socket::router(context, {});
    config_.listeners[0].bind = {taken.bind("tcp://127.0.0.1:*").value()};
    Server server(config_, signals_, *report_);
    const auto bound = server.listen();
    ASSERT_FALSE(bound.ok());
    EXPECT_THAT(bound.error().text, HasSubstr("ss -ltnp"));
}

TEST_F(ServerTest, EndsWhenTheStoreFailsThoughNoBatchWaits) {
    store::ScriptedPlugin plugin(YM_DURABLE_DISK, std::uint64_t{64} << 20U);
    start(plugin);
    plugin.wait_for_acquire();
    plugin.answer_acquire(YM_FAILED);
    const Ended ended = end();
    EXPECT_EQ(ended.ending, Ending::store_failed);
}

TEST_F(ServerTest, EndsWithTheReasonWhenABatchOfTheStoreCannotBeRead) {
    store::ScriptedPlugin plugin(YM_DURABLE_DISK, std::uint64_t{64} << 20U);
    plugin.reads_nothing = false;
    start(plugin);
    plugin.wait_for_acquire();
    plugin.answer_acquire(YM_OK, 2, 17);
    plugin.wait_for_read();
    plugin.answer_read(YM_OK, {{1, 17, 0, std::string("YMB\x07", 4) + std::string(20, '\0')}}, 17);
    const Ended ended = end();
    EXPECT_EQ(ended.ending, Ending::store_failed);
    EXPECT_FALSE(ended.served);
    EXPECT_THAT(ended.why, HasSubstr("batch 17 of the store cannot be read: a batch of version 7"));
}

TEST_F(ServerTest, ServesNobodyBeforeTheStoreIsReadBack) {
    store::ScriptedPlugin plugin(YM_DURABLE_DISK, std::uint64_t{64} << 20U);
    plugin.reads_nothing = false;
    start(plugin);
    Dealer peer(folder_.endpoint("main"), "p");
    peer.send({hello("a session of 16b")});
    plugin.wait_for_acquire();
    plugin.answer_acquire(YM_OK, 2, 17);
    plugin.wait_for_read();
    for (int tries = 0; tries < 50; ++tries) ASSERT_EQ(status().peers.size(), 0U);
    plugin.answer_read(YM_OK, {}, 17);
    std::string octets;
    wire::Frame head;
    EXPECT_TRUE(next(peer, Verb::welcome, octets, head));
    signal();
    const Ended ended = end();
    EXPECT_EQ(ended.ending, Ending::drained);
    EXPECT_TRUE(ended.served);
}

TEST_F(ServerTest, EndsAtOneSignalWhileTheStoreIsReadBack) {
    store::ScriptedPlugin plugin(YM_DURABLE_DISK, std::uint64_t{64} << 20U);
    plugin.reads_nothing = false;
    start(plugin);
    plugin.wait_for_acquire();
    plugin.answer_acquire(YM_OK, 2, 17);
    plugin.wait_for_read();
    signal();
    const Ended ended = end();
    EXPECT_EQ(ended.ending, Ending::unserved);
    EXPECT_FALSE(ended.served);
}

TEST_F(ServerTest, ReadsNoFrameBeforeTheStoreIsAcquired) {
    store::ScriptedPlugin plugin(YM_DURABLE_DISK, std::uint64_t{64} << 20U);
    start(plugin);
    Dealer peer(folder_.endpoint("main"), "p");
    peer.send({hello("a session of 16b")});
    plugin.wait_for_acquire();
    for (int tries = 0; tries < 50; ++tries) ASSERT_EQ(status().peers.size(), 0U);
    plugin.answer_acquire(YM_OK, 1);
    std::string octets;
    wire::Frame head;
    EXPECT_TRUE(next(peer, Verb::welcome, octets, head));
    EXPECT_EQ(status().peers.size(), 1U);
    signal();
    EXPECT_EQ(end().ending, Ending::drained);
}

TEST_F(ServerTest, ConfirmsAMessageOnlyWhenTheStoreHasIt) {
    store::ScriptedPlugin plugin(YM_DURABLE_DISK, std::uint64_t{64} << 20U);
    start(plugin);
    plugin.wait_for_acquire();
    plugin.answer_acquire(YM_OK, 1);
    Dealer peer(folder_.endpoint("main"), "p");
    std::string octets;
    wire::Frame head;
    peer.send({hello("a session of 16b")});
    ASSERT_TRUE(next(peer, Verb::welcome, octets, head));
    peer.send({publish("orders", 1)});
    plugin.wait_for_append();
    EXPECT_EQ(status().queues.at(0).storing, 1U);
    plugin.answer_append(YM_OK);
    EXPECT_TRUE(next(peer, Verb::confirm, octets, head));
    signal();
    EXPECT_EQ(end().ending, Ending::drained);
}

}  // namespace
}  // namespace ym::server
