// Starts the log on many mutated segments, whose CRCs are mended most of the time: a disk may lie, and so may whoever
// writes to it.
#include <cinttypes>
#include <cstdio>
#include <string>
#include <vector>

#include "fuzz/mutate.h"
#include "fuzz/one_input.h"
#include "fuzz/run.h"
#include "power/history.h"

namespace {

using namespace ym::disklog;

/// Segments with a few frames, up to the end of the last one.
std::vector<std::string> make_corpus() {
    std::vector<std::string> corpus;
    for (std::uint32_t kind = 0; kind < 6; ++kind) {
        SimDisk disk({}, kind + 1);
        Driven driven(disk, {0, segment_bytes_min, 0, ""});
        if (driven.recover()) std::abort();
        for (std::uint32_t i = 0; i < 1 + kind; ++i) {
            const std::vector<std::uint32_t> sizes(1 + i * kind % 4, 20 + 300 * i);
            if (driven.append(sizes) || (i % 3 != 2 && driven.sync())) std::abort();
        }
        if (kind > 3 && (driven.reclaim(2) || driven.mark())) std::abort();
        if (kind % 2 == 1 && driven.new_epoch()) std::abort();
        const Image image = disk.cache();
        const std::vector<std::byte>& octets = *image.begin()->second;
        std::string text(reinterpret_cast<const char*>(octets.data()), octets.size());
        while (text.size() > block_bytes &&
               text.find_first_not_of('\0', text.size() - block_bytes) == std::string::npos) {
            text.resize(text.size() - block_bytes);
        }
        corpus.push_back(std::move(text));
    }
    return corpus;
}

/// Headers get the CRC that their octets have; tables and batches keep theirs.
void mend(std::string& input) {
    const std::span<std::byte> octets = std::as_writable_bytes(std::span(input));
    const auto put = [&](std::size_t at, std::uint32_t crc) {
        for (std::size_t i = 0; i < 4; ++i) octets[at + i] = static_cast<std::byte>(crc >> (8 * i));
    };
    if (octets.size() >= segment_header_bytes) put(4, crc32c(octets.subspan(8, segment_header_bytes - 8)));
    for (std::size_t at = block_bytes; at + frame_header_bytes <= octets.size(); at += block_bytes) {
        put(at + 4, crc32c(octets.subspan(at + 8, frame_header_bytes - 8)));
    }
}

int fuzz(const ym::fuzz::Run& run) {
    const std::vector<std::string> corpus = make_corpus();
    ym::fuzz::LogCounts counts;
    const auto make = [&](ym::Prng& prng) {
        std::string input = corpus[prng.below(corpus.size())];
        // Where it matters: in headers, most of the time.
        const std::uint64_t times = prng.below(4);
        for (std::uint64_t i = 0; i < times; ++i) {
            const std::uint64_t block = prng.below(input.size() / block_bytes) * block_bytes;
            const std::uint64_t at = block + prng.below(prng.chance(7, 8) ? frame_header_bytes + 32 : block_bytes);
            input[at] = static_cast<char>(prng.chance(1, 2) ? input[at] ^ char(1 << prng.below(8)) : prng.below(4));
        }
        if (prng.chance(1, 8)) input = ym::fuzz::mutated_octets({input}, prng);
        if (prng.chance(3, 4)) mend(input);
        return input;
    };
    const auto look = [&](const std::uint8_t* data, std::size_t size) {
        return ym::fuzz::fuzz_one_log(data, size, counts);
    };
    if (!feed(run, make, look)) return 1;
    std::printf("%" PRIu64 " segments: %" PRIu64 " started (%" PRIu64 " batches, %" PRIu64 " cut), %" PRIu64
                " refused\n",
                run.count, counts.started, counts.batches, counts.cut, counts.refused);
    const bool reached = counts.refused >= run.count / 50 && counts.cut >= run.count / 50;
    if (!reached && run.count >= 1000) {
        std::printf("broken: too few segments were odd enough\n");
        return 1;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return ym::fuzz::program(argc, argv, 100'000, fuzz);
}
