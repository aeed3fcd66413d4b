#include "rehearsal/judge.h"

#include <algorithm>

#include "broker/history.h"
#include "settings/units.h"

namespace ym::rehearsal {
namespace {

using Words = std::map<std::string, std::string>;

/// "waiting in orders, for 10s, because nack, attempts 2"
std::string in_words(const Words& words) {
    std::string out = words.at("is");
    for (const char* key : {"in", "by", "for", "because", "attempts", "status", "error", "history"}) {
        const auto found = words.find(key);
        if (found == words.end() || found->second.empty()) continue;
        const bool joins = std::string_view(key) == "in" || std::string_view(key) == "by";
        out += (joins ? " " : ", ") + std::string(key) + " " + found->second;
    }
    return out;
}

std::string listed(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
    return out.empty() ? "nothing" : out;
}

/// Adds what is told of the attempts that failed: "1 nack by alice, 2 worker_lost by bob", and the last error.
void add_history(const CopyStatus& copy, Words& words) {
    HistoryCursor cursor(as_octets(copy.history));
    PastAttempt past;
    std::string& all = words["history"];
    while (cursor.next(past)) {
        all += (all.empty() ? "" : ", ") + std::to_string(past.attempt) + " " + std::string(name_of(past.reason));
        if (!past.worker.empty()) all += " by " + std::string(past.worker);
        words["error"] = past.error;
    }
}

std::string state_name(CopyState state) {
    static constexpr const char* names[] = {"unconfirmed", "ready", "waiting", "leased", "dead"};
    return names[static_cast<std::size_t>(state)];
}

}  // namespace

void Judge::unmet(const settings::Place& place, const std::string& path, std::string expected, std::string found) {
    outcome_.unmet.push_back({place, path, std::move(expected), std::move(found)});
}

void Judge::compare(const Wanted& wanted, const std::string& found) {
    ++outcome_.expectations;
    if (wanted.value != found) unmet(wanted.place, wanted.path, wanted.value, found);
}

void Judge::look(const Expectation& expectation, const settings::Place& place) {
    const StatusReport report = cast_.stage().status();
    for (const WantedMessage& message : expectation.messages) look_at_message(message);
    if (expectation.deliveries) look_at_deliveries(*expectation.deliveries);
    for (const WantedWorker& worker : expectation.workers) look_at_worker(worker);
    for (const auto& [name, wanted] : expectation.queues) look_at_queue(name, wanted, report);
    for (const auto& [name, wanted] : expectation.replies) look_at_reply(name, wanted.first, wanted.second);
    if (!expectation.broker.empty()) look_at_broker(expectation.broker, report);
    look_at_books(place);
}

void Judge::look_at_books(const settings::Place& place) {
    for (const QueueStatus& queue : cast_.stage().status().queues) {
        ++outcome_.expectations;
        const Ledger& ledger = queue.ledger;
        if (ledger.in() != ledger.out() + queue.live)
            unmet(place, "ledger of " + queue.name, "in " + std::to_string(ledger.in()) + " = out + live",
                  "out " + std::to_string(ledger.out()) + ", live " + std::to_string(queue.live));
        const DeadLedger& dead = queue.dead_letters;
        if (dead.in != dead.dropped + dead.live)
            unmet(place, "dead letters of " + queue.name, "in " + std::to_string(dead.in) + " = dropped + kept",
                  "dropped " + std::to_string(dead.dropped) + ", kept " + std::to_string(dead.live));
    }
}

std::vector<Judge::Words> Judge::copies_of(const Told& told) {
    std::vector<Words> all;
    const auto known = [&](const std::string& queue) {
        const auto found = told.copies.find(queue);
        return found == told.copies.end() ? CopyKnown{} : found->second;
    };
    std::vector<std::string> there;
    for (const CopyStatus& copy : cast_.stage().copies()) {
        const auto number = cast_.number_in(copy);
        if (!number || &cast_.told()[*number] != &told) continue;
        there.push_back(copy.queue);
        const CopyKnown more = known(copy.queue);
        Words words{{"is", state_name(copy.state)}, {"in", copy.queue}, {"attempts", std::to_string(more.attempts)}};
        if (copy.state == CopyState::leased) words["by"] = copy.worker;
        if (copy.state == CopyState::leased || copy.state == CopyState::waiting)
            words["for"] = settings::format_duration(copy.until - cast_.stage().now().monotonic);
        if (copy.state == CopyState::dead) words["because"] = name_of(copy.why);
        if (copy.state == CopyState::waiting || copy.state == CopyState::ready) words["because"] = more.failed;
        add_history(copy, words);
        all.push_back(std::move(words));
    }
    for (const auto& [queue, copy] : told.copies) {
        const bool is_there = std::find(there.begin(), there.end(), queue) != there.end();
        if (is_there || !copy.fate || copy.fate->is == "moved") continue;
        all.push_back({{"is", copy.fate->is},
                       {"in", queue},
                       {"because", copy.fate->because},
                       {"by", copy.fate->by},
                       {"attempts", std::to_string(copy.attempts)}});
    }
    std::string none = "unconfirmed";
    if (told.status >= 300) none = "refused";
    // What no queue ever had, no binding has matched; what one had, and never gave up, went with a broker that was
    // killed.
    if (told.status == 200 || told.status == 208) none = told.copies.empty() ? "dropped" : "lost";
    if (all.empty()) all.push_back({{"is", none}, {"because", none == "dropped" ? "unmatched" : ""}});
    for (Words& words : all) words["status"] = std::to_string(told.status);
    return all;
}

void Judge::compare_copy(const WantedMap& wanted, const Words& found, const std::string& all) {
    for (const auto& [key, value] : wanted) {
        ++outcome_.expectations;
        const auto has = found.find(key);
        const std::string text = has == found.end() ? "" : has->second;
        const bool same =
            value.duration ? !text.empty() && settings::parse_duration(text) == value.duration : text == value.value;
        if (!same) unmet(value.place, value.path, key + " " + value.value, all);
    }
}

void Judge::look_at_message(const WantedMessage& wanted) {
    const std::string path = "messages." + wanted.name;
    const Told* told = cast_.find(wanted.name);
    if (told == nullptr) return unmet(wanted.place, path, "a message", "no message of this name was sent");
    std::vector<Words> copies = copies_of(*told);
    std::vector<std::string> words;
    for (const Words& copy : copies) words.push_back(in_words(copy));
    const std::string all = listed(words);
    if (wanted.is_list && wanted.copies.size() != copies.size())
        return unmet(wanted.place, path, std::to_string(wanted.copies.size()) + " copies", all);
    for (const WantedMap& one : wanted.copies) {
        const auto in = one.find("in");
        auto copy = std::find_if(copies.begin(), copies.end(), [&](const Words& found) {
            return in == one.end() || (found.contains("in") && found.at("in") == in->second.value);
        });
        if (in == one.end() && copies.size() > 1) {
            unmet(wanted.place, path, "one copy, or a list with `in` for each", all);
        } else {
            compare_copy(one, copy == copies.end() ? copies.front() : *copy, all);
        }
    }
}

void Judge::compare_lists(const settings::Place& place, const std::string& path,
                          const std::vector<std::string>& expected, const std::vector<std::string>& found) {
    ++outcome_.expectations;
    if (expected != found) unmet(place, path, listed(expected), listed(found));
}

void Judge::look_at_deliveries(const WantedList& wanted) {
    const std::vector<Given>& all = cast_.given();
    const std::size_t first = deliveries_seen_;
    deliveries_seen_ = all.size();
    std::vector<std::string> expected;
    std::vector<std::string> found;
    const std::size_t count = std::max(wanted.items.size(), all.size() - first);
    for (std::size_t i = 0; i < count; ++i) {
        Words words;
        if (first + i < all.size()) {
            const Given& given = all[first + i];
            words = {{"message", cast_.told()[given.message].name},
                     {"to", given.worker},
                     {"queue", given.queue},
                     {"attempt", std::to_string(given.attempt)},
                     {"at", settings::format_duration(given.at - Instant{1s})}};
        }
        // Only what is asked for is compared; of one that nobody expects, all is told.
        const WantedMap none;
        const WantedMap& keys = i < wanted.items.size() ? wanted.items[i] : none;
        std::string want;
        std::string have;
        for (const char* key : {"message", "to", "queue", "attempt", "at"}) {
            const auto asked = keys.find(key);
            const std::string name = std::string_view(key) == "message" ? "" : " " + std::string(key) + " ";
            if (asked != keys.end()) {
                const auto& value = asked->second;
                want += name + (value.duration ? settings::format_duration(*value.duration) : value.value);
            }
            if (!words.empty() && (asked != keys.end() || keys.empty())) have += name + words.at(key);
        }
        if (!keys.empty()) expected.push_back(want);
        if (!words.empty()) found.push_back(have);
    }
    compare_lists(wanted.place, wanted.path, expected, found);
}

void Judge::look_at_worker(const WantedWorker& wanted) {
    const Actor* worker = cast_.actor(wanted.name);
    if (worker == nullptr) return unmet(wanted.place, "workers." + wanted.name, "a worker", "nobody of this name");
    for (const auto& [key, value] : wanted.numbers)
        compare(value, std::to_string(key == "holds" ? worker->holds.size() : worker->lost));
    if (!wanted.got) return;
    std::vector<std::string> expected;
    for (const WantedMap& item : wanted.got->items) expected.push_back(item.at("message").value);
    std::vector<std::string> found;
    for (const Given& given : cast_.given()) {
        if (given.worker == wanted.name) found.push_back(cast_.told()[given.message].name);
    }
    compare_lists(wanted.got->place, wanted.got->path, expected, found);
}

void Judge::look_at_queue(const std::string& name, const WantedMap& wanted, const StatusReport& report) {
    const auto found =
        std::find_if(report.queues.begin(), report.queues.end(), [&](const QueueStatus& q) { return q.name == name; });
    const bool exists = found != report.queues.end();
    const QueueStatus queue = exists ? *found : QueueStatus{};
    const Ledger& ledger = queue.ledger;
    std::uint64_t dropped = 0;
    for (const std::uint64_t n : ledger.dropped) dropped += n;
    std::map<std::string, std::uint64_t> numbers = {{"ready", queue.ready},
                                                    {"waiting", queue.waiting},
                                                    {"in_flight", queue.in_flight},
                                                    {"live", queue.live},
                                                    {"dead_letters", queue.dead_letters.live},
                                                    {"workers", queue.workers},
                                                    {"delivered", queue.delivered},
                                                    {"redelivered", queue.redelivered},
                                                    {"refused", queue.refused},
                                                    {"accepted", ledger.accepted},
                                                    {"moved_in", ledger.moved_in},
                                                    {"acked", ledger.acked},
                                                    {"dead", ledger.dead},
                                                    {"expired", ledger.expired},
                                                    {"dropped", dropped},
                                                    {"deleted", ledger.deleted},
                                                    {"moved_out", ledger.moved_out}};
    for (std::size_t i = 0; i < failure_reason_count; ++i)
        numbers[std::string(name_of(static_cast<FailureReason>(i)))] = queue.failures[i];
    for (const auto& [key, value] : wanted) {
        if (key == "exists") {
            compare(value, exists ? "true" : "false");
        } else if (!exists) {
            unmet(value.place, value.path, value.value, "no such queue");
        } else {
            compare(value, std::to_string(numbers.at(key)));
        }
    }
}

void Judge::look_at_reply(const std::string& name, const WantedMap& wanted, const std::optional<WantedList>& parts) {
    const Told* told = cast_.find(name);
    const settings::Place place = parts ? parts->place : wanted.begin()->second.place;
    if (told == nullptr) return unmet(place, "replies." + name, "a message", "no message of this name was sent");
    const std::string text = told->reply_status == 200 ? told->reply : "status " + std::to_string(told->reply_status);
    for (const auto& [key, value] : wanted) {
        if (key == "text") compare(value, told->replied ? text : "none");
        if (key == "status") compare(value, std::to_string(told->reply_status));
    }
    if (!parts) return;
    std::vector<std::string> expected;
    for (const WantedMap& item : parts->items) expected.push_back(item.at("text").value);
    compare_lists(parts->place, parts->path, expected, told->parts);
}

void Judge::look_at_broker(const WantedMap& wanted, const StatusReport& report) {
    const std::map<std::string, std::uint64_t> numbers = {{"duplicates", report.duplicates},
                                                          {"refused", report.refused},
                                                          {"dropped_unmatched", report.dropped_unmatched},
                                                          {"malformed", report.malformed},
                                                          {"stale", report.stale},
                                                          {"replies_sent", report.replies_sent},
                                                          {"replies_dropped", report.replies_dropped}};
    for (const auto& [key, value] : wanted) {
        if (key == "ended") {
            compare(value, cast_.stage().finished() == Finish::no ? "false" : "true");
        } else {
            compare(value, std::to_string(numbers.at(key)));
        }
    }
}

}  // namespace ym::rehearsal
