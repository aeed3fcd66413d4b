#include "store/records.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "broker/history.h"

namespace ym::store {
namespace {

constexpr std::uint32_t magic = 0x594d4200;  // "YMB", then the version's octet
constexpr std::size_t accepted_head_bytes = 44;
constexpr std::size_t content_head_bytes = 8;  // before each message's fields
constexpr std::size_t copy_bytes = 20;         // what is said of one copy begins so
constexpr std::size_t attempted_bytes = 32;    // and of dead, before the history
constexpr std::size_t moved_head_bytes = 48;
constexpr std::size_t queue_head_bytes = 12;  // and of ledger, window and totals

std::uint64_t to_octets(WallTime time) {
    return static_cast<std::uint64_t>(time.since_epoch.count());
}
WallTime to_time(std::uint64_t octets) {
    return {std::chrono::milliseconds(static_cast<std::int64_t>(octets))};
}

std::byte* begin_record(Buffer& out, std::size_t bytes, RecordKind kind, std::uint8_t detail, std::uint8_t session) {
    std::byte* at = out.grow(bytes);
    store_be(at, static_cast<std::uint32_t>(bytes));
    at[4] = static_cast<std::byte>(kind);
    at[5] = static_cast<std::byte>(detail);
    at[6] = static_cast<std::byte>(session);
    at[7] = std::byte{0};
    return at;
}

std::byte* put(std::byte* at, Octets octets) {
    if (!octets.empty()) std::memcpy(at, octets.data(), octets.size());
    return at + octets.size();
}

std::byte* begin_content(std::byte* at, std::size_t fields_bytes, std::size_t body_bytes) {
    store_be(at, static_cast<std::uint32_t>(fields_bytes));
    store_be(at + 4, static_cast<std::uint32_t>(body_bytes));
    return at + content_head_bytes;
}

void add_accepted(Buffer& out, const StoreRecord& record, std::size_t bytes) {
    YM_CHECK(record.session.size() <= 255 && record.more.size() < run_max);
    std::byte* at =
        begin_record(out, bytes, record.kind, record.priority, static_cast<std::uint8_t>(record.session.size()));
    store_be(at + 8, record.message.value);
    store_be(at + 16, to_octets(record.at));
    store_be(at + 24, record.sequence);
    store_be(at + 32, record.principal.value);
    store_be(at + 36, static_cast<std::uint32_t>(record.queues.size()));
    store_be(at + 40, static_cast<std::uint32_t>(1 + record.more.size()));
    at += accepted_head_bytes;
    for (const AddressId queue : record.queues) {
        store_be(at, queue.value);
        at += 4;
    }
    at = begin_content(put(at, record.session), record.fields.size(), record.body.size());
    at = put(put(at, record.fields), record.body);
    for (const Content& content : record.more) {
        at = begin_content(at, content.fields_bytes, content.body_bytes);
        at = put(at, {content.at, content.bytes()});
    }
}

std::byte* put(std::byte* at, std::span<const std::uint64_t> numbers) {
    for (const std::uint64_t number : numbers) {
        store_be(at, number);
        at += sizeof number;
    }
    return at;
}

/// What is said of one queue's copy of a message.
std::byte* add_copy(Buffer& out, const StoreRecord& record, std::size_t bytes, std::uint8_t detail,
                    std::uint8_t reason) {
    std::byte* at = begin_record(out, bytes, record.kind, detail, reason);
    store_be(at + 8, record.queue.value);
    store_be(at + 12, record.message.value);
    return at + copy_bytes;
}

void add_settled(Buffer& out, const StoreRecord& record, std::size_t bytes) {
    put(add_copy(out, record, bytes, static_cast<std::uint8_t>(record.outcome), 0), record.steps);
}

void add_attempted(Buffer& out, const StoreRecord& record, std::size_t bytes, std::uint8_t reason) {
    std::byte* at = add_copy(out, record, bytes, 0, reason);
    store_be(at, record.attempt);
    store_be(at + 4, to_octets(record.at));
    put(at + attempted_bytes - copy_bytes, record.history);
}

void add_window(Buffer& out, const StoreRecord& record, std::size_t bytes) {
    YM_CHECK(record.session.size() <= 255);
    std::byte* at = begin_record(out, bytes, record.kind, 0, static_cast<std::uint8_t>(record.session.size()));
    store_be(at + 8, record.principal.value);
    put(put(at + queue_head_bytes, record.session), record.numbers);
}

void add_numbers(Buffer& out, const StoreRecord& record, std::size_t bytes) {
    std::byte* at = begin_record(out, bytes, record.kind, 0, 0);
    store_be(at + 8, record.queue.value);
    put(at + queue_head_bytes, record.numbers);
}

void add_moved(Buffer& out, const StoreRecord& record, std::size_t bytes) {
    std::byte* at = begin_record(out, bytes, record.kind, record.priority, static_cast<std::uint8_t>(record.reason));
    store_be(at + 8, record.queue.value);
    store_be(at + 12, record.message.value);
    store_be(at + 20, record.origin.value);
    store_be(at + 28, record.from.value);
    store_be(at + 32, record.attempt);
    store_be(at + 36, to_octets(record.at));
    store_be(at + 44, static_cast<std::uint32_t>(record.fields.size()));
    put(put(at + moved_head_bytes, record.fields), record.body);
}

/// Whether so many messages may follow one another from this one on.
bool is_run(MessageId first, std::uint64_t count) {
    return count > 0 && count <= run_max && first.value <= ~std::uint64_t{0} - count;
}

bool parse_numbers(Octets octets, StoreRecord& record, RecordLists& lists) {
    const std::size_t bytes = octets.size() - queue_head_bytes;
    if (bytes % sizeof(std::uint64_t) != 0) return false;
    const std::size_t count = bytes / sizeof(std::uint64_t);
    std::uint64_t* const numbers = lists.numbers.take(count);
    for (std::size_t i = 0; i < count; ++i) {
        numbers[i] = load_be<std::uint64_t>(octets.data() + queue_head_bytes + i * sizeof(std::uint64_t));
    }
    record.numbers = {numbers, count};
    return true;
}

bool parse_window(Octets octets, StoreRecord& record, RecordLists& lists) {
    const auto session_bytes = static_cast<std::size_t>(octets[6]);
    record.principal = Principal{record.queue.value};
    record.queue = AddressId{};
    if (octets.size() < queue_head_bytes + session_bytes) return false;
    record.session = octets.subspan(queue_head_bytes, session_bytes);
    return octets[5] == std::byte{0} && parse_numbers(octets.subspan(session_bytes), record, lists);
}

bool parse_copy(Octets octets, StoreRecord& record) {
    const std::byte* at = octets.data();
    const auto detail = static_cast<std::uint8_t>(at[5]);
    const auto reason = static_cast<std::uint8_t>(at[6]);
    if (octets.size() < copy_bytes) return false;
    record.message = MessageId{load_be<std::uint64_t>(at + 12)};
    if (record.kind == RecordKind::settled) {
        record.outcome = static_cast<Outcome>(detail);
        record.steps = octets.subspan(copy_bytes);
        constexpr std::uint64_t step_max = 255;
        const bool in_order = std::find(record.steps.begin(), record.steps.end(), std::byte{0}) == record.steps.end();
        return reason == 0 && in_order && record.outcome >= Outcome::acked && record.outcome <= Outcome::moved &&
               record.message.value <= ~std::uint64_t{0} - step_max * record.steps.size();
    }
    if (octets.size() < attempted_bytes || detail != 0) return false;
    record.attempt = load_be<std::uint32_t>(at + 20);
    record.at = to_time(load_be<std::uint64_t>(at + 24));
    record.history = octets.subspan(attempted_bytes);
    if (!is_history(record.history)) return false;
    if (record.kind == RecordKind::attempted) return reason == 0;
    record.reason = static_cast<FailureReason>(reason);
    return reason < dead_reason_count;
}

bool parse_moved(Octets octets, StoreRecord& record) {
    if (octets.size() < moved_head_bytes) return false;
    const std::byte* at = octets.data();
    record.priority = static_cast<std::uint8_t>(at[5]);
    record.reason = static_cast<FailureReason>(at[6]);
    if (static_cast<std::size_t>(record.reason) >= dead_reason_count) return false;
    record.queue = AddressId{load_be<std::uint32_t>(at + 8)};
    record.message = MessageId{load_be<std::uint64_t>(at + 12)};
    record.origin = MessageId{load_be<std::uint64_t>(at + 20)};
    record.from = AddressId{load_be<std::uint32_t>(at + 28)};
    record.attempt = load_be<std::uint32_t>(at + 32);
    record.at = to_time(load_be<std::uint64_t>(at + 36));
    const std::size_t fields_bytes = load_be<std::uint32_t>(at + 44);
    if (fields_bytes > octets.size() - moved_head_bytes) return false;
    record.fields = octets.subspan(moved_head_bytes, fields_bytes);
    record.body = octets.subspan(moved_head_bytes + fields_bytes);
    return true;
}

/// Takes a message from the front of `octets`.
bool parse_content(Octets& octets, Content& content) {
    if (octets.size() < content_head_bytes) return false;
    const std::byte* at = octets.data();
    content = {at + content_head_bytes, load_be<std::uint32_t>(at), load_be<std::uint32_t>(at + 4)};
    if (octets.size() - content_head_bytes < content.bytes()) return false;
    octets = octets.subspan(content_head_bytes + content.bytes());
    return true;
}

bool parse_accepted(Octets octets, StoreRecord& record, RecordLists& lists) {
    if (octets.size() < accepted_head_bytes) return false;
    record.queue = AddressId{};
    const std::byte* at = octets.data();
    record.priority = static_cast<std::uint8_t>(at[5]);
    const auto session_bytes = static_cast<std::size_t>(at[6]);
    record.message = MessageId{load_be<std::uint64_t>(at + 8)};
    record.at = to_time(load_be<std::uint64_t>(at + 16));
    record.sequence = load_be<std::uint64_t>(at + 24);
    record.principal = Principal{load_be<std::uint32_t>(at + 32)};
    const std::size_t queues = load_be<std::uint32_t>(at + 36);
    const std::size_t count = load_be<std::uint32_t>(at + 40);
    // Sums of numbers below 2^36: they cannot overflow 64 bits.
    if (octets.size() < accepted_head_bytes + queues * 4 + session_bytes + count * content_head_bytes) return false;
    if (!is_run(record.message, count) || !is_run(MessageId{record.sequence}, count)) return false;
    octets = octets.subspan(accepted_head_bytes);
    AddressId* const list = lists.queues.take(queues);
    for (std::size_t i = 0; i < queues; ++i) list[i] = AddressId{load_be<std::uint32_t>(octets.data() + i * 4)};
    record.queues = {list, queues};
    octets = octets.subspan(queues * 4);
    record.session = octets.first(session_bytes);
    octets = octets.subspan(session_bytes);
    Content first;
    if (!parse_content(octets, first)) return false;
    record.fields = first.fields();
    record.body = first.body();
    Content* const more = lists.contents.take(count - 1);
    for (std::size_t i = 0; i + 1 < count; ++i) {
        if (!parse_content(octets, more[i])) return false;
    }
    record.more = {more, count - 1};
    return octets.empty();
}

bool parse(Octets octets, StoreRecord& record, RecordLists& lists) {
    record.kind = static_cast<RecordKind>(octets[4]);
    if (octets.size() < queue_head_bytes) return false;
    record.queue = AddressId{load_be<std::uint32_t>(octets.data() + 8)};
    const bool plain = octets[5] == std::byte{0} && octets[6] == std::byte{0};
    switch (record.kind) {
        case RecordKind::accepted:
        case RecordKind::relocated: return parse_accepted(octets, record, lists);
        case RecordKind::moved: return parse_moved(octets, record);
        case RecordKind::settled:
        case RecordKind::attempted:
        case RecordKind::dead: return parse_copy(octets, record);
        case RecordKind::window: return parse_window(octets, record, lists);
        case RecordKind::ledger:
        case RecordKind::totals: return plain && parse_numbers(octets, record, lists);
        case RecordKind::queue: record.name = as_text(octets.subspan(queue_head_bytes)); return plain;
    }
    return false;
}

}  // namespace

std::size_t encoded_bytes(const StoreRecord& record) {
    switch (record.kind) {
        case RecordKind::queue: return queue_head_bytes + record.name.size();
        case RecordKind::settled: return copy_bytes + record.steps.size();
        case RecordKind::attempted:
        case RecordKind::dead: return attempted_bytes + record.history.size();
        case RecordKind::moved: return moved_head_bytes + record.fields.size() + record.body.size();
        case RecordKind::ledger:
        case RecordKind::window:
        case RecordKind::totals: return queue_head_bytes + record.session.size() + record.numbers.size() * 8;
        case RecordKind::accepted:
        case RecordKind::relocated: break;
    }
    std::size_t bytes = accepted_head_bytes + record.queues.size() * 4 + record.session.size() + content_head_bytes +
                        record.fields.size() + record.body.size();
    for (const Content& content : record.more) bytes += content_head_bytes + content.bytes();
    return bytes;
}

void BatchWriter::add(const StoreRecord& record) {
    add(record, encoded_bytes(record));
}

bool BatchWriter::add_within(const StoreRecord& record, std::uint64_t batch_bytes) {
    const std::size_t bytes = encoded_bytes(record);
    if (out_->size() + bytes > batch_bytes) return false;
    add(record, bytes);
    return true;
}

std::size_t BatchWriter::fitting(const StoreRecord& record, std::uint64_t batch_bytes) const {
    std::uint64_t bytes = out_->size() + encoded_bytes(one_of(record, 0));
    if (bytes > batch_bytes) return 0;
    if (!record.steps.empty()) return 1 + batch_bytes - bytes;
    std::size_t count = 0;
    for (; bytes <= batch_bytes && count < record.more.size(); ++count) {
        bytes += content_head_bytes + record.more[count].bytes();
    }
    return count;
}

StoreRecord first_of(const StoreRecord& record, std::size_t count) {
    StoreRecord first = record;
    if (!record.more.empty()) first.more = record.more.first(count - 1);
    if (!record.steps.empty()) first.steps = record.steps.first(count - 1);
    return first;
}

StoreRecord behind(const StoreRecord& record, std::size_t count) {
    StoreRecord rest = one_of(record, count);
    if (!record.more.empty()) rest.more = record.more.subspan(count);
    if (!record.steps.empty()) rest.steps = record.steps.subspan(count);
    return rest;
}

void BatchWriter::add(const StoreRecord& record, std::size_t bytes) {
    YM_CHECK(bytes <= 0xffffffffU);
    ++count_;
    switch (record.kind) {
        case RecordKind::accepted:
        case RecordKind::relocated: return add_accepted(*out_, record, bytes);
        case RecordKind::moved: return add_moved(*out_, record, bytes);
        case RecordKind::queue: {
            std::byte* at = begin_record(*out_, bytes, record.kind, 0, 0);
            store_be(at + 8, record.queue.value);
            put(at + queue_head_bytes, as_octets(record.name));
            return;
        }
        case RecordKind::settled: return add_settled(*out_, record, bytes);
        case RecordKind::attempted: return add_attempted(*out_, record, bytes, 0);
        case RecordKind::dead: return add_attempted(*out_, record, bytes, static_cast<std::uint8_t>(record.reason));
        case RecordKind::window: return add_window(*out_, record, bytes);
        case RecordKind::ledger:
        case RecordKind::totals: return add_numbers(*out_, record, bytes);
    }
    check_failed(__FILE__, __LINE__, "a kind of record that has no layout");
}

void BatchWriter::finish(std::uint32_t epoch, std::uint64_t number) {
    std::byte* at = out_->data();
    store_be(at, magic | format_version);
    store_be(at + 16, count_);
    store_be(at + 20, static_cast<std::uint32_t>(out_->size()));
    readdress(*out_, epoch, number);
}

void readdress(Buffer& batch, std::uint32_t epoch, std::uint64_t number) {
    store_be(batch.data() + 4, epoch);
    store_be(batch.data() + 8, number);
}

Result<BatchReader> BatchReader::open(Octets octets) {
    if (octets.size() < batch_head_bytes) {
        return Failure{"a batch of " + std::to_string(octets.size()) + " octets is shorter than its head"};
    }
    const std::byte* at = octets.data();
    const auto mark = load_be<std::uint32_t>(at);
    if ((mark & 0xffffff00U) != magic) return Failure{"this is no batch of Yardmaster: its head does not say YMB"};
    if ((mark & 0xffU) != format_version) {
        return Failure{"a batch of version " + std::to_string(mark & 0xffU) + "; this program reads version " +
                       std::to_string(format_version)};
    }
    if (load_be<std::uint32_t>(at + 20) != octets.size()) return Failure{"a batch whose length is not its head's"};
    const BatchHead head{load_be<std::uint32_t>(at + 4), load_be<std::uint32_t>(at + 16),
                         load_be<std::uint64_t>(at + 8)};
    return BatchReader(head, octets.subspan(batch_head_bytes));
}

BatchReader::Step BatchReader::broken(const char* what) {
    left_ = {};
    broken_ = what;
    return Step::broken;
}

Failure BatchReader::failure() const {
    return Failure{"record " + std::to_string(read_ + 1) + " of batch " + std::to_string(head_.number) + ": " +
                   broken_};
}

BatchReader::Step BatchReader::step(StoreRecord& fresh, RecordLists& lists) {
    if (left_.empty()) {
        if (broken_ != nullptr) return Step::broken;
        return read_ == head_.count ? Step::end : broken("missing: the head counts more");
    }
    if (left_.size() < 8) return broken("cut");
    const auto length = load_be<std::uint32_t>(left_.data());
    if (length < 8 || length > left_.size()) return broken("a length beyond the batch");
    if (read_ == head_.count) return broken("more than the head counts");
    if (left_[7] != std::byte{0} || !parse(left_.first(length), fresh, lists))
        return broken("a layout that is unknown");
    left_ = left_.subspan(length);
    ++read_;
    return Step::record;
}

Result<bool> BatchReader::next(StoreRecord& record) {
    record = StoreRecord{};
    lists_.clear();
    const Step step_made = step(record, lists_);
    if (step_made == Step::broken) return failure();
    return step_made == Step::record;
}

Result<BatchHead> BatchRecords::add(Octets octets) {
    auto reader = BatchReader::open(octets);
    if (!reader) return reader.error();
    const std::size_t before = records_.size();
    for (;;) {
        const BatchReader::Step made = reader.value().step(records_.emplace_back(), lists_);
        if (made == BatchReader::Step::record) continue;
        const bool whole = made == BatchReader::Step::end;
        records_.resize(whole ? records_.size() - 1 : before);
        if (whole) return reader.value().head();
        return reader.value().failure();
    }
}

void BatchRecords::clear() {
    records_.clear();
    lists_.clear();
}

}  // namespace ym::store
