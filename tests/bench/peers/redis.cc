// Redis Streams: a stream and one group of workers. Producers write their XADDs 200 at a time and read the answers as
// they come; workers read up to 500 entries at a time, and send the XACK and XDEL of all of them with the next read.
#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/peers/peers.h"
#include "bench/peers/server.h"

namespace ym::bench {
namespace {

constexpr const char* stream = "jobs";
constexpr const char* group = "workers";
constexpr const char* entries_a_read = "500";

struct Free {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, Free>;

class Connection {
  public:
    explicit Connection(const char* port) : context_(redisConnect("127.0.0.1", std::atoi(port))) {
        if (context_ == nullptr || context_->err != 0) broken("redis", "no connection");
    }
    ~Connection() { redisFree(context_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] int descriptor() const { return context_->fd; }

    void send(std::string_view octets) {
        while (!octets.empty()) {
            const ssize_t sent = ::send(context_->fd, octets.data(), octets.size(), MSG_NOSIGNAL);
            if (sent <= 0) broken("redis", std::strerror(errno));
            octets.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    /// The next answer; none if nothing comes within `wait_ms` (-1: without an end). An error ends this process.
    Reply receive(int wait_ms) {
        while (true) {
            void* got = nullptr;
            if (redisReaderGetReply(context_->reader, &got) != REDIS_OK) broken("redis", context_->reader->errstr);
            if (got != nullptr) {
                Reply reply(static_cast<redisReply*>(got));
                if (reply->type == REDIS_REPLY_ERROR) broken("redis", reply->str);
                return reply;
            }
            pollfd readable{context_->fd, POLLIN, 0};
            if (poll(&readable, 1, wait_ms) <= 0) return nullptr;
            if (redisBufferRead(context_) != REDIS_OK) broken("redis", context_->errstr);
        }
    }

  private:
    redisContext* context_;
};

/// A command as Redis reads it.
std::string command(const std::vector<std::string_view>& words) {
    std::vector<const char*> at;
    std::vector<std::size_t> sizes;
    for (const std::string_view word : words) {
        at.push_back(word.data());
        sizes.push_back(word.size());
    }
    char* octets = nullptr;
    const int size = redisFormatCommandArgv(&octets, static_cast<int>(words.size()), at.data(), sizes.data());
    if (size < 0) broken("redis", "a command");
    std::string all(octets, static_cast<std::size_t>(size));
    redisFreeCommand(octets);
    return all;
}

void run_redis(const Job& job, const std::filesystem::path& folder, Shared& shared) {
    Server server;
    server.port = free_port();
    // Its log is never rewritten: in a run of seconds that would only cost.
    server.command = {"redis-server",
                      "--port",
                      server.port,
                      "--bind",
                      "127.0.0.1",
                      "--dir",
                      folder.string(),
                      "--save",
                      "",
                      "--appendonly",
                      job.durable ? "yes" : "no",
                      "--appendfsync",
                      "always",
                      "--auto-aof-rewrite-percentage",
                      "0"};
    server.declare = [&] {
        Connection connection(server.port.c_str());
        connection.send(command({"XGROUP", "CREATE", stream, group, "0", "MKSTREAM"}));
        (void)connection.receive(-1);
    };
    become(server, folder, shared);
}

/// XADDs of a whole batch, whose stamps can be changed in place.
class Batch {
  public:
    explicit Batch(const Job& job) : count_(job.batch) {
        const std::string body(job.body, '\xee');
        const std::string one = command({"XADD", stream, "*", "d", body});
        body_at_ = one.find(body);
        size_ = one.size();
        for (std::uint32_t i = 0; i < count_; ++i) octets_ += one;
    }
    std::string_view stamped(std::uint64_t first) {
        for (std::uint32_t i = 0; i < count_; ++i) {
            const std::uint64_t number = first + i;
            std::memcpy(octets_.data() + i * size_ + body_at_, &number, sizeof number);
        }
        return octets_;
    }

  private:
    std::uint32_t count_;
    std::size_t body_at_ = 0;
    std::size_t size_ = 0;
    std::string octets_;
};

void publish(const Job& job, Shared& shared, unsigned producer) {
    Connection connection(shared.front);
    Batch batch(job);
    ++shared.ready;
    while (!shared.go) usleep(200);

    Pace pace(job, shared, producer);
    std::uint64_t sent = 0;
    std::uint64_t confirmed = 0;
    const auto take = [&](int wait_ms) {
        std::uint64_t count = 0;
        for (; confirmed + count < sent && connection.receive(count == 0 ? wait_ms : 0); ++count) {
        }
        confirmed += count;
        pace.confirmed(count);
    };
    while (confirmed < job.each() && !shared.stop) {
        take(0);
        if (sent == job.each() || sent + job.batch > confirmed + job.window()) {
            take(100);
            continue;
        }
        if (!pace.is_due(sent, connection.descriptor())) continue;
        connection.send(batch.stamped(stamp(producer, sent)));
        sent += job.batch;
    }
    while (!shared.stop) usleep(1000);
}

/// What a read has brought, until it is settled.
class Entries {
  public:
    /// XACK and XDEL of all.
    [[nodiscard]] std::string settlement() const {
        std::vector<std::string_view> ack = {"XACK", stream, group};
        std::vector<std::string_view> erase = {"XDEL", stream};
        ack.insert(ack.end(), ids_.begin(), ids_.end());
        erase.insert(erase.end(), ids_.begin(), ids_.end());
        return command(ack) + command(erase);
    }

    void take(const redisReply& read, Receipts& receipts) {
        const redisReply& entries = *read.element[0]->element[1];
        for (std::size_t i = 0; i < entries.elements; ++i) {
            const redisReply& entry = *entries.element[i];
            ids_.emplace_back(entry.element[0]->str, entry.element[0]->len);
            std::uint64_t number = 0;
            std::memcpy(&number, entry.element[1]->element[1]->str, sizeof number);
            receipts.take(number);
        }
    }

    /// Each entry was pending for us, and then was there to be deleted: settled once.
    void settled_by(const Reply& acked, const Reply& erased) {
        const auto all = static_cast<long long>(ids_.size());
        if (!acked || !erased || acked->integer != all || erased->integer != all) broken("redis", "a lost settlement");
        ids_.clear();
    }
    [[nodiscard]] bool empty() const { return ids_.empty(); }

  private:
    std::vector<std::string> ids_;
};

void work(const Job& job, Shared& shared, unsigned worker) {
    Receipts receipts(job, shared);
    Connection connection(shared.back);
    const std::string name = "worker" + std::to_string(worker);
    const std::string read =
        command({"XREADGROUP", "GROUP", group, name, "COUNT", entries_a_read, "BLOCK", "100", "STREAMS", stream, ">"});
    ++shared.ready;
    Entries entries;
    while (!shared.stop) {
        connection.send(entries.empty() ? read : entries.settlement() + read);
        if (!entries.empty()) {
            const Reply acked = connection.receive(-1);
            entries.settled_by(acked, connection.receive(-1));
            receipts.settled();
        }
        const Reply got = connection.receive(-1);
        if (got->type == REDIS_REPLY_ARRAY && got->elements != 0) entries.take(*got, receipts);
    }
}

}  // namespace

Roles redis_roles(const Job& job) {
    const auto folder = std::make_shared<Folder>(job.disk);
    Roles roles;
    roles.middle = [=](Shared& shared) { run_redis(job, fresh_folder(*folder), shared); };
    roles.producer = [job](Shared& shared, unsigned producer) { publish(job, shared, producer); };
    roles.worker = [job](Shared& shared, unsigned worker) { work(job, shared, worker); };
    return roles;
}

}  // namespace ym::bench
