// What a copy that waits costs, with 10, 10 thousand and 10 million others waiting: to add it, and to take it out when
// its time has come. The heap beside it is what a queue had before. Only the counts are checked; times are for people.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "base/prng.h"
#include "broker/queue.h"

namespace ym {
namespace {

/// Of this process, so that other work on the machine does not count.
double cpu_ns() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// As a queue kept those that wait before: a binary heap.
class Heap {
  public:
    void add(std::uint64_t due, std::uint64_t /*now*/, const Waiting& item) {
        items_.emplace_back(due, item);
        std::push_heap(items_.begin(), items_.end(), later);
    }
    template <class Visit>
    std::size_t take_due(std::uint64_t now, std::size_t most, Visit visit) {
        std::size_t taken = 0;
        for (; taken < most && !items_.empty() && items_.front().first <= now; ++taken) {
            const auto [due, item] = items_.front();
            std::pop_heap(items_.begin(), items_.end(), later);
            items_.pop_back();
            visit(due, item);
        }
        return taken;
    }
    [[nodiscard]] std::size_t size() const { return items_.size(); }
    [[nodiscard]] std::size_t memory() const { return items_.capacity() * sizeof(items_.front()); }

  private:
    using Item = std::pair<std::uint64_t, Waiting>;
    static bool later(const Item& a, const Item& b) { return a.first > b.first; }

    std::vector<Item> items_;
};

/// Waits as a backoff draws them: 500 ms, times 2 up to 5 min, each from 80 % to 120 %; in nanoseconds.
std::uint64_t draw_wait(Prng& prng) {
    const std::uint64_t wait = std::min<std::uint64_t>(500'000'000ULL << prng.below(11), 300'000'000'000ULL);
    return wait - wait / 5 + prng.below(2 * (wait / 5) + 1);
}

struct Cost {
    double add_ns = 0;    // to add one
    double cycle_ns = 0;  // to take one that is due out, and add another: `waiting` stay
    double octets = 0;    // of memory, for each that waits
};

template <class Timers>
Cost measure(std::size_t waiting, std::size_t operations) {
    Timers timers;
    Prng prng(waiting);
    std::vector<std::uint64_t> waits(1U << 16U);
    for (std::uint64_t& wait : waits) wait = draw_wait(prng);
    std::uint64_t now = 1'000'000'000;
    std::uint64_t next = 0;
    const auto add = [&] {
        const Copy copy{MessageId{next}, static_cast<Slot>(next), 1};
        timers.add(now + waits[next % waits.size()], now, Waiting::of(copy, WaitReason::nack));
        ++next;
    };
    const double begin = cpu_ns();
    // Ten are too few to be seen by a clock: they are added and taken out again and again.
    const std::size_t rounds = std::max<std::size_t>(1, 100'000 / waiting);
    for (std::size_t round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < waiting; ++i) add();
        if (round + 1 < rounds) {
            now += 400'000'000'000;
            timers.take_due(now, waiting, [](std::uint64_t, const Waiting&) {});
        }
    }
    const double added = cpu_ns();
    Cost cost;
    cost.octets = static_cast<double>(timers.memory()) / static_cast<double>(waiting);
    std::size_t taken = 0;
    // So much goes by that one thing in `waiting` is due, about as if each waited a minute.
    const std::uint64_t tick = std::max<std::uint64_t>(1, 60'000'000'000 / waiting);
    while (taken < operations) {
        now += tick;
        const std::size_t due = timers.take_due(now, operations - taken, [](std::uint64_t, const Waiting&) {});
        for (std::size_t i = 0; i < due; ++i) add();
        taken += due;
    }
    const double cycled = cpu_ns();
    cost.add_ns = (added - begin) / static_cast<double>(waiting * rounds);
    cost.cycle_ns = (cycled - added) / static_cast<double>(operations);
    if (timers.size() != waiting) {
        std::fprintf(stderr, "%zu wait, and %zu should\n", timers.size(), waiting);
        std::exit(1);
    }
    return cost;
}

void show(const char* name, std::size_t waiting, const Cost& cost) {
    std::printf("%-6s %9zu waiting: add %6.1f ns, take and add another %7.1f ns, %5.1f octets each\n", name, waiting,
                cost.add_ns, cost.cycle_ns, cost.octets);
}

}  // namespace
}  // namespace ym

int main(int argc, char** argv) {
    const bool quick = argc > 1 && std::strcmp(argv[1], "--quick") == 0;
    for (const std::size_t waiting : {std::size_t{10}, std::size_t{10'000}, std::size_t{10'000'000}}) {
        const std::size_t most = quick ? std::min<std::size_t>(waiting, 10'000) : waiting;
        const std::size_t operations = quick ? 10'000 : 2'000'000;
        ym::show("wheel", most, ym::measure<ym::Wheel<ym::Waiting>>(most, operations));
        ym::show("heap", most, ym::measure<ym::Heap>(most, operations));
    }
    return 0;
}
