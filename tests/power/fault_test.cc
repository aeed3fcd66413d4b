// The log with its threads on a disk that fails: power cuts at every call, and calls that fail one after the other.
#include <gmock/gmock.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "power/cuts.h"
#include "power/used.h"

namespace ym::disklog {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seed = 20261122;

/// Passes calls on to a disk that the test keeps.
class Borrowed : public Disk {
  public:
    explicit Borrowed(SimDisk& disk) : disk_(disk) {}
    Fault lock(bool& held) override { return disk_.lock(held); }
    void unlock() override { disk_.unlock(); }
    Fault create(const std::string& name, std::shared_ptr<File>& file) override { return disk_.create(name, file); }
    Fault open(const std::string& name, std::shared_ptr<File>& file) override { return disk_.open(name, file); }
    Fault rename(const std::string& from, const std::string& to) override { return disk_.rename(from, to); }
    Fault remove(const std::string& name) override { return disk_.remove(name); }
    Fault list(std::vector<std::string>& names) override { return disk_.list(names); }
    Fault sync_directory() override { return disk_.sync_directory(); }
    Fault make_directory(const std::string& name) override { return disk_.make_directory(name); }
    std::uint64_t random() override { return disk_.random(); }

  private:
    SimDisk& disk_;
};

std::string octets_of(std::uint64_t number, std::uint32_t size) {
    std::string octets(size, '\0');
    fill(number, std::as_writable_bytes(std::span(octets)));
    return octets;
}

/// Batches are appended, now and then reclaimed; what is confirmed goes into a history.
class Load {
  public:
    explicit Load(SimDisk& disk, LogOptions options = small_options)
        : used(std::make_unique<Borrowed>(disk), std::move(options)) {
        used.on_complete = [this](std::uint64_t ticket, Status status) {
            if (ticket < tickets_from) return;
            const std::lock_guard lock(mutex);
            if (status != Status::ok) return;
            ok_after_failure = ok_after_failure || failed;
            history.confirmed = std::max(history.confirmed, ticket - tickets_from);
        };
    }

    /// Appends the next batch; the ticket tells its number.
    void append(std::uint32_t size, std::chrono::nanoseconds wait) {
        {
            const std::lock_guard lock(mutex);
            history.bytes.push_back(size);
        }
        const std::uint64_t number = history.attempted();
        used.append(epoch, number, octets_of(number, size), wait, tickets_from + number);
    }
    History now() {
        const std::lock_guard lock(mutex);
        return history;
    }

    static constexpr std::uint64_t tickets_from = 1'000'000;
    std::mutex mutex;
    History history;
    bool failed = false;
    bool ok_after_failure = false;
    std::uint64_t epoch = 0;
    Used used;
};

std::uint32_t size_of(std::uint64_t i) {
    return i % 11 == 10 ? 30'000 : i % 3 == 2 ? 6000 : 50 + static_cast<std::uint32_t>(i);
}

TEST(Faults, PowerMayBeCutAtEveryCallOfTheThreads) {
    SimDisk disk;
    Load load(disk);
    Cuts cuts(seed);
    disk.before_change = [&] { cuts.at(disk, load.now()); };
    const Told acquired = load.used.acquire(1);
    ASSERT_EQ(acquired.status, Status::ok) << acquired.why;
    load.epoch = acquired.epoch;
    {
        const std::lock_guard lock(load.mutex);
        load.history.epoch = acquired.epoch;
    }
    for (std::uint64_t i = 1; i <= 300; ++i) {
        load.append(size_of(i), i % 4 == 0 ? 5ms : 0ms);
        if (i % 5 == 0) {
            EXPECT_EQ(load.used.wait(Load::tickets_from + i).status, Status::ok);
        }
        if (i % 20 != 0) continue;
        {
            const std::lock_guard lock(load.mutex);
            load.history.reclaimed = i - 7;
        }
        load.used.writer->reclaim(load.epoch, i - 7, i);
    }
    EXPECT_EQ(load.used.wait(Load::tickets_from + 300).status, Status::ok);
    load.used.close();
    disk.before_change = nullptr;
    cuts.print();
    EXPECT_EQ(cuts.wrong(), 0U) << cuts.first_wrong();
    EXPECT_GT(cuts.images(), 2000U);
}

constexpr std::uint64_t appends = 80;

enum class How : std::uint8_t { error, part_of_it, no_space };

struct Ended {
    bool reached = false;  // the call that was to fail was made
    bool failed = false;   // something was answered with FAILED
    std::uint64_t confirmed = 0;
    std::uint64_t full = 0;
};

/// A fixed workload in which call `n` fails. Afterwards: another process starts on what is there, then power is cut.
Ended run_with_failure(std::uint64_t n, How how) {
    SimDisk disk;
    disk.fails_at = n;
    disk.fails_with = how == How::no_space ? ENOSPC : EIO;
    disk.partly = how == How::part_of_it;
    Ended ended;
    History history;
    {
        Load load(disk);
        const Told acquired = load.used.acquire(1);
        load.epoch = acquired.epoch;
        load.history.epoch = acquired.epoch;
        ended.failed = acquired.status == Status::failed;
        for (std::uint64_t i = 1; i <= appends && !ended.failed; ++i) {
            load.append(size_of(i), i % 4 == 0 ? 1ms : 0ms);
            if (i % 2 != 0) continue;  // two under way
            for (std::uint64_t number = i - 1; number <= i; ++number) {
                Status status = load.used.wait(Load::tickets_from + number).status;
                // Refused for want of space: again, until a segment can be made, under tickets that the history does
                // not know.
                for (std::uint64_t again = 2; status == Status::full; ++again) {
                    ++ended.full;
                    const std::uint64_t ticket = number * 10'000'000 * 10 + again;
                    load.used.append(load.epoch, number, octets_of(number, size_of(number)), 0ns, ticket);
                    status = load.used.wait(ticket).status;
                    if (status == Status::full) std::this_thread::sleep_for(10ms);
                    const std::lock_guard lock(load.mutex);
                    if (status == Status::ok) load.history.confirmed = number;
                }
                if (status != Status::ok) ended.failed = load.failed = true;
            }
            if (i % 10 == 0 && !ended.failed) {
                load.history.reclaimed = i - 3;
                load.used.writer->reclaim(load.epoch, i - 3, i);
                load.used.wait(i);
            }
        }
        if (ended.failed) {
            // Nothing is confirmed any more, though the disk works again.
            load.append(100, 0ns);
            const Status status = load.used.wait(Load::tickets_from + load.history.attempted()).status;
            EXPECT_TRUE(status == Status::failed || status == Status::fenced) << "after call " << n;
        }
        load.used.close();
        EXPECT_FALSE(load.ok_after_failure) << "after call " << n;
        history = load.history;
    }
    ended.reached = disk.failed();
    ended.confirmed = history.confirmed;
    disk.fails_at = 0;

    Recovered restarted;
    const std::string wrong = check(disk, history, restarted);
    EXPECT_EQ(wrong, "") << "restarted after call " << n << " failed";
    // What that process took over is durable, though the cache may have shown what a failed sync did not write.
    History after = history;
    after.confirmed = restarted.through;
    after.epoch = restarted.epoch;
    SimDisk dark(disk.cut(0, [](std::size_t, std::size_t) { return false; }), n);
    Recovered cut;
    EXPECT_EQ(check(dark, after, cut), "") << "power cut after a restart after call " << n << " failed";
    return ended;
}

TEST(Faults, EachCallMayFailAndNothingConfirmedIsLost) {
    std::printf("%-28s %9s %10s %10s %6s %10s %6s %10s  %s\n", "fault", "injected", "attempted", "confirmed", "acked",
                "duplicates", "lost", "unexpected", "seed");
    for (const How how : {How::error, How::part_of_it, How::no_space}) {
        std::uint64_t n = 1, failed = 0, confirmed = 0, full = 0;
        for (; n < 2000; ++n) {
            const Ended ended = run_with_failure(n, how);
            failed += ended.failed ? 1 : 0;
            full += ended.full;
            confirmed += ended.confirmed;
            if (!ended.reached || ::testing::Test::HasFailure()) break;
        }
        static constexpr const char* names[] = {"n-th call: EIO", "n-th call: short, then EIO", "n-th call: ENOSPC"};
        std::printf("%-28s %9llu %10llu %10llu %6d %10d %6d %10d  %llu   (%llu ended in FAILED, %llu were FULL)\n",
                    names[static_cast<int>(how)], static_cast<unsigned long long>(n - 1),
                    static_cast<unsigned long long>(appends * (n - 1)), static_cast<unsigned long long>(confirmed), 0,
                    0, 0, 0, static_cast<unsigned long long>(seed), static_cast<unsigned long long>(failed),
                    static_cast<unsigned long long>(full));
        EXPECT_GT(n, 100U) << "the workload changes the disk less often than it should";
        EXPECT_GT(failed, 50U);
    }
}

TEST(Faults, AFullDiskRefusesMessagesTakesAcksAndRecoversByItself) {
    SimDisk disk;
    disk.space = 3 * 65536;
    Load load(disk);
    load.epoch = load.used.acquire(1).epoch;
    std::uint64_t next = 1, ticket = 1000;
    const auto append = [&](std::chrono::nanoseconds wait, std::uint32_t size) {
        load.used.append(load.epoch, next, octets_of(next, size), wait, ++ticket);
        const Status status = load.used.wait(ticket).status;
        if (status == Status::ok) ++next;
        return status;
    };
    while (append(0ns, 5000) == Status::ok) ASSERT_LT(next, 100U);
    const std::uint64_t full_at = next;
    EXPECT_EQ(full_at, 14U) << "two segments hold 6 and 7, the third is the reserve";
    // Acks go on, in the reserve.
    for (int i = 0; i < 5; ++i) EXPECT_EQ(append(1us, 50), Status::ok);
    EXPECT_EQ(append(0ns, 5000), Status::full);
    EXPECT_EQ(append(1us, 50), Status::ok);
    // Space comes back with what is reclaimed.
    load.used.writer->reclaim(load.epoch, full_at - 1, 2);
    EXPECT_EQ(load.used.wait(2).status, Status::ok);
    Status status = Status::full;
    for (int i = 0; i < 300 && status == Status::full; ++i) {
        status = append(0ns, 5000);
        if (status == Status::full) std::this_thread::sleep_for(10ms);
    }
    EXPECT_EQ(status, Status::ok);
}

TEST(Faults, WhatIsUnderWayBehindARefusedBatchIsRefusedToo) {
    SimDisk disk;
    disk.space = 2 * 65536;
    Load load(disk);
    load.epoch = load.used.acquire(1).epoch;
    for (std::uint64_t i = 1; i <= 20; ++i) load.used.append(load.epoch, i, std::string(5000, 'x'), 0ns, 100 + i);
    std::uint64_t taken = 0;
    bool refused = false;
    for (std::uint64_t i = 1; i <= 20; ++i) {
        const Status status = load.used.wait(100 + i).status;
        EXPECT_EQ(status, refused || status == Status::full ? Status::full : Status::ok) << i;
        refused = refused || status == Status::full;
        taken += status == Status::ok ? 1 : 0;
    }
    EXPECT_GE(taken, 6U);
    EXPECT_TRUE(refused);
    // The number that was refused first comes again.
    load.used.append(load.epoch, taken + 1, "small", 0ns, 200);
    EXPECT_EQ(load.used.wait(200).status, Status::full);
    disk.space = UINT64_MAX;
    Status status = Status::full;
    for (std::uint64_t i = 0; i < 300 && status == Status::full; ++i) {
        load.used.append(load.epoch, taken + 1, "small", 0ns, 300 + i);
        status = load.used.wait(300 + i).status;
        if (status == Status::full) std::this_thread::sleep_for(10ms);
    }
    EXPECT_EQ(status, Status::ok);
}

}  // namespace
}  // namespace ym::disklog
