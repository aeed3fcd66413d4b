#include "engine.h"

#include <algorithm>
#include <utility>

namespace sqlite_store {
namespace {

/// Several processes compare it, so it is the system's clock.
std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}
std::int64_t until_ns(std::uint64_t ttl_ns) {
    constexpr std::uint64_t year = 366ULL * 24 * 3600 * 1'000'000'000;
    return now_ns() + static_cast<std::int64_t>(std::min(ttl_ns, year));
}

bool owns(const Owner& owner, const Call& call) {
    return !owner.name.empty() && owner.epoch == call.epoch;
}

}  // namespace

Engine::Engine(const Settings& settings, const ym_completions& completions)
    : settings_(settings),
      completions_(completions),
      database_(settings.file),
      teller_(completions, settings.faults),
      chance_(settings.faults.random) {
    if (settings.faults.octets_max != 0) octets_ = database_.octets();
    thread_ = std::thread([this] { run(); });
}

Engine::~Engine() {
    {
        const std::lock_guard lock(mutex_);
        if (!closing_) closing_ = Closing{0, Teller::Clock::now()};
        changed_.notify_all();
    }
    thread_.join();
}

void Engine::call(Call call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
    changed_.notify_all();
}

void Engine::close(std::uint64_t deadline_ns, std::uint64_t ticket) {
    const std::lock_guard lock(mutex_);
    constexpr std::uint64_t hour = 3600ULL * 1'000'000'000;
    closing_ = Closing{ticket, Teller::Clock::now() + std::chrono::nanoseconds(std::min(deadline_ns, hour))};
    changed_.notify_all();
}

void Engine::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        const std::vector<Call> calls = take_due(lock);
        if (calls.empty()) break;
        const bool in_time = !closing_ || Teller::Clock::now() < closing_->deadline;
        lock.unlock();
        if (in_time) {
            perform(calls);
        } else {
            end(calls, YM_UNKNOWN, "the store was closed first");
        }
        lock.lock();
    }
    const Closing closing = *closing_;
    lock.unlock();
    teller_.finish(closing.deadline);
    if (closing.ticket == 0) return;  // ended without a close: nobody waits for an answer
    ym_completion what{};
    what.size = sizeof what;
    if (broken_) what.why = {broken_->data(), broken_->size()};
    completions_.complete(completions_.context, closing.ticket, broken_ ? YM_FAILED : YM_OK, &what);
}

/// Waits for calls that are due and takes them: all appends up to the next other call, or one other call. Nothing is
/// left, and will come, when it gives none.
std::vector<Call> Engine::take_due(std::unique_lock<std::mutex>& lock) {
    const auto is_append = [](const Call& call) { return call.kind == Call::Kind::append; };
    while (true) {
        const auto end = std::find_if_not(calls_.begin(), calls_.end(), is_append);
        if (end != calls_.end() || closing_) {
            // An append may wait for company, but nothing waits for an append.
            const auto last = end == calls_.begin() && end != calls_.end() ? end + 1 : end;
            std::vector<Call> taken(std::make_move_iterator(calls_.begin()), std::make_move_iterator(last));
            calls_.erase(calls_.begin(), last);
            return taken;
        }
        if (calls_.empty()) {
            changed_.wait(lock);
            continue;
        }
        const auto earliest = [](const Call& a, const Call& b) { return a.due < b.due; };
        const auto due = std::min_element(calls_.begin(), calls_.end(), earliest)->due;
        if (due <= Teller::Clock::now()) {
            std::vector<Call> taken(std::make_move_iterator(calls_.begin()), std::make_move_iterator(calls_.end()));
            calls_.clear();
            return taken;
        }
        changed_.wait_until(lock, due);
    }
}

void Engine::perform(const std::vector<Call>& calls) {
    if (broken_) return end(calls, YM_FAILED, *broken_);
    try {
        if (calls.front().kind == Call::Kind::append) return append(calls);
        database_.begin();
        Answer answer = answer_to(calls.front());
        answer.ticket = calls.front().ticket;
        database_.commit();
        teller_.tell(std::move(answer));
    } catch (const Trouble& trouble) {
        database_.rollback();
        if (settings_.faults.octets_max != 0 && trouble.status != YM_FAILED) octets_ = database_.octets();
        if (trouble.status == YM_FAILED) broken_ = trouble.why;
        for (const Call& call : calls) {
            if (call.kind != Call::Kind::append) continue;
            Shard& shard = shards_[call.shard];
            if (trouble.status == YM_FULL) shard.full = true;
            if (trouble.status == YM_UNKNOWN) shard.lost = true;
        }
        end(calls, trouble.status, trouble.why);
    }
}

void Engine::append(const std::vector<Call>& calls) {
    const Faults& faults = settings_.faults;
    std::map<std::uint32_t, Owner> owners;
    std::vector<Answer> answers;
    // The connection breaks before the answer of this call; what was on its way may have arrived, up to a point.
    const auto lost =
        std::find_if(calls.begin(), calls.end(), [&](const Call&) { return chance_.happens(faults.unknown); });
    const auto left = static_cast<std::uint64_t>(calls.end() - lost);
    const auto arrived = lost + static_cast<std::ptrdiff_t>(left == 0 ? 0 : chance_.below(left + 1));

    database_.begin();
    for (auto call = calls.begin(); call != calls.end(); ++call) {
        Answer& answer = answers.emplace_back();
        answer.ticket = call->ticket;
        if (call < arrived) answer.status = append_one(*call, owners, answer.why);
        if (call >= lost && answer.status != YM_FENCED) {
            answer.status = YM_UNKNOWN;
            answer.why = "the answer was lost";
        }
    }
    for (const auto& [shard, owner] : owners) database_.set_owner(shard, owner);
    database_.commit();
    if (lost != calls.end()) lose_connection();
    for (Answer& answer : answers) teller_.tell(std::move(answer));
}

/// One append inside of the transaction. `owners` has the rows as they will be.
ym_status Engine::append_one(const Call& call, std::map<std::uint32_t, Owner>& owners, std::string& why) {
    const Faults& faults = settings_.faults;
    if (broken_) return YM_FAILED;
    Shard& shard = shards_[call.shard];
    if (shard.lost) {
        why = "an earlier answer was lost";
        return YM_UNKNOWN;
    }
    ++appends_;
    if (faults.failed_after != 0 && appends_ > faults.failed_after) {
        broken_ = why = "broken, as it was told to be";
        return YM_FAILED;
    }
    const auto found = owners.try_emplace(call.shard);
    Owner& owner = found.first->second;
    if (found.second) owner = database_.owner(call.shard);
    if (faults.fenced_after != 0 && appends_ == faults.fenced_after + 1) {
        owner.name = "somebody else";
        owner.until_ns = until_ns(3600ULL * 1'000'000'000);
        ++owner.epoch;
    }
    if (!owns(owner, call)) {
        why = "owned by '" + owner.name + "' under epoch " + std::to_string(owner.epoch);
        return YM_FENCED;
    }
    if (call.number != owner.through + 1) {
        if (shard.full && call.number > owner.through + 1) return YM_FULL;
        why = "batch " + std::to_string(call.number) + " does not follow " + std::to_string(owner.through);
        return YM_FAILED;
    }
    if (call.octets.size == 0 || call.octets.size > settings_.batch_bytes_max) {
        why = "a batch of " + std::to_string(call.octets.size) + " octets";
        return YM_FAILED;
    }
    shard.full = faults.octets_max != 0 && octets_ + call.octets.size > faults.octets_max;
    if (shard.full) {
        why = "it holds " + std::to_string(octets_) + " octets";
        return YM_FULL;
    }
    database_.insert(call.shard, call.number, call.octets);
    octets_ += call.octets.size;
    owner.through = call.number;
    return YM_OK;
}

/// A call other than append, inside of its transaction.
Answer Engine::answer_to(const Call& call) {
    Answer answer;
    switch (call.kind) {
        case Call::Kind::acquire: return acquire(call);
        case Call::Kind::read: {
            answer.batches = database_.read(call.shard, call.number, call.last);
            answer.through = answer.batches.through;
            return answer;
        }
        case Call::Kind::fetch: answer.batches = database_.fetch(call.shard, call.numbers); return answer;
        default: return owned(call);
    }
}

Answer Engine::acquire(const Call& call) {
    Answer answer;
    Owner owner = database_.owner(call.shard);
    if (!owner.name.empty() && owner.name != call.owner && owner.until_ns > now_ns()) {
        answer.status = YM_FENCED;
        answer.why = "owned by '" + owner.name + "'";
        return answer;
    }
    const bool lost = chance_.happens(settings_.faults.unknown);
    if (!lost || chance_.below(2) == 0) {
        owner.name = call.owner;
        owner.until_ns = until_ns(call.ttl_ns);
        ++owner.epoch;
        database_.set_owner(call.shard, owner);
    }
    if (lost) {
        answer.status = YM_UNKNOWN;
        answer.why = "the answer was lost";
        shards_[call.shard].lost = true;
        return answer;
    }
    shards_[call.shard] = {};
    answer.epoch = owner.epoch;
    answer.through = owner.through;
    return answer;
}

/// renew, release, reclaim: what the owner alone may do.
Answer Engine::owned(const Call& call) {
    Answer answer;
    Owner owner = database_.owner(call.shard);
    if (!owns(owner, call)) {
        answer.status = YM_FENCED;
        answer.why = "owned by '" + owner.name + "' under epoch " + std::to_string(owner.epoch);
        return answer;
    }
    if (call.kind == Call::Kind::renew) owner.until_ns = until_ns(call.ttl_ns);
    if (call.kind == Call::Kind::release) owner.name.clear();
    if (call.kind == Call::Kind::reclaim) {
        database_.erase(call.shard, call.number, call.last);
        if (settings_.faults.octets_max != 0) octets_ = database_.octets();
    }
    database_.set_owner(call.shard, owner);
    return answer;
}

void Engine::lose_connection() {
    for (auto& entry : shards_) entry.second.lost = true;
}

void Engine::end(const std::vector<Call>& calls, ym_status status, const std::string& why) {
    for (const Call& call : calls) teller_.tell({call.ticket, status, why});
}

}  // namespace sqlite_store
