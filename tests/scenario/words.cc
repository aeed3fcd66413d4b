#include "scenario/words.h"

#include <utility>
#include <vector>

#include "settings/units.h"
#include "wire/ymp.h"

namespace ym::scenario {
namespace {

using test::Got;
using wire::Field;
using wire::Status;
using wire::Verb;

std::string text_of(const Got& got, Field field) {
    const auto found = got.fields.find(static_cast<std::uint8_t>(field));
    return found == got.fields.end() ? std::string() : found->second;
}

std::string status_of(const Got& got) {
    return std::to_string(got.code) + " " + std::string(name_of(static_cast<Status>(got.code)));
}

/// The broker's explanation and its wish, where it gave them.
std::string details_of(const Got& got) {
    std::string out;
    if (const std::string text = text_of(got, Field::text); !text.empty()) out += ", \"" + text + "\"";
    if (const std::uint64_t ms = got.u64(Field::retry_after_ms); ms > 0) {
        out += ", again after " + settings::format_duration(std::chrono::milliseconds(ms));
    }
    return out;
}

std::string ids_of(const Got& got) {
    const std::uint64_t through = got.u64(Field::through);
    return std::to_string(got.id) + (through > got.id ? " to " + std::to_string(through) : "");
}

std::string confirm_in_words(const Got& got) {
    if (got.code == wire::confirm_settled) return "settled " + ids_of(got);
    if (got.code == static_cast<std::uint16_t>(Status::ok)) return "confirmed " + ids_of(got) + details_of(got);
    if (got.code == static_cast<std::uint16_t>(Status::duplicate)) return "duplicate " + ids_of(got);
    return "refused " + ids_of(got) + ": " + status_of(got) + details_of(got);
}

std::string delivery_in_words(const Got& got) {
    std::string out = "delivery " + std::to_string(got.id) + " of " + got.name + " \"" + got.body + "\"";
    for (const auto& [field, name] : {std::pair{Field::topic, "topic"}, {Field::type, "type"}, {Field::key, "key"}}) {
        if (const std::string value = text_of(got, field); !value.empty()) {
            out += std::string(" ") + name + " " + value;
        }
    }
    if (got.fields.contains(static_cast<std::uint8_t>(Field::priority))) {
        out += " priority " + std::to_string(got.u64(Field::priority));
    }
    return out + " attempt " + std::to_string(got.code);
}

std::string reply_in_words(const Got& got) {
    const std::string to = " to " + std::to_string(got.number);
    if (got.code == static_cast<std::uint16_t>(Status::part)) {
        return "part " + std::to_string(got.id) + " of the reply" + to + " \"" + got.body + "\"";
    }
    if (got.code == static_cast<std::uint16_t>(Status::ok)) return "reply" + to + " \"" + got.body + "\"";
    // What is "too old" of a publish is "dead letter" of a request.
    const bool dead = got.code == static_cast<std::uint16_t>(Status::too_old);
    return "no reply" + to + ": " + (dead ? "410 dead letter" : status_of(got)) + details_of(got);
}

std::string welcome_in_words(const Got& got) {
    const std::uint64_t tag = got.u64(Field::last_tag);
    if (got.number == 0 && tag == 0) return "welcome";
    std::string out = "welcome back";
    if (got.number > 0) out += ", highest sequence taken " + std::to_string(got.number);
    if (tag > 0) out += ", last tag " + std::to_string(tag);
    return out;
}

using Terms = std::vector<std::pair<std::string, std::uint64_t>>;

std::string listed(const Terms& terms, bool zeros) {
    std::string out;
    for (const auto& [name, value] : terms) {
        if (value == 0 && !zeros) continue;
        out += (out.empty() ? "" : ", ") + name + " " + std::to_string(value);
    }
    return out;
}

}  // namespace

std::optional<std::string> in_words(const Got& got) {
    switch (got.verb) {
        case Verb::welcome: return welcome_in_words(got);
        case Verb::confirm:
            if (got.id == 0) return std::nullopt;  // moves the window only
            return confirm_in_words(got);
        case Verb::deliver: return delivery_in_words(got);
        case Verb::lost: return "lost " + ids_of(got) + ": " + status_of(got) + details_of(got);
        case Verb::reply: return reply_in_words(got);
        case Verb::error: return "error: " + status_of(got) + details_of(got);
        case Verb::drain: return "drain";
        case Verb::bye: return "bye";
        default: return std::nullopt;
    }
}

std::string ledger_in_words(const QueueStatus& queue) {
    const Ledger& ledger = queue.ledger;
    Terms terms = {{"accepted", ledger.accepted},  {"moved in", ledger.moved_in}, {"acked", ledger.acked},
                   {"dead", ledger.dead},          {"expired", ledger.expired},   {"deleted", ledger.deleted},
                   {"moved out", ledger.moved_out}};
    for (std::size_t i = 0; i < drop_reason_count; ++i) {
        terms.emplace_back("dropped (" + std::string(name_of(static_cast<DropReason>(i))) + ")", ledger.dropped[i]);
    }
    std::string out = listed(terms, false);
    out += (out.empty() ? "" : ", ") + listed({{"live", queue.live}}, true);
    out += ledger.in() == ledger.out() + queue.live ? "; balanced" : "; NOT BALANCED";
    const DeadLedger& dead = queue.dead_letters;
    if (dead.in > 0) {
        out += "; dead letters: " + listed({{"in", dead.in}, {"dropped", dead.dropped}, {"kept", dead.live}}, true);
        if (dead.in != dead.dropped + dead.live) out += ", NOT BALANCED";
    }
    return out;
}

std::string status_in_words(const QueueStatus& queue) {
    std::string out =
        listed({{"ready", queue.ready}, {"waiting", queue.waiting}, {"in flight", queue.in_flight}}, true);
    const std::string more = listed(
        {{"storing", queue.storing}, {"refused", queue.refused}, {"dead letters", queue.dead_letters.live}}, false);
    if (!more.empty()) out += ", " + more;
    if (queue.created) out += "; made on demand";
    if (queue.orphan) out += "; an orphan";
    return out;
}

std::string totals_in_words(const StatusReport& report) {
    const std::string out = listed({{"duplicates", report.duplicates},
                                    {"refused", report.refused},
                                    {"dropped unmatched", report.dropped_unmatched},
                                    {"malformed", report.malformed},
                                    {"stale", report.stale},
                                    {"replies sent", report.replies_sent},
                                    {"replies dropped", report.replies_dropped}},
                                   false);
    return out.empty() ? "nothing" : out;
}

}  // namespace ym::scenario
