// The bugs, each a few lines: what somebody who writes a store could get wrong.
#include <cstring>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "planted.h"

namespace planted {
namespace {

ym_completion nothing() {
    ym_completion what{};
    what.size = sizeof what;
    return what;
}

/// Which tickets are those of which call. A bug in answers has to know what it answers.
class Noting : public Bug {
  public:
    using Bug::Bug;

  protected:
    enum class Of { acquire, append, read, fetch, other };
    void note(std::uint64_t ticket, Of of) {
        const std::lock_guard lock(mutex_);
        of_[ticket] = of;
    }
    bool is(std::uint64_t ticket, Of of) {
        const std::lock_guard lock(mutex_);
        const auto found = of_.find(ticket);
        return found != of_.end() && found->second == of;
    }
    void acquire(std::uint32_t shard, ym_text owner, std::uint64_t ttl_ns, std::uint64_t ticket) override {
        note(ticket, Of::acquire);
        Bug::acquire(shard, owner, ttl_ns, ticket);
    }
    void append(std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, ym_text octets, std::uint64_t wait_ns,
                std::uint64_t ticket) override {
        note(ticket, Of::append);
        Bug::append(shard, epoch, number, octets, wait_ns, ticket);
    }
    void read(std::uint32_t shard, std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket) override {
        note(ticket, Of::read);
        Bug::read(shard, from, bytes_max, ticket);
    }
    void fetch(std::uint32_t shard, const std::uint64_t* numbers, std::uint32_t count, std::uint64_t ticket) override {
        note(ticket, Of::fetch);
        Bug::fetch(shard, numbers, count, ticket);
    }

  private:
    std::mutex mutex_;
    std::map<std::uint64_t, Of> of_;
};

/// A bug in what is answered to one kind of call.
template <int kind>
class Answers : public Noting {
  public:
    using Noting::Noting;

  protected:
    virtual void wrong(std::uint64_t ticket, ym_status status, ym_completion what) = 0;
    void answer(std::uint64_t ticket, ym_status status, const ym_completion& what) override {
        if (!is(ticket, static_cast<Of>(kind))) return Noting::answer(ticket, status, what);
        wrong(ticket, status, what);
    }
};
using AcquireAnswers = Answers<0>;
using AppendAnswers = Answers<1>;
using ReadAnswers = Answers<2>;
using FetchAnswers = Answers<3>;

struct TellsTwice : AppendAnswers {
    using AppendAnswers::AppendAnswers;
    void wrong(std::uint64_t ticket, ym_status status, ym_completion what) override {
        inner->tell(ticket, status, what);
        if (ticket % 10 == 0) inner->tell(ticket, status, what);
    }
};

struct NeverTells : AppendAnswers {
    using AppendAnswers::AppendAnswers;
    void wrong(std::uint64_t ticket, ym_status status, ym_completion what) override {
        if (ticket % 10 != 0) inner->tell(ticket, status, what);
    }
};

/// Every fifth answer comes behind the next one.
struct OutOfOrder : AppendAnswers {
    using AppendAnswers::AppendAnswers;
    void wrong(std::uint64_t ticket, ym_status status, ym_completion what) override {
        what.why = {};
        if (ticket % 5 == 0 && held_ == 0) {
            held_ = ticket;
            held_status_ = status;
            return;
        }
        inner->tell(ticket, status, what);
        if (held_ != 0) inner->tell(std::exchange(held_, 0), held_status_);
    }
    std::uint64_t held_ = 0;
    ym_status held_status_ = YM_OK;
};

/// Says that a large batch is kept before it is.
struct TellsEarly : Noting {
    using Noting::Noting;
    void append(std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, ym_text octets, std::uint64_t wait_ns,
                std::uint64_t ticket) override {
        if (octets.size < 1000) return Noting::append(shard, epoch, number, octets, wait_ns, ticket);
        {
            const std::lock_guard lock(mutex_);
            early_.insert(ticket);
        }
        const std::string& copy = copies_.emplace_back(octets.data, octets.size);  // the octets are looked after
        inner->tell(ticket, YM_OK);
        Noting::append(shard, epoch, number, {copy.data(), copy.size()}, wait_ns, ticket);
    }
    void answer(std::uint64_t ticket, ym_status status, const ym_completion& what) override {
        const std::lock_guard lock(mutex_);
        if (early_.count(ticket) == 0) Noting::answer(ticket, status, what);
    }
    std::mutex mutex_;
    std::set<std::uint64_t> early_;
    std::deque<std::string> copies_;
};

/// Looks at the octets of an append after it has answered.
struct KeepsTheBuffer : TellsEarly {
    using TellsEarly::TellsEarly;
    void append(std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, ym_text octets, std::uint64_t wait_ns,
                std::uint64_t ticket) override {
        if (octets.size < 1000) return Noting::append(shard, epoch, number, octets, wait_ns, ticket);
        {
            const std::lock_guard lock(mutex_);
            early_.insert(ticket);
        }
        inner->tell(ticket, YM_OK);
        Noting::append(shard, epoch, number, octets, wait_ns, ticket);
    }
};

/// Something else than what was given is kept.
struct ForgetsOctets : Bug {
    using Bug::Bug;
    void append(std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, ym_text octets, std::uint64_t wait_ns,
                std::uint64_t ticket) override {
        if (octets.size > 4096) --octets.size;
        Bug::append(shard, epoch, number, octets, wait_ns, ticket);
    }
};

struct OldEpoch : AcquireAnswers {
    using AcquireAnswers::AcquireAnswers;
    void wrong(std::uint64_t ticket, ym_status status, ym_completion what) override {
        if (what.epoch > 3) what.epoch = 3;
        inner->tell(ticket, status, what);
    }
};

struct ThroughTooLow : AcquireAnswers {
    using AcquireAnswers::AcquireAnswers;
    void wrong(std::uint64_t ticket, ym_status status, ym_completion what) override {
        if (what.through > 10) --what.through;
        inner->tell(ticket, status, what);
    }
};

struct ThroughTooHigh : AcquireAnswers {
    using AcquireAnswers::AcquireAnswers;
    void wrong(std::uint64_t ticket, ym_status status, ym_completion what) override {
        if (what.through > 10) ++what.through;
        inner->tell(ticket, status, what);
    }
};

/// Lets everybody in: the epoch is not looked at.
struct FencesNobody : Noting {
    using Noting::Noting;
    void append(std::uint32_t shard, std::uint64_t, std::uint64_t number, ym_text octets, std::uint64_t wait_ns,
                std::uint64_t ticket) override {
        Noting::append(shard, newest_, number, octets, wait_ns, ticket);
    }
    void answer(std::uint64_t ticket, ym_status status, const ym_completion& what) override {
        if (is(ticket, Of::acquire) && status == YM_OK) newest_ = what.epoch;
        Noting::answer(ticket, status, what);
    }
    std::uint64_t newest_ = 0;
};

struct OwnersAreAllTheSame : Bug {
    using Bug::Bug;
    void acquire(std::uint32_t shard, ym_text, std::uint64_t ttl_ns, std::uint64_t ticket) override {
        Bug::acquire(shard, {"one", 3}, ttl_ns, ticket);
    }
};

struct ReleasesNothing : Bug {
    using Bug::Bug;
    void release(std::uint32_t shard, std::uint64_t epoch, std::uint64_t ticket) override {
        Bug::renew(shard, epoch, 1'000'000'000, ticket);
    }
};

struct SkipsABatch : ReadAnswers {
    using ReadAnswers::ReadAnswers;
    void wrong(std::uint64_t ticket, ym_status status, ym_completion what) override {
        if (what.count > 12) --what.count;
        inner->tell(ticket, status, what);
    }
};

struct ReadsTooMuch : Bug {
    using Bug::Bug;
    void read(std::uint32_t shard, std::uint64_t from, std::uint64_t bytes_max, std::uint64_t ticket) override {
        Bug::read(shard, from, bytes_max > UINT64_MAX / 2 ? bytes_max : bytes_max * 2, ticket);
    }
};

struct ReadsNothingOfLargeOnes : ReadAnswers {
    using ReadAnswers::ReadAnswers;
    void wrong(std::uint64_t ticket, ym_status status, ym_completion what) override {
        if (what.count == 1 && what.octets[0].size > 10'000) what.count = 0;
        inner->tell(ticket, status, what);
    }
};

struct ReadEndsTooEarly : ReadAnswers {
    using ReadAnswers::ReadAnswers;
    void wrong(std::uint64_t ticket, ym_status status, ym_completion what) override {
        what.through = what.count == 0 ? what.through : what.number[what.count - 1] + 1;
        inner->tell(ticket, status, what);
    }
};

/// A fetch answers in the order in which the batches lie.
struct FetchSorts : Bug {
    using Bug::Bug;
    void fetch(std::uint32_t shard, const std::uint64_t* numbers, std::uint32_t count, std::uint64_t ticket) override {
        std::multiset<std::uint64_t> sorted(numbers, numbers + count);
        const std::vector<std::uint64_t> now(sorted.begin(), sorted.end());
        Bug::fetch(shard, now.data(), count, ticket);
    }
};

/// A fetch leaves out what it does not have.
struct FetchLeavesOut : FetchAnswers {
    using FetchAnswers::FetchAnswers;
    void wrong(std::uint64_t ticket, ym_status status, ym_completion what) override {
        std::vector<std::uint64_t> numbers;
        std::vector<ym_text> octets;
        for (std::uint32_t i = 0; i < what.count; ++i) {
            if (what.octets[i].data == nullptr) continue;
            numbers.push_back(what.number[i]);
            octets.push_back(what.octets[i]);
        }
        what.count = static_cast<std::uint32_t>(numbers.size());
        what.number = numbers.data();
        what.octets = octets.data();
        inner->tell(ticket, status, what);
    }
};

struct ReclaimsOneTooMany : Bug {
    using Bug::Bug;
    void reclaim(std::uint32_t shard, std::uint64_t epoch, std::uint64_t first, std::uint64_t last,
                 std::uint64_t ticket) override {
        Bug::reclaim(shard, epoch, first, last + 1, ticket);
    }
};

/// All shards are one.
struct MixesShards : Bug {
    using Bug::Bug;
    void fetch(std::uint32_t, const std::uint64_t* numbers, std::uint32_t count, std::uint64_t ticket) override {
        Bug::fetch(0, numbers, count, ticket);
    }
};

/// Is closed before its work is.
struct ClosesEarly : Noting {
    using Noting::Noting;
    void close(std::uint64_t deadline_ns, std::uint64_t ticket) override {
        inner->tell(ticket, YM_OK);
        closing_ = ticket;
        Noting::close(deadline_ns, ticket);
    }
    void answer(std::uint64_t ticket, ym_status status, const ym_completion& what) override {
        if (ticket != closing_) Noting::answer(ticket, status, what);
    }
    std::uint64_t closing_ = 0;
};

/// Tells OK of what a close came in between.
struct GuessesAtTheEnd : AppendAnswers {
    using AppendAnswers::AppendAnswers;
    void wrong(std::uint64_t ticket, ym_status status, ym_completion what) override {
        inner->tell(ticket, status == YM_UNKNOWN ? YM_OK : status, what);
    }
};

/// Behind a full one, a smaller one is taken: batches change their numbers.
struct TakesWhatFits : AppendAnswers {
    using AppendAnswers::AppendAnswers;
    void wrong(std::uint64_t ticket, ym_status status, ym_completion what) override {
        const bool behind = full_ && status == YM_FULL;
        full_ = status == YM_FULL;
        inner->tell(ticket, behind ? YM_OK : status, what);
    }
    bool full_ = false;
};

/// Behind a full one, the next number is an error.
struct FailsBehindFull : AppendAnswers {
    using AppendAnswers::AppendAnswers;
    void wrong(std::uint64_t ticket, ym_status status, ym_completion what) override {
        const bool behind = full_ && status == YM_FULL;
        full_ = status == YM_FULL;
        inner->tell(ticket, behind ? YM_FAILED : status, what);
    }
    bool full_ = false;
};

/// Once broken, it goes on after a while.
struct TriesAgain : Noting {
    using Noting::Noting;
    void answer(std::uint64_t ticket, ym_status status, const ym_completion& what) override {
        const bool broken = what.why.size > 6 && std::memcmp(what.why.data, "broken", 6) == 0;
        if (broken && ++failed_ > 3) return inner->tell(ticket, YM_OK, nothing());
        Noting::answer(ticket, status, what);
    }
    int failed_ = 0;
};

struct PromisesTooLittle : Bug {
    using Bug::Bug;
    void caps(ym_store_caps* caps) override {
        Bug::caps(caps);
        caps->batch_bytes_max = 65'536;
    }
};

template <class B>
std::unique_ptr<Bug> make(std::unique_ptr<Inner> inner) {
    return std::make_unique<B>(std::move(inner));
}

struct Named {
    const char* name;
    std::unique_ptr<Bug> (*make)(std::unique_ptr<Inner>);
};
constexpr Named bugs[] = {
    {"none", &make<Bug>},
    {"tells_twice", &make<TellsTwice>},
    {"never_tells", &make<NeverTells>},
    {"out_of_order", &make<OutOfOrder>},
    {"tells_early", &make<TellsEarly>},
    {"keeps_the_buffer", &make<KeepsTheBuffer>},
    {"forgets_octets", &make<ForgetsOctets>},
    {"old_epoch", &make<OldEpoch>},
    {"through_too_low", &make<ThroughTooLow>},
    {"through_too_high", &make<ThroughTooHigh>},
    {"fences_nobody", &make<FencesNobody>},
    {"owners_are_all_the_same", &make<OwnersAreAllTheSame>},
    {"releases_nothing", &make<ReleasesNothing>},
    {"skips_a_batch", &make<SkipsABatch>},
    {"reads_too_much", &make<ReadsTooMuch>},
    {"reads_nothing_of_large_ones", &make<ReadsNothingOfLargeOnes>},
    {"read_ends_too_early", &make<ReadEndsTooEarly>},
    {"fetch_sorts", &make<FetchSorts>},
    {"fetch_leaves_out", &make<FetchLeavesOut>},
    {"reclaims_one_too_many", &make<ReclaimsOneTooMany>},
    {"mixes_shards", &make<MixesShards>},
    {"closes_early", &make<ClosesEarly>},
    {"guesses_at_the_end", &make<GuessesAtTheEnd>},
    {"takes_what_fits", &make<TakesWhatFits>},
    {"fails_behind_full", &make<FailsBehindFull>},
    {"tries_again", &make<TriesAgain>},
    {"promises_too_little", &make<PromisesTooLittle>},
};

}  // namespace

const char* const bug_names =
    "none|tells_twice|never_tells|out_of_order|tells_early|keeps_the_buffer|forgets_octets|old_epoch|through_too_low|"
    "through_too_high|fences_nobody|owners_are_all_the_same|releases_nothing|skips_a_batch|reads_too_much|"
    "reads_nothing_of_large_ones|read_ends_too_early|fetch_sorts|fetch_leaves_out|reclaims_one_too_many|mixes_shards|"
    "closes_early|guesses_at_the_end|takes_what_fits|fails_behind_full|tries_again|promises_too_little";

std::unique_ptr<Bug> make_bug(const std::string& name, std::unique_ptr<Inner> inner) {
    for (const Named& bug : bugs) {
        if (name == bug.name) return bug.make(std::move(inner));
    }
    return nullptr;
}

}  // namespace planted
