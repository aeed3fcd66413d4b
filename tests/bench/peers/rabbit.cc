// RabbitMQ: persistent messages to a durable queue, with confirms of the publisher; workers prefetch, and ack a hundred
// at a time. An ack has no answer in AMQP: it counts when it was sent.
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "bench/peers/peers.h"
#include "bench/peers/server.h"

namespace ym::bench {
namespace {

constexpr const char* queue = "jobs";
constexpr amqp_channel_t channel = 1;
constexpr std::uint64_t acks_a_frame = 100;
constexpr long ack_wait_us = 5'000;  // fewer are acked when nothing more comes for so long
constexpr long poll_us = 100'000;

class Connection {
  public:
    explicit Connection(const char* port) : state_(amqp_new_connection()) {
        amqp_socket_t* const socket = amqp_tcp_socket_new(state_);
        check(amqp_socket_open(socket, "127.0.0.1", std::atoi(port)), "connection");
        const int at_once = 1;
        setsockopt(amqp_get_sockfd(state_), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
        constexpr int frame_max = 131'072;
        const amqp_rpc_reply_t login =
            amqp_login(state_, "/", 0, frame_max, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
        if (login.reply_type != AMQP_RESPONSE_NORMAL) broken("rabbitmq", "login");
        amqp_channel_open(state_, channel);
        answered("channel");
    }
    ~Connection() { amqp_destroy_connection(state_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] amqp_connection_state_t raw() const { return state_; }

    static void check(int status, const char* what) {
        if (status != AMQP_STATUS_OK) broken("rabbitmq", std::string(what) + ": " + amqp_error_string2(status));
    }
    void answered(const char* what) const {
        if (amqp_get_rpc_reply(state_).reply_type != AMQP_RESPONSE_NORMAL) broken("rabbitmq", what);
    }

  private:
    amqp_connection_state_t state_;
};

amqp_bytes_t queue_name() {
    return amqp_cstring_bytes(queue);
}

void declare(const std::string& port, RabbitQueue kind) {
    const Connection connection(port.c_str());
    amqp_table_entry_t type{};
    type.key = amqp_cstring_bytes("x-queue-type");
    type.value.kind = AMQP_FIELD_KIND_UTF8;
    type.value.value.bytes = amqp_cstring_bytes(kind == RabbitQueue::quorum ? "quorum" : "classic");
    constexpr amqp_boolean_t passive = 0;
    constexpr amqp_boolean_t durable = 1;
    constexpr amqp_boolean_t exclusive = 0;
    constexpr amqp_boolean_t auto_delete = 0;
    amqp_queue_declare(connection.raw(), channel, queue_name(), passive, durable, exclusive, auto_delete, {1, &type});
    connection.answered("the queue");
}

/// A node of its own: name, ports, folders, and the name server that the virtual machine asks for names of nodes.
void run_rabbit(RabbitQueue kind, const std::filesystem::path& folder, Shared& shared) {
    Server server;
    server.port = free_port();
    const std::string names_port = free_port();
    std::ofstream(folder / "bench.conf") << "listeners.tcp.default = 127.0.0.1:" << server.port << "\n"
                                         << "log.console = false\n"
                                         << "disk_free_limit.absolute = 1GB\n";
    std::ofstream(folder / "plugins") << "[].\n";
    std::filesystem::create_directory(folder / "log");
    const std::string at = folder.string();
    server.environment = {
        "RABBITMQ_NODENAME=bench" + server.port + "@localhost",
        "RABBITMQ_CONFIG_FILE=" + at + "/bench",
        "RABBITMQ_CONF_ENV_FILE=" + at + "/none",
        "RABBITMQ_MNESIA_BASE=" + at + "/mnesia",
        "RABBITMQ_LOG_BASE=" + at + "/log",
        "RABBITMQ_PID_FILE=" + at + "/pid",
        "RABBITMQ_ENABLED_PLUGINS_FILE=" + at + "/plugins",
        "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
        "RABBITMQ_NODE_PORT=" + server.port,
        "RABBITMQ_DIST_PORT=" + free_port(),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_EPMD_ADDRESS=127.0.0.1",
        "ERL_EPMD_PORT=" + names_port,
        "RUNNING_UNDER_SYSTEMD=1",  // the script then becomes the virtual machine and is no process beside it
    };
    server.beside = {"epmd", "-address", "127.0.0.1", "-port", names_port};
    server.command = {"/usr/lib/rabbitmq/bin/rabbitmq-server"};
    server.declare = [&] { declare(server.port, kind); };
    become(server, folder, shared);
}

/// Confirms of a producer: each names a sequence, or all up to one, in any order.
class Confirms {
  public:
    explicit Confirms(std::uint64_t count) : seen_(count + 2) {}
    /// How many are new.
    std::uint64_t take(std::uint64_t tag, bool all_before) {
        std::uint64_t fresh = 0;
        for (std::uint64_t i = all_before ? through_ + 1 : tag; i <= tag; ++i) {
            fresh += seen_[i] ? 0U : 1U;
            seen_[i] = true;
        }
        while (seen_[through_ + 1]) ++through_;
        return fresh;
    }

  private:
    std::vector<bool> seen_;  // by sequence, from 1 on; the last is never seen
    std::uint64_t through_ = 0;
};

class Producer {
  public:
    Producer(const Job& job, Shared& shared, unsigned number)
        : job_(job),
          shared_(shared),
          number_(number),
          connection_(shared.front),
          body_(job.body),
          confirms_(job.each()) {
        amqp_confirm_select(connection_.raw(), channel);
        connection_.answered("confirms");
        properties_._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
        properties_.delivery_mode = AMQP_DELIVERY_PERSISTENT;
    }

    void run() {
        Pace pace(job_, shared_, number_);
        std::uint64_t sent = 0;
        while (confirmed_ < job_.each() && !shared_.stop) {
            while (take(0, pace)) {
            }
            if (sent == job_.each() || sent + job_.batch > confirmed_ + job_.window()) {
                take(poll_us, pace);
                continue;
            }
            if (!pace.is_due(sent, amqp_get_sockfd(connection_.raw()))) continue;
            for (std::uint32_t i = 0; i < job_.batch; ++i) send(stamp(number_, sent++));
        }
    }

  private:
    void send(std::uint64_t number) {
        std::memcpy(body_.data(), &number, sizeof number);
        Connection::check(amqp_basic_publish(connection_.raw(), channel, amqp_empty_bytes, queue_name(), 0, 0,
                                             &properties_, {body_.size(), body_.data()}),
                          "publish");
    }

    bool take(long wait_us, Pace& pace) {
        const timeval wait{0, wait_us};
        amqp_frame_t frame;
        const int status = amqp_simple_wait_frame_noblock(connection_.raw(), &frame, &wait);
        if (status == AMQP_STATUS_TIMEOUT) return false;
        Connection::check(status, "a frame");
        if (frame.frame_type == AMQP_FRAME_METHOD) {
            if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD) broken("rabbitmq", "what is no confirm");
            const auto& ack = *static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded);
            const std::uint64_t fresh = confirms_.take(ack.delivery_tag, ack.multiple != 0);
            confirmed_ += fresh;
            pace.confirmed(fresh);
        }
        amqp_maybe_release_buffers(connection_.raw());
        return true;
    }

    const Job& job_;
    Shared& shared_;
    unsigned number_;
    Connection connection_;
    amqp_basic_properties_t properties_{};
    std::vector<std::byte> body_;
    Confirms confirms_;
    std::uint64_t confirmed_ = 0;
};

void publish(const Job& job, Shared& shared, unsigned number) {
    Producer producer(job, shared, number);
    ++shared.ready;
    while (!shared.go) usleep(200);
    producer.run();
    while (!shared.stop) usleep(1000);
}

void work(const Job& job, Shared& shared) {
    const Connection connection(shared.back);
    amqp_basic_qos(connection.raw(), channel, 0, static_cast<std::uint16_t>(job.credit()), 0);
    connection.answered("prefetch");
    amqp_basic_consume(connection.raw(), channel, queue_name(), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    connection.answered("consume");
    ++shared.ready;
    Receipts receipts(job, shared);
    std::uint64_t held = 0;
    std::uint64_t last = 0;
    while (!shared.stop) {
        const timeval wait{0, held == 0 ? poll_us : ack_wait_us};
        amqp_envelope_t envelope;
        const amqp_rpc_reply_t got = amqp_consume_message(connection.raw(), &envelope, &wait, 0);
        const bool came = got.reply_type == AMQP_RESPONSE_NORMAL;
        if (came) {
            std::uint64_t number = 0;
            std::memcpy(&number, envelope.message.body.bytes, sizeof number);
            receipts.take(number);
            last = envelope.delivery_tag;
            ++held;
            amqp_destroy_envelope(&envelope);
            amqp_maybe_release_buffers(connection.raw());
        } else if (got.library_error != AMQP_STATUS_TIMEOUT) {
            broken("rabbitmq", amqp_error_string2(got.library_error));
        }
        if (held == 0 || (came && held < acks_a_frame)) continue;
        Connection::check(amqp_basic_ack(connection.raw(), channel, last, 1), "ack");
        receipts.settled();
        held = 0;
    }
}

}  // namespace

Roles rabbit_roles(const Job& job, RabbitQueue kind) {
    const auto folder = std::make_shared<Folder>(job.disk);
    Roles roles;
    roles.middle = [=](Shared& shared) { run_rabbit(kind, fresh_folder(*folder), shared); };
    roles.producer = [job](Shared& shared, unsigned producer) { publish(job, shared, producer); };
    roles.worker = [job](Shared& shared, unsigned) { work(job, shared); };
    roles.start_s = 90;  // a virtual machine that has to start on two cores, and all that it does at its first start
    return roles;
}

}  // namespace ym::bench
