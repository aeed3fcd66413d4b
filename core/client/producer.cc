#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>

#include "client/client.h"
#include "client/connection.h"
#include "client/fields.h"
#include "wire/ymp.h"

namespace ym::client {
namespace {

using wire::Field;
using wire::Verb;

constexpr Status too_large = static_cast<Status>(wire::Status::too_large);
constexpr Status beyond_window = static_cast<Status>(wire::Status::beyond_window);
constexpr Status draining = static_cast<Status>(wire::Status::draining);
constexpr Status part = static_cast<Status>(wire::Status::part);
constexpr Status timeout_status = static_cast<Status>(wire::Status::timeout);

constexpr std::size_t frame_bytes_aim = std::size_t{1} << 20U;  // a batch is cut here; one large message may pass it
constexpr std::size_t peer_fields_max = 60'000;                 // of one record, as PROTOCOL.md says

/// A message from publish() to its last answer.
struct Entry {
    std::uint32_t address = 0;
    bool wants_reply = false;
    bool answered = false;  // the broker's final answer has come
    bool replied = false;   // its last reply has come, or none will
    Encoded encoded;
    Instant give_up;

    [[nodiscard]] bool done() const { return answered && replied; }
};

}  // namespace

class Producer::Machine : public Role {
  public:
    explicit Machine(Settings wanted) : settings(std::move(wanted)), connection(settings.options, *this) {
        connection.open();
    }

    std::uint64_t publish(std::string_view address, const Message& message);
    [[nodiscard]] std::uint64_t unsent() const { return again_.size() + (last_ + 1 - next_new_); }
    [[nodiscard]] bool telling() const { return telling_; }

    // Role
    void write_hello(wire::FrameWriter& writer) override;
    [[nodiscard]] std::uint64_t first_credit() const override { return 0; }
    void welcomed(const Welcome& welcome) override;
    void take(const wire::Frame& frame, std::optional<Octets> body) override;
    Instant send_due(Instant now) override;
    void tell() override;

    Settings settings;
    Counts counts;
    std::uint64_t unanswered = 0;
    std::uint64_t unreplied = 0;
    std::function<void(const Answer&)> on_answer;
    std::function<void(const Reply&)> on_reply;
    Connection connection;

  private:
    [[nodiscard]] Entry* find(std::uint64_t sequence);
    std::uint32_t address_of(std::string_view name);
    [[nodiscard]] std::uint64_t next_to_send() const { return again_.empty() ? next_new_ : *again_.begin(); }
    void drop_next();
    bool send_batch();
    void take_confirm(const wire::Frame& frame);
    void take_reply(const wire::Frame& frame, std::optional<Octets> body);
    void answer(std::uint64_t sequence, Status status, std::string_view text, Duration wait);
    void finish(Entry& entry);

    std::deque<Entry> entries_;  // those not done, and what lies between them; the first has sequence `first_`
    std::uint64_t first_ = 1;
    std::uint64_t last_ = 0;
    std::uint64_t next_new_ = 1;     // the lowest sequence that was never sent
    std::set<std::uint64_t> again_;  // below next_new_: to be sent once more
    // Refused for now, and not yet taken: nothing new may overtake them, or they would become too old.
    std::set<std::uint64_t> refused_;
    std::vector<std::string> addresses_;
    std::unordered_map<std::string, std::uint32_t> address_numbers_;
    std::uint32_t address_ = 0;  // of the last publish
    std::uint64_t window_ = 0;
    std::uint64_t bytes_ = 0;  // since WELCOME
    std::uint64_t bytes_max_ = 0;
    Instant hold_;  // nothing is sent before
    std::vector<Answer> answers_;
    std::vector<Reply> replies_;
    bool telling_ = false;
};

Entry* Producer::Machine::find(std::uint64_t sequence) {
    if (sequence < first_ || sequence - first_ >= entries_.size()) return nullptr;
    return &entries_[static_cast<std::size_t>(sequence - first_)];
}

std::uint32_t Producer::Machine::address_of(std::string_view name) {
    if (address_ < addresses_.size() && addresses_[address_] == name) return address_;
    const auto next = static_cast<std::uint32_t>(addresses_.size());
    const auto [found, is_new] = address_numbers_.try_emplace(std::string(name), next);
    if (is_new) addresses_.emplace_back(name);
    address_ = found->second;
    return address_;
}

std::uint64_t Producer::Machine::publish(std::string_view address, const Message& message) {
    Entry entry;
    entry.address = address_of(address.substr(0, wire::name_bytes_max));
    entry.wants_reply = message.wants_reply;
    entry.replied = !message.wants_reply;
    entry.encoded = encode(message);
    entry.give_up = Connection::now() + settings.retry;
    entries_.push_back(std::move(entry));
    ++unanswered;
    if (message.wants_reply) ++unreplied;
    ++counts.published;
    return ++last_;
}

void Producer::Machine::write_hello(wire::FrameWriter& writer) {
    // Sequences that were answered stay in front only while a request before them waits for its reply.
    std::uint64_t lowest = first_;
    while (lowest <= last_ && find(lowest)->done()) ++lowest;
    constexpr std::array versions{std::byte{1}};
    writer.begin_record(0, lowest);
    writer.field(Field::session, connection.session());
    writer.field(Field::versions, Octets(versions));
    writer.field(Field::heartbeat_ms, to_ms(connection.heartbeat()));
    writer.field(Field::through, next_new_ - 1);
}

void Producer::Machine::welcomed(const Welcome& welcome) {
    window_ = welcome.window;
    bytes_ = 0;
    bytes_max_ = welcome.bytes;
    hold_ = Instant{};
    again_.clear();
    refused_.clear();
    for (std::uint64_t sequence = first_; sequence < next_new_; ++sequence) {
        if (!find(sequence)->done()) again_.insert(again_.end(), sequence);
    }
}

void Producer::Machine::drop_next() {
    if (again_.empty()) {
        ++next_new_;
    } else {
        again_.erase(again_.begin());
    }
}

Instant Producer::Machine::send_due(Instant now) {
    if (now < hold_) return hold_;
    while (!connection.draining() && send_batch()) {
    }
    return Instant::never();
}

/// Sends one frame of what is next and has the same address; false when nothing may be sent.
bool Producer::Machine::send_batch() {
    wire::FrameWriter frame = connection.writer();
    const Welcome& limits = connection.limits();
    const std::size_t frame_max = std::min<std::size_t>(limits.frame_max, frame_bytes_aim);
    const std::size_t records_max = std::min<std::size_t>(std::max<std::size_t>(settings.batch, 1), limits.records_max);
    std::size_t records = 0;
    std::uint32_t address = 0;
    while (records < records_max && bytes_ < bytes_max_) {
        const std::uint64_t sequence = next_to_send();
        if (sequence > last_ || sequence > window_) break;
        if (sequence == next_new_ && !refused_.empty()) break;
        const Entry& entry = *find(sequence);
        const std::string& name = addresses_[entry.address];
        const std::size_t size = wire::record_head_bytes + entry.encoded.octets.size();
        if (wire::head_bytes + name.size() + size > limits.frame_max || entry.encoded.fields_bytes > peer_fields_max) {
            drop_next();
            answer(sequence, too_large,
                   "the broker takes " + std::to_string(limits.frame_max) + " octets, and 60,000 of fields", 0s);
            continue;
        }
        if (records > 0 && (entry.address != address || frame.size() + size > frame_max)) break;
        if (records++ == 0) {
            address = entry.address;
            frame.begin(Verb::publish, 0, name, 0);
        }
        frame.begin_record(entry.wants_reply ? wire::publish_wants_reply : wire::publish_plain, sequence);
        frame.fields_and_body(as_octets(entry.encoded.octets), entry.encoded.fields_bytes);
        bytes_ += entry.encoded.octets.size() - entry.encoded.fields_bytes;
        drop_next();
    }
    if (records == 0) return false;
    connection.send(frame.end());
    return true;
}

void Producer::Machine::take(const wire::Frame& frame, std::optional<Octets> body) {
    if (frame.verb == Verb::confirm) take_confirm(frame);
    if (frame.verb == Verb::reply) take_reply(frame, body);
}

void Producer::Machine::take_confirm(const wire::Frame& frame) {
    window_ = std::max(window_, frame.number);
    wire::RecordCursor records(frame);
    wire::Record record;
    for (auto step = records.next(record); step != wire::RecordCursor::Step::end; step = records.next(record)) {
        if (step == wire::RecordCursor::Step::bad) continue;
        bytes_max_ = std::max(bytes_max_, number_of(record.fields, Field::bytes, 0));
        if (record.code == wire::confirm_settled || record.code == 0) continue;
        const std::uint64_t through = std::min(number_of(record.fields, Field::through, record.id), last_);
        const std::string_view text = text_of(record.fields, Field::text);
        const Duration wait =
            Milliseconds(std::min<std::uint64_t>(number_of(record.fields, Field::retry_after_ms, 100), 60'000));
        for (std::uint64_t sequence = std::max(record.id, first_); sequence <= through; ++sequence) {
            answer(sequence, record.code, text, wait);
        }
    }
}

void Producer::Machine::answer(std::uint64_t sequence, Status status, std::string_view text, Duration wait) {
    Entry* entry = find(sequence);
    if (entry == nullptr || entry->done()) return;
    const Instant now = Connection::now();
    if (status == beyond_window || status == draining || (status >= 500 && now < entry->give_up)) {
        if (sequence < next_new_) again_.insert(sequence);
        refused_.insert(sequence);
        hold_ = std::max(hold_, now + wait);
        return;
    }
    refused_.erase(sequence);
    if (entry->answered && !is_taken(status)) {
        // A request was sent again for its reply, and the broker no longer knows it.
        replies_.push_back({sequence, status, 0, {}, std::string(text)});
        ++counts.replies;
    }
    if (!entry->answered) {
        entry->answered = true;
        --unanswered;
        ++(is_taken(status) ? counts.confirmed : counts.refused);
        if (on_answer) answers_.push_back({sequence, status, std::string(text)});
    }
    if (!is_taken(status) && !entry->replied) {
        entry->replied = true;
        --unreplied;
    }
    finish(*entry);
}

void Producer::Machine::take_reply(const wire::Frame& frame, std::optional<Octets> body) {
    wire::RecordCursor records(frame);
    wire::Record record;
    Entry* entry = find(frame.number);
    if (entry == nullptr || entry->replied || records.next(record) != wire::RecordCursor::Step::record) return;
    replies_.push_back({frame.number, record.code, record.id, std::string(as_text(body.value_or(record.body))),
                        std::string(text_of(record.fields, Field::text))});
    if (record.code == part) return;
    entry->replied = true;
    --unreplied;
    ++counts.replies;
    finish(*entry);
}

/// Frees what is done.
void Producer::Machine::finish(Entry& entry) {
    if (!entry.done()) return;
    entry.encoded = Encoded{};
    while (!entries_.empty() && entries_.front().done()) {
        again_.erase(first_);
        entries_.pop_front();
        ++first_;
    }
    next_new_ = std::max(next_new_, first_);
}

void Producer::Machine::tell() {
    if (telling_) return;
    telling_ = true;
    for (const Answer& one : std::exchange(answers_, {})) on_answer(one);
    for (const Reply& one : std::exchange(replies_, {})) {
        if (on_reply) on_reply(one);
    }
    telling_ = false;
}

Producer::Producer(Settings settings) : machine_(std::make_unique<Machine>(std::move(settings))) {}
Producer::~Producer() = default;
Producer::Producer(Producer&&) noexcept = default;
Producer& Producer::operator=(Producer&&) noexcept = default;

std::uint64_t Producer::publish(std::string_view address, const Message& message) {
    const std::uint64_t sequence = machine_->publish(address, message);
    const std::size_t batch = std::max<std::size_t>(machine_->settings.batch, 1);
    if (machine_->telling() || machine_->unsent() % batch != 0) return sequence;
    machine_->connection.poll(Milliseconds{0}, -1);
    machine_->connection.until([this] { return machine_->unsent() < machine_->settings.queued_max; }, forever);
    return sequence;
}

void Producer::on_answer(std::function<void(const Answer&)> handler) {
    machine_->on_answer = std::move(handler);
}
void Producer::on_reply(std::function<void(const Reply&)> handler) {
    machine_->on_reply = std::move(handler);
}

bool Producer::poll(Milliseconds timeout, int fd) {
    return machine_->connection.poll(timeout, fd);
}

bool Producer::flush(Milliseconds timeout, bool replies) {
    return machine_->connection.until(
        [this, replies] { return machine_->unanswered == 0 && (!replies || machine_->unreplied == 0); }, timeout);
}

Response Producer::request(std::string_view address, Message message, Milliseconds timeout) {
    message.wants_reply = true;
    const std::uint64_t wanted = publish(address, message);
    Response response;
    // Handlers of the caller go on hearing of everything else.
    const auto on_answer_before = machine_->on_answer;
    const auto on_reply_before = machine_->on_reply;
    machine_->on_answer = [&](const Answer& answer) {
        if (answer.sequence == wanted && !is_taken(answer.status)) {
            response.status = answer.status;
            response.text = answer.text;
        }
        if (on_answer_before) on_answer_before(answer);
    };
    machine_->on_reply = [&](const Reply& reply) {
        if (reply.sequence != wanted) {
            if (on_reply_before) on_reply_before(reply);
            return;
        }
        response.parts.resize(std::min<std::size_t>(reply.index, response.parts.size()));
        if (is_taken(reply.status)) response.parts.push_back(reply.body);
        if (reply.status == part) return;
        response.status = reply.status;
        response.text = reply.text;
    };
    machine_->connection.until([&] { return response.status != 0; }, timeout);
    machine_->on_answer = on_answer_before;
    machine_->on_reply = on_reply_before;
    if (response.status == 0) {
        const auto& fault = machine_->connection.fault();
        response = fault ? Response{fault->status, fault->text, {}} : Response{timeout_status, "no reply in time", {}};
    }
    return response;
}

bool Producer::close(Milliseconds timeout) {
    const bool complete = flush(timeout);
    machine_->connection.leave(std::chrono::seconds(2));
    return complete;
}

const Producer::Counts& Producer::counts() const {
    return machine_->counts;
}
std::uint64_t Producer::unanswered() const {
    return machine_->unanswered;
}
bool Producer::connected() const {
    return machine_->connection.connected();
}
const std::optional<Fault>& Producer::fault() const {
    return machine_->connection.fault();
}

}  // namespace ym::client
