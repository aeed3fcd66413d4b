// `yardmaster probe`: what its parts share. It plays the broker's side by a fixed script, and knows nothing of the
// broker's state machine: only the octets of core/wire, so that a fault of the broker cannot hide one of a client.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "wire/ymp.h"

namespace ym::cli::probe {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
using namespace std::chrono_literals;

/// Parts as one text.
template <class... T>
std::string text(const T&... parts) {
    std::ostringstream out;
    (out << ... << parts);
    return out.str();
}

/// Rules are numbered as people are told them, from 1.
inline constexpr std::size_t rules = 7;

enum class State : std::uint8_t { not_seen, ok, broken };

struct Finding {
    State state = State::not_seen;
    std::string seen;
    std::string expected;
    std::string paragraph;  // of PROTOCOL.md
};

/// What was found of each rule. What is broken stays broken; the first fault of a rule is the one that is told.
class Report {
  public:
    void ok(std::size_t rule);
    void broken(std::size_t rule, std::string seen, std::string expected, std::string paragraph);
    /// Why the script could not go on; not a fault of the client by itself.
    void note(std::string text) { notes_.push_back(std::move(text)); }
    [[nodiscard]] const Finding& finding(std::size_t rule) const { return findings_[rule - 1]; }
    [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
    [[nodiscard]] bool is_broken(std::size_t rule) const { return finding(rule).state == State::broken; }
    [[nodiscard]] bool any_broken() const;

  private:
    std::array<Finding, rules> findings_;
    std::vector<std::string> notes_;
};

/// A record that was heard, with its numbers by tag of field.
struct HeardRecord {
    std::uint16_t code = 0;
    std::uint64_t id = 0;
    std::map<wire::Field, std::uint64_t> numbers;
    std::string session;
    std::vector<std::string> queues;
    std::size_t body_bytes = 0;

    [[nodiscard]] std::uint64_t number(wire::Field field, std::uint64_t otherwise) const {
        const auto found = numbers.find(field);
        return found == numbers.end() ? otherwise : found->second;
    }
};

/// A message of the client.
struct Heard {
    std::string peer;  // routing id
    wire::Verb verb{};
    std::uint8_t flags = 0;
    std::uint64_t number = 0;
    std::string name;
    std::vector<HeardRecord> records;
    std::size_t octets = 0;
    Clock::time_point at;
};

/// What WELCOME tells.
struct Terms {
    std::uint64_t accepted = 0;
    std::uint64_t window = 0;
    std::uint64_t bytes = std::uint64_t{1} << 30U;
    std::uint64_t last_tag = 0;
    std::uint64_t boot = 1;
};

inline constexpr Milliseconds heartbeat = 200ms;
/// How long WELCOME and BYE are kept back, to see what the client does meanwhile. Shorter than a heartbeat: after one
/// of them a client may lose patience and take another socket.
inline constexpr Milliseconds hold = 150ms;
inline constexpr std::uint64_t frame_max = 4096;
inline constexpr std::uint64_t records_max = 5;

/// The socket, and the one client behind it.
class Stage {
  public:
    Stage(Report& report, Milliseconds patience);
    ~Stage();
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    /// Why `endpoint` cannot be used, or an empty text. `bound` gets the address.
    [[nodiscard]] std::string bind(const std::string& endpoint, std::string& bound);

    /// The next message of the client but HEARTBEAT, if one comes before `end`. Keeps our own heartbeats up.
    std::optional<Heard> hear(Clock::time_point end);
    [[nodiscard]] Milliseconds patience() const { return patience_; }
    /// Messages that are answered with 428, since the broker that is played does not know the client (any more).
    void on_ignored(std::function<void(const Heard&)> ignored) { ignored_ = std::move(ignored); }
    /// Anything that can be told of a time that passes; called every few milliseconds while hear() waits.
    void on_tick(std::function<void(Clock::time_point)> tick) { tick_ = std::move(tick); }

    /// Plays a broker that does not know the client (any more): answers all with 428 until HELLO comes. With `mute` it
    /// says nothing at all. Then keeps WELCOME back for a while, sends `noise` and 428 instead, and expects nothing.
    /// False when no HELLO came.
    bool greet(std::size_t rule, Milliseconds patience, bool mute, const std::function<void()>& noise, Heard& hello);
    void welcome(const Terms& terms);

    /// Sends a frame; false when the client has closed its connection. `body` goes as a second ZeroMQ frame.
    bool send(const std::function<void(wire::FrameWriter&)>& write,
              const std::optional<std::string>& body = std::nullopt);
    bool send(wire::Verb verb);
    void send_error(const std::string& peer, wire::Status status);

    /// The longest time without a word of the client since the last call.
    Milliseconds longest_silence();

  private:
    struct Socket;

    std::optional<Heard> receive();
    bool send_to(const std::string& peer, Octets frame, const std::optional<std::string>& body);

    Report& report_;
    Milliseconds patience_;
    std::unique_ptr<Socket> socket_;
    Buffer out_;
    std::string current_;
    std::string session_;
    bool known_ = false;  // WELCOME was sent to current_
    Clock::time_point said_;
    Clock::time_point heard_;
    Milliseconds silence_{0};
    std::function<void(Clock::time_point)> tick_;
    std::function<void(const Heard&)> ignored_;
};

/// The two scripts. They end early when the client does not go on.
void probe_producer(Stage& stage, Report& report);
void probe_worker(Stage& stage, Report& report);

/// What the client has to do, and what each rule is about, for people.
extern const char* const producer_task;
extern const char* const worker_task;
extern const std::array<const char*, rules> producer_rules;
extern const std::array<const char*, rules> worker_rules;

}  // namespace ym::cli::probe
