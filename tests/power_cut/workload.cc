#include "workload.h"

#include <algorithm>

namespace ym::power_cut {
namespace {

constexpr std::size_t small_body = 100;
constexpr std::size_t large_body = 24'000;

}  // namespace

const char* name_of(Act act) {
    static constexpr const char* names[] = {
        "publish", "publish several", "publish to all", "publish large", "ack", "ack unasked",
        "nack",    "reject in q",     "reject in r",    "pause"};
    return names[static_cast<std::size_t>(act)];
}

History::History(Image disk, std::map<Uid, Known> known, std::uint64_t boot)
    : disk_(std::move(disk), &ops_), stack_(std::make_unique<Stack>(disk_, boot)), known_(std::move(known)) {}

bool History::start() {
    if (!stack_->start()) return false;
    stack_->producer(known_.empty() ? 1 : known_.begin()->first, known_.empty() ? 0 : known_.rbegin()->first);
    stack_->worker(20);
    look();
    return true;
}

void History::publish(const std::string& address, std::size_t count, std::size_t body) {
    std::vector<Uid> uids;
    for (std::size_t i = 0; i < count; ++i) {
        const Uid uid = known_.empty() ? 1 : known_.rbegin()->first + 1;
        uids.push_back(uid);
        Known& fresh = known_[uid];
        fresh = {address, body, now(), never, {}};
        for (const char* queue : {"q", "r"}) {
            if (address == queue || address == "all") fresh.queues[queue];
        }
    }
    stack_->publish(address, uids, body);
    look();
}

bool History::settle(const char* queue, wire::SettleCode code, bool tell) {
    const auto found = std::find_if(held_.begin(), held_.end(), [&](const Delivered& held) {
        return queue == nullptr ? held.queue == "q" || held.queue == "r" : held.queue == queue;
    });
    if (found == held_.end()) return false;
    const Delivered held = *found;
    held_.erase(found);
    Fate& fate = known_[held.uid].queues[held.queue];
    if (code == wire::SettleCode::nack) {
        fate.failed.push_back(now());
    } else {
        fate.ended = now();
        fate.dies = code == wire::SettleCode::reject;
    }
    if (tell) asked_[held.tag] = held;
    stack_->settle(code, held.tag, tell);
    look();
    return true;
}

/// Takes in what peers were told. What was promised counts from the operation on that the disk is asked for next.
void History::look() {
    for (const auto& [uid, code] : stack_->take_answers()) {
        if (code / 100 == 2) known_[uid].confirmed = std::min(known_[uid].confirmed, now());
    }
    for (const Delivered& delivered : stack_->take_deliveries()) held_.push_back(delivered);
    for (const std::uint64_t tag : stack_->take_told()) {
        const auto asked = asked_.find(tag);
        if (asked == asked_.end()) continue;
        Fate& fate = known_[asked->second.uid].queues[asked->second.queue];
        if (fate.ended != never) {
            fate.settled = now();
        } else {
            fate.told_failed.push_back(now());
        }
    }
}

bool History::act(Act act) {
    switch (act) {
        case Act::publish_one: publish("q", 1, small_body); return true;
        case Act::publish_several: publish("r", 3, small_body); return true;
        case Act::publish_to_all: publish("all", 1, small_body); return true;
        case Act::publish_large: publish("q", 1, large_body); return true;
        case Act::ack: return settle(nullptr, wire::SettleCode::ack, true);
        case Act::ack_unasked: return settle(nullptr, wire::SettleCode::ack, false);
        case Act::nack: return settle(nullptr, wire::SettleCode::nack, true);
        case Act::reject_in_q: return settle("q", wire::SettleCode::reject, true);
        case Act::reject_in_r: return settle("r", wire::SettleCode::reject, true);
        case Act::pause:
            stack_->tick(60ms);
            look();
            return true;
        case Act::count: break;
    }
    return false;
}

std::map<Uid, Known> History::as_past() const {
    const auto past = [](Moment& moment) { moment = moment == never ? never : 0; };
    std::map<Uid, Known> known = known_;
    for (auto& [uid, k] : known) {
        past(k.published);
        past(k.confirmed);
        for (auto& [name, fate] : k.queues) {
            past(fate.ended);
            past(fate.settled);
            for (Moment& moment : fate.failed) past(moment);
            for (Moment& moment : fate.told_failed) past(moment);
        }
    }
    return known;
}

}  // namespace ym::power_cut
