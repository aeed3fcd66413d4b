// What a power cut leaves, in all its variants, and whether each recovers.
#pragma once

#include <array>
#include <string>

#include "power/history.h"

namespace ym::disklog {

class Cuts {
  public:
    explicit Cuts(std::uint64_t seed) : seed_(seed), random_(seed) {}

    /// Power fails now: makes images, recovers each twice, and judges it by the history.
    void at(const SimDisk& disk, const History& history);

    [[nodiscard]] std::uint64_t images() const;
    [[nodiscard]] std::uint64_t wrong() const { return wrong_; }
    [[nodiscard]] const std::string& first_wrong() const { return first_wrong_; }
    /// A table: one line a variant.
    void print() const;

  private:
    using Keeps = std::function<bool(std::size_t write, std::size_t piece)>;
    enum Variant : std::uint8_t { none, all, prefix, dropped, subset, torn, reordered, in_recovery, variants };
    struct Counts {
        std::uint64_t images = 0, attempted = 0, confirmed = 0, recovered = 0, lost = 0, unexpected = 0;
    };

    void try_image(Variant variant, const SimDisk& disk, std::size_t names, const Keeps& keeps, const History& history);
    void judge_image(Variant variant, const Image& image, const History& history, bool nested);
    /// Power fails again while it recovers.
    void cut_recovery(const Image& image, const History& history);
    std::uint64_t next() {
        random_ = random_ * 6364136223846793005U + 1442695040888963407U;
        return random_ >> 33U;
    }

    std::uint64_t seed_;
    std::uint64_t random_;
    std::array<Counts, variants> counts_{};
    std::uint64_t boundaries_ = 0;
    std::uint64_t wrong_ = 0;
    std::string first_wrong_;
};

}  // namespace ym::disklog
