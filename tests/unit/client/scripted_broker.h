// The broker's side of a session, played by a test: a ROUTER that takes and sends what the test says, in one thread
// with the client, which is polled while the test waits.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>
#include <zmq.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "client/fields.h"
#include "wire/ymp.h"

namespace ym::client {

struct GotRecord {
    std::uint16_t code = 0;
    std::uint64_t id = 0;
    std::string fields;
    std::string body;

    [[nodiscard]] std::uint64_t number(wire::Field field, std::uint64_t otherwise = 0) const {
        return number_of(as_octets(fields), field, otherwise);
    }
    [[nodiscard]] std::string text(wire::Field field) const { return std::string(text_of(as_octets(fields), field)); }
    [[nodiscard]] std::vector<std::string> texts(wire::Field field) const {
        std::vector<std::string> all;
        wire::FieldCursor cursor(as_octets(fields));
        for (wire::FieldView view; cursor.next(view);) {
            if (view.tag == static_cast<std::uint8_t>(field)) all.emplace_back(as_text(view.value));
        }
        return all;
    }
    [[nodiscard]] std::uint64_t through() const { return number(wire::Field::through, id); }
};

struct Got {
    std::string from;  // routing id
    wire::Verb verb{};
    std::uint8_t flags = 0;
    std::string name;
    std::uint64_t number = 0;
    std::vector<GotRecord> records;
};

class ScriptedBroker {
  public:
    ScriptedBroker() {
        std::string folder = (std::filesystem::temp_directory_path() / "ym-client-XXXXXX").string();
        EXPECT_NE(mkdtemp(folder.data()), nullptr);
        folder_ = folder;
        context_ = zmq_ctx_new();
        router_ = zmq_socket(context_, ZMQ_ROUTER);
        const int zero = 0;
        zmq_setsockopt(router_, ZMQ_LINGER, &zero, sizeof zero);
        EXPECT_EQ(zmq_bind(router_, endpoint().c_str()), 0);
    }
    ~ScriptedBroker() {
        zmq_close(router_);
        zmq_ctx_term(context_);
        std::filesystem::remove_all(folder_);
    }
    ScriptedBroker(const ScriptedBroker&) = delete;
    ScriptedBroker& operator=(const ScriptedBroker&) = delete;

    [[nodiscard]] std::string endpoint() const { return "ipc://" + folder_ + "/broker"; }
    /// What keeps the client going while the broker waits.
    std::function<void()> poll_client;

    /// The next frame that is not a HEARTBEAT; nothing when none comes within `wait`.
    std::optional<Got> next(std::chrono::milliseconds wait = std::chrono::seconds(5)) {
        const auto end = std::chrono::steady_clock::now() + wait;
        while (std::chrono::steady_clock::now() < end) {
            if (poll_client) poll_client();
            std::optional<Got> got = receive();
            if (got && got->verb != wire::Verb::heartbeat) return got;
        }
        return std::nullopt;
    }
    /// The next frame, which must be of this verb.
    Got expect(wire::Verb verb) {
        const std::optional<Got> got = next();
        EXPECT_TRUE(got.has_value()) << "no " << wire::name_of(verb);
        if (!got) return {};
        EXPECT_EQ(wire::name_of(got->verb), wire::name_of(verb));
        peer_ = got->from;
        return *got;
    }
    /// Nothing but heartbeats comes for as long as a few turns take.
    void expect_nothing() {
        const std::optional<Got> got = next(std::chrono::milliseconds(20));
        EXPECT_FALSE(got.has_value()) << wire::name_of(got->verb);
    }

    using Write = std::function<void(wire::FrameWriter&)>;
    /// Sends a frame to the peer that was heard last.
    void send(wire::Verb verb, std::string_view name = {}, std::uint64_t number = 0, const Write& records = {}) {
        Buffer out;
        wire::FrameWriter writer(out);
        writer.begin(verb, 0, name, number);
        if (records) records(writer);
        const Octets frame = writer.end();
        zmq_send(router_, peer_.data(), peer_.size(), ZMQ_SNDMORE);
        zmq_send(router_, frame.data(), frame.size(), 0);
    }
    /// Answers a HELLO. `change` may add fields that stand before the usual ones, so that they count.
    void welcome(std::uint64_t number = 0, std::uint64_t window = 2000, std::uint64_t last_tag = 0,
                 const Write& first = {}) {
        send(wire::Verb::welcome, "scripted", number, [&](wire::FrameWriter& writer) {
            writer.begin_record(0, 0);
            if (first) first(writer);
            writer.field(wire::Field::heartbeat_ms, heartbeat_ms);
            writer.field(wire::Field::frame_max, std::uint64_t{1} << 20U);
            writer.field(wire::Field::records_max, std::uint64_t{1000});
            writer.field(wire::Field::through, window);
            writer.field(wire::Field::last_tag, last_tag);
        });
    }
    /// One record with a status.
    void answer(wire::Verb verb, std::uint64_t number, std::uint64_t id, std::uint16_t code, std::uint64_t through = 0,
                std::string_view body = {}) {
        send(verb, {}, number, [&](wire::FrameWriter& writer) {
            writer.begin_record(code, id);
            if (through > id) writer.field(wire::Field::through, through);
            if (!body.empty()) writer.body(as_octets(body));
        });
    }
    void say_hello() { answer(wire::Verb::error, 0, 0, 428); }
    /// Delivers tags first..last of the queue `hello`.
    void deliver(std::uint64_t first, std::uint64_t last, std::uint64_t lease_ms = 30'000) {
        send(wire::Verb::deliver, "hello", lease_ms, [&](wire::FrameWriter& writer) {
            for (std::uint64_t tag = first; tag <= last; ++tag) {
                writer.begin_record(1, tag);
                writer.field(wire::Field::fence, 100 + tag);
                writer.field(wire::Field::topic, std::string_view("a.b"));
                writer.property("colour", "red");
                writer.body(as_octets("body " + std::to_string(tag)));
            }
        });
    }

    std::uint64_t heartbeat_ms = 1000;

  private:
    std::optional<std::string> part() {
        zmq_msg_t message;
        zmq_msg_init(&message);
        std::optional<std::string> octets;
        if (zmq_msg_recv(&message, router_, ZMQ_DONTWAIT) >= 0) {
            octets.emplace(static_cast<const char*>(zmq_msg_data(&message)), zmq_msg_size(&message));
        }
        zmq_msg_close(&message);
        return octets;
    }
    std::optional<Got> receive() {
        const std::optional<std::string> from = part();
        if (!from) return std::nullopt;
        const std::optional<std::string> octets = part();
        wire::Frame frame;
        EXPECT_FALSE(wire::parse_frame(as_octets(*octets), frame).has_value());
        Got got{*from, frame.verb, frame.flags, std::string(frame.name), frame.number, {}};
        wire::RecordCursor records(frame);
        wire::Record record;
        for (auto step = records.next(record); step != wire::RecordCursor::Step::end; step = records.next(record)) {
            EXPECT_EQ(step, wire::RecordCursor::Step::record);
            got.records.push_back(
                {record.code, record.id, std::string(as_text(record.fields)), std::string(as_text(record.body))});
        }
        return got;
    }

    std::string folder_;
    void* context_ = nullptr;
    void* router_ = nullptr;
    std::string peer_;
};

}  // namespace ym::client
