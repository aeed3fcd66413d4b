// Feeds a million messages to the decoders of Majordomo and Paranoid Pirate.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <string>

#include "fuzz/majordomo_messages.h"
#include "fuzz/mutate.h"
#include "fuzz/one_input.h"
#include "fuzz/run.h"
#include "wire/mdp.h"

namespace {

using ym::fuzz::MajordomoCounts;

/// False if some outcome, dialect or verb was hardly ever seen: then the run shows less than it says.
bool print(const MajordomoCounts& counts, std::uint64_t inputs) {
    std::printf("%" PRIu64 " inputs, each decoded in three ways: %" PRIu64 " messages, %" PRIu64 " malformed, %" PRIu64
                " foreign;",
                inputs, counts.decoded[0], counts.decoded[1], counts.decoded[2]);
    std::uint64_t least = *std::min_element(counts.decoded.begin(), counts.decoded.end());
    for (std::size_t i = 0; i < counts.dialects.size(); ++i) {
        std::printf(" %s %" PRIu64, std::string(name_of(static_cast<ym::mdp::Dialect>(i))).c_str(),
                    counts.dialects.at(i));
        least = std::min(least, counts.dialects.at(i));
    }
    std::printf(";");
    for (std::size_t i = 0; i < counts.verbs.size(); ++i) {
        std::printf(" %s %" PRIu64, std::string(name_of(static_cast<ym::mdp::Verb>(i))).c_str(), counts.verbs.at(i));
        least = std::min(least, counts.verbs.at(i));
    }
    std::printf("\n");
    return least >= inputs / 1000;
}

int fuzz(const ym::fuzz::Run& run) {
    MajordomoCounts counts;
    const auto make = [](ym::Prng& prng) {
        std::string input = ym::fuzz::majordomo_message(prng);
        return prng.chance(1, 8) ? ym::fuzz::mutated_octets({input}, prng) : input;
    };
    const auto look = [&](const std::uint8_t* data, std::size_t size) {
        return ym::fuzz::fuzz_one_majordomo(data, size, counts);
    };
    if (!feed(run, make, look)) return 1;
    const bool reached = print(counts, run.count);
    if (!reached && run.count >= 100'000) {
        std::printf("broken: something was reached by less than one input in 1,000; see majordomo_messages.cc\n");
        return 1;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return ym::fuzz::program(argc, argv, 1'000'000, fuzz);
}
