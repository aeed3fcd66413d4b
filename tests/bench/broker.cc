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
#include "wire/ymp.h"

namespace ym::bench {
namespace {

using wire::Field;
using wire::Frame;
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

/// A peer's side of a session.
class Peer {
  public:
    Peer(const char* endpoint, const std::string& name) : socket_(ZMQ_DEALER), name_(name) {
        socket_.set(ZMQ_RCVTIMEO, 100);
        socket_.connect(endpoint);
    }

    /// HELLO, and the wait for WELCOME. `window` is the highest tag that the broker may use.
    void greet(const char* works_on, std::uint64_t window) {
        const std::string session = (name_ + std::to_string(getpid()) + "----------------").substr(0, 16);
        Buffer buffer;
        FrameWriter writer(buffer);
        writer.begin(Verb::hello, 0, name_, window);
        writer.begin_record(0, 0);
        writer.field(Field::session, session);
        writer.field(Field::versions, std::string_view("\1"));
        if (works_on != nullptr) {
            writer.field(Field::queue, std::string_view(works_on));
            writer.field(Field::bytes, std::uint64_t{1} << 50U);
        }
        send(writer.end());
        while (!receive(0) || frame_.verb != Verb::welcome) {
        }
    }

    void send(Octets frame) { socket_.send(frame.data(), frame.size()); }

    /// Takes the next frame; false if none came in time. What says that the run is broken ends the process.
    bool receive(int flags) {
        if (!socket_.receive(message_, flags)) return false;
        if (wire::parse_frame({message_.data(), message_.size()}, frame_)) broken("a frame that cannot be read");
        if (frame_.verb == Verb::error || frame_.verb == Verb::lost) broken(wire::name_of(frame_.verb));
        return true;
    }

    [[nodiscard]] const Frame& frame() const { return frame_; }
    [[nodiscard]] int descriptor() { return socket_.descriptor(); }

    [[noreturn]] void broken(std::string_view why) const {
        std::fprintf(stderr, "bench: %s got %.*s\n", name_.c_str(), static_cast<int>(why.size()), why.data());
        RecordCursor cursor(frame_);
        for (Record record; cursor.next(record) == RecordCursor::Step::record;) {
            std::fprintf(stderr, "bench:   id %llu, status %u\n", static_cast<unsigned long long>(record.id),
                         record.code);
        }
        std::_Exit(1);
    }

  private:
    Socket socket_;
    std::string name_;
    Message message_;
    Frame frame_;
};

/// The number in a field of a record, or `otherwise`.
std::uint64_t number_in(const Record& record, Field which, std::uint64_t otherwise) {
    wire::FieldCursor fields(record.fields);
    for (wire::FieldView field; fields.next(field);) {
        if (field.tag == static_cast<std::uint8_t>(which)) return wire::as_u64(field.value).value_or(otherwise);
    }
    return otherwise;
}

/// How far a producer may go: sequences, and octets of bodies.
struct Window {
    std::uint64_t sequence = 0;
    static constexpr std::uint64_t unlimited = ~std::uint64_t{0};
    std::uint64_t bytes = unlimited;

    void welcome(const Frame& frame) {
        RecordCursor cursor(frame);
        Record record;
        if (cursor.next(record) != RecordCursor::Step::record) return;
        sequence = number_in(record, Field::through, 0);
        bytes = number_in(record, Field::bytes, unlimited);
    }
};

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
    Peer peer(shared.front, "producer" + std::to_string(producer));
    peer.greet(nullptr, 0);
    Window window;
    window.welcome(peer.frame());
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
        std::uint64_t count = 0;
        window.sequence = std::max(window.sequence, peer.frame().number);
        RecordCursor cursor(peer.frame());
        for (Record record; cursor.next(record) == RecordCursor::Step::record;) {
            window.bytes = std::max(window.bytes, number_in(record, Field::bytes, 0));
            if (record.id == 0) continue;
            if (record.code != static_cast<std::uint16_t>(wire::Status::ok)) peer.broken("a refusal");
            count += number_in(record, Field::through, record.id) - record.id + 1;
        }
        confirmed += count;
        pace.confirmed(count);
        return true;
    };
    while (confirmed < job.each() && !shared.stop) {
        while (take(ZMQ_DONTWAIT)) {
        }
        const bool room = sent + job.batch <= window.sequence && (sent + job.batch - 1) * job.body < window.bytes;
        if (sent == job.each() || !room) {
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
    Peer peer(shared.back, "worker" + std::to_string(worker));
    peer.greet(queue, job.credit());
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
