// The bare forwarder: the least that a broker with batches, acks and confirms can do. One thread, ROUTER to ROUTER;
// packed batches, parsed record by record; a ring of unacked messages a worker; batched acks and confirms; credit.
// With a disk, the frames of a turn and the acks before it are written and synced in one go before they are confirmed.
// It has no addresses, queues, leases, timers, retries, limits or books: it is the ceiling that the broker is held to.
//
// publish: (u32 length, body)*      confirm: u64 count      deliver: (u32 length, u64 tag, body)*      ack: u64 first
// tag, u64 last tag
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/disk.h"
#include "bench/job.h"
#include "bench/socket.h"

namespace ym::bench {
namespace {

constexpr std::size_t length_bytes = 4;
constexpr std::size_t tag_bytes = 8;
constexpr int frames_a_turn = 200;
constexpr std::uint64_t records_a_turn = 20'000;
constexpr std::size_t ready_max = 200'000;

template <class T>
T load(const std::byte* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}
template <class T>
void store(std::byte* at, T value) {
    std::memcpy(at, &value, sizeof value);
}

/// A received frame, kept until its last record is acked.
struct Batch {
    Message frame;
    std::uint32_t references = 1;
};

/// A record in a kept frame.
struct Record {
    Batch* batch = nullptr;
    const std::byte* body = nullptr;
    std::uint32_t length = 0;
};

void drop(Record& record) {
    if (--record.batch->references == 0) delete record.batch;
    record = {};
}

struct Worker {
    std::string id;
    std::uint64_t in_flight = 0;
    std::uint64_t next_tag = 0;
    std::vector<Record> unacked;  // a ring: tags are dense
};

struct Confirm {
    std::string producer;
    std::uint64_t count;
};

class Forwarder {
  public:
    Forwarder(const Job& job, const Folder& sockets, const Folder& disk, Shared& shared)
        : job_(job), shared_(shared), front_(ZMQ_ROUTER), back_(front_.context(), ZMQ_ROUTER) {
        while (ring_ < job.credit() * 2) ring_ *= 2;
        if (job.durable) disk_.emplace(disk.path, job.messages * job.body * 2);
        front_.bind(endpoint_for(job, sockets, "front"), shared.front);
        back_.bind(endpoint_for(job, sockets, "back"), shared.back);
        shared.bound = true;
    }

    void run() {
        while (!shared_.stop) {
            const bool room = ready_.size() < ready_max && workers_.size() == job_.workers;
            zmq_pollitem_t items[] = {{back_.raw(), 0, ZMQ_POLLIN, 0}, {front_.raw(), 0, ZMQ_POLLIN, 0}};
            zmq_poll(items, room ? 2 : 1, 100);
            if (items[0].revents != 0) take_acks();
            if (room && items[1].revents != 0) take_publishes();
            // Acks alone wait for the next frame.
            if (disk_ && !confirms_.empty() && disk_->sync()) ++shared_.syncs;
            confirm();
            deliver();
        }
    }

  private:
    void take_acks() {
        for (int i = 0; i < frames_a_turn && back_.receive(id_, ZMQ_DONTWAIT); ++i) {
            Message acks;
            back_.receive(acks);
            const std::string id(reinterpret_cast<const char*>(id_.data()), id_.size());
            if (acks.size() == 1) {  // a new worker
                workers_.push_back({id, 0, 0, std::vector<Record>(ring_)});
                continue;
            }
            if (disk_) disk_->add(acks.data(), acks.size());
            const auto worker = std::ranges::find(workers_, id, &Worker::id);
            const auto last = load<std::uint64_t>(acks.data() + tag_bytes);
            for (auto tag = load<std::uint64_t>(acks.data()); tag <= last; ++tag) {
                Record& record = worker->unacked[tag & (ring_ - 1)];
                if (record.batch == nullptr) continue;
                drop(record);
                --worker->in_flight;
            }
        }
    }

    void take_publishes() {
        std::uint64_t taken = 0;
        for (int i = 0; i < frames_a_turn && taken < records_a_turn && front_.receive(id_, ZMQ_DONTWAIT); ++i) {
            auto* batch = new Batch;
            front_.receive(batch->frame);
            if (disk_) disk_->add(batch->frame.data(), batch->frame.size());
            const std::byte* at = batch->frame.data();
            const std::byte* const end = at + batch->frame.size();
            std::uint64_t count = 0;
            while (at + length_bytes <= end) {
                const auto length = load<std::uint32_t>(at);
                at += length_bytes;
                if (static_cast<std::size_t>(end - at) < length) break;
                ready_.push_back({batch, at, length});
                ++batch->references;
                at += length;
                ++count;
            }
            Record whole{batch, nullptr, 0};
            drop(whole);
            taken += count;
            // One confirm a producer and turn.
            const std::string_view producer(reinterpret_cast<const char*>(id_.data()), id_.size());
            const auto told = std::ranges::find(confirms_, producer, &Confirm::producer);
            if (told == confirms_.end()) {
                confirms_.push_back({std::string(producer), count});
            } else {
                told->count += count;
            }
        }
    }

    void confirm() {
        for (const Confirm& confirm : confirms_) {
            front_.send(confirm.producer.data(), confirm.producer.size(), ZMQ_SNDMORE);
            front_.send(&confirm.count, sizeof confirm.count);
        }
        confirms_.clear();
    }

    void deliver() {
        for (std::size_t without_credit = 0; !ready_.empty() && without_credit < workers_.size(); ++turn_) {
            Worker& worker = workers_[turn_ % workers_.size()];
            if (worker.in_flight >= job_.credit()) {
                ++without_credit;
                continue;
            }
            without_credit = 0;
            send_batch(worker, std::min<std::uint64_t>({job_.batch, job_.credit() - worker.in_flight, ready_.size()}));
        }
    }

    void send_batch(Worker& worker, std::size_t count) {
        std::size_t size = 0;
        for (std::size_t i = 0; i < count; ++i) size += length_bytes + tag_bytes + ready_[i].length;
        Message frame(size);
        std::byte* at = frame.data();
        for (std::size_t i = 0; i < count; ++i) {
            const Record record = ready_.front();
            ready_.pop_front();
            const std::uint64_t tag = worker.next_tag++;
            store(at, record.length);
            store(at + length_bytes, tag);
            std::memcpy(at + length_bytes + tag_bytes, record.body, record.length);
            at += length_bytes + tag_bytes + record.length;
            worker.unacked[tag & (ring_ - 1)] = record;
        }
        worker.in_flight += count;
        back_.send(worker.id.data(), worker.id.size(), ZMQ_SNDMORE);
        back_.send(frame);
    }

    const Job& job_;
    Shared& shared_;
    Socket front_;
    Socket back_;
    std::optional<Disk> disk_;
    Message id_;
    std::size_t ring_ = 1;
    std::size_t turn_ = 0;
    std::vector<Worker> workers_;
    std::deque<Record> ready_;
    std::vector<Confirm> confirms_;
};

/// Packs a frame once and then changes only the numbers in it: the load shall cost little beside what is measured.
void publish(const Job& job, Shared& shared, unsigned producer) {
    Socket socket(ZMQ_DEALER);
    socket.set(ZMQ_RCVTIMEO, 100);
    socket.connect(shared.front);
    const std::size_t record_bytes = length_bytes + job.body;
    std::vector<std::byte> packed(record_bytes * job.batch);
    for (std::uint32_t i = 0; i < job.batch; ++i) store(packed.data() + i * record_bytes, job.body);
    ++shared.ready;
    while (!shared.go) usleep(200);

    const int descriptor = socket.descriptor();
    Pace pace(job, shared, producer);
    Message answer;
    std::uint64_t sent = 0;
    std::uint64_t confirmed = 0;
    const auto take = [&](int flags) {
        if (!socket.receive(answer, flags)) return false;
        const auto count = load<std::uint64_t>(answer.data());
        confirmed += count;
        pace.confirmed(count);
        return true;
    };
    while (confirmed < job.each() && !shared.stop) {
        while (take(ZMQ_DONTWAIT)) {
        }
        if (sent == job.each() || sent + job.batch > confirmed + job.window()) {
            take(0);
            continue;
        }
        if (!pace.is_due(sent + job.batch - 1, descriptor)) continue;
        for (std::uint32_t i = 0; i < job.batch; ++i) {
            store(packed.data() + i * record_bytes + length_bytes, stamp(producer, sent + i));
        }
        socket.send(packed.data(), packed.size());
        sent += job.batch;
    }
    while (!shared.stop) usleep(1000);
}

void work(const Job& job, Shared& shared) {
    Socket socket(ZMQ_DEALER);
    socket.set(ZMQ_RCVTIMEO, 100);
    socket.connect(shared.back);
    socket.send("R", 1);
    ++shared.ready;
    Receipts receipts(job, shared);
    Message batch;
    while (!shared.stop) {
        if (!socket.receive(batch)) continue;
        std::uint64_t count = 0;
        const std::byte* const end = batch.data() + batch.size();
        const auto first = load<std::uint64_t>(batch.data() + length_bytes);
        for (const std::byte* at = batch.data(); at + length_bytes + tag_bytes <= end; ++count) {
            receipts.take(load<std::uint64_t>(at + length_bytes + tag_bytes));
            at += length_bytes + tag_bytes + load<std::uint32_t>(at);
        }
        const std::uint64_t range[] = {first, first + count - 1};  // tags are dense
        socket.send(range, sizeof range);
        receipts.settled();
    }
}

}  // namespace

Roles forwarder_roles(const Job& job) {
    const auto sockets = std::make_shared<Folder>();
    const auto disk = std::make_shared<Folder>(job.disk);
    Roles roles;
    roles.middle = [=](Shared& shared) { Forwarder(job, *sockets, *disk, shared).run(); };
    roles.producer = [job](Shared& shared, unsigned producer) { publish(job, shared, producer); };
    roles.worker = [job](Shared& shared, unsigned) { work(job, shared); };
    return roles;
}

}  // namespace ym::bench
