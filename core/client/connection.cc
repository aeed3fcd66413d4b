#include "client/connection.h"

#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "base/check.h"
#include "client/fields.h"

namespace ym::client {
namespace {

using wire::Field;
using wire::Verb;

constexpr int missed_max = 10;  // heartbeats of silence before the connection is given up, as PROTOCOL.md says

std::string random_session() {
    // A session is a capability, so it comes from the system's generator.
    std::random_device device;
    std::string session;
    while (session.size() < wire::session_bytes) {
        const auto word = device();
        for (unsigned shift = 0; shift < 32 && session.size() < wire::session_bytes; shift += 8) {
            session.push_back(static_cast<char>((word >> shift) & 0xffU));
        }
    }
    return session;
}

/// One received ZeroMQ frame, closed when it goes.
class Part {
  public:
    Part() { zmq_msg_init(&message_); }
    ~Part() { zmq_msg_close(&message_); }
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;
    bool receive(void* socket) { return zmq_msg_recv(&message_, socket, ZMQ_DONTWAIT) >= 0; }
    [[nodiscard]] bool more() { return zmq_msg_more(&message_) != 0; }
    [[nodiscard]] Octets octets() {
        return {static_cast<const std::byte*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
    }

  private:
    zmq_msg_t message_{};
};

}  // namespace

struct Connection::Socket {
    Socket() : context(zmq_ctx_new()) {}
    ~Socket() {
        close();
        zmq_ctx_term(context);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    void close() {
        if (handle != nullptr) zmq_close(handle);
        handle = nullptr;
    }
    bool open(const std::string& endpoint) {
        close();
        handle = zmq_socket(context, ZMQ_DEALER);
        YM_CHECK(handle != nullptr);
        const int zero = 0;
        zmq_setsockopt(handle, ZMQ_LINGER, &zero, sizeof zero);
        zmq_setsockopt(handle, ZMQ_SNDHWM, &zero, sizeof zero);
        return zmq_connect(handle, endpoint.c_str()) == 0;
    }

    void* context;
    void* handle = nullptr;
};

Instant Connection::now() {
    return {std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())};
}

Connection::Connection(const Options& options, Role& role)
    : options_(options),
      role_(role),
      session_(random_session()),
      socket_(std::make_unique<Socket>()),
      heartbeat_(std::max<Duration>(options.heartbeat, 1ms)),
      patience_(heartbeat_) {
    if (options_.name.empty()) options_.name = "cpp-" + std::to_string(getpid());
    options_.name.resize(std::min(options_.name.size(), wire::name_bytes_max));
}

Connection::~Connection() = default;

wire::FrameWriter Connection::writer() {
    out_.clear();
    return wire::FrameWriter(out_);
}

void Connection::send(Octets frame) {
    sent_ = now();
    // With no high-water mark this fails only when the socket is gone, which is our bug.
    YM_CHECK(zmq_send(socket_->handle, frame.data(), frame.size(), ZMQ_DONTWAIT) >= 0);
}

void Connection::open() {
    // Always a new socket: libzmq's own reconnection would send what is left in its queue before our HELLO.
    connected_ = false;
    due_ = Instant::never();
    heard_ = now();
    if (!socket_->open(options_.endpoint)) {
        fault_ = Fault{0, options_.endpoint + ": " + zmq_strerror(zmq_errno())};
        return;
    }
    wire::FrameWriter hello = writer();
    hello.begin(Verb::hello, 0, options_.name, opened_before_ ? 0 : role_.first_credit());
    role_.write_hello(hello);
    send(hello.end());
    opened_before_ = true;
}

bool Connection::poll(Milliseconds timeout, int fd) {
    Instant time = now();
    if (connected_ && !leaving_) due_ = role_.send_due(time);  // nothing may stand behind BYE
    Instant wake = heard_ + patience_;
    if (connected_) wake = std::min({wake, sent_ + heartbeat_, due_});
    // Rounded up, so that what is due has come when the wait is over.
    const auto wait = std::clamp<std::int64_t>(
        std::min<std::int64_t>(timeout.count(), std::chrono::ceil<Milliseconds>(wake - time).count()), 0, 60'000);
    std::array<zmq_pollitem_t, 2> items{{{nullptr, fd, ZMQ_POLLIN, 0}, {socket_->handle, 0, ZMQ_POLLIN, 0}}};
    const int first = fd < 0 ? 1 : 0;  // without an fd, or after a fault without the socket
    zmq_poll(&items[static_cast<std::size_t>(first)], (fault_ ? 1 : 2) - first, static_cast<long>(wait));
    // The socket may be replaced by what a frame says, so the handle is looked up each time.
    while (!fault_) {
        Part frame;
        if (!frame.receive(socket_->handle)) break;
        heard_ = now();
        Part body;
        bool more = frame.more();
        const bool has_body = more && body.receive(socket_->handle);
        for (more = has_body && body.more(); more;) {
            Part rest;
            more = rest.receive(socket_->handle) && rest.more();
        }
        take(frame.octets(), has_body ? std::optional(body.octets()) : std::nullopt);
    }
    if (!fault_) keep_alive(now());
    role_.tell();
    return fd >= 0 && (items[0].revents & (ZMQ_POLLIN | ZMQ_POLLERR)) != 0;
}

void Connection::keep_alive(Instant time) {
    if (time - heard_ >= patience_) {
        patience_ = connected_ ? heartbeat_ : std::min(heartbeat_ * missed_max, patience_ * 2);
        open();
    } else if (connected_ && !leaving_) {
        due_ = role_.send_due(time);
        if (time - sent_ < heartbeat_) return;
        wire::FrameWriter beat = writer();
        beat.begin(Verb::heartbeat, 0, {}, 0);
        send(beat.end());
    }
}

bool Connection::until(const std::function<bool()>& done, Milliseconds timeout) {
    const Instant end = timeout == forever ? Instant::never() : now() + timeout;
    while (!done()) {
        const Instant time = now();
        if (fault_ || time >= end) return false;
        poll(std::chrono::ceil<Milliseconds>(std::min<Duration>(end - time, 1s)), -1);
    }
    return true;
}

void Connection::leave(Milliseconds timeout) {
    if (fault_ || !connected_) return;
    wire::FrameWriter bye = writer();
    bye.begin(Verb::bye, 0, {}, 0);
    send(bye.end());
    leaving_ = true;
    until([this] { return !connected_; }, timeout);
}

void Connection::take(Octets octets, std::optional<Octets> body) {
    wire::Frame frame;
    if (wire::parse_frame(octets, frame)) return;  // nothing that could be sent would cure it
    switch (frame.verb) {
        case Verb::welcome:
            if (!connected_) take_welcome(frame);
            return;
        case Verb::error: take_error(frame); return;
        case Verb::heartbeat:
            if (connected_ && frame.number != 0) set_heartbeat(frame.number);
            return;
        case Verb::drain: draining_ = connected_; return;
        case Verb::bye:
            connected_ = false;
            patience_ = std::min<Duration>(heartbeat_, 200ms);
            return;
        default:
            if (connected_) role_.take(frame, body);
    }
}

void Connection::take_welcome(const wire::Frame& frame) {
    wire::RecordCursor records(frame);
    wire::Record record;
    if (records.next(record) != wire::RecordCursor::Step::record) return;
    const Welcome otherwise;
    welcome_.accepted = frame.number;
    welcome_.window = number_of(record.fields, Field::through, 0);
    welcome_.bytes = number_of(record.fields, Field::bytes, otherwise.bytes);
    welcome_.last_tag = number_of(record.fields, Field::last_tag, 0);
    welcome_.frame_max = number_of(record.fields, Field::frame_max, otherwise.frame_max);
    welcome_.records_max =
        std::max<std::uint64_t>(number_of(record.fields, Field::records_max, otherwise.records_max), 1);
    set_heartbeat(number_of(record.fields, Field::heartbeat_ms, to_ms(heartbeat_)));
    connected_ = true;
    draining_ = false;
    role_.welcomed(welcome_);
}

/// The broker decides, and tells another interval when it has many peers, or fewer than it had.
void Connection::set_heartbeat(std::uint64_t ms) {
    heartbeat_ = Milliseconds(std::clamp<std::uint64_t>(ms, 1, 3'600'000));
    patience_ = heartbeat_ * missed_max;
}

void Connection::take_error(const wire::Frame& frame) {
    wire::RecordCursor records(frame);
    wire::Record record;
    if (records.next(record) != wire::RecordCursor::Step::record) return;
    switch (static_cast<wire::Status>(record.code)) {
        case wire::Status::say_hello:
            if (leaving_) {
                connected_ = false;
            } else if (connected_) {
                open();  // libzmq has reconnected by itself, and the broker does not know the new connection
            }
            return;
        case wire::Status::draining:
        case wire::Status::full: return;  // patience_ says when HELLO is tried again
        default: {
            std::string text(frame.name);
            const std::string more(text_of(record.fields, Field::text));
            if (!more.empty()) text += (text.empty() ? "" : ": ") + more;
            fault_ = Fault{record.code, text};
            connected_ = false;
        }
    }
}

}  // namespace ym::client
