// The log in use: real files, real threads.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

#include "log/posix_disk.h"
#include "power/used.h"

namespace ym::disklog {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Folder {
  public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "log-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string path() const { return path_; }

  private:
    std::string path_;
};

std::unique_ptr<Disk> disk_in(const Folder& folder) {
    return std::make_unique<PosixDisk>(folder.path());
}
const LogOptions small{0, 65536, 65536, ""};

TEST(Writer, GivesBackAfterAReopenWhatItConfirmed) {
    const Folder folder;
    {
        Used used(disk_in(folder), small);
        const Told acquired = used.acquire(1);
        ASSERT_EQ(acquired.status, Status::ok) << acquired.why;
        EXPECT_EQ(acquired.through, 0U);
        for (std::uint64_t i = 1; i <= 100; ++i)
            used.append(acquired.epoch, i, std::string(1000, char('a' + i % 26)), 0ns, 100 + i);
        for (std::uint64_t i = 1; i <= 100; ++i) {
            EXPECT_EQ(used.wait(100 + i).status, Status::ok) << used.wait(100 + i).why;
            EXPECT_EQ(used.wait(100 + i).order, i);
        }
    }
    Used used(disk_in(folder), small);
    const Told acquired = used.acquire(1);
    ASSERT_EQ(acquired.status, Status::ok) << acquired.why;
    EXPECT_EQ(acquired.through, 100U);
    EXPECT_EQ(acquired.epoch, 2U);
    used.writer->read(1, 1 << 20, 2);
    const Told read = used.wait(2);
    EXPECT_EQ(read.through, 100U);
    ASSERT_EQ(read.numbers.size(), 100U);
    for (std::uint64_t i = 1; i <= 100; ++i) {
        EXPECT_EQ(read.numbers[i - 1], i);
        EXPECT_EQ(read.batches[i - 1], std::string(1000, char('a' + i % 26)));
    }
    const std::uint64_t numbers[] = {7, 3, 101};
    used.writer->fetch(numbers, 3);
    const Told fetched = used.wait(3);
    ASSERT_EQ(fetched.batches.size(), 3U);
    EXPECT_EQ(fetched.batches[0], std::string(1000, 'h'));
    EXPECT_EQ(fetched.batches[1], std::string(1000, 'd'));
    EXPECT_EQ(fetched.batches[2], "(none)");
}

TEST(Writer, AnswersABatchThatMayWaitWithTheNextThatMayNot) {
    const Folder folder;
    Used used(disk_in(folder), small);
    const std::uint64_t epoch = used.acquire(1).epoch;
    used.append(epoch, 1, "ack", 1h, 2);
    used.append(epoch, 2, "message", 0ns, 3);
    EXPECT_EQ(used.wait(3).status, Status::ok);
    EXPECT_EQ(used.wait(2).status, Status::ok);
    EXPECT_LT(used.wait(2).order, used.wait(3).order);
}

TEST(Writer, SyncsWhatMayWaitWhenItsTimeIsOver) {
    const Folder folder;
    Used used(disk_in(folder), small);
    const std::uint64_t epoch = used.acquire(1).epoch;
    used.append(epoch, 1, "ack", 1ms, 2);
    EXPECT_EQ(used.wait(2).status, Status::ok);
}

TEST(Writer, AnswersAsUnknownWhatClosingLeavesNoTimeFor) {
    const Folder folder;
    Used used(disk_in(folder), small);
    const std::uint64_t epoch = used.acquire(1).epoch;
    used.append(epoch, 1, "ack", 1h, 2);
    used.close(0ns);
    EXPECT_EQ(used.wait(2).status, Status::unknown);
}

TEST(Writer, CommitsWhatWaitsWhenItIsClosed) {
    const Folder folder;
    Used used(disk_in(folder), small);
    const std::uint64_t epoch = used.acquire(1).epoch;
    used.append(epoch, 1, "ack", 1h, 2);
    used.close();
    EXPECT_EQ(used.wait(2).status, Status::ok);
    Used again(disk_in(folder), small);
    EXPECT_EQ(again.acquire(1).through, 1U);
}

/// What frames a folder holds, as "e" (epoch), "b" (batches) and "m" (mark).
std::string frames_in(const Folder& folder) {
    PosixDisk disk(folder.path());
    std::vector<std::string> names;
    EXPECT_FALSE(disk.list(names));
    std::sort(names.begin(), names.end());
    std::string kinds;
    for (const std::string& name : names) {
        SegmentScan scan;
        if (!ordinal_of(name)) continue;
        EXPECT_FALSE(Scanner().scan(disk, name, 65536, scan));
        for (const FrameAt& frame : scan.frames) kinds += "?bme"[static_cast<int>(frame.header.kind)];
    }
    return kinds;
}

TEST(Writer, MarksOnceThatWhatItWroteIsDurable) {
    const Folder folder;
    Used used(disk_in(folder), small);
    const std::uint64_t epoch = used.acquire(1).epoch;
    for (std::uint64_t i = 1; i <= 2; ++i) {
        used.append(epoch, i, "message", 0ns, 1 + i);
        EXPECT_EQ(used.wait(1 + i).status, Status::ok);
        const std::string marked = i == 1 ? "ebm" : "ebmbm";
        for (int tries = 0; tries < 1000 && frames_in(folder) != marked; ++tries) std::this_thread::sleep_for(5ms);
        EXPECT_EQ(frames_in(folder), marked);
    }
    used.close();
    EXPECT_EQ(frames_in(folder), "ebmbm");
}

TEST(Writer, WritesWhatMayWaitLongBeforeItSyncsIt) {
    const Folder folder;
    Used used(disk_in(folder), small);
    std::atomic<bool> answered = false;
    used.on_complete = [&](std::uint64_t ticket, Status) { answered = answered || ticket == 2; };
    const std::uint64_t epoch = used.acquire(1).epoch;
    used.append(epoch, 1, "ack", 10s, 2);
    for (int tries = 0; tries < 2000 && frames_in(folder) != "eb"; ++tries) std::this_thread::sleep_for(5ms);
    EXPECT_EQ(frames_in(folder), "eb");
    EXPECT_FALSE(answered) << "it is written after 1 s, and synced after 10 s";
    used.append(epoch, 2, "message", 0ns, 3);
    EXPECT_EQ(used.wait(3).status, Status::ok);
    EXPECT_TRUE(answered);
}

TEST(Writer, GoesOnWhenTheSizeOfSegmentsIsChanged) {
    const Folder folder;
    std::uint64_t number = 0;
    for (const std::uint64_t bytes : {65536U, 262144U, 131072U, 65536U}) {
        const LogOptions options{0, bytes, bytes, ""};
        Used used(disk_in(folder), options);
        const Told acquired = used.acquire(1);
        ASSERT_EQ(acquired.status, Status::ok) << acquired.why;
        EXPECT_EQ(acquired.through, number);
        for (int i = 0; i < 5; ++i) {
            ++number;
            used.append(acquired.epoch, number, std::string(batch_bytes_max(bytes), 'x'), 0ns, 1 + number);
            EXPECT_EQ(used.wait(1 + number).status, Status::ok) << used.wait(1 + number).why;
        }
        used.append(acquired.epoch, number + 1, std::string(batch_bytes_max(bytes) + 1, 'x'), 0ns, 1000);
        EXPECT_EQ(used.wait(1000).status, Status::failed);
    }
    Used used(disk_in(folder), small);
    EXPECT_EQ(used.acquire(1).through, 20U);
    used.writer->read(1, 1 << 30, 2);
    EXPECT_EQ(used.wait(2).numbers.size(), 20U);
}

TEST(Writer, IsFencedWhileAnotherHasTheFolder) {
    const Folder folder;
    Used first(disk_in(folder), small);
    EXPECT_EQ(first.acquire(1).status, Status::ok);
    Used second(disk_in(folder), small);
    const Told told = second.acquire(1);
    EXPECT_EQ(told.status, Status::fenced);
    EXPECT_THAT(told.why, HasSubstr("in use by another process"));
    first.writer->release(1, 2);
    EXPECT_EQ(first.wait(2).status, Status::ok);
    EXPECT_EQ(second.acquire(3).status, Status::ok);
}

TEST(Writer, TakesNothingUnderAnOldEpochOrOutOfTurn) {
    const Folder folder;
    Used used(disk_in(folder), small);
    const std::uint64_t epoch = used.acquire(1).epoch;
    EXPECT_EQ(used.acquire(2, "another").status, Status::fenced);
    EXPECT_GT(used.acquire(3).epoch, epoch);
    used.append(epoch, 1, "x", 0ns, 4);
    EXPECT_EQ(used.wait(4).status, Status::fenced);
    used.append(epoch + 1, 2, "x", 0ns, 5);
    EXPECT_EQ(used.wait(5).status, Status::failed);
    used.append(epoch + 1, 1, "x", 0ns, 6);
    EXPECT_EQ(used.wait(6).status, Status::ok);
}

TEST(Writer, KeepsTheDiskSmallWhenOldBatchesAreReclaimed) {
    const Folder folder;
    Used used(disk_in(folder), small);
    const std::uint64_t epoch = used.acquire(1).epoch;
    std::uint64_t ticket = 10;
    for (std::uint64_t i = 1; i <= 500; ++i) {
        used.append(epoch, i, std::string(10'000, 'x'), 0ns, ++ticket);
        ASSERT_EQ(used.wait(ticket).status, Status::ok);
        used.writer->reclaim(epoch, i, ++ticket);
        EXPECT_EQ(used.wait(ticket).status, Status::ok);
    }
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        files += entry.path().extension() == ".log" ? 1 : 0;
    }
    EXPECT_LE(files, 7U) << "5 MB went through segments of 64 KiB";
    used.close();
    Used again(disk_in(folder), small);
    EXPECT_EQ(again.acquire(1).through, 500U);
    again.writer->read(1, 1 << 20, 2);
    EXPECT_TRUE(again.wait(2).numbers.empty());
    EXPECT_EQ(again.wait(2).through, 500U);
}

}  // namespace
}  // namespace ym::disklog
