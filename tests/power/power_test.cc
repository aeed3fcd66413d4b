// Power cuts: every workload of up to three operations, at every call that changes the disk, with every choice of what
// of the un-synced writes survives. What was confirmed must be there, and nothing that was never given.
#include <gtest/gtest.h>

#include <malloc.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "power/cuts.h"

namespace ym::disklog {
namespace {

constexpr std::uint64_t seed = 20261122;

enum class Op : std::uint8_t {
    append_one,
    append_many,
    append_large,  // takes most of a segment: the next one of these rolls
    lazy_one,
    lazy_many,
    sync,
    prepare,
    reclaim_most,
    mark,
    new_epoch,
};
constexpr std::array all_ops{Op::append_one, Op::append_many, Op::append_large, Op::lazy_one, Op::lazy_many,
                             Op::sync,       Op::prepare,     Op::reclaim_most, Op::mark,     Op::new_epoch};

Fault apply(Driven& driven, Op op) {
    static constexpr std::array<std::uint32_t, 1> one{100};
    static constexpr std::array<std::uint32_t, 4> many{700, 5000, 1, 3000};
    static constexpr std::array<std::uint32_t, 1> large{40000};
    const auto synced = [&](std::span<const std::uint32_t> sizes) {
        const Fault failed = driven.append(sizes);
        return failed ? failed : driven.sync();
    };
    switch (op) {
        case Op::append_one: return synced(one);
        case Op::append_many: return synced(many);
        case Op::append_large: return synced(large);
        case Op::lazy_one: return driven.append(one);
        case Op::lazy_many: return driven.append(many);
        case Op::sync: return driven.sync();
        case Op::prepare: return driven.log.wants_segment() ? driven.prepare() : Fault{};
        case Op::reclaim_most: {
            const std::uint64_t attempted = driven.history.attempted();
            return attempted > 1 ? driven.reclaim(attempted - 1) : Fault{};
        }
        case Op::mark: return driven.mark();
        case Op::new_epoch: return driven.new_epoch();
    }
    return {};
}

/// A state that workloads begin in: what is on the disk, and what was promised.
struct Base {
    Image image;
    History history;
};

Base empty_disk() {
    return {};
}

/// Segments that are full, used again and spare; old batches are reclaimed.
Base used_disk() {
    SimDisk disk;
    Driven driven(disk);
    EXPECT_FALSE(driven.recover());
    for (const Op op : {Op::prepare, Op::prepare, Op::append_large, Op::append_many, Op::append_large, Op::append_large,
                        Op::reclaim_most, Op::mark, Op::prepare, Op::prepare, Op::append_large, Op::append_large,
                        Op::append_large, Op::append_one}) {
        const Fault failed = apply(driven, op);
        EXPECT_FALSE(failed) << failed.what;
    }
    return {disk.cache(), driven.history};
}

/// Runs all operations but the last, then the last one with cuts at every call.
void run(const Base& base, std::span<const Op> ops, Cuts& cuts) {
    SimDisk disk(base.image, seed);
    Driven driven(disk, small_options, base.history);
    const auto watch = [&] { disk.before_change = [&] { cuts.at(disk, driven.history); }; };
    if (ops.empty()) watch();
    ASSERT_FALSE(driven.recover());
    for (std::size_t i = 0; i < ops.size(); ++i) {
        if (i + 1 == ops.size()) watch();
        const Fault failed = apply(driven, ops[i]);
        ASSERT_FALSE(failed) << failed.what;
    }
    cuts.at(disk, driven.history);
    disk.before_change = nullptr;
}

void run_all(const Base& base, Cuts& cuts) {
    run(base, {}, cuts);
    for (const Op first : all_ops) {
        run(base, std::array{first}, cuts);
        for (const Op second : all_ops) {
            run(base, std::array{first, second}, cuts);
            for (const Op third : all_ops) run(base, std::array{first, second, third}, cuts);
        }
    }
}

TEST(Power, MayBeCutAtEveryWriteOfEveryWorkloadOfThreeOperations) {
    // Buffers are given back a hundred thousand times; the system need not see it.
    ::mallopt(M_TRIM_THRESHOLD, 1 << 28);
    // `./dev torture power` asks for more rounds, each with subsets that nobody has tried.
    const char* asked = std::getenv("YM_POWER_ROUNDS");
    const std::uint64_t rounds = asked == nullptr ? 1 : std::strtoull(asked, nullptr, 10);
    for (std::uint64_t round = 0; round < rounds; ++round) {
        Cuts cuts(seed + round);
        run_all(empty_disk(), cuts);
        run_all(used_disk(), cuts);
        cuts.print();
        ASSERT_EQ(cuts.wrong(), 0U) << cuts.first_wrong();
        EXPECT_GE(cuts.images(), 100'000U);
    }
}

}  // namespace
}  // namespace ym::disklog
