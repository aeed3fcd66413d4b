#include "power/cuts.h"

#include <cstdio>

namespace ym::disklog {
namespace {

constexpr std::size_t pieces_of_block = block_bytes / SimDisk::piece_bytes;
/// One image of so many is cut again at each call of its recovery.
constexpr std::uint64_t nested_every = 160;

/// One of two, by a number that follows from what it is about.
bool coin(std::uint64_t salt, std::uint64_t a, std::uint64_t b) {
    std::uint64_t mixed = salt + a * 0x9E3779B97F4A7C15U + b * 0xC2B2AE3D27D4EB4FU;
    mixed = (mixed ^ (mixed >> 29U)) * 0xBF58476D1CE4E5B9U;
    return ((mixed >> 40U) & 1U) != 0;
}

}  // namespace

std::uint64_t Cuts::images() const {
    std::uint64_t sum = 0;
    for (const Counts& count : counts_) sum += count.images;
    return sum;
}

void Cuts::at(const SimDisk& disk, const History& history) {
    ++boundaries_;
    const std::size_t writes = disk.pending().size();
    const auto drop = [](std::size_t one) { return [one](std::size_t w, std::size_t) { return w != one; }; };
    for (std::size_t names = 0; names <= disk.pending_names(); ++names) {
        try_image(
            none, disk, names, [](std::size_t, std::size_t) { return false; }, history);
        if (writes == 0) continue;
        try_image(
            all, disk, names, [](std::size_t, std::size_t) { return true; }, history);
        for (std::size_t kept = 1; kept < writes; ++kept) {
            try_image(
                prefix, disk, names, [&](std::size_t w, std::size_t) { return w < kept; }, history);
            try_image(
                reordered, disk, names, [&](std::size_t w, std::size_t) { return w >= kept; }, history);
        }
        for (std::size_t one = 0; one < writes && writes > 2; ++one) {
            try_image(dropped, disk, names, drop(one), history);
        }
        for (int i = 0; i < 5; ++i) {
            const std::uint64_t salt = next();
            try_image(
                subset, disk, names,
                [&](std::size_t w, std::size_t piece) { return coin(salt, w, piece / pieces_of_block); }, history);
            try_image(
                torn, disk, names, [&](std::size_t w, std::size_t piece) { return coin(salt, w, piece); }, history);
        }
        for (std::size_t one = 0; one < writes; ++one) {
            // The first pieces of one write, and all of the others.
            const std::size_t pieces = disk.pending()[one].octets.size() / SimDisk::piece_bytes + 1;
            const std::size_t kept = 1 + next() % pieces;
            try_image(
                torn, disk, names, [&](std::size_t w, std::size_t piece) { return w != one || piece < kept; }, history);
            try_image(
                torn, disk, names, [&](std::size_t w, std::size_t piece) { return w != one || piece >= kept; },
                history);
        }
    }
}

void Cuts::try_image(Variant variant, const SimDisk& disk, std::size_t names, const Keeps& keeps,
                     const History& history) {
    const Image image = disk.cut(names, keeps);
    judge_image(variant, image, history, false);
    if (images() % nested_every == 0) cut_recovery(image, history);
}

void Cuts::judge_image(Variant variant, const Image& image, const History& history, bool nested) {
    Counts& count = counts_[variant];
    ++count.images;
    count.attempted += history.attempted();
    count.confirmed += history.confirmed;
    SimDisk disk(image, next());
    Recovered found;
    std::string wrong = check(disk, history, found);
    if (wrong.empty()) {
        // Once more, without power in between: the same batches, and nothing left to repair.
        History after = history;
        after.epoch = found.epoch;
        after.confirmed = found.through;
        SimDisk again(disk.cut(0, [](std::size_t, std::size_t) { return false; }), next());
        Recovered second;
        wrong = check(again, after, second);
        if (wrong.empty() && (second.first != found.first || second.batches != found.batches)) {
            wrong = "the second recovery differs from the first";
        }
        if (!wrong.empty()) wrong = "recovered twice: " + wrong;
    }
    count.recovered += found.through > history.confirmed ? found.through - history.confirmed : 0;
    if (wrong.empty()) return;
    ++wrong_;
    const bool lost = wrong.find("lost") != std::string::npos || wrong.find("start") != std::string::npos;
    ++(lost ? count.lost : count.unexpected);
    if (first_wrong_.empty()) {
        first_wrong_ = wrong + " (confirmed " + std::to_string(history.confirmed) + ", attempted " +
                       std::to_string(history.attempted()) + ", image " + std::to_string(images()) +
                       (nested ? ", while recovering" : "") + ")";
    }
}

void Cuts::cut_recovery(const Image& image, const History& history) {
    SimDisk disk(image, next());
    disk.before_change = [&] {
        for (int i = 0; i < 4; ++i) {
            const std::uint64_t salt = next();
            const auto keeps = [&](std::size_t w, std::size_t piece) {
                return i == 0 ? false : i == 1 ? true : coin(salt, w, i == 2 ? piece : piece / pieces_of_block);
            };
            judge_image(in_recovery, disk.cut(next() % (disk.pending_names() + 1), keeps), history, true);
        }
    };
    Recovered found;
    const std::string wrong = check(disk, history, found);
    disk.before_change = nullptr;
    if (!wrong.empty() && first_wrong_.empty()) first_wrong_ = wrong;
}

void Cuts::print() const {
    static constexpr std::array<const char*, variants> names{
        "none", "all", "prefix", "one dropped", "4 KiB subset", "512 B torn", "reordered", "cut while recovering"};
    std::printf("%-22s %9s %10s %10s %6s %10s %9s %6s %10s  %s\n", "fault", "injected", "attempted", "confirmed",
                "acked", "duplicates", "recovered", "lost", "unexpected", "seed");
    const auto line = [&](const char* name, const Counts& count) {
        std::printf("%-22s %9llu %10llu %10llu %6d %10d %9llu %6llu %10llu  %llu\n", name,
                    static_cast<unsigned long long>(count.images), static_cast<unsigned long long>(count.attempted),
                    static_cast<unsigned long long>(count.confirmed), 0, 0,
                    static_cast<unsigned long long>(count.recovered), static_cast<unsigned long long>(count.lost),
                    static_cast<unsigned long long>(count.unexpected), static_cast<unsigned long long>(seed_));
    };
    Counts sum;
    for (std::size_t i = 0; i < variants; ++i) {
        const Counts& count = counts_[i];
        line(names[i], count);
        sum = {sum.images + count.images,       sum.attempted + count.attempted, sum.confirmed + count.confirmed,
               sum.recovered + count.recovered, sum.lost + count.lost,           sum.unexpected + count.unexpected};
    }
    line("power cuts", sum);
    std::printf("at %llu calls that change the disk\n", static_cast<unsigned long long>(boundaries_));
}

}  // namespace ym::disklog
