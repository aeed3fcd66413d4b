// Octets that rot: a log of 64 KiB cut at every octet, and each of its bits flipped. Either it is found and told with
// its range, or nothing that was confirmed is missing.
#include <gmock/gmock.h>

#include <malloc.h>

#include <cstdio>

#include "power/history.h"

namespace ym::disklog {
namespace {

using ::testing::HasSubstr;

/// A segment full of batches, closed by a mark.
struct Base {
    Image image;
    History history;
    std::vector<FrameAt> frames;
    std::string name;

    [[nodiscard]] std::vector<std::byte>& octets() const { return *image.begin()->second; }
    /// The frame that an octet belongs to, null outside.
    [[nodiscard]] const FrameAt* frame_at(std::uint64_t octet) const {
        for (const FrameAt& frame : frames) {
            if (octet >= frame.begin() && octet < frame.end()) return &frame;
        }
        return nullptr;
    }
};

Base full_segment() {
    Base base;
    SimDisk disk;
    Driven driven(disk);
    EXPECT_FALSE(driven.recover());
    std::vector<std::uint32_t> sizes;
    for (std::uint32_t i = 0; driven.log.room() > 5 * block_bytes; ++i) {
        sizes.assign(1 + i % 4 * 4, 300 + 377 * (i % 5));
        EXPECT_FALSE(driven.append(sizes));
        EXPECT_FALSE(driven.sync());
    }
    EXPECT_FALSE(driven.mark());
    disk.settle();
    base.image = disk.cache();
    base.history = driven.history;
    base.name = base.image.begin()->first;
    SegmentScan scan;
    EXPECT_FALSE(Scanner().scan(disk, base.name, small_options.segment_bytes, scan));
    base.frames = scan.frames;
    return base;
}

struct Counts {
    std::uint64_t tried = 0, reported = 0, harmless = 0, lost = 0, unexpected = 0;
};

void print_head() {
    std::printf("%-26s %9s %10s %10s %9s %9s %6s %6s %10s  %s\n", "fault", "injected", "attempted", "confirmed",
                "reported", "harmless", "acked", "lost", "unexpected", "seed");
}

void print(const char* name, const Counts& counts, const History& history) {
    std::printf("%-26s %9llu %10llu %10llu %9llu %9llu %6d %6llu %10llu  none\n", name,
                static_cast<unsigned long long>(counts.tried), static_cast<unsigned long long>(history.attempted()),
                static_cast<unsigned long long>(history.confirmed), static_cast<unsigned long long>(counts.reported),
                static_cast<unsigned long long>(counts.harmless), 0, static_cast<unsigned long long>(counts.lost),
                static_cast<unsigned long long>(counts.unexpected));
}

/// The report of damage to a frame, as far as it can be said beforehand: its octets and its batches.
std::string report_of(const Base& base, const FrameAt& frame) {
    return base.name + " octets " + std::to_string(frame.begin()) + ".." + std::to_string(frame.end()) + ": batches " +
           std::to_string(frame.header.first) + ".." + std::to_string(frame.header.next_number() - 1);
}

TEST(Rot, EveryBitOfALogMayFlip) {
    ::mallopt(M_TRIM_THRESHOLD, 1 << 28);
    const Base base = full_segment();
    Counts counts;
    std::vector<std::byte>& octets = base.octets();
    for (std::uint64_t at = 0; at < octets.size(); ++at) {
        const FrameAt* frame = base.frame_at(at);
        const std::string report = frame == nullptr ? "none" : report_of(base, *frame);
        for (unsigned bit = 0; bit < 8; ++bit) {
            const std::byte before = octets[at];
            octets[at] ^= static_cast<std::byte>(1U << bit);
            SimDisk disk(base.image);
            Recovered found;
            const std::string wrong = check(disk, base.history, found);
            octets[at] = before;
            ++counts.tried;
            if (wrong.empty()) {
                ++counts.harmless;
            } else if (wrong.find(report) != std::string::npos && frame->header.count > 0) {
                ++counts.reported;
            } else {
                ++(wrong.find("lost") != std::string::npos ? counts.lost : counts.unexpected);
                ADD_FAILURE_AT(__FILE__, __LINE__) << "octet " << at << " bit " << bit << ": " << wrong;
                if (counts.lost + counts.unexpected > 5) return;
            }
        }
    }
    print_head();
    print("a bit flipped", counts, base.history);
    EXPECT_EQ(counts.tried, 524'288U);
    EXPECT_GT(counts.reported, 200'000U);
}

TEST(Rot, ALogMayBeCutAtEveryOctet) {
    const Base base = full_segment();
    Counts counts;
    const std::vector<std::byte> whole = base.octets();
    std::vector<std::byte>& octets = base.octets();
    octets.reserve(whole.size());
    for (std::uint64_t end = 0; end <= whole.size(); ++end) {
        octets.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(end));
        SimDisk disk(base.image);
        Recovered found;
        const std::string wrong = check(disk, base.history, found);
        ++counts.tried;
        const std::string report = base.name + " octets " + std::to_string(end) + "..65536: whatever stood from batch ";
        if (wrong.empty()) {
            ++counts.harmless;
        } else if (wrong.find(report) != std::string::npos) {
            ++counts.reported;
        } else {
            ++(wrong.find("lost") != std::string::npos ? counts.lost : counts.unexpected);
            ADD_FAILURE() << "cut at " << end << ": " << wrong;
            if (counts.lost + counts.unexpected > 5) return;
        }
    }
    print_head();
    print("cut at an octet", counts, base.history);
    EXPECT_EQ(counts.harmless, 1U) << "the whole log, and nothing else, is as it was";
}

/// Flips a bit in the middle of a frame.
void damage(const Base& base, const FrameAt& frame) {
    base.octets()[frame.begin() + frame_header_bytes + frame.header.body_bytes / 2] ^= std::byte{1};
}

std::string digest_in(const std::string& why) {
    const std::size_t at = why.find("accept_loss: \"");
    return at == std::string::npos ? "" : why.substr(at + 14, 8);
}

TEST(Rot, WhatIsDamagedIsLeftOutWhenAPersonAcceptsIt) {
    const std::size_t frames = full_segment().frames.size();
    for (std::size_t f = 0; f < frames; ++f) {
        const Base base = full_segment();
        const FrameAt frame = base.frames[f];
        if (frame.header.count == 0) continue;
        damage(base, frame);
        const Image damaged = base.image;
        SimDisk disk(damaged);
        LogOptions options = small_options;
        bool held = false;
        std::string why;
        {
            Log log(disk, options);
            why = log.recover(held).what;
        }
        EXPECT_THAT(why, HasSubstr(report_of(base, frame)));
        EXPECT_EQ(*disk.cache()[base.name], *damaged.at(base.name)) << "a refused start changes nothing";

        options.accept_loss = "deadbeef";
        EXPECT_EQ(Log(disk, options).recover(held).what, why) << "another digest is no consent to this";
        options.accept_loss = digest_in(why);
        // Once with consent, then without: it is remembered.
        for (int starts = 0; starts < 3; ++starts, options.accept_loss.clear()) {
            Log log(disk, options);
            const Fault failed = log.recover(held);
            ASSERT_FALSE(failed) << failed.what;
            Answer answer;
            ASSERT_FALSE(read_batches(log.index(), 1, UINT32_MAX, answer));
            std::vector<std::uint64_t> expected;
            for (std::uint64_t number = 1; number <= base.history.attempted(); ++number) {
                if (number < frame.header.first || number >= frame.header.next_number()) expected.push_back(number);
            }
            EXPECT_EQ(answer.numbers, expected);
            const std::uint64_t gone[] = {frame.header.first};
            Answer fetched;
            ASSERT_FALSE(fetch_batches(log.index(), gone, fetched));
            EXPECT_EQ(fetched.batches[0].data(), nullptr);
            EXPECT_EQ(log.next_number(), base.history.attempted() + 1);
        }
        EXPECT_TRUE(disk.cache().contains("bad/" + base.name + "-" + std::to_string(frame.begin())));
    }
}

/// Segments in use, and spares behind them.
Base several_segments() {
    Base base;
    SimDisk disk;
    Driven driven(disk);
    EXPECT_FALSE(driven.recover());
    static constexpr std::uint32_t sizes[] = {20'000, 20'000};
    for (int i = 0; i < 5; ++i) {
        EXPECT_FALSE(driven.append(sizes));
        EXPECT_FALSE(driven.sync());
    }
    EXPECT_FALSE(driven.prepare());
    EXPECT_FALSE(driven.prepare());
    EXPECT_FALSE(driven.mark());
    disk.settle();
    base.image = disk.cache();
    base.history = driven.history;
    return base;
}

TEST(Rot, AFileThatIsGoneIsMissed) {
    const Base base = several_segments();
    ASSERT_EQ(base.image.size(), 7U);
    for (const auto& [name, content] : base.image) {
        Image less = base.image;
        less.erase(name);
        SimDisk disk(less);
        Recovered found;
        const std::string wrong = check(disk, base.history, found);
        // The last file is a spare that nothing knows of.
        const bool spare = name == base.image.rbegin()->first;
        EXPECT_EQ(wrong.find("does not start") != std::string::npos, !spare) << name << ": " << wrong;
    }
}

TEST(Rot, TheHeaderOfAnyFileMayRot) {
    const Base base = several_segments();
    for (const auto& [name, content] : base.image) {
        Image image = base.image;
        image[name] = std::make_shared<std::vector<std::byte>>(*content);
        (*image[name])[25] ^= std::byte{1};  // the generation
        SimDisk disk(image);
        Recovered found;
        EXPECT_EQ(check(disk, base.history, found), "") << name;
        EXPECT_EQ(found.batches, 10U) << name;
        bool held = false;
        Log again(disk, small_options);
        EXPECT_FALSE(again.recover(held));
        EXPECT_TRUE(again.notes().empty()) << "it was written again, and nothing was cut: " << again.notes().front();
    }
}

TEST(Rot, FilesUnderEachOthersNamesAreReadByTheirHeaders) {
    const Base base = several_segments();
    Image swapped = base.image;
    std::swap(swapped[segment_name(2)], swapped[segment_name(4)]);
    SimDisk disk(swapped);
    Recovered found;
    EXPECT_EQ(check(disk, base.history, found), "");
    EXPECT_EQ(found.batches, 10U);
}

TEST(Rot, ACopyOfAFileIsRefused) {
    const Base base = several_segments();
    Image twice = base.image;
    twice[segment_name(99)] = twice[segment_name(2)];
    SimDisk disk(twice);
    Recovered found;
    EXPECT_THAT(check(disk, base.history, found), HasSubstr("the same segment"));
}

TEST(Rot, ABlockInThePlaceOfAnotherIsFound) {
    const Base base = full_segment();
    const std::vector<std::byte> whole = base.octets();
    std::vector<std::byte>& octets = base.octets();
    const std::uint64_t end = base.frames.back().begin();  // the mark says nothing of itself
    for (std::uint64_t to = block_bytes; to < end; to += block_bytes) {
        for (std::uint64_t from = block_bytes; from < end; from += block_bytes) {
            const auto source = whole.begin() + static_cast<std::ptrdiff_t>(from);
            if (std::equal(source, source + block_bytes, whole.begin() + static_cast<std::ptrdiff_t>(to))) continue;
            octets = whole;
            std::copy_n(source, block_bytes, octets.begin() + static_cast<std::ptrdiff_t>(to));
            SimDisk disk(base.image);
            Recovered found;
            const std::string wrong = check(disk, base.history, found);
            const FrameAt* frame = base.frame_at(to);
            if (frame->header.count == 0) {
                EXPECT_EQ(wrong, "") << from << " to " << to;
            } else {
                EXPECT_THAT(wrong, HasSubstr("damaged: " + base.name)) << from << " to " << to;
            }
        }
    }
}

TEST(Rot, AFrameInsideABatchIsNotTakenForOne) {
    // A batch holds a copy of another log, whose random numbers are even the same; then the header before it rots.
    const Base base = full_segment();
    SimDisk disk;
    Driven driven(disk);
    ASSERT_FALSE(driven.recover());
    std::vector<std::byte> octets(10 * block_bytes);
    const std::vector<std::byte>& copy = base.octets();
    std::copy_n(copy.begin() + block_bytes, 8 * block_bytes,
                octets.begin() + block_bytes - frame_header_bytes - table_entry_bytes);
    const Batch batch{1, octets};
    ASSERT_FALSE(driven.log.append(std::span(&batch, 1)));
    ASSERT_FALSE(driven.sync());
    ASSERT_FALSE(driven.mark());
    disk.octets_of(segment_name(1))[2 * block_bytes + 20] ^= std::byte{4};
    Log log(disk, small_options);
    driven.log.unlock();
    bool held = false;
    EXPECT_THAT(log.recover(held).what, HasSubstr("octets 8192..53248: batches 1..1"));
}

}  // namespace
}  // namespace ym::disklog
