#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <unordered_map>

#include "client/client.h"
#include "client/connection.h"
#include "client/fields.h"
#include "wire/ymp.h"

namespace ym::client {
namespace {

using wire::Field;
using wire::SettleCode;
using wire::Verb;

constexpr Status stale_tag = static_cast<Status>(wire::Status::stale_tag);
constexpr Status lease_ended = static_cast<Status>(wire::Status::timeout);

constexpr std::size_t frame_bytes_aim = std::size_t{1} << 20U;
constexpr Duration settle_delay_max = 5ms;  // how late receive() may send a settlement

/// One record of a SETTLE, for one tag or a range.
struct Settlement {
    SettleCode code{};
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::shared_ptr<const Encoded> content;  // null: no field but maybe `through`, no body

    [[nodiscard]] bool ends_lease() const { return code != SettleCode::extend && code != SettleCode::part; }
    /// Takes in the one that follows, if both are plain and of the same kind.
    bool join(const Settlement& next) {
        if (next.code != code || next.first != last + 1 || content || next.content) return false;
        last = next.last;
        return true;
    }
};

/// A settlement on its way, until the broker tells that it is applied.
struct Untold {
    Settlement settlement;
    Instant deadline;  // of the lease that it ends
    Duration lease{0};
    bool resent = false;  // it may have been applied before the connection was lost
};

struct Held {
    Instant deadline;
    Duration lease{0};
    bool buffered = true;  // not handed out yet
};

}  // namespace

class Worker::Machine : public Role {
  public:
    explicit Machine(Settings wanted) : settings(std::move(wanted)), connection(settings.options, *this) {
        connection.open();
    }

    bool settle(const Delivery& delivery, SettleCode code, std::string_view text,
                std::optional<Milliseconds> retry_after, std::string_view body);
    [[nodiscard]] bool holds(const Delivery& delivery) const {
        return delivery.era_ == era_ && held.count(delivery.tag) != 0;
    }
    std::optional<Delivery> next();
    /// Whether receive() must poll before it hands out more.
    [[nodiscard]] bool is_due() const;
    [[nodiscard]] bool has_next() const { return !buffer_.empty(); }
    [[nodiscard]] bool is_flushed() const { return settlements_.empty() && untold_.empty(); }

    // Role
    void write_hello(wire::FrameWriter& writer) override;
    [[nodiscard]] std::uint64_t first_credit() const override { return settings.credit; }
    void welcomed(const Welcome& welcome) override;
    void take(const wire::Frame& frame, std::optional<Octets> body) override;
    Instant send_due(Instant now) override;
    void tell() override;

    Settings settings;
    std::unordered_map<std::uint64_t, Held> held;
    std::function<void(const Lost&)> on_lost;
    std::function<void(std::uint64_t, std::uint64_t)> on_settled;
    Connection connection;

  private:
    [[nodiscard]] std::uint64_t credit() const {
        return last_ + settings.credit - std::min<std::uint64_t>(held.size(), settings.credit);
    }
    void take_deliver(const wire::Frame& frame, std::optional<Octets> body);
    void take_told(const wire::Frame& frame);
    void end_settled(std::uint64_t first, std::uint64_t last);
    void lose(std::uint64_t tag, Status status, std::string_view text);
    void extend_buffered(Instant now);
    void send_settlements();

    std::deque<Delivery> buffer_;
    std::deque<Settlement> settlements_;      // to be sent
    std::map<std::uint64_t, Untold> untold_;  // sent or to be sent, by tag
    std::uint64_t era_ = 1;
    std::uint64_t last_ = 0;     // highest tag received
    std::uint64_t granted_ = 0;  // credit that the broker was told
    Instant extend_at_ = Instant::never();
    Instant polled_;
    std::vector<Lost> lost_;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> settled_;  // ranges of tags
    bool telling_ = false;
};

void Worker::Machine::write_hello(wire::FrameWriter& writer) {
    constexpr std::array versions{std::byte{1}};
    writer.begin_record(0, 0);
    writer.field(Field::session, connection.session());
    writer.field(Field::versions, Octets(versions));
    for (const std::string& queue : settings.queues) writer.field(Field::queue, queue);
    writer.field(Field::heartbeat_ms, to_ms(connection.heartbeat()));
}

void Worker::Machine::welcomed(const Welcome& welcome) {
    settlements_.clear();
    if (welcome.last_tag < last_) {
        // The broker has forgotten the session: all that we hold is somebody else's, and tags begin at 1 again.
        for (const auto& [tag, unused] : std::exchange(held, {}))
            lost_.push_back({tag, stale_tag, "the broker has forgotten this session"});
        untold_.clear();
        buffer_.clear();
        ++era_;
    }
    // A settlement that was lost on the way is sent again; if it was not lost, the answer is a LOST 409 that says
    // nothing.
    for (auto& [tag, untold] : untold_) {
        untold.resent = true;
        settlements_.push_back(untold.settlement);
    }
    if (welcome.last_tag > last_) {  // these were lost on their way to us
        settlements_.push_back({SettleCode::release, last_ + 1, welcome.last_tag, nullptr});
    }
    last_ = welcome.last_tag;
    granted_ = 0;
}

void Worker::Machine::take(const wire::Frame& frame, std::optional<Octets> body) {
    if (frame.verb == Verb::deliver) take_deliver(frame, body);
    if (frame.verb == Verb::confirm || frame.verb == Verb::lost) take_told(frame);
}

void Worker::Machine::take_deliver(const wire::Frame& frame, std::optional<Octets> body) {
    const auto lease = Milliseconds(std::min<std::uint64_t>(frame.number, std::uint64_t{1} << 40U));
    const Instant now = Connection::now();
    wire::RecordCursor records(frame);
    wire::Record record;
    for (auto step = records.next(record); step != wire::RecordCursor::Step::end; step = records.next(record)) {
        last_ = std::max(last_, record.id);
        if (step == wire::RecordCursor::Step::bad) continue;
        Delivery delivery;
        delivery.queue = frame.name;
        delivery.tag = record.id;
        delivery.attempt = record.code;
        delivery.lease = lease;
        delivery.era_ = era_;
        delivery.fields_bytes_ = record.fields.size();
        delivery.octets_.reserve(record.fields.size() + record.body.size());
        delivery.octets_.append(as_text(record.fields)).append(as_text(record.body));
        held[record.id] = Held{now + lease, lease, true};
        buffer_.push_back(std::move(delivery));
    }
    if (body && !buffer_.empty()) buffer_.back().octets_.append(as_text(*body));
    extend_at_ = std::min(extend_at_, now + lease / 2);
}

void Worker::Machine::take_told(const wire::Frame& frame) {
    wire::RecordCursor records(frame);
    wire::Record record;
    for (auto step = records.next(record); step != wire::RecordCursor::Step::end; step = records.next(record)) {
        if (step == wire::RecordCursor::Step::bad) continue;
        const std::uint64_t through = std::min(number_of(record.fields, Field::through, record.id), last_);
        if (frame.verb == Verb::confirm) {
            if (record.code == wire::confirm_settled) end_settled(record.id, through);
            continue;
        }
        for (std::uint64_t tag = record.id; tag <= through; ++tag)
            lose(tag, record.code, text_of(record.fields, Field::text));
    }
}

void Worker::Machine::end_settled(std::uint64_t first, std::uint64_t last) {
    const auto begin = untold_.lower_bound(first);
    const auto end = untold_.upper_bound(last);
    for (auto one = begin; on_settled && one != end; ++one) {
        if (settled_.empty() || settled_.back().second + 1 != one->first) settled_.emplace_back(one->first, one->first);
        settled_.back().second = one->first;
    }
    untold_.erase(begin, end);
}

void Worker::Machine::lose(std::uint64_t tag, Status status, std::string_view text) {
    const bool ended = status == stale_tag || status == lease_ended;
    const auto untold = untold_.find(tag);
    if (untold != untold_.end()) {
        if (!ended) held[tag] = Held{untold->second.deadline, untold->second.lease, false};
        if (!ended || !untold->second.resent) lost_.push_back({tag, status, std::string(text)});
        untold_.erase(untold);
    } else if (held.count(tag) != 0) {
        if (ended) held.erase(tag);
        lost_.push_back({tag, status, std::string(text)});
    }
}

bool Worker::Machine::settle(const Delivery& delivery, SettleCode code, std::string_view text,
                             std::optional<Milliseconds> retry_after, std::string_view body) {
    const auto found = held.find(delivery.tag);
    if (!holds(delivery) || found == held.end()) return false;
    Settlement settlement{code, delivery.tag, delivery.tag, nullptr};
    if (!text.empty() || retry_after || !body.empty()) {
        settlement.content = std::make_shared<const Encoded>(encode(text, retry_after, body));
        if (wire::head_bytes + wire::record_head_bytes + settlement.content->octets.size() >
            connection.limits().frame_max)
            return false;
    }
    if (settlement.ends_lease()) {
        untold_[delivery.tag] = Untold{settlement, found->second.deadline, found->second.lease, false};
        held.erase(found);
    } else if (code == SettleCode::extend) {
        found->second.deadline = Connection::now() + found->second.lease;
    }
    settlements_.push_back(std::move(settlement));
    return true;
}

std::optional<Delivery> Worker::Machine::next() {
    while (!buffer_.empty()) {
        Delivery delivery = std::move(buffer_.front());
        buffer_.pop_front();
        const auto found = held.find(delivery.tag);
        if (found == held.end()) continue;  // lost while it waited
        if (const std::uint8_t tag = not_understood(as_octets(delivery.octets_).first(delivery.fields_bytes_))) {
            settle(delivery, SettleCode::reject, "field " + std::to_string(tag) + " is not understood by this worker",
                   {}, {});
            continue;
        }
        found->second.buffered = false;
        return delivery;
    }
    return std::nullopt;
}

bool Worker::Machine::is_due() const {
    return Connection::now() - polled_ >= settle_delay_max || 4 * settlements_.size() > settings.credit;
}

Instant Worker::Machine::send_due(Instant now) {
    polled_ = now;
    if (now >= extend_at_) extend_buffered(now);
    send_settlements();
    if (4 * (credit() - std::min(granted_, credit())) >= std::max<std::uint64_t>(settings.credit, 1)) {
        granted_ = credit();
        wire::FrameWriter frame = connection.writer();
        frame.begin(Verb::credit, 0, {}, granted_);
        connection.send(frame.end());
    }
    return extend_at_;
}

/// Extends what waits here and has used up half of its lease.
void Worker::Machine::extend_buffered(Instant now) {
    extend_at_ = Instant::never();
    for (const Delivery& delivery : buffer_) {
        const auto found = held.find(delivery.tag);
        if (found == held.end()) continue;
        if (now >= found->second.deadline - found->second.lease / 2) settle(delivery, SettleCode::extend, {}, {}, {});
        extend_at_ = std::min(extend_at_, found->second.deadline - found->second.lease / 2);
    }
}

void Worker::Machine::send_settlements() {
    const std::size_t frame_max = std::min<std::size_t>(connection.limits().frame_max, frame_bytes_aim);
    while (!settlements_.empty()) {
        // Being told of an extension or a part would look like being told of the ack, so they go in frames of their
        // own.
        const bool told = settlements_.front().ends_lease();
        granted_ = credit();
        wire::FrameWriter frame = connection.writer();
        frame.begin(Verb::settle, told ? wire::flag_tell_durable : std::uint8_t{0}, {}, granted_);
        for (std::size_t records = 0; records < connection.limits().records_max && !settlements_.empty(); ++records) {
            Settlement run = settlements_.front();
            const std::size_t size = wire::record_head_bytes + (run.content ? run.content->octets.size() : 0);
            if (run.ends_lease() != told || (records > 0 && frame.size() + size > frame_max)) break;
            settlements_.pop_front();
            while (!settlements_.empty() && run.join(settlements_.front())) settlements_.pop_front();
            frame.begin_record(static_cast<std::uint16_t>(run.code), run.first);
            if (run.content) frame.fields_and_body(as_octets(run.content->octets), run.content->fields_bytes);
            if (run.last > run.first) frame.field(Field::through, run.last);
        }
        connection.send(frame.end());
    }
}

void Worker::Machine::tell() {
    if (telling_) return;
    telling_ = true;
    for (const auto& [first, last] : std::exchange(settled_, {})) on_settled(first, last);
    for (const Lost& one : std::exchange(lost_, {})) {
        if (on_lost) on_lost(one);
    }
    telling_ = false;
}

Worker::Worker(Settings settings) : machine_(std::make_unique<Machine>(std::move(settings))) {}
Worker::~Worker() = default;
Worker::Worker(Worker&&) noexcept = default;
Worker& Worker::operator=(Worker&&) noexcept = default;

std::optional<Delivery> Worker::receive(Milliseconds timeout) {
    if (machine_->is_due()) machine_->connection.poll(Milliseconds{0}, -1);
    const Instant end = timeout == forever ? Instant::never() : Connection::now() + timeout;
    for (;;) {
        if (std::optional<Delivery> delivery = machine_->next()) return delivery;
        const Instant now = Connection::now();
        const Milliseconds left =
            end == Instant::never() ? forever : std::chrono::ceil<Milliseconds>(std::max<Duration>(end - now, 0s));
        if (!machine_->connection.until([this] { return machine_->has_next(); }, left)) return std::nullopt;
    }
}

void Worker::on_lost(std::function<void(const Lost&)> handler) {
    machine_->on_lost = std::move(handler);
}

void Worker::on_settled(std::function<void(std::uint64_t, std::uint64_t)> handler) {
    machine_->on_settled = std::move(handler);
}

bool Worker::ack(const Delivery& delivery, std::string_view reply) {
    return machine_->settle(delivery, SettleCode::ack, {}, {}, reply);
}
bool Worker::nack(const Delivery& delivery, std::string_view text) {
    return machine_->settle(delivery, SettleCode::nack, text, {}, {});
}
bool Worker::reject(const Delivery& delivery, std::string_view text) {
    return machine_->settle(delivery, SettleCode::reject, text, {}, {});
}
bool Worker::throttle(const Delivery& delivery, Milliseconds retry_after) {
    return machine_->settle(delivery, SettleCode::throttled, {}, retry_after, {});
}
bool Worker::release(const Delivery& delivery) {
    return machine_->settle(delivery, SettleCode::release, {}, {}, {});
}
bool Worker::extend(const Delivery& delivery) {
    return machine_->settle(delivery, SettleCode::extend, {}, {}, {});
}
bool Worker::part(const Delivery& delivery, std::string_view body) {
    return machine_->settle(delivery, SettleCode::part, {}, {}, body);
}

bool Worker::poll(Milliseconds timeout, int fd) {
    return machine_->connection.poll(timeout, fd);
}

bool Worker::flush(Milliseconds timeout) {
    return machine_->connection.until([this] { return machine_->is_flushed(); }, timeout);
}

bool Worker::close(Milliseconds timeout) {
    const bool complete = flush(timeout);
    machine_->connection.leave(std::chrono::seconds(2));
    return complete;
}

std::size_t Worker::held() const {
    return machine_->held.size();
}
bool Worker::holds(const Delivery& delivery) const {
    return machine_->holds(delivery);
}
bool Worker::connected() const {
    return machine_->connection.connected();
}
bool Worker::draining() const {
    return machine_->connection.draining();
}
const std::optional<Fault>& Worker::fault() const {
    return machine_->connection.fault();
}

}  // namespace ym::client
