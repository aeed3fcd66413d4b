// A peer's side of a YMP/1 session, for measurements: what says that the run is broken ends the process.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bench/socket.h"
#include "wire/ymp.h"

namespace ym::bench {

/// The number in a field of a record, or `otherwise`.
inline std::uint64_t number_of(const wire::Record& record, wire::Field which, std::uint64_t otherwise) {
    wire::FieldCursor fields(record.fields);
    for (wire::FieldView field; fields.next(field);) {
        if (field.tag == static_cast<std::uint8_t>(which)) return wire::as_u64(field.value).value_or(otherwise);
    }
    return otherwise;
}

class YmpPeer {
  public:
    YmpPeer(void* context, const char* endpoint, std::string name)
        : socket_(context, ZMQ_DEALER), name_(std::move(name)) {
        socket_.set(ZMQ_RCVTIMEO, 100);
        socket_.connect(endpoint);
    }

    /// `credit` is the highest tag that the broker may use.
    void hello(const std::vector<std::string>& queues, std::uint64_t credit) {
        const std::string session = (name_ + "-" + std::to_string(getpid()) + "----------------").substr(0, 16);
        Buffer buffer;
        wire::FrameWriter writer(buffer);
        writer.begin(wire::Verb::hello, 0, name_, credit);
        writer.begin_record(0, 0);
        writer.field(wire::Field::session, session);
        writer.field(wire::Field::versions, std::string_view("\1"));
        if (!queues.empty()) writer.field(wire::Field::bytes, std::uint64_t{1} << 50U);
        for (const std::string& queue : queues) writer.field(wire::Field::queue, std::string_view(queue));
        send(writer.end());
    }
    /// Waits for the WELCOME, and takes the windows from it.
    void welcome() {
        while (!receive(0) || frame_.verb != wire::Verb::welcome) {
        }
        wire::RecordCursor cursor(frame_);
        wire::Record record;
        if (cursor.next(record) != wire::RecordCursor::Step::record) return;
        sequence_window_ = number_of(record, wire::Field::through, 0);
        bytes_window_ = number_of(record, wire::Field::bytes, ~std::uint64_t{0});
        heartbeat_ms_ = number_of(record, wire::Field::heartbeat_ms, 1000);
    }
    void send(Octets frame) { socket_.send(frame.data(), frame.size()); }
    void say(wire::Verb verb) {
        Buffer buffer;
        wire::FrameWriter writer(buffer);
        writer.begin(verb, 0, {}, 0);
        send(writer.end());
    }

    /// Takes the next frame; false if none came in time.
    bool receive(int flags) {
        if (!socket_.receive(message_, flags)) return false;
        if (wire::parse_frame({message_.data(), message_.size()}, frame_)) broken("a frame that cannot be read");
        if (frame_.verb == wire::Verb::heartbeat && frame_.number != 0) heartbeat_ms_ = frame_.number;
        if (frame_.verb == wire::Verb::error || frame_.verb == wire::Verb::lost) broken(wire::name_of(frame_.verb));
        return true;
    }
    [[nodiscard]] const wire::Frame& frame() const { return frame_; }
    /// How often a sign of life is due, as the broker told last.
    [[nodiscard]] std::uint64_t heartbeat_ms() const { return heartbeat_ms_; }
    [[nodiscard]] void* raw() { return socket_.raw(); }
    [[nodiscard]] int descriptor() { return socket_.descriptor(); }

    /// Of a CONFIRM that has just come: widens the windows, and returns how many messages it confirms.
    std::uint64_t confirmed() {
        std::uint64_t count = 0;
        sequence_window_ = std::max(sequence_window_, frame_.number);
        wire::RecordCursor cursor(frame_);
        for (wire::Record record; cursor.next(record) == wire::RecordCursor::Step::record;) {
            bytes_window_ = std::max(bytes_window_, number_of(record, wire::Field::bytes, 0));
            if (record.id == 0) continue;
            if (record.code != static_cast<std::uint16_t>(wire::Status::ok)) broken("a refusal");
            count += number_of(record, wire::Field::through, record.id) - record.id + 1;
        }
        return count;
    }
    /// Whether `messages` in all, of `body` octets each, may have been sent.
    [[nodiscard]] bool has_room(std::uint64_t messages, std::uint32_t body) const {
        return messages <= sequence_window_ && (messages - 1) * body < bytes_window_;
    }

    [[noreturn]] void broken(std::string_view why) const {
        std::fprintf(stderr, "bench: %s got %.*s\n", name_.c_str(), static_cast<int>(why.size()), why.data());
        wire::RecordCursor cursor(frame_);
        for (wire::Record record; cursor.next(record) == wire::RecordCursor::Step::record;) {
            std::fprintf(stderr, "bench:   id %llu, status %u\n", static_cast<unsigned long long>(record.id),
                         record.code);
        }
        std::_Exit(1);
    }

  private:
    Socket socket_;
    std::string name_;
    Message message_;
    wire::Frame frame_;
    std::uint64_t sequence_window_ = 0;
    std::uint64_t bytes_window_ = 0;
    std::uint64_t heartbeat_ms_ = 1000;
};

}  // namespace ym::bench
