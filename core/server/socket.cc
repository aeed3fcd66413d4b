#include "server/socket.h"

#include <zmq.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "server/endpoint.h"
#include "wire/parts.h"

namespace ym::server {

static_assert(sizeof(Message) == sizeof(zmq_msg_t));

namespace {

zmq_msg_t* raw(std::byte* octets) {
    return reinterpret_cast<zmq_msg_t*>(octets);
}

// zmq_msg_data and zmq_msg_size take a pointer to non-const, and change nothing.
zmq_msg_t* raw(const std::byte* octets) {
    return reinterpret_cast<zmq_msg_t*>(const_cast<std::byte*>(octets));
}

void make(zmq_msg_t* message, Octets content) {
    YM_CHECK(zmq_msg_init_size(message, content.size()) == 0);
    if (!content.empty()) std::memcpy(zmq_msg_data(message), content.data(), content.size());
}

int milliseconds(Duration duration) {
    return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

std::string zmq_version() {
    int major = 0;
    int minor = 0;
    int patch = 0;
    ::zmq_version(&major, &minor, &patch);
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

Message::Message() noexcept {
    zmq_msg_init(raw(raw_));
}

Message::Message(Octets copied) {
    make(raw(raw_), copied);
}

Message::~Message() {
    zmq_msg_close(raw(raw_));
}

Message::Message(Message&& other) noexcept {
    zmq_msg_init(raw(raw_));
    zmq_msg_move(raw(raw_), raw(other.raw_));
}

Message& Message::operator=(Message&& other) noexcept {
    if (this != &other) zmq_msg_move(raw(raw_), raw(other.raw_));
    return *this;
}

Octets Message::octets() const {
    zmq_msg_t* const message = raw(raw_);
    return {static_cast<const std::byte*>(zmq_msg_data(message)), zmq_msg_size(message)};
}

bool Message::more() const {
    return zmq_msg_more(raw(raw_)) != 0;
}

void Message::reset() {
    zmq_msg_close(raw(raw_));
    zmq_msg_init(raw(raw_));
}

Context::Context() : raw_(zmq_ctx_new()) {
    YM_CHECK(raw_ != nullptr);
}

Context::~Context() {
    // A signal may interrupt the wait for lingering sockets; the wait is bounded by their linger.
    while (zmq_ctx_term(raw_) != 0 && errno == EINTR) {
    }
}

Socket Socket::router(Context& context, const RouterOptions& options) {
    Socket socket(zmq_socket(context.raw_, ZMQ_ROUTER));
    YM_CHECK(socket.raw_ != nullptr);
    socket.set(ZMQ_ROUTER_MANDATORY, 1);
    socket.set(ZMQ_ROUTER_HANDOVER, 1);
    const auto frame_max = static_cast<std::int64_t>(options.frame_bytes_max);
    YM_CHECK(zmq_setsockopt(socket.raw_, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max) == 0);
    socket.set(ZMQ_RCVHWM, options.receive_messages_max);
    socket.set(ZMQ_SNDHWM, options.send_messages_max);
    socket.set(ZMQ_LINGER, 0);
    socket.set(ZMQ_IPV6, 0);
    socket.set(ZMQ_BACKLOG, 1024);
    socket.set(ZMQ_HANDSHAKE_IVL, 3000);
    // Not ZMQ_HEARTBEAT_IVL: in libzmq 4.3.4 it ends the process (an assertion) when a peer goes whose queue is full,
    // as it is while nobody reads. What a dead host has not acknowledged for so long ends its connection as well.
    socket.set(ZMQ_TCP_MAXRT, 6000);
    socket.set(ZMQ_TCP_KEEPALIVE, 1);
    socket.set(ZMQ_TCP_KEEPALIVE_IDLE, 30);
    socket.set(ZMQ_TCP_KEEPALIVE_INTVL, 10);
    socket.set(ZMQ_TCP_KEEPALIVE_CNT, 3);
    return socket;
}

Result<Socket, EndpointError> Socket::dealer(Context& context, const std::string& endpoint) {
    Socket socket(zmq_socket(context.raw_, ZMQ_DEALER));
    YM_CHECK(socket.raw_ != nullptr);
    socket.set(ZMQ_LINGER, 0);
    if (zmq_connect(socket.raw_, endpoint.c_str()) != 0) return explain_connect(endpoint, errno);
    return socket;
}

Socket::Socket(Socket&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
}

Socket::~Socket() {
    if (raw_ != nullptr) zmq_close(raw_);
}

void Socket::set(int option, int value) {
    YM_CHECK(zmq_setsockopt(raw_, option, &value, sizeof value) == 0);
}

Result<std::string, EndpointError> Socket::bind(const std::string& endpoint) {
    if (zmq_bind(raw_, endpoint.c_str()) != 0) return explain_bind(endpoint, errno);
    char bound[512] = {};
    std::size_t size = sizeof bound;
    YM_CHECK(zmq_getsockopt(raw_, ZMQ_LAST_ENDPOINT, bound, &size) == 0);
    return std::string(bound);
}

int Socket::descriptor() const {
    int descriptor = -1;
    std::size_t size = sizeof descriptor;
    YM_CHECK(zmq_getsockopt(raw_, ZMQ_FD, &descriptor, &size) == 0);
    return descriptor;
}

bool Socket::readable() const {
    int events = 0;
    std::size_t size = sizeof events;
    // This also runs what the I/O threads have asked of the socket: ends of connections, room for parked sends.
    if (zmq_getsockopt(raw_, ZMQ_EVENTS, &events, &size) != 0) return false;
    return (events & ZMQ_POLLIN) != 0;
}

bool Socket::receive(Message& into) {
    return zmq_msg_recv(raw(into.raw_), raw_, ZMQ_DONTWAIT) >= 0;
}

Sent Socket::begin(Octets routing_id) {
    // DONTWAIT always: a mandatory send that blocks hangs the thread for ever when that peer dies (libzmq#4665).
    if (zmq_send(raw_, routing_id.data(), routing_id.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) return Sent::yes;
    if (errno == EAGAIN || errno == EINTR) return Sent::full;
    YM_CHECK(errno == EHOSTUNREACH);
    return Sent::gone;
}

Sent Socket::send(Octets routing_id, Octets frame) {
    if (const Sent begun = begin(routing_id); begun != Sent::yes) return begun;
    Message message(frame);
    return finish(message);
}

Sent Socket::send(Octets routing_id, Message& frame) {
    if (const Sent begun = begin(routing_id); begun != Sent::yes) return begun;
    return finish(frame);
}

Sent Socket::send_behind_empty(Octets routing_id, Octets frame) {
    if (const Sent begun = begin(routing_id); begun != Sent::yes) return begun;
    YM_CHECK(zmq_send(raw_, nullptr, 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0);
    Message message(frame);
    return finish(message);
}

Sent Socket::send_parts(Octets routing_id, Octets parts) {
    if (const Sent begun = begin(routing_id); begun != Sent::yes) return begun;
    wire::PartsCursor cursor(parts);
    Octets part;
    YM_CHECK(cursor.next(part));
    for (bool more = true; more;) {
        Message message(part);
        more = cursor.next(part);
        YM_CHECK(zmq_msg_send(raw(message.raw_), raw_, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0);
    }
    return Sent::yes;
}

Sent Socket::finish(Message& frame) {
    // Once the routing id is taken, the rest of the message always fits.
    YM_CHECK(zmq_msg_send(raw(frame.raw_), raw_, ZMQ_DONTWAIT) >= 0);
    return Sent::yes;
}

bool Socket::ask(Octets question, Duration patience, Message& answer) {
    set(ZMQ_SNDTIMEO, milliseconds(patience));
    set(ZMQ_RCVTIMEO, milliseconds(patience));
    if (zmq_send(raw_, question.data(), question.size(), 0) < 0) return false;
    return zmq_msg_recv(raw(answer.raw_), raw_, 0) >= 0;
}

void Socket::set_linger(Duration linger) {
    set(ZMQ_LINGER, milliseconds(linger));
}

}  // namespace ym::server
