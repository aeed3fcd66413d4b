// The client library: publish messages, or work on queues, of a Yardmaster broker.
//
// A Producer or Worker is a session with the broker that outlives connections. One thread owns it, and nothing runs in
// the background: what is queued leaves as one batch with the next poll(), which every waiting call makes. A program
// that does other things calls poll() about once a second. A lost connection or a broker that starts again needs no
// care: the session is resumed, what has no answer is sent again, and what was taken before is recognised.
//
// Legal order: construct, (calls)*, close. Handlers are called from within poll() and the calls that wait, and may
// publish and settle, but not wait. Nothing throws but std::bad_alloc.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ym::client {

using Milliseconds = std::chrono::milliseconds;
/// A wait without an end.
inline constexpr Milliseconds forever = Milliseconds::max();

/// What the broker answers: as HTTP's classes. 2xx taken, 4xx do not send again as it is, 429 and 5xx send again later.
using Status = std::uint16_t;
constexpr bool is_taken(Status status) {
    return status >= 200 && status < 300;
}

struct Options {
    std::string endpoint = "tcp://127.0.0.1:5555";
    std::string name;              // of this peer, for people; empty: "cpp-" and the process id
    Milliseconds heartbeat{1000};  // wanted; the broker decides
};

/// Why the session cannot go on: what the broker said (404 for an unknown queue, 426 for another version of YMP), or 0
/// when the endpoint cannot be used at all.
struct Fault {
    Status status = 0;
    std::string text;
};

/// A user property.
struct Header {
    std::string_view name;  // 1 to 255 octets
    std::string_view value;
};

/// A message to publish; everything is copied. What is empty is not sent.
struct Message {
    std::string_view body;
    std::string_view topic;
    std::string_view type;
    std::string_view key;
    std::string_view message_id;
    std::string_view correlation;
    std::string_view content_type;
    std::optional<std::uint8_t> priority;        // 0..31, 31 first
    std::optional<Milliseconds> ttl;             // counted from when it may first be delivered
    std::optional<std::uint64_t> not_before_ms;  // wall time at the broker
    std::span<const Header> headers;
    bool wants_reply = false;
};

/// The broker's final answer to a publish.
struct Answer {
    std::uint64_t sequence = 0;
    Status status = 0;
    std::string text;  // why it was refused, for people; may be empty
};

/// The reply to a request, or one part of it.
struct Reply {
    std::uint64_t sequence = 0;
    Status status = 0;        // 206 more comes; 200 last; 504 none in time; 410 the request became a dead letter
    std::uint64_t index = 0;  // of the part, from 0; 0 again: another attempt has begun, the parts before it are void
    std::string body;
    std::string text;
};

/// How a request ended.
struct Response {
    Status status = 0;               // 200, or why there is no reply
    std::string text;                // for people
    std::vector<std::string> parts;  // at least one if status is 200
};

class Producer {
  public:
    struct Settings {
        Options options;
        std::size_t batch = 100;        // messages of a frame, at most
        std::size_t queued_max = 4000;  // publish() waits while as many have not been sent
        Milliseconds retry{0};          // a message refused with 507 is sent again for so long (429 and 503 always are)
    };
    struct Counts {
        std::uint64_t published = 0;
        std::uint64_t confirmed = 0;
        std::uint64_t refused = 0;
        std::uint64_t replies = 0;  // last ones, good or not
    };

    explicit Producer(Settings settings);
    ~Producer();  // leaves without waiting; call close() first
    Producer(Producer&&) noexcept;
    Producer& operator=(Producer&&) noexcept;

    /// Queues a message for `address` (1..255 octets) and returns its sequence, rising by one. Waits only while
    /// Settings::queued_max others wait, or until the session has failed; then the message is never sent.
    std::uint64_t publish(std::string_view address, const Message& message);
    void on_answer(std::function<void(const Answer&)> handler);
    void on_reply(std::function<void(const Reply&)> handler);

    /// Sends what is due, reads what has come, and waits at most `timeout` for something to come, or for `fd` (if not
    /// -1) to become readable. True if `fd` is readable.
    bool poll(Milliseconds timeout = Milliseconds{0}, int fd = -1);
    /// Waits until every message has its answer, and with `replies` every request its reply. False if there was not
    /// enough time, or the session has failed.
    bool flush(Milliseconds timeout = forever, bool replies = false);
    /// Publishes and waits for the reply; 504 if none came within `timeout`.
    Response request(std::string_view address, Message message, Milliseconds timeout = std::chrono::seconds(30));
    /// Flushes, then leaves. True if every message had its answer.
    bool close(Milliseconds timeout = std::chrono::seconds(5));

    [[nodiscard]] const Counts& counts() const;
    /// Messages without a final answer.
    [[nodiscard]] std::uint64_t unanswered() const;
    [[nodiscard]] bool connected() const;
    [[nodiscard]] const std::optional<Fault>& fault() const;

  private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

/// A message under lease. A value: it may outlive its lease, and its worker.
class Delivery {
  public:
    std::string queue;
    std::uint64_t tag = 0;
    std::uint32_t attempt = 1;
    Milliseconds lease{0};

    [[nodiscard]] std::string_view body() const { return std::string_view(octets_).substr(fields_bytes_); }
    [[nodiscard]] std::string_view topic() const { return text(0x81); }
    [[nodiscard]] std::string_view type() const { return text(0x82); }
    [[nodiscard]] std::string_view key() const { return text(0x0a); }
    [[nodiscard]] std::string_view message_id() const { return text(0x0b); }
    [[nodiscard]] std::string_view correlation() const { return text(0x85); }
    [[nodiscard]] std::string_view content_type() const { return text(0x86); }
    [[nodiscard]] std::uint64_t fence() const { return number(0x8a); }
    [[nodiscard]] std::uint64_t first_accepted_ms() const { return number(0x8b); }
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
    /// Every field as PROTOCOL.md names it, numbers in decimal; then the headers.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> fields() const;
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> headers() const;
    /// The value of the field with this tag; empty, or 0, if there is none.
    [[nodiscard]] std::string_view text(std::uint8_t field) const;
    [[nodiscard]] std::uint64_t number(std::uint8_t field) const;

  private:
    friend class Worker;
    std::string octets_;  // encoded fields, then the body
    std::size_t fields_bytes_ = 0;
    std::uint64_t era_ = 0;  // tags begin at 1 again in each
};

/// A lease that has ended (409, 504), or a settlement that was not applied (other statuses: it is held again).
struct Lost {
    std::uint64_t tag = 0;
    Status status = 0;
    std::string text;
};

class Worker {
  public:
    struct Settings {
        Options options;
        std::vector<std::string> queues;
        std::uint32_t credit = 100;  // deliveries that may be unsettled at a time
    };

    explicit Worker(Settings settings);
    ~Worker();  // leaves without waiting; call close() first
    Worker(Worker&&) noexcept;
    Worker& operator=(Worker&&) noexcept;

    /// The next delivery; nothing after `timeout`, or when the session has failed. What is settled leaves from here, a
    /// few milliseconds later at most. The leases of what waits here are extended; those of what was handed out are the
    /// caller's.
    std::optional<Delivery> receive(Milliseconds timeout = forever);
    void on_lost(std::function<void(const Lost&)> handler);
    /// Called when the settlements of the tags `first` to `last` are applied, and as durable as their queue is.
    void on_settled(std::function<void(std::uint64_t first, std::uint64_t last)> handler);

    // Settle a delivery once with one of these. They queue, and are false when it is known that the lease has ended, or
    // when the body is larger than the broker takes.
    bool ack(const Delivery& delivery, std::string_view reply = {});
    bool nack(const Delivery& delivery, std::string_view text = {});
    bool reject(const Delivery& delivery, std::string_view text = {});
    bool throttle(const Delivery& delivery, Milliseconds retry_after);
    bool release(const Delivery& delivery);
    // Before that, at will: the lease begins anew; a part of the reply.
    bool extend(const Delivery& delivery);
    bool part(const Delivery& delivery, std::string_view body);

    /// As Producer::poll().
    bool poll(Milliseconds timeout = Milliseconds{0}, int fd = -1);
    /// Waits until the broker has applied every settlement.
    bool flush(Milliseconds timeout = forever);
    /// Flushes, then leaves; what is still held goes back to its queue at once. True if every settlement was applied.
    bool close(Milliseconds timeout = std::chrono::seconds(2));

    /// Deliveries not settled: handed out, or waiting here.
    [[nodiscard]] std::size_t held() const;
    [[nodiscard]] bool holds(const Delivery& delivery) const;
    [[nodiscard]] bool connected() const;
    /// The broker is ending: it hands out nothing more.
    [[nodiscard]] bool draining() const;
    [[nodiscard]] const std::optional<Fault>& fault() const;

  private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

}  // namespace ym::client
