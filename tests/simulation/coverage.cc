#include "coverage.h"

#include <iomanip>
#include <set>
#include <sstream>

namespace ym::simulation {
namespace {

constexpr const char* fault_names[] = {
#define YM_NAME(name) #name,
    YM_SIMULATION_FAULTS(YM_NAME)
#undef YM_NAME
};

constexpr const char* settle_names[] = {"ack", "nack", "reject", "throttled", "release", "extend", "part", "result"};

constexpr const char* notice_names[] = {
    "peer_joined",   "peer_resumed",   "peer_silent",   "peer_lost",      "peer_left",      "peer_refused",
    "peer_ignored",  "queue_created",  "queue_removed", "queue_orphaned", "message_dead",   "policy_failed",
    "store_unknown", "store_acquired", "store_fenced",  "store_failed",   "store_replayed", "drain_begun"};

/// Which status may come in which verb of the broker.
struct AnswerKind {
    wire::Verb verb;
    std::uint16_t status;
};
constexpr AnswerKind answers[] = {
    {wire::Verb::confirm, 200}, {wire::Verb::confirm, 208}, {wire::Verb::confirm, 400},  {wire::Verb::confirm, 404},
    {wire::Verb::confirm, 406}, {wire::Verb::confirm, 410}, {wire::Verb::confirm, 413},  {wire::Verb::confirm, 429},
    {wire::Verb::confirm, 503}, {wire::Verb::confirm, 507}, {wire::Verb::confirm, 1000}, {wire::Verb::lost, 400},
    {wire::Verb::lost, 404},    {wire::Verb::lost, 409},    {wire::Verb::lost, 504},     {wire::Verb::reply, 200},
    {wire::Verb::reply, 206},   {wire::Verb::reply, 410},   {wire::Verb::reply, 504},    {wire::Verb::error, 400},
    {wire::Verb::error, 404},   {wire::Verb::error, 426},   {wire::Verb::error, 428},
};

constexpr const char* record_names[] = {"",     "queue",     "accepted", "settled", "attempted", "moved",
                                        "dead", "relocated", "ledger",   "window",  "totals"};

constexpr const char* event_names[] = {
#define YM_NAME(name) #name,
    YM_SIMULATION_MAJORDOMO(YM_NAME)
#undef YM_NAME
};

/// Which cells of Majordomo's state table there are.
bool can_be(MajordomoEvent event, MajordomoState state) {
    switch (event) {
        case MajordomoEvent::final:
        case MajordomoEvent::partial:
        case MajordomoEvent::lease_over: return state == MajordomoState::busy;
        case MajordomoEvent::silence: return state == MajordomoState::idle;
        case MajordomoEvent::connection_lost: return state != MajordomoState::unknown;
        case MajordomoEvent::refused:
        case MajordomoEvent::own_service: return state == MajordomoState::unknown;
        default: return true;
    }
}

/// A zero that is no gap: these plugins do not fail, and only Majordomo peers are refused without an answer.
const std::set<std::string>& may_be_zero() {
    static const std::set<std::string> names = {"notice policy_failed", "notice peer_refused"};
    return names;
}

}  // namespace

const char* name_of(RecordKind kind) {
    return record_names[static_cast<std::size_t>(kind)];
}

void Coverage::count_settle(std::uint16_t code) {
    if (code < settles_.size()) ++settles_[code];
}

void Coverage::count_answer(wire::Verb verb, std::uint16_t status) {
    for (std::size_t i = 0; i < std::size(answers); ++i) {
        if (answers[i].verb == verb && answers[i].status == status) ++answers_[i];
    }
}

void Coverage::add(const Coverage& other) {
    const auto sum = [](auto& to, const auto& from) {
        for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
    };
    sum(faults_, other.faults_);
    sum(verbs_in_, other.verbs_in_);
    sum(verbs_out_, other.verbs_out_);
    sum(settles_, other.settles_);
    sum(notices_, other.notices_);
    sum(answers_, other.answers_);
    for (std::size_t i = 0; i < records_.size(); ++i) sum(records_[i], other.records_[i]);
    sum(asked_, other.asked_);
    for (std::size_t i = 0; i < majordomo_.size(); ++i) sum(majordomo_[i], other.majordomo_[i]);
    for (std::size_t i = 0; i < replied_.size(); ++i) sum(replied_[i], other.replied_[i]);
    for (std::size_t i = 0; i < told_.size(); ++i) sum(told_[i], other.told_[i]);
}

std::string Coverage::table(bool& complete) const {
    std::ostringstream out;
    complete = true;
    const auto line = [&](const std::string& what, std::uint64_t count) {
        out << std::setw(12) << count << "  " << what;
        if (count == 0 && !may_be_zero().contains(what)) {
            out << "   <- never";
            complete = false;
        }
        out << "\n";
    };
    for (std::size_t i = 0; i < faults_.size(); ++i) line(std::string("fault ") + fault_names[i], faults_[i]);
    for (int verb = 1; verb <= 7; ++verb) {
        line("from peers " + std::string(wire::name_of(static_cast<wire::Verb>(verb))),
             verbs_in_[static_cast<std::size_t>(verb)]);
    }
    for (const int verb : {5, 6, 7, 17, 18, 19, 20, 21, 22}) {
        line("from broker " + std::string(wire::name_of(static_cast<wire::Verb>(verb))),
             verbs_out_[static_cast<std::size_t>(verb)]);
    }
    for (std::size_t i = 0; i < std::size(answers); ++i) {
        line(std::string(wire::name_of(answers[i].verb)) + " " + std::to_string(answers[i].status), answers_[i]);
    }
    for (std::size_t i = 0; i < settles_.size(); ++i) line(std::string("SETTLE ") + settle_names[i], settles_[i]);
    for (std::size_t i = 0; i < notices_.size(); ++i) line(std::string("notice ") + notice_names[i], notices_[i]);
    for (std::size_t i = 1; i < record_count; ++i) {
        line(std::string("record ") + record_names[i] + ", stored", records_[0][i]);
        line(std::string("record ") + record_names[i] + ", read back", records_[1][i]);
    }
    majordomo_table(line);
    return out.str();
}

void Coverage::majordomo_table(const std::function<void(const std::string&, std::uint64_t)>& line) const {
    static constexpr const char* speech[] = {"0.1", "0.2", "0.2 shifted"};
    static constexpr const char* states[] = {"unknown", "idle", "busy"};
    for (std::size_t i = 0; i < speech_count; ++i) {
        line(std::string("Majordomo client ") + speech[i] + ", request", asked_[i]);
        if (i > 0) line(std::string("Majordomo client ") + speech[i] + ", part of a reply", replied_[i][0]);
        line(std::string("Majordomo client ") + speech[i] + ", last reply", replied_[i][1]);
    }
    for (std::size_t version = 0; version < 2; ++version) {
        const std::string to = std::string("Majordomo worker 0.") + (version == 0 ? "1" : "2") + " is told ";
        line(to + "REQUEST", told_[version][static_cast<std::size_t>(WorkerWord::request)]);
        line(to + "HEARTBEAT", told_[version][static_cast<std::size_t>(WorkerWord::heartbeat)]);
        line(to + "DISCONNECT", told_[version][static_cast<std::size_t>(WorkerWord::disconnect)]);
    }
    for (std::size_t event = 0; event < majordomo_.size(); ++event) {
        for (std::size_t state = 0; state < majordomo_[event].size(); ++state) {
            if (!can_be(static_cast<MajordomoEvent>(event), static_cast<MajordomoState>(state))) continue;
            line(std::string("Majordomo ") + event_names[event] + ", " + states[state], majordomo_[event][state]);
        }
    }
}

}  // namespace ym::simulation
