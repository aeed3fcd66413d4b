// The format: the worked example of FORMAT.md, and golden files, which any later version has to read as this one does.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "power/history.h"

namespace ym::disklog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const LogOptions shard_zero{0, 65536, 65536, ""};

/// Rows "00001000  59 4d ...": an offset and up to 16 octets. Other lines, and what stands behind the octets, are for
/// people.
std::vector<std::byte> octets_of(const std::string& file) {
    std::ifstream in(file);
    EXPECT_TRUE(in) << file;
    std::vector<std::byte> octets(65536);
    for (std::string line; std::getline(in, line);) {
        if (line.size() < 12 || line.substr(8, 2) != "  " || line.find_first_not_of("0123456789abcdef") != 8) continue;
        std::size_t at = std::stoul(line.substr(0, 8), nullptr, 16);
        std::istringstream row(line.substr(10, 47));
        for (std::string octet; row >> octet;) {
            octets[at++] = static_cast<std::byte>(std::stoul(octet, nullptr, 16));
        }
    }
    return octets;
}

void write_rows(const std::vector<std::byte>& octets, const std::string& file) {
    std::ofstream out(file);
    for (std::size_t at = 0; at < octets.size(); at += 16) {
        const Octets row = Octets(octets).subspan(at, 16);
        if (std::all_of(row.begin(), row.end(), [](std::byte octet) { return octet == std::byte{0}; })) continue;
        char text[32];
        std::snprintf(text, sizeof text, "%08zx ", at);
        out << text;
        for (const std::byte octet : row) {
            std::snprintf(text, sizeof text, " %02x", std::to_integer<unsigned>(octet));
            out << text;
        }
        out << "\n";
    }
}

Image image_of(const std::string& file) {
    return {{segment_name(1), std::make_shared<std::vector<std::byte>>(octets_of(file))}};
}

struct Opened {
    std::string why;
    std::vector<std::string> notes;
    std::uint64_t epoch = 0;
    std::uint64_t next_number = 0;
    std::vector<std::uint64_t> numbers;
    std::vector<std::string> batches;
};

Opened open_log(const Image& image, const std::string& accept_loss = "") {
    SimDisk disk(image);
    LogOptions options = shard_zero;
    options.accept_loss = accept_loss;
    Log log(disk, options);
    bool held = false;
    Opened opened;
    opened.why = log.recover(held).what;
    opened.notes = log.notes();
    opened.epoch = log.epoch();
    opened.next_number = log.next_number();
    Answer answer;
    if (opened.why.empty()) opened.why = read_batches(log.index(), 1, UINT32_MAX, answer).what;
    opened.numbers = answer.numbers;
    for (const Octets batch : answer.batches) {
        opened.batches.emplace_back(reinterpret_cast<const char*>(batch.data()), batch.size());
    }
    return opened;
}

TEST(Format, TheWorkedExampleReadsAsThePageSays) {
    const Image page = image_of(YM_LOG_PAGE);
    SimDisk disk(page);
    SegmentScan scan;
    ASSERT_FALSE(Scanner().scan(disk, segment_name(1), 65536, scan));
    EXPECT_TRUE(scan.header_good);
    EXPECT_EQ(scan.header, (SegmentHeader{0, 0, 1, 0x1122334455667788, 65536, 0x0102030405060708}));
    ASSERT_EQ(scan.frames.size(), 3U);
    EXPECT_EQ(scan.frames[0].header.kind, FrameKind::epoch);
    EXPECT_EQ(scan.frames[1].header.kind, FrameKind::batches);
    EXPECT_EQ(scan.frames[1].header.chain, scan.frames[0].header.crc);
    EXPECT_EQ(scan.frames[2].header.kind, FrameKind::mark);
    EXPECT_EQ(scan.frames[2].header.durable_through, 2U);
    for (const FrameAt& frame : scan.frames) EXPECT_TRUE(frame.body_good);

    const Opened opened = open_log(page);
    EXPECT_EQ(opened.why, "");
    EXPECT_THAT(opened.batches, ElementsAre("hello", "Yardmaster"));
    EXPECT_EQ(opened.epoch, 2U);
    EXPECT_EQ(opened.next_number, 3U);
}

TEST(Format, WhatIsWrittenIsWhatThePageSays) {
    // The log writes the example itself: all but the random numbers, and so the CRCs, is the same.
    SimDisk disk;
    Log log(disk, shard_zero);
    bool held = false;
    ASSERT_FALSE(log.recover(held));
    const std::string hello = "hello", name = "Yardmaster";
    const Batch batches[] = {{1, std::as_bytes(std::span(hello))}, {2, std::as_bytes(std::span(name))}};
    ASSERT_FALSE(log.append(batches));
    ASSERT_FALSE(log.sync());
    ASSERT_FALSE(log.mark());
    SegmentScan ours, page;
    ASSERT_FALSE(Scanner().scan(disk, segment_name(1), 65536, ours));
    SimDisk of_page(image_of(YM_LOG_PAGE));
    ASSERT_FALSE(Scanner().scan(of_page, segment_name(1), 65536, page));
    ASSERT_EQ(ours.frames.size(), page.frames.size());
    for (std::size_t i = 0; i < ours.frames.size(); ++i) {
        FrameHeader expected = page.frames[i].header;
        const FrameHeader& header = ours.frames[i].header;
        expected.generation = header.generation;
        expected.chain = header.chain;
        expected.crc = header.crc;
        EXPECT_EQ(header, expected) << i;
    }
}

// --- golden files: made by this version, from a fixed seed -----------------------------------------------------------

std::string golden(const std::string& name) {
    return std::string(YM_LOG_GOLDEN) + "/format-0-" + name + ".hex";
}

/// Frames of one and of several batches; some reclaimed; two owners; a mark.
Image whole() {
    SimDisk disk({}, 42);
    Driven driven(disk, shard_zero);
    EXPECT_FALSE(driven.recover());
    const std::vector<std::vector<std::uint32_t>> writes{{16}, {100, 1, 300}, {33}};
    for (const auto& sizes : writes) {
        EXPECT_FALSE(driven.append(sizes));
        EXPECT_FALSE(driven.sync());
    }
    EXPECT_FALSE(driven.reclaim(1));
    EXPECT_FALSE(driven.mark());
    EXPECT_FALSE(driven.new_epoch());
    EXPECT_FALSE(driven.append(writes[1]));
    EXPECT_FALSE(driven.sync());
    EXPECT_FALSE(driven.mark());
    return disk.cache();
}

/// The same with an octet changed: in the last write before a crash, or in one that is confirmed.
Image changed(std::uint64_t at, std::uint64_t zeros_from) {
    Image image = whole();
    std::vector<std::byte>& octets = *image.begin()->second;
    octets[at] ^= std::byte{0x10};
    std::fill(octets.begin() + static_cast<std::ptrdiff_t>(zeros_from), octets.end(), std::byte{0});
    return image;
}

TEST(Golden, FilesAreWhatThisVersionWrites) {
    const std::pair<const char*, Image> files[] = {
        {"whole", whole()}, {"torn", changed(7 * 4096 + 200, 8 * 4096)}, {"damaged", changed(3 * 4096 + 200, 65536)}};
    for (const auto& [name, image] : files) {
        // To make them anew, after a change of the format that is meant.
        if (std::getenv("YM_WRITE_GOLDEN") != nullptr) write_rows(*image.begin()->second, golden(name));
        EXPECT_EQ(octets_of(golden(name)), *image.begin()->second) << name;
    }
}

void expect_batch(const std::string& batch, std::uint64_t number) {
    std::string expected(batch.size(), '\0');
    fill(number, std::as_writable_bytes(std::span(expected)));
    EXPECT_EQ(batch, expected) << number;
}

TEST(Golden, AWholeLogGivesItsBatches) {
    const Opened opened = open_log(image_of(golden("whole")));
    EXPECT_EQ(opened.why, "");
    EXPECT_THAT(opened.notes, IsEmpty());
    EXPECT_THAT(opened.numbers, ElementsAre(2, 3, 4, 5, 6, 7, 8));
    const std::size_t sizes[] = {100, 1, 300, 33, 100, 1, 300};
    for (std::size_t i = 0; i < opened.batches.size(); ++i) {
        EXPECT_EQ(opened.batches[i].size(), sizes[i]);
        expect_batch(opened.batches[i], opened.numbers[i]);
    }
    EXPECT_EQ(opened.epoch, 3U);
}

TEST(Golden, AnUnfinishedWriteIsCutAndReported) {
    const Opened opened = open_log(image_of(golden("torn")));
    EXPECT_EQ(opened.why, "");
    EXPECT_THAT(opened.numbers, ElementsAre(2, 3, 4, 5));
    EXPECT_THAT(opened.notes, ElementsAre("an unfinished write behind batch 5 is cut: seg-0000000000000001.log octets "
                                          "28672..32768, never confirmed"));
}

TEST(Golden, DamageIsRefusedWithItsRange) {
    const Opened opened = open_log(image_of(golden("damaged")));
    EXPECT_EQ(opened.why,
              "confirmed batches are damaged: seg-0000000000000001.log octets 12288..16384: batches 2..4. Nothing was "
              "changed. To go on without them set accept_loss: \"" +
                  opened.why.substr(opened.why.size() - 9, 8) + "\"");
    const Opened accepted = open_log(image_of(golden("damaged")), opened.why.substr(opened.why.size() - 9, 8));
    EXPECT_EQ(accepted.why, "");
    EXPECT_THAT(accepted.numbers, ElementsAre(5, 6, 7, 8));
}

TEST(Format, ANewerOneIsRefusedByName) {
    SegmentHeader header{7, 0, 1, 1, 65536, 1};
    auto octets = std::make_shared<std::vector<std::byte>>(65536);
    encode(header, std::span(*octets).first(block_bytes));
    const Opened opened = open_log({{segment_name(1), octets}});
    EXPECT_THAT(opened.why, HasSubstr("is of format 7; this program reads up to 0"));
}

}  // namespace
}  // namespace ym::disklog
