// The socket of `yardmaster probe`, what a client of any role must do on it, and the list of findings.
#include <poll.h>
#include <zmq.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "cli/probe.h"

namespace ym::cli::probe {

using wire::Field;
using wire::FrameWriter;
using wire::Verb;

void Report::ok(std::size_t rule) {
    Finding& finding = findings_[rule - 1];
    if (finding.state == State::not_seen) finding.state = State::ok;
}

void Report::broken(std::size_t rule, std::string seen, std::string expected, std::string paragraph) {
    Finding& finding = findings_[rule - 1];
    if (finding.state == State::broken) return;
    finding = {State::broken, std::move(seen), std::move(expected), std::move(paragraph)};
}

bool Report::any_broken() const {
    return std::any_of(findings_.begin(), findings_.end(),
                       [](const Finding& finding) { return finding.state == State::broken; });
}

struct Stage::Socket {
    Socket() : context(zmq_ctx_new()), handle(zmq_socket(context, ZMQ_ROUTER)) {
        YM_CHECK(handle != nullptr);
        set(ZMQ_ROUTER_MANDATORY, 1);
        set(ZMQ_ROUTER_HANDOVER, 1);
        set(ZMQ_LINGER, 500);  // for the last BYE
    }
    ~Socket() {
        zmq_close(handle);
        zmq_ctx_term(context);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    void set(int option, int value) const { zmq_setsockopt(handle, option, &value, sizeof value); }
    /// The next ZeroMQ frame, and whether another one of the same message follows.
    bool receive(std::string& into, bool& more) const {
        zmq_msg_t message;
        zmq_msg_init(&message);
        const bool got = zmq_msg_recv(&message, handle, ZMQ_DONTWAIT) >= 0;
        if (got) into.assign(static_cast<const char*>(zmq_msg_data(&message)), zmq_msg_size(&message));
        more = got && zmq_msg_more(&message) != 0;
        zmq_msg_close(&message);
        return got;
    }

    void* context;
    void* handle;
};

namespace {

/// A frame of the client as values, or why it is not YMP.
std::optional<wire::DecodeError> decode(Octets octets, Heard& heard) {
    wire::Frame frame;
    if (const auto error = wire::parse_frame(octets, frame)) return error;
    heard.verb = frame.verb;
    heard.flags = frame.flags;
    heard.number = frame.number;
    heard.name = frame.name;
    wire::RecordCursor cursor(frame);
    wire::Record record;
    for (auto step = cursor.next(record); step != wire::RecordCursor::Step::end; step = cursor.next(record)) {
        if (step == wire::RecordCursor::Step::bad) return cursor.error();
        HeardRecord& one = heard.records.emplace_back();
        one.code = record.code;
        one.id = record.id;
        one.body_bytes = record.body.size();
        wire::FieldCursor fields(record.fields);
        for (wire::FieldView field; fields.next(field);) {
            const auto tag = static_cast<Field>(field.tag);
            if (tag == Field::session) one.session = as_text(field.value);
            if (tag == Field::queue) one.queues.emplace_back(as_text(field.value));
            if (const auto number = wire::as_u64(field.value)) one.numbers[tag] = *number;
        }
    }
    return std::nullopt;
}

}  // namespace

Stage::Stage(Report& report, Milliseconds patience)
    : report_(report), patience_(patience), socket_(std::make_unique<Socket>()) {}

Stage::~Stage() = default;

std::string Stage::bind(const std::string& endpoint, std::string& bound) {
    if (zmq_bind(socket_->handle, endpoint.c_str()) != 0) return zmq_strerror(zmq_errno());
    std::array<char, 512> address{};
    std::size_t size = address.size();
    zmq_getsockopt(socket_->handle, ZMQ_LAST_ENDPOINT, address.data(), &size);
    bound = address.data();
    return {};
}

std::optional<Heard> Stage::receive() {
    Heard heard;
    std::string octets;
    bool more = false;
    if (!socket_->receive(heard.peer, more)) return std::nullopt;
    std::vector<std::string> frames;
    while (more && socket_->receive(octets, more)) frames.push_back(octets);
    heard.at = Clock::now();
    if (heard.peer == current_) {
        silence_ = std::max(silence_, std::chrono::duration_cast<Milliseconds>(heard.at - heard_));
        heard_ = heard.at;
    }
    if (frames.empty() || frames[0].empty()) return heard;  // an empty message is nothing; the verb is none
    for (const std::string& frame : frames) heard.octets += frame.size();
    if (const auto error = decode(as_octets(frames[0]), heard)) {
        report_.broken(2, text("a frame that is not YMP/1: ", error->field, " at octet ", error->at),
                       "frames as the grammar has them", "3, 4.4");
        heard.verb = Verb{};
        return heard;
    }
    const std::size_t wanted = (heard.flags & wire::flag_body_in_second_frame) != 0 ? 2 : 1;
    if (frames.size() != wanted) {
        report_.broken(2, text(frames.size(), " ZeroMQ frames with flags ", int{heard.flags}),
                       text(wanted, " of them: flag bit 0 announces a second one"), "3.2");
    } else if (wanted == 2 && !heard.records.empty()) {
        heard.records.back().body_bytes = frames[1].size();
    }
    return heard;
}

std::optional<Heard> Stage::hear(Clock::time_point end) {
    for (;;) {
        const auto now = Clock::now();
        if (known_ && now - said_ >= heartbeat) send(Verb::heartbeat);
        if (tick_) tick_(now);
        if (auto heard = receive()) {
            // Only the connection with the last HELLO counts; what an earlier one had under way is of no interest.
            const bool counts = current_.empty() || heard->peer == current_ || heard->verb == Verb::hello;
            if (counts && heard->verb != Verb{} && (!known_ || heard->verb != Verb::heartbeat)) return heard;
            continue;
        }
        if (now >= end) return std::nullopt;
        zmq_pollitem_t item{socket_->handle, 0, ZMQ_POLLIN, 0};
        zmq_poll(&item, 1, std::clamp<long>(std::chrono::ceil<Milliseconds>(end - now).count(), 1, 10));
    }
}

bool Stage::greet(std::size_t rule, Milliseconds patience, bool mute, const std::function<void()>& noise,
                  Heard& hello) {
    current_.clear();
    known_ = false;
    const auto end = Clock::now() + patience;
    for (;;) {
        const auto heard = hear(end);
        if (!heard) return false;
        if (heard->verb == Verb::hello) {
            hello = *heard;
            break;
        }
        if (ignored_) ignored_(*heard);
        // Twice, as when two messages had been under way: the client must not say HELLO for each of them.
        for (int i = 0; i < 2 && !mute; ++i) send_error(heard->peer, wire::Status::say_hello);
    }
    current_ = hello.peer;
    heard_ = hello.at;
    if (hello.records.size() != 1 || hello.records[0].session.size() != wire::session_bytes) {
        report_.broken(1, "a HELLO without one record with a session of 16 octets",
                       "16 random octets, kept over reconnects", "2, 5.1");
    } else if (session_.empty()) {
        session_ = hello.records[0].session;
    } else if (session_ != hello.records[0].session) {
        report_.broken(1, "a HELLO with another session", "the session of the first HELLO, which is to be resumed",
                       "5.2.2");
    }
    // Before WELCOME nothing else counts, 428 included, and nothing else may come.
    if (noise) noise();
    send_error(current_, wire::Status::say_hello);
    const auto until = Clock::now() + hold;
    while (const auto heard = hear(until)) {
        if (heard->verb == Verb::hello) {
            // Who lost patience with a silent broker may lose it again, and take yet another socket.
            if (!mute || heard->peer == current_) {
                report_.broken(rule, "another HELLO before WELCOME",
                               "one HELLO; all but WELCOME is ignored until that comes", "5.2.2");
            }
            current_ = heard->peer;
        } else if (heard->peer == current_) {
            report_.broken(rule, text(wire::name_of(heard->verb), " between HELLO and WELCOME"),
                           "nothing is sent between HELLO and WELCOME", "5.1.1");
        }
    }
    return true;
}

void Stage::welcome(const Terms& terms) {
    known_ = true;
    heard_ = Clock::now();
    silence_ = Milliseconds{0};
    send([&](FrameWriter& writer) {
        writer.begin(Verb::welcome, 0, "yardmaster probe", terms.accepted);
        writer.begin_record(0, 0);
        writer.field(Field::boot, terms.boot);
        writer.field(Field::epoch, std::uint64_t{1});
        writer.field(Field::broker_time_ms, std::uint64_t{1'760'000'000'000});
        writer.field(Field::heartbeat_ms, static_cast<std::uint64_t>(heartbeat.count()));
        writer.field(Field::frame_max, frame_max);
        writer.field(Field::records_max, records_max);
        writer.field(Field::bytes, terms.bytes);
        writer.field(Field::last_tag, terms.last_tag);
        writer.field(Field::through, terms.window);
    });
}

bool Stage::send_to(const std::string& peer, Octets frame, const std::optional<std::string>& body) {
    void* handle = socket_->handle;
    if (zmq_send(handle, peer.data(), peer.size(), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return false;
    if (zmq_send(handle, frame.data(), frame.size(), ZMQ_DONTWAIT | (body ? ZMQ_SNDMORE : 0)) < 0) return false;
    return !body || zmq_send(handle, body->data(), body->size(), ZMQ_DONTWAIT) >= 0;
}

bool Stage::send(const std::function<void(FrameWriter&)>& write, const std::optional<std::string>& body) {
    out_.clear();
    FrameWriter writer(out_);
    write(writer);
    said_ = Clock::now();
    return send_to(current_, writer.end(), body);
}

bool Stage::send(Verb verb) {
    return send([verb](FrameWriter& writer) { writer.begin(verb, 0, {}, 0); });
}

void Stage::send_error(const std::string& peer, wire::Status status) {
    Buffer out;
    FrameWriter writer(out);
    writer.begin(Verb::error, 0, "peer", 0);
    writer.begin_record(static_cast<std::uint16_t>(status), 0);
    writer.field(Field::text, wire::name_of(status));
    send_to(peer, writer.end(), std::nullopt);
}

Milliseconds Stage::longest_silence() {
    const auto now = Clock::now();
    const auto longest = std::max(silence_, std::chrono::duration_cast<Milliseconds>(now - heard_));
    silence_ = Milliseconds{0};
    return longest;
}

}  // namespace ym::cli::probe
