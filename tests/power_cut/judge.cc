#include "judge.h"

#include <algorithm>

namespace ym::power_cut {
namespace {

std::string text_of(Uid uid, const std::string& queue) {
    return "message " + std::to_string(uid) + " in queue " + queue;
}

std::uint64_t times(const std::map<std::pair<Uid, std::string>, std::vector<std::uint32_t>>& found, Uid uid,
                    const std::string& queue) {
    const auto at = found.find({uid, queue});
    return at == found.end() ? 0 : at->second.size();
}

}  // namespace

void Judge::wrong(std::uint64_t& kind, const std::string& text) {
    ++kind;
    if (first_failure_.empty()) first_failure_ = what_ + ": " + text;
}

void Judge::judge(Image image, const std::map<Uid, Known>& known, Moment cut) {
    ++count_.injected;
    MemoryDisk disk(std::move(image));
    Stack stack(disk, 1'000'000 + cut);
    if (!stack.start()) return wrong(count_.lost, "it does not start: " + stack.why());
    const StatusReport status = stack.status();
    Found found;
    const auto look = [&] {
        for (const Delivered& d : stack.take_deliveries()) {
            const auto at = known.find(d.uid);
            if (d.uid == 0 || at == known.end() || at->second.published > cut)
                wrong(count_.unexpected, text_of(d.uid, d.queue) + " was never published");
            std::vector<std::uint32_t>& attempts = found[{d.uid, d.queue}];
            attempts.push_back(d.attempt);
            if (attempts.size() > 1) wrong(count_.duplicates, text_of(d.uid, d.queue) + " is there twice");
        }
    };
    stack.worker(1000);
    look();
    found_first(known, cut, found, status);
    sent_again(stack, known, cut, found);
    for (const QueueStatus& q : stack.status().queues) {
        if (q.ledger.in() != q.ledger.out() + q.live ||
            q.dead_letters.in != q.dead_letters.dropped + q.dead_letters.live)
            wrong(count_.unexpected, "the books of queue " + q.name + " do not balance");
    }
}

void Judge::found_first(const std::map<Uid, Known>& known, Moment cut, const Found& found, const StatusReport& status) {
    std::uint64_t dead_least = 0;
    std::uint64_t dead_most = 0;
    for (const auto& [uid, k] : known) {
        if (k.published > cut) continue;
        ++count_.attempted;
        if (k.confirmed <= cut) ++count_.confirmed;
        std::size_t there = 0;
        std::size_t open = 0;
        for (const auto& [queue, fate] : k.queues) {
            of_queue(uid, k, queue, fate, cut, found);
            if (fate.settled <= cut) ++count_.acked;
            if (queue == "q" && fate.dies) {
                dead_least += fate.settled <= cut ? 1 : 0;
                dead_most += fate.ended <= cut ? 1 : 0;
            }
            if (fate.ended <= cut) continue;
            ++open;
            there += times(found, uid, queue);
        }
        if (there != 0 && there != open)
            wrong(count_.unexpected, "message " + std::to_string(uid) + " is there in part");
    }
    for (const QueueStatus& q : status.queues) {
        if (q.name != "q") continue;
        if (q.dead_letters.live < dead_least) wrong(count_.lost, "a dead letter of queue q is gone");
        if (q.dead_letters.live > dead_most) wrong(count_.unexpected, "queue q has a dead letter that nobody made");
    }
}

void Judge::of_queue(Uid uid, const Known& k, const std::string& queue, const Fate& fate, Moment cut,
                     const Found& found) {
    const std::uint64_t there = times(found, uid, queue);
    if (k.confirmed <= cut && fate.ended > cut && there == 0)
        wrong(count_.lost, text_of(uid, queue) + " was confirmed, and is gone");
    if (fate.settled <= cut && there > 0)
        wrong(count_.unexpected, text_of(uid, queue) + " was settled for good, and is back");
    // A dead letter of `r` goes on in `g`: it is in one of the two.
    if (queue == "r" && fate.dies && k.confirmed <= cut) {
        const std::uint64_t grave = times(found, uid, "g");
        if (there + grave == 0) wrong(count_.lost, "dead " + text_of(uid, queue) + " is gone");
        if (there + grave > 1) wrong(count_.duplicates, "dead " + text_of(uid, queue) + " is there and in g");
    }
    if (there == 0) return;
    const std::uint32_t attempt = found.at({uid, queue}).front();
    const auto past = [cut](const std::vector<Moment>& moments) {
        return std::count_if(moments.begin(), moments.end(), [cut](Moment moment) { return moment <= cut; });
    };
    const std::int64_t least = 1 + past(fate.told_failed);
    const std::int64_t most = 1 + past(fate.failed);
    if (attempt < least || attempt > most)
        wrong(count_.unexpected, text_of(uid, queue) + " comes as attempt " + std::to_string(attempt));
}

/// A producer that was cut off sends again what it was not told of, and this one all of it: none of it is taken twice.
void Judge::sent_again(Stack& stack, const std::map<Uid, Known>& known, Moment cut, Found& found) {
    Uid highest = 0;
    for (const auto& [uid, k] : known) highest = k.published <= cut ? uid : highest;
    if (highest == 0) return;
    stack.producer(known.begin()->first, highest);
    for (const auto& [uid, k] : known) {
        if (k.published <= cut) stack.publish(k.address, {uid}, k.body);
    }
    const std::map<Uid, std::uint16_t> answers = stack.take_answers();
    for (const Delivered& d : stack.take_deliveries()) found[{d.uid, d.queue}].push_back(d.attempt);
    for (const auto& [uid, k] : known) {
        if (k.published > cut) continue;
        const auto answer = answers.find(uid);
        const std::uint16_t code = answer == answers.end() ? 0 : answer->second;
        if (code != 200 && code != 208) {
            wrong(count_.lost, "message " + std::to_string(uid) + ", sent again, is answered " + std::to_string(code));
            continue;
        }
        if (k.confirmed <= cut && code != 208)
            wrong(count_.duplicates, "message " + std::to_string(uid) + " is not known any more when it is sent again");
        for (const auto& [queue, fate] : k.queues) {
            const std::uint64_t there = times(found, uid, queue);
            if (there > 1) wrong(count_.duplicates, text_of(uid, queue) + " is taken twice");
            if (there == 0 && fate.ended > cut)
                wrong(count_.lost, text_of(uid, queue) + " was sent again, and is gone");
            if (there > 0 && fate.settled <= cut)
                wrong(count_.duplicates, text_of(uid, queue) + " was settled, and is taken again");
        }
    }
}

}  // namespace ym::power_cut
