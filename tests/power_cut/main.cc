// Power cuts: every operation of the disk of every workload of up to three acts, on each of some beginnings; what could
// be left at each is read back by the whole of broker, store and log.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "judge.h"

namespace ym::power_cut {
namespace {

constexpr auto acts = static_cast<std::size_t>(Act::count);

struct Beginning {
    const char* name = "";
    Image image;
    std::map<Uid, Known> known;
};

struct Run {
    std::uint64_t seed = 1;
    std::uint64_t most = 0;    // images; 0: all
    std::uint32_t extra = 2;   // drawn by chance at each cut
    std::uint64_t stride = 1;  // of workloads with three acts, every so manieth
    std::array<Count, static_cast<std::size_t>(Cut::count)> counts{};
    std::string first_failure;
    std::uint64_t workloads = 0;
    std::uint64_t images = 0;
    std::uint64_t reclaims = 0;
    std::uint64_t fetches = 0;
};

/// What a broker has done before, all of it synced: acts, and the pauses between them.
Beginning begin(const char* name, const std::vector<Act>& before) {
    Beginning made{name, {}, {}};
    if (before.empty()) return made;
    History history({}, {}, 1);
    if (!history.start()) {
        std::cerr << "a broker does not start on an empty disk: " << history.stack().why() << "\n";
        std::exit(1);
    }
    for (const Act act : before) history.act(act);
    history.act(Act::pause);
    history.act(Act::pause);
    made.image = history.disk().image();
    made.known = history.as_past();
    return made;
}

std::vector<Beginning> beginnings() {
    using enum Act;
    std::vector<Beginning> made;
    made.push_back(begin("an empty disk", {}));
    made.push_back(begin("some messages", {publish_several, publish_one, publish_to_all, ack, nack, ack_unasked}));
    // One old message that nobody acks, and large ones that came and went: segments go, and it is written again.
    std::vector<Act> much{publish_one, publish_several, reject_in_r, publish_one, reject_in_q};
    for (int i = 0; i < 7; ++i) much.push_back(publish_large);
    for (int i = 0; i < 6; ++i) much.push_back(ack);
    made.push_back(begin("full segments", much));
    return made;
}

void run_workload(Run& run, const Beginning& beginning, const std::vector<Act>& workload) {
    History history(beginning.image, beginning.known, 2);
    if (!history.start()) {
        if (run.first_failure.empty()) run.first_failure = std::string("no start: ") + history.stack().why();
        ++run.counts[0].lost;
        return;
    }
    const std::size_t started = history.ops().size();
    for (const Act act : workload) {
        if (!history.act(act)) return;  // the same without it is another workload
    }
    ++run.workloads;
    run.reclaims += history.stack().reclaims();
    run.fetches += history.stack().fetches();
    std::string text = std::string("on ") + beginning.name;
    for (const Act act : workload) text += std::string(", ") + name_of(act);
    Power power(beginning.image, history.disk().first_names());
    Prng prng(mix64(run.seed) ^ run.workloads);
    const std::vector<Op>& ops = history.ops();
    for (std::size_t cut = 0; cut <= ops.size(); ++cut) {
        if (cut > 0) power.apply(ops[cut - 1]);
        // The start is the same for all workloads on one beginning.
        if (cut < started && workload.size() > 1) continue;
        // What is said of a moment holds when the operation before it is done, and the next one has not begun.
        power.cut(prng, run.extra, [&](Cut kind, Image image) {
            ++run.images;
            const std::string where = text + ", before operation " + std::to_string(cut) + ", " + name_of(kind);
            Judge judge(run.counts[static_cast<std::size_t>(kind)], run.first_failure, where);
            judge.judge(std::move(image), history.known(), cut);
        });
    }
}

int print(const Run& run) {
    std::printf("%-30s %9s %10s %10s %8s %11s %5s %11s %5s\n", "fault", "injected", "attempted", "confirmed", "acked",
                "duplicates", "lost", "unexpected", "seed");
    std::uint64_t bad = 0;
    for (std::size_t i = 0; i < run.counts.size(); ++i) {
        const Count& c = run.counts[i];
        std::printf("%-30s %9lu %10lu %10lu %8lu %11lu %5lu %11lu %5lu\n", name_of(static_cast<Cut>(i)), c.injected,
                    c.attempted, c.confirmed, c.acked, c.duplicates, c.lost, c.unexpected, run.seed);
        bad += c.duplicates + c.lost + c.unexpected;
    }
    std::printf("workloads %lu, images %lu, old batches given up %lu times, bodies fetched %lu times\n", run.workloads,
                run.images, run.reclaims, run.fetches);
    if (!run.first_failure.empty()) std::printf("FAILED: %s\n", run.first_failure.c_str());
    if (run.reclaims == 0) std::printf("FAILED: no old batch was ever given up\n");
    if (run.fetches == 0) std::printf("FAILED: no body was ever fetched\n");
    return bad == 0 && run.reclaims > 0 && run.fetches > 0 ? 0 : 1;
}

int main_of(int count, char** values) {
    Run run;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string name = values[i];
        const std::uint64_t value = std::strtoull(values[i + 1], nullptr, 10);
        if (name == "--seed") run.seed = value;
        if (name == "--stride") run.stride = std::max<std::uint64_t>(value, 1);
        if (name == "--extra") run.extra = static_cast<std::uint32_t>(value);
    }
    std::uint64_t long_ones = run.seed;
    for (const Beginning& beginning : beginnings()) {
        for (std::size_t a = 0; a < acts; ++a) {
            run_workload(run, beginning, {static_cast<Act>(a)});
            for (std::size_t b = 0; b < acts; ++b) {
                run_workload(run, beginning, {static_cast<Act>(a), static_cast<Act>(b)});
                for (std::size_t c = 0; c < acts; ++c) {
                    if (++long_ones % run.stride != 0) continue;
                    run_workload(run, beginning, {static_cast<Act>(a), static_cast<Act>(b), static_cast<Act>(c)});
                }
            }
        }
    }
    return print(run);
}

}  // namespace
}  // namespace ym::power_cut

int main(int count, char** values) {
    return ym::power_cut::main_of(count, values);
}
