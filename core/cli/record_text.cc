#include "cli/record_text.h"

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "broker/history.h"
#include "cli/message_json.h"
#include "client/fields.h"

namespace ym::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 11> kind_names{"",     "queue",     "accepted", "settled", "attempted", "moved",
                                                 "dead", "relocated", "ledger",   "window",  "totals"};
constexpr std::array<const char*, 7> outcome_names{"", "acked", "dead", "expired", "dropped", "deleted", "moved"};
constexpr std::array<const char*, 9> ledger_names{"accepted",  "moved_in",        "acked",
                                                  "dead",      "expired",         "deleted",
                                                  "moved_out", "dead_letters_in", "dead_letters_dropped"};
constexpr std::array<const char*, 3> window_names{"floor", "highest_seen", "highest_accepted"};
constexpr std::array<const char*, 4> totals_names{"next_message", "duplicates", "refused", "unmatched"};

template <std::size_t size>
std::string name_in(const std::array<const char*, size>& names, std::size_t at) {
    return at < size ? names[at] : "unknown " + std::to_string(at);
}

std::string kind_of(const StoreRecord& record) {
    return name_in(kind_names, static_cast<std::size_t>(record.kind));
}

/// 2027-01-15T08:00:00.000Z
std::string time_text(WallTime at) {
    const std::int64_t ms = at.since_epoch.count();
    const auto seconds = static_cast<std::time_t>(ms / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::snprintf(text.data() + size, text.size() - size, ".%03dZ", static_cast<int>(ms % 1000));
    return text.data();
}

/// "message 7", or "messages 7, 8, 10"
std::string messages_text(const StoreRecord& record) {
    std::string text = record.steps.empty() ? "message" : "messages";
    each_settled(record, [&](MessageId id) { text += (id == record.message ? " " : ", ") + std::to_string(id.value); });
    return text;
}

std::string queues_text(const StoreRecord& record, const QueueNames& names) {
    std::string text;
    for (const AddressId queue : record.queues) text += (text.empty() ? "" : ", ") + names[queue];
    return text;
}

template <std::size_t size>
std::string numbers_text(const StoreRecord& record, const std::array<const char*, size>& names, const char* rest) {
    std::string text;
    for (std::size_t i = 0; i < record.numbers.size(); ++i) {
        text += (i == 0 ? "" : ", ") + (i < size ? std::string(names[i]) : std::string(rest)) + " " +
                std::to_string(record.numbers[i]);
    }
    return text;
}

template <std::size_t size>
void put_numbers(Json& object, const StoreRecord& record, const std::array<const char*, size>& names,
                 const char* rest) {
    for (std::size_t i = 0; i < record.numbers.size(); ++i) {
        if (i < size) {
            object[names[i]] = record.numbers[i];
        } else {
            object[rest].push_back(record.numbers[i]);
        }
    }
}

/// "floor 3, highest_seen 9, highest_accepted 8, taken 4..6, 8..8"
std::string window_text(const StoreRecord& record) {
    StoreRecord first = record;
    first.numbers = record.numbers.first(std::min(record.numbers.size(), window_names.size()));
    std::string text = numbers_text(first, window_names, "number");
    for (std::size_t i = window_names.size(); i + 1 < record.numbers.size(); i += 2) {
        text += i == window_names.size() ? ", taken " : ", ";
        text += std::to_string(record.numbers[i]) + ".." + std::to_string(record.numbers[i + 1]);
    }
    return text;
}

void put_text(Json& object, const std::string& name, const std::string& text) {
    if (is_utf8(text)) {
        object[name] = text;
    } else {
        object[name + "_hex"] = hex(text);
    }
}

void put_message(Json& object, const StoreRecord& record) {
    object["priority"] = record.priority;
    object["accepted"] = time_text(record.at);
    for (const auto& [name, value] : client::fields_of(record.fields)) put_text(object["fields"], name, value);
    for (const auto& [name, value] : client::headers_of(record.fields)) put_text(object["headers"], name, value);
}

/// "; attempt 2 failed 2027-01-15T08:00:00.000Z: nack by worker-1, "no such city""
std::string history_text(const StoreRecord& record) {
    std::string text;
    HistoryCursor cursor(record.history);
    PastAttempt past;
    const auto shown = [](std::string_view octets) {
        std::string text_given(octets);
        return is_utf8(text_given) ? text_given : hex(octets);
    };
    while (cursor.next(past)) {
        text += "; attempt " + std::to_string(past.attempt) + " failed " + time_text(past.at) + ": " +
                std::string(name_of(past.reason));
        if (!past.worker.empty()) text += " by " + shown(past.worker);
        if (!past.error.empty()) text += ", \"" + shown(past.error) + "\"";
    }
    return text;
}

void put_history(Json& object, const StoreRecord& record) {
    HistoryCursor cursor(record.history);
    PastAttempt past;
    while (cursor.next(past)) {
        Json one{{"attempt", past.attempt}, {"failed", time_text(past.at)}, {"reason", name_of(past.reason)}};
        if (!past.worker.empty()) put_text(one, "worker", std::string(past.worker));
        if (!past.error.empty()) put_text(one, "error", std::string(past.error));
        object["history"].push_back(std::move(one));
    }
}

std::string line_of(const Json& object) {
    return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string message_text(const StoreRecord& record) {
    std::string text = ", priority " + std::to_string(record.priority) + ", first accepted " + time_text(record.at);
    if (record.sequence != 0) text += ", sequence " + std::to_string(record.sequence);
    if (!record.session.empty()) text += " of session " + hex(as_text(record.session));
    for (const auto& [name, value] : client::fields_of(record.fields)) {
        text += ", " + name + " " + (is_utf8(value) ? value : hex(value));
    }
    return text + ", body " + std::to_string(record.body.size()) + " octets";
}

}  // namespace

void QueueNames::learn(const StoreRecord& record) {
    if (record.kind == RecordKind::queue) names_[record.queue.value] = record.name;
}

std::string QueueNames::operator[](AddressId queue) const {
    const auto found = names_.find(queue.value);
    return found == names_.end() ? "queue " + std::to_string(queue.value) : found->second;
}

std::string words_of(const StoreRecord& record, const QueueNames& names) {
    const std::string message = "message " + std::to_string(record.message.value);
    const std::string queue = names[record.queue];
    switch (record.kind) {
        case RecordKind::queue:
            return "queue " + std::to_string(record.queue.value) + " is " + std::string(record.name);
        case RecordKind::accepted:
            return "accepted " + message + " in " + queues_text(record, names) + message_text(record);
        case RecordKind::relocated:
            return "relocated " + message + ", still in " + queues_text(record, names) + message_text(record);
        case RecordKind::moved:
            return "moved " + message + " to " + queue + ": it was " + std::to_string(record.origin.value) + " in " +
                   names[record.from] + ", dead by " + std::string(name_of(record.reason)) + " after " +
                   std::to_string(record.attempt) + " attempts" + message_text(record);
        case RecordKind::settled:
            return "settled " + messages_text(record) + " in " + queue + ": " +
                   name_in(outcome_names, static_cast<std::size_t>(record.outcome));
        case RecordKind::attempted:
            return "attempted " + message + " in " + queue + ": " + std::to_string(record.attempt) +
                   " attempts used, not before " + time_text(record.at) + history_text(record);
        case RecordKind::dead:
            return "dead " + message + " in " + queue + ": " + std::string(name_of(record.reason)) + " after " +
                   std::to_string(record.attempt) + " attempts, since " + time_text(record.at) + history_text(record);
        case RecordKind::ledger: return "ledger of " + queue + ": " + numbers_text(record, ledger_names, "dropped");
        case RecordKind::window:
            return "window of session " + hex(as_text(record.session)) + ": " + window_text(record);
        case RecordKind::totals: return "totals: " + numbers_text(record, totals_names, "number");
    }
    return kind_of(record);
}

std::string json_of(const StoreRecord& record, const QueueNames& names) {
    Json object{{"kind", kind_of(record)}};
    if (record.message.value != 0) object["message"] = record.message.value;
    if (record.kind != RecordKind::totals && record.kind != RecordKind::window && record.queues.empty()) {
        object["queue"] = names[record.queue];
    }
    for (const AddressId queue : record.queues) object["queues"].push_back(names[queue]);
    if (record.kind == RecordKind::queue) object["number"] = record.queue.value;
    if (record.kind == RecordKind::settled) {
        if (!record.steps.empty()) {
            object.erase("message");
            each_settled(record, [&](MessageId id) { object["messages"].push_back(id.value); });
        }
        object["outcome"] = name_in(outcome_names, static_cast<std::size_t>(record.outcome));
    }
    if (record.kind == RecordKind::moved) {
        object["origin"] = record.origin.value;
        object["from"] = names[record.from];
    }
    if (record.kind == RecordKind::moved || record.kind == RecordKind::dead) {
        object["reason"] = name_of(record.reason);
        object["attempts"] = record.attempt;
    }
    if (record.kind == RecordKind::dead) object["since"] = time_text(record.at);
    if (record.kind == RecordKind::attempted) {
        object["attempts"] = record.attempt;
        object["not_before"] = time_text(record.at);
    }
    put_history(object, record);
    if (record.sequence != 0) object["sequence"] = record.sequence;
    if (!record.session.empty()) object["session_hex"] = hex(as_text(record.session));
    if (holds_message(record.kind)) {
        put_message(object, record);
        object["body_octets"] = record.body.size();
    }
    if (record.kind == RecordKind::ledger) put_numbers(object, record, ledger_names, "dropped_by_reason");
    if (record.kind == RecordKind::window) put_numbers(object, record, window_names, "runs");
    if (record.kind == RecordKind::totals) put_numbers(object, record, totals_names, "more");
    return line_of(object);
}

std::string json_of_live(std::uint32_t shard, const StoreRecord& record,
                         const std::map<std::uint32_t, LiveCopy>& copies, const QueueNames& names) {
    Json object{{"shard", shard}, {"message", record.message.value}};
    for (const auto& [queue, copy] : copies) {
        Json one{{"queue", names[AddressId{queue}]}};
        if (copy.attempts != 0) one["attempts"] = copy.attempts;
        if (copy.not_before_ms != 0) one["not_before"] = time_text({std::chrono::milliseconds(copy.not_before_ms)});
        if (copy.dead) {
            one["dead"] = name_of(copy.reason);
            one["since"] = time_text({std::chrono::milliseconds(copy.dead_ms)});
        }
        object["queues"].push_back(std::move(one));
    }
    put_message(object, record);
    object["body_base64"] = base64(as_text(record.body));
    return line_of(object);
}

}  // namespace ym::cli
