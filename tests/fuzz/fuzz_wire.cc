// Feeds a million mutated frames to every decoder of YMP.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <string>
#include <vector>

#include "fuzz/mutate.h"
#include "fuzz/one_input.h"
#include "fuzz/run.h"
#include "unit/wire/vectors.h"

namespace {

using ym::fuzz::WireCounts;

/// Prints how far the inputs came. False if some check or some reader was never reached: then the run shows nothing.
bool print(const WireCounts& counts, std::uint64_t inputs) {
    std::printf("%" PRIu64 " inputs: %" PRIu64 " good heads, %" PRIu64 " good records (%" PRIu64
                " behind a bad one), %" PRIu64 " fields, %" PRIu64 " numbers, %" PRIu64 " properties, %" PRIu64
                " frames written again as they were\nrefused:",
                inputs, counts.frames, counts.records, counts.behind_bad, counts.fields, counts.numbers,
                counts.properties, counts.rewritten);
    for (std::size_t i = 0; i < counts.refused.size(); ++i) {
        std::printf(" %s %" PRIu64, std::string(ym::fuzz::wire_parts.at(i)).c_str(), counts.refused.at(i));
    }
    std::printf("\n");
    const std::uint64_t enough = inputs / 1000;
    return *std::min_element(counts.refused.begin(), counts.refused.end()) >= enough && counts.behind_bad >= enough &&
           counts.numbers >= enough && counts.properties >= enough && counts.rewritten >= inputs / 10;
}

int fuzz(const ym::fuzz::Run& run) {
    std::vector<std::string> corpus;
    for (const auto& vector : ym::wire::test::read_vectors(YM_VECTORS)) corpus.push_back(vector.octets);
    WireCounts counts;
    const auto make = [&](ym::Prng& prng) { return ym::fuzz::mutated_frame(corpus, prng); };
    const auto look = [&](const std::uint8_t* data, std::size_t size) {
        return ym::fuzz::fuzz_one_wire(data, size, counts);
    };
    if (!feed(run, make, look)) return 1;
    const bool reached = print(counts, run.count);
    if (!reached && run.count >= 100'000) {
        std::printf("broken: some check was reached by less than one input in 1,000; see tests/fuzz/mutate.cc\n");
        return 1;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return ym::fuzz::program(argc, argv, 1'000'000, fuzz);
}
