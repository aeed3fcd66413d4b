#include "rehearsal/wanted.h"

#include <algorithm>

namespace ym::rehearsal {

using settings::Node;
using settings::NodeKind;

namespace {

using Keys = std::initializer_list<std::string_view>;

constexpr std::string_view durations[] = {"for", "at"};
constexpr std::string_view numbers[] = {"attempts", "attempt", "status"};

Wanted read_one(const std::string& key, const Node& value, Reader& reader) {
    static const std::vector<std::string> states = {"refused", "unconfirmed", "ready",   "waiting", "leased", "acked",
                                                    "dead",    "dropped",     "expired", "deleted", "lost"};
    static const std::vector<std::string> reasons = {"nack",        "reject",     "throttled",     "lease_expired",
                                                     "worker_lost", "queue_full", "optional_full", "unmatched",
                                                     "expired",     "delayed",    "key_paused",    "dead_letter"};
    Wanted wanted{value.place, value.path, reader.text(value)};
    const auto is = [&](const auto& list) {
        return std::find(std::begin(list), std::end(list), key) != std::end(list);
    };
    if (is(durations)) wanted.duration = reader.duration(value);
    if (is(numbers)) wanted.value = std::to_string(reader.count(value));
    if (key == "is") (void)reader.word(value, states);
    if (key == "because") (void)reader.word(value, reasons);
    return wanted;
}

/// A map, or a text that stands for its key `first`.
WantedMap read_wanted(const Node& node, const std::string& first, Keys keys, Reader& reader) {
    WantedMap wanted;
    if (node.kind == NodeKind::scalar) {
        wanted[first] = read_one(first, node, reader);
        return wanted;
    }
    reader.map(node, keys,
               [&](const std::string& key, const Node& value) { wanted[key] = read_one(key, value, reader); });
    return wanted;
}

WantedMap read_counts(const Node& node, Keys keys, Reader& reader) {
    WantedMap wanted;
    reader.map(node, keys, [&](const std::string& key, const Node& value) {
        const bool is_flag = key == "exists" || key == "ended";
        wanted[key] = {value.place, value.path,
                       is_flag ? (reader.boolean(value) ? "true" : "false") : std::to_string(reader.count(value))};
    });
    return wanted;
}

WantedList read_list(const Node& node, const std::string& first, Keys keys, Reader& reader) {
    WantedList list{node.place, node.path, {}};
    for (const Node* item : reader.items(node)) list.items.push_back(read_wanted(*item, first, keys, reader));
    return list;
}

WantedMessage read_message(const std::string& name, const Node& node, Reader& reader) {
    WantedMessage message{name, node.place, {}, node.kind == NodeKind::list};
    for (const Node* item : reader.items(node)) {
        message.copies.push_back(read_wanted(
            *item, "is", {"is", "in", "for", "because", "by", "attempts", "status", "error", "history"}, reader));
    }
    if (message.copies.empty() && !message.is_list) reader.problem(node, "kind.message", "a word, a map or a list");
    return message;
}

WantedWorker read_worker(const std::string& name, const Node& node, Reader& reader) {
    WantedWorker worker{name, node.place, {}, std::nullopt};
    Node counts = node;
    std::erase_if(counts.entries, [](const settings::Entry& entry) { return entry.key == "got"; });
    worker.numbers = read_counts(counts, {"holds", "lost"}, reader);
    if (const Node* got = node.find("got")) worker.got = read_list(*got, "message", {"message"}, reader);
    return worker;
}

void read_reply(const std::string& name, const Node& node, Reader& reader, Expectation& expectation) {
    auto& [wanted, parts] = expectation.replies[name];
    Node plain = node;
    std::erase_if(plain.entries, [](const settings::Entry& entry) { return entry.key == "parts"; });
    wanted = read_wanted(plain, "text", {"text", "status"}, reader);
    if (wanted.empty()) wanted["path"] = {node.place, node.path, ""};
    if (const Node* given = node.find("parts")) parts = read_list(*given, "text", {"text"}, reader);
}

}  // namespace

Expectation read_expectation(const Node& node, Reader& reader) {
    Expectation expectation;
    reader.map(node, {"messages", "deliveries", "workers", "queues", "replies", "broker", "ledger"},
               [&](const std::string& key, const Node& value) {
                   if (key == "deliveries") {
                       expectation.deliveries =
                           read_list(value, "message", {"message", "to", "queue", "attempt", "at"}, reader);
                   } else if (key == "broker") {
                       expectation.broker = read_counts(value,
                                                        {"duplicates", "refused", "dropped_unmatched", "malformed",
                                                         "stale", "replies_sent", "replies_dropped", "ended"},
                                                        reader);
                   } else if (key == "ledger") {
                       (void)reader.word(value, {"balanced"});
                   } else {
                       reader.map(value, {}, [&](const std::string& name, const Node& one) {
                           if (key == "messages") expectation.messages.push_back(read_message(name, one, reader));
                           if (key == "workers") expectation.workers.push_back(read_worker(name, one, reader));
                           if (key == "replies") read_reply(name, one, reader, expectation);
                           if (key != "queues") return;
                           expectation.queues[name] = read_counts(
                               one,
                               {"ready",     "waiting",     "in_flight",     "live",        "dead_letters", "workers",
                                "delivered", "redelivered", "refused",       "accepted",    "moved_in",     "acked",
                                "dead",      "expired",     "dropped",       "deleted",     "moved_out",    "nack",
                                "reject",    "throttled",   "lease_expired", "worker_lost", "exists"},
                               reader);
                       });
                   }
               });
    return expectation;
}

}  // namespace ym::rehearsal
