// The broker itself: `yardmaster run` as a process of its own, with settings of ours, and peers that speak YMP/1 with
// no more effort than the forwarder's: a producer packs its frame once and then changes only numbers and stamps.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "bench/job.h"
#include "bench/socket.h"
#include "bench/ymp_peer.h"
#include "wire/ymp.h"

namespace ym::bench {
namespace {

using wire::Field;
using wire::FrameWriter;
using wire::Record;
using wire::RecordCursor;
using wire::Verb;

constexpr const char* pipeline = "in";
constexpr const char* queue = "jobs";

/// An endpoint on a TCP port that nobody uses now, or in `folder`.
void choose_endpoint(const Job& job, const Folder& folder, char (&out)[128]) {
    Socket probe(ZMQ_ROUTER);
    probe.bind(endpoint_for(job, folder, "broker"), out);
}

/// What the topic of message `number` is: there are as many topics as bindings, and a message has the next but some.
class Topics {
  public:
    explicit Topics(std::uint32_t count) : count_(count) {}
    [[nodiscard]] std::string first() const { return count_ == 1 ? "job.load" : "job.000000.load"; }
    [[nodiscard]] std::string binding(std::uint32_t index) const {
        if (count_ == 1) return "job.#";
        std::string match = "job.000000.#";
        write(index, reinterpret_cast<std::byte*>(match.data()));
        return match;
    }
    /// Writes over a topic in place.
    void write_nth(std::uint64_t number, std::byte* topic) const {
        if (count_ > 1) write(number * stride % count_, topic);
    }

  private:
    static constexpr std::uint64_t stride = 7919;  // a prime: neighbours in the table are not neighbours in time

    static void write(std::uint64_t index, std::byte* topic) {
        for (std::size_t digit = 9; digit >= 4; --digit, index /= 10) {
            topic[digit] = static_cast<std::byte>('0' + index % 10);
        }
    }

    std::uint32_t count_;
};

/// Queues, in memory or on disk, behind a pipeline with a routing plugin: a message takes the whole way through the
/// broker. `slowed`: something looks on, and is not to make the broker suspect its peers and plugins.
void write_settings(const Job& job, const Folder& folder, const Folder& disk, const char* endpoint, bool slowed) {
    std::ofstream out(folder.path / "bench.yaml");
    out << "yardmaster: 1\n"
        << "listeners:\n"
        << "  main:\n"
        << "    bind: [\"" << endpoint << "\"]\n"
        << "    heartbeat: {every: " << (slowed ? "60s" : "5s") << "}\n"
        << "    limits: {unconfirmed: " << job.window() << "}\n"
        << "admin: {bind: \"ipc://" << (folder.path / "admin.sock").string() << "\"}\n"
        << "plugins: {budget: " << (slowed ? "60s" : "1s") << "}\n"
        << "log: {level: warning}\n"
        << "store: "
        << (job.durable ? "{plugin: log, dir: \"" + (disk.path / "data").string() + "\"}"
                        : std::string("{plugin: memory}"))
        << "\n"
        << "queues:\n"
        << "  " << queue << ": {durable: " << (job.durable ? "true" : "false") << "}\n"
        << "pipelines:\n"
        << "  " << pipeline << ":\n"
        << "    route:\n";
    if (job.routing == Routing::direct) {
        out << "      plugin: direct\n"
            << "      to: " << queue << "\n";
        return;
    }
    out << "      plugin: topic\n"
        << "      bindings:\n";
    const Topics topics(job.bindings);
    for (std::uint32_t i = 0; i < job.bindings; ++i) {
        out << "        - {match: \"" << topics.binding(i) << "\", to: " << queue << "}\n";
    }
}

void run_broker(const Job& job, const Folder& folder, const Folder& disk, std::vector<std::string> command,
                Shared& shared) {
    choose_endpoint(job, folder, shared.front);
    std::memcpy(shared.back, shared.front, sizeof shared.back);
    write_settings(job, folder, disk, shared.front, command.size() > 1);
    shared.bound = true;
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDOUT_FILENO);  // the ledger that it prints at its end
    count_syncs(shared);
    command.emplace_back("run");
    command.push_back((folder.path / "bench.yaml").string());
    std::vector<char*> words;
    for (std::string& word : command) words.push_back(word.data());
    words.push_back(nullptr);
    execvp(words.front(), words.data());
    std::perror(words.front());
}

/// A PUBLISH frame of a whole batch, whose numbers can be changed in place.
class Batch {
  public:
    explicit Batch(const Job& job) : topics_(job.bindings), records_(job.batch), writer_(buffer_) {
        const std::vector<std::byte> body(job.body);
        const std::string topic = topics_.first();
        writer_.begin(Verb::publish, 0, pipeline, 0);
        for (std::uint32_t i = 0; i < job.batch; ++i) {
            at_ = at_ == 0 ? buffer_.size() : at_;
            writer_.begin_record(wire::publish_plain, 0);
            writer_.field(Field::topic, topic);
            topic_at_ = topic_at_ == 0 ? buffer_.size() - at_ - topic.size() : topic_at_;
            body_at_ = body_at_ == 0 ? buffer_.size() - at_ : body_at_;
            writer_.body(body);
        }
        frame_ = writer_.end();
        size_ = (frame_.size() - at_) / records_;
    }

    Octets numbered(std::uint64_t sequence, std::uint64_t first_stamp) {
        std::byte* record = buffer_.data() + at_;
        for (std::uint32_t i = 0; i < records_; ++i, record += size_) {
            store_be(record + 8, sequence + i);
            const std::uint64_t number = first_stamp + i;
            std::memcpy(record + body_at_, &number, sizeof number);
            topics_.write_nth(sequence + i, record + topic_at_);
        }
        return frame_;
    }

  private:
    Topics topics_;
    Buffer buffer_;
    std::uint32_t records_;
    FrameWriter writer_;
    Octets frame_;
    std::size_t at_ = 0;    // of the first record
    std::size_t size_ = 0;  // of a record
    // From a record's start: of the topic, and of the body.
    std::size_t topic_at_ = 0;
    std::size_t body_at_ = 0;
};

void publish(const Job& job, Shared& shared, unsigned producer) {
    YmpPeer peer(zmq_ctx_new(), shared.front, "producer" + std::to_string(producer));
    peer.hello({}, 0);
    peer.welcome();
    Batch batch(job);
    ++shared.ready;
    while (!shared.go) usleep(200);

    const int descriptor = peer.descriptor();
    Pace pace(job, shared, producer);
    std::uint64_t sent = 0;
    std::uint64_t confirmed = 0;
    const auto take = [&](int flags) {
        if (!peer.receive(flags)) return false;
        if (peer.frame().verb != Verb::confirm) return true;
        const std::uint64_t count = peer.confirmed();
        confirmed += count;
        pace.confirmed(count);
        return true;
    };
    while (confirmed < job.each() && !shared.stop) {
        while (take(ZMQ_DONTWAIT)) {
        }
        if (sent == job.each() || !peer.has_room(sent + job.batch, job.body)) {
            take(0);
            continue;
        }
        if (!pace.is_due(sent + job.batch - 1, descriptor)) continue;
        peer.send(batch.numbered(sent + 1, stamp(producer, sent)));
        sent += job.batch;
    }
    while (!shared.stop) usleep(1000);
}

void work(const Job& job, Shared& shared, unsigned worker) {
    YmpPeer peer(zmq_ctx_new(), shared.back, "worker" + std::to_string(worker));
    peer.hello({queue}, job.credit());
    peer.welcome();
    ++shared.ready;
    Buffer buffer;
    Receipts receipts(job, shared);
    while (!shared.stop) {
        if (!peer.receive(0) || peer.frame().verb != Verb::deliver) continue;
        std::uint64_t first = 0;
        std::uint64_t count = 0;
        RecordCursor cursor(peer.frame());
        for (Record record; cursor.next(record) == RecordCursor::Step::record; ++count) {
            if (count == 0) first = record.id;
            if (record.id != first + count) peer.broken("tags with a gap");
            std::uint64_t number = 0;
            std::memcpy(&number, record.body.data(), sizeof number);
            receipts.take(number);
        }
        if (count == 0) continue;
        const std::uint64_t last = first + count - 1;
        buffer.clear();
        FrameWriter writer(buffer);
        writer.begin(Verb::settle, 0, {}, last + job.credit());
        writer.begin_record(static_cast<std::uint16_t>(wire::SettleCode::ack), first);
        writer.field(Field::through, last);
        peer.send(writer.end());
        receipts.settled();
    }
}

}  // namespace

Roles broker_roles(const Job& job, const std::string& program, const std::vector<std::string>& under) {
    const auto folder = std::make_shared<Folder>();
    const auto disk = std::make_shared<Folder>(job.disk);
    std::vector<std::string> command = under;
    command.push_back(program);
    Roles roles;
    roles.middle = [=](Shared& shared) { run_broker(job, *folder, *disk, command, shared); };
    roles.producer = [job](Shared& shared, unsigned producer) { publish(job, shared, producer); };
    roles.worker = [job](Shared& shared, unsigned worker) { work(job, shared, worker); };
    roles.ending = Ending::terminated;
    return roles;
}

}  // namespace ym::bench
