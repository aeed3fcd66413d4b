#include "bench/growth_load.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <new>
#include <ostream>
#include <vector>

#include "bench/ymp_peer.h"

namespace ym::bench {
namespace {

using wire::Field;
using wire::FrameWriter;
using wire::Record;
using wire::RecordCursor;
using wire::Verb;

constexpr const char* pipeline = "in";
constexpr const char* beside = "beside";    // a queue that is not the job's
constexpr unsigned filler = producers_max;  // whose stamps the messages have that were there before
constexpr std::size_t digits = 6;

std::string queue_name(std::uint32_t number) {
    return "q" + std::to_string(number);
}

/// The last word of topic `number`, or the value of its header.
std::string customer(std::uint32_t number) {
    const std::string text = std::to_string(number);
    return "c" + std::string(digits - text.size(), '0') + text;
}

void write_bindings(const Around& around, std::ostream& out) {
    out << "pipelines:\n  " << pipeline << ":\n    route:\n      plugin: " << (around.headers ? "headers" : "topic")
        << "\n      bindings:\n";
    for (std::uint32_t i = 0; i < around.topics(); ++i) {
        const std::string to = queue_name(around.spread ? i : 0);
        // Half of the patterns have a wildcard, so that each topic is looked for in both ways.
        if (!around.headers) {
            out << "      - {match: \"o." << (i % 2 == 0 ? "new" : "*") << '.' << customer(i) << "\", to: " << to
                << "}\n";
        } else {
            out << "      - {all: {customer: " << customer(i) << "}, to: " << to << "}\n";
        }
    }
}

void write_settings(const Job& job, const Around& around, const Folder& folder, const Folder& disk,
                    const char* endpoint) {
    std::ofstream out(folder.path / "growth.yaml");
    const char* durable = job.durable ? "true" : "false";
    out << "yardmaster: 1\nlisteners:\n  main:\n    bind: [\"" << endpoint
        << "\"]\n    limits: {unconfirmed: " << job.window() << ", peers: 50k}\n"
        << "admin: {bind: \"ipc://" << (folder.path / "admin.sock").string() << "\"}\nlog: {level: error}\n"
        << "limits: {memory: " << around.memory << ", queues: 100k}\nstore: ";
    if (job.durable) {
        out << "{plugin: log, dir: \"" << (disk.path / "data").string() << "\"}\n";
    } else {
        out << "{plugin: memory}\n";
    }
    out << "templates: {default: {durable: " << durable << ", limits: {messages: 100M, bytes: 100GiB}}}\nqueues:\n";
    if (around.balance != nullptr) out << "  " << queue_name(0) << ": {balance: {plugin: " << around.balance << "}}\n";
    for (std::uint32_t i = around.balance != nullptr ? 1 : 0; i < around.queues; ++i) {
        out << "  " << queue_name(i) << ": ~\n";
    }
    out << "  " << beside << ": ~\n";
    write_bindings(around, out);
}

/// In the place of this process.
[[noreturn]] void run_broker(const Job& job, const Around& around, const Folder& folder, const Folder& disk,
                             const std::string& program, Shared& shared) {
    {
        Socket probe(ZMQ_ROUTER);
        probe.bind("tcp://127.0.0.1:*", shared.front);
    }
    std::memcpy(shared.back, shared.front, sizeof shared.back);
    shared.middle = getpid();
    write_settings(job, around, folder, disk, shared.front);
    shared.bound = true;
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDOUT_FILENO);  // the ledger that it prints at its end
    count_syncs(shared);
    const std::string settings = (folder.path / "growth.yaml").string();
    execl(program.c_str(), program.c_str(), "run", settings.c_str(), static_cast<char*>(nullptr));
    std::perror(program.c_str());
    std::_Exit(1);
}

/// A PUBLISH frame of a whole batch, whose numbers and topics can be changed in place.
class Batch {
  public:
    Batch(const Around& around, std::string_view address, std::uint32_t records, std::uint32_t body_bytes)
        : topics_(around.topics()), records_(records), writer_(buffer_) {
        const std::vector<std::byte> body(body_bytes);
        const std::string word = customer(0);
        writer_.begin(Verb::publish, 0, address, 0);
        for (std::uint32_t i = 0; i < records; ++i) {
            at_ = at_ == 0 ? buffer_.size() : at_;
            writer_.begin_record(wire::publish_plain, 0);
            if (!around.headers) {
                writer_.field(Field::topic, std::string_view("o.new." + word));
            } else {
                writer_.field(Field::property, std::string_view("\10customer" + word));
            }
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
            write_topic(record + body_at_ - 1);
            const std::uint64_t number = first_stamp + i;
            std::memcpy(record + body_at_, &number, sizeof number);
        }
        return frame_;
    }

  private:
    /// A topic drawn anew; `last` is the place of its last digit.
    void write_topic(std::byte* last) {
        random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
        std::uint64_t number = ((random_ >> 32U) * topics_) >> 32U;
        for (std::size_t i = 0; i < digits; ++i, --last, number /= 10)
            *last = static_cast<std::byte>('0' + number % 10);
    }

    Buffer buffer_;
    std::uint64_t topics_;
    std::uint64_t random_ = static_cast<std::uint64_t>(getpid());
    std::uint32_t records_;
    FrameWriter writer_;
    Octets frame_;
    std::size_t at_ = 0;       // of the first record
    std::size_t size_ = 0;     // of a record
    std::size_t body_at_ = 0;  // of the body, from its record's start
};

/// Publishes and waits until all is confirmed.
void fill(const Job& job, const Around& around, const char* endpoint, std::string_view address, std::uint64_t messages,
          unsigned producer) {
    constexpr std::uint32_t most = 500;
    const std::unique_ptr<void, decltype(&zmq_ctx_term)> context(zmq_ctx_new(), &zmq_ctx_term);
    YmpPeer peer(context.get(), endpoint, "filler");
    peer.hello({}, 0);
    peer.welcome();
    Batch batch(around, address, most, job.body);
    Batch single(around, address, 1, job.body);
    std::uint64_t sent = 0;
    for (std::uint64_t confirmed = 0; confirmed < messages;) {
        const std::uint32_t count = messages - sent >= most ? most : 1;
        if (sent < messages && peer.has_room(sent + count, job.body)) {
            peer.send((count == 1 ? single : batch).numbered(sent + 1, stamp(producer, sent)));
            sent += count;
            if (!peer.receive(ZMQ_DONTWAIT)) continue;
        } else if (!peer.receive(0)) {
            continue;
        }
        if (peer.frame().verb == Verb::confirm) confirmed += peer.confirmed();
    }
    peer.say(Verb::bye);
    while (!peer.receive(0) || peer.frame().verb != Verb::bye) {
    }
}

void publish(const Job& job, const Around& around, Shared& shared, unsigned producer) {
    if (producer == 0 && around.queued > 0) {
        fill(job, around, shared.front, around.queued_before ? queue_name(0) : beside, around.queued, filler);
        if (around.drain) shared.confirmed += around.queued;
    }
    YmpPeer peer(zmq_ctx_new(), shared.front, "producer" + std::to_string(producer));
    peer.hello({}, 0);
    peer.welcome();
    Batch batch(around, pipeline, job.batch, job.body);
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
    for (unsigned ms = 0; !shared.stop; ++ms) {
        usleep(1000);
        if (ms % 500 == 0) peer.say(Verb::heartbeat);
    }
}

/// A worker's session: takes what has come, and settles it with one frame.
class Taker {
  public:
    Taker(void* context, const char* endpoint, std::string name, const std::vector<std::string>& queues,
          std::uint64_t credit, Receipts& receipts)
        : peer_(context, endpoint, std::move(name)), credit_(credit), receipts_(receipts) {
        peer_.hello(queues, credit);
        peer_.welcome();
    }
    [[nodiscard]] void* raw() { return peer_.raw(); }
    void heartbeat() { peer_.say(Verb::heartbeat); }

    void take(int flags) {
        const std::uint64_t before = last_;
        while (last_ - before < credit_ / 4 && peer_.receive(last_ == before ? flags : ZMQ_DONTWAIT)) {
            if (peer_.frame().verb == Verb::deliver) take_frame();
        }
        if (last_ == before) return;
        buffer_.clear();
        FrameWriter writer(buffer_);
        writer.begin(Verb::settle, 0, {}, last_ + credit_);
        writer.begin_record(static_cast<std::uint16_t>(wire::SettleCode::ack), before + 1);
        writer.field(Field::through, last_);
        peer_.send(writer.end());
    }
    [[nodiscard]] std::uint64_t taken() const { return last_; }

  private:
    void take_frame() {
        RecordCursor cursor(peer_.frame());
        for (Record record; cursor.next(record) == RecordCursor::Step::record;) {
            if (record.id != ++last_) peer_.broken("tags with a gap");
            std::uint64_t number = 0;
            std::memcpy(&number, record.body.data(), sizeof number);
            receipts_.take(number);
        }
    }

    YmpPeer peer_;
    std::uint64_t credit_;
    Receipts& receipts_;
    std::uint64_t last_ = 0;  // tag
    Buffer buffer_;
};

/// Queues of one HELLO: what its fields have room for.
constexpr std::uint32_t queues_max = 2500;

void work(const Job& job, const Around& around, unsigned workers, Shared& shared, unsigned worker) {
    // What is queued before is still there when the job begins.
    if (around.queued_before) ++shared.ready;
    while (around.queued_before && !shared.go && !shared.stop) usleep(200);
    void* const context = zmq_ctx_new();
    std::vector<std::string> queues;
    Receipts receipts(job, shared);
    std::vector<std::unique_ptr<Taker>> takers;
    const auto connect = [&] {
        const std::string name = "w" + std::to_string(worker) + "-" + std::to_string(takers.size());
        takers.push_back(std::make_unique<Taker>(context, shared.back, name, queues, job.credit(), receipts));
        queues.clear();
    };
    const std::uint32_t count = around.spread ? around.queues : 1;
    for (std::uint32_t i = count == 1 ? 0 : worker; i < count; i += workers) {
        queues.push_back(queue_name(i));
        if (queues.size() == queues_max) connect();
    }
    if (!queues.empty() || takers.empty()) connect();
    std::vector<zmq_pollitem_t> items;
    for (const auto& taker : takers) items.push_back({taker->raw(), 0, ZMQ_POLLIN, 0});
    if (!around.queued_before) ++shared.ready;
    std::uint64_t beat_at = now_ns();
    while (!shared.stop) {
        if (takers.size() > 1 && zmq_poll(items.data(), static_cast<int>(items.size()), 100) <= 0) continue;
        for (const auto& taker : takers) taker->take(takers.size() > 1 ? ZMQ_DONTWAIT : 0);
        receipts.settled();
        if (now_ns() - beat_at < 1'000'000'000) continue;
        beat_at = now_ns();
        for (const auto& taker : takers) taker->heartbeat();
    }
}

/// Idle workers of one process: they say HELLO, then a sign of life as often as the broker told, evenly over time. With
/// a policy that serves one worker they wait until the `first` processes are connected.
void idle(const Around& around, std::uint32_t count, unsigned first, Shared& shared, unsigned crowd) {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    // The worker that is served is the one that came first.
    while (around.balance != nullptr && shared.ready < first && !shared.stop) usleep(1000);
    void* const context = zmq_ctx_new();
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, static_cast<int>(count) + 16);
    const std::vector<std::string> queues{around.idle_beside ? queue_name(0) : beside};
    // Those of a policy that serves one worker have credit, and are not served for that.
    const std::uint64_t credit = around.idle_beside && around.balance == nullptr ? 0 : 10;
    std::vector<std::unique_ptr<YmpPeer>> peers;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::string name = "i" + std::to_string(crowd) + "-" + std::to_string(i);
        peers.push_back(std::make_unique<YmpPeer>(context, shared.back, name));
        peers.back()->hello(queues, credit);
        if (i % 100 == 99) peers[i - 99]->welcome();  // no more at a time than the broker's backlog takes
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        if (i % 100 != 0 || i + 99 >= count) peers[i]->welcome();
    }
    ++shared.ready;
    constexpr std::uint64_t slices = 100;
    std::uint64_t due = now_ns();
    std::vector<std::uint64_t> said(count, due);
    for (std::uint64_t slice = 0; !shared.stop; slice = (slice + 1) % slices) {
        due += 1'000'000'000 / slices;
        for (std::uint64_t i = slice; i < count; i += slices) {
            if (due - said[i] >= peers[i]->heartbeat_ms() * 1'000'000) {
                said[i] = due;
                peers[i]->say(Verb::heartbeat);
            }
            while (peers[i]->receive(ZMQ_DONTWAIT)) {
                if (peers[i]->frame().verb == Verb::deliver) peers[i]->broken("a message, though it is idle");
            }
        }
        const std::uint64_t now = now_ns();
        if (now < due) usleep(static_cast<useconds_t>((due - now) / 1000));
    }
}

/// When the queue held others before: with `drain` each of all messages came once; else so many were published as
/// confirmed, and no fewer settled.
std::function<bool(const Shared&)> all_counted(const Job& job, const Around& around) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; around.drain && i < around.queued; ++i) sum += stamp(filler, i);
    for (unsigned producer = 0; around.drain && producer < job.producers; ++producer) {
        for (std::uint64_t i = 0; i < job.each(); ++i) sum += stamp(producer, i);
    }
    const std::uint64_t wanted = job.messages + (around.drain ? around.queued : 0);
    return [=, drain = around.drain](const Shared& shared) {
        if (shared.confirmed != wanted || shared.settled < wanted) return false;
        return !drain || (shared.settled == wanted && shared.sum == sum);
    };
}

constexpr std::uint32_t crowd_max = 4000;  // idle workers of one process: two files each

}  // namespace

unsigned crowds(const Around& around) {
    return (around.idle + crowd_max - 1) / crowd_max;
}

Roles growth_roles(const Job& job, const Around& around, const std::string& program) {
    const auto folder = std::make_shared<Folder>();
    const auto disk = std::make_shared<Folder>(job.disk);
    const unsigned workers = job.workers - crowds(around);
    Roles roles;
    roles.middle = [=](Shared& shared) { run_broker(job, around, *folder, *disk, program, shared); };
    roles.producer = [=](Shared& shared, unsigned producer) { publish(job, around, shared, producer); };
    roles.worker = [=](Shared& shared, unsigned worker) {
        if (worker < workers) return work(job, around, workers, shared, worker);
        const std::uint32_t before = (worker - workers) * crowd_max;
        idle(around, std::min(crowd_max, around.idle - before), workers + job.producers, shared, worker);
    };
    roles.ending = Ending::terminated;
    roles.start_s = 300;
    if (around.queued_before) roles.complete = all_counted(job, around);
    return roles;
}

Held hold(const Job& job, const Around& around, const std::string& program, double rest_s) {
    void* page = mmap(nullptr, sizeof(Held), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) std::abort();
    auto& held = *new (page) Held{};
    const auto rest = static_cast<useconds_t>(rest_s * 1e6);
    Roles roles = growth_roles(job, around, program);
    roles.producer = [&](Shared& shared, unsigned producer) {
        ++shared.ready;
        while (!shared.go) usleep(1000);
        held.before = resident_mb(shared.middle);
        fill(job, around, shared.front, queue_name(0), job.messages, producer);
        usleep(rest);
        held.full = resident_mb(shared.middle);
        held.peak = peak_mb(shared.middle);
        shared.count(shared.confirmed, job.messages);
        while (!shared.stop) usleep(1000);
    };
    roles.worker = [&](Shared& shared, unsigned /*worker*/) {
        ++shared.ready;
        while (shared.confirmed < job.messages && !shared.stop) usleep(1000);
        void* const context = zmq_ctx_new();
        Receipts receipts(job, shared);
        Taker taker(context, shared.back, "drainer", {queue_name(0)}, job.credit(), receipts);
        while (taker.taken() < job.messages && !shared.stop) taker.take(0);
        usleep(rest);
        held.drained = resident_mb(shared.middle);
        receipts.settled();
        while (!shared.stop) usleep(1000);
    };
    held.complete = measure(job, roles, 600).complete;
    const Held result = held;
    munmap(page, sizeof(Held));
    return result;
}

}  // namespace ym::bench
