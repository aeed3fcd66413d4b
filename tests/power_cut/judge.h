// Starts a broker on what a power cut left, and says whether every promise holds.
#pragma once

#include "workload.h"

namespace ym::power_cut {

struct Count {
    std::uint64_t injected = 0;
    std::uint64_t attempted = 0;
    std::uint64_t confirmed = 0;
    std::uint64_t acked = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t lost = 0;
    std::uint64_t unexpected = 0;
};

class Judge {
  public:
    /// `what`: how the image came to be, for the text of a failure.
    Judge(Count& count, std::string& first_failure, std::string what)
        : count_(count), first_failure_(first_failure), what_(std::move(what)) {}

    void judge(Image image, const std::map<Uid, Known>& known, Moment cut);

  private:
    /// What a worker got of a message, by queue.
    using Found = std::map<std::pair<Uid, std::string>, std::vector<std::uint32_t>>;

    void found_first(const std::map<Uid, Known>& known, Moment cut, const Found& found, const StatusReport& status);
    void of_queue(Uid uid, const Known& known, const std::string& queue, const Fate& fate, Moment cut,
                  const Found& found);
    void sent_again(Stack& stack, const std::map<Uid, Known>& known, Moment cut, Found& found);
    void wrong(std::uint64_t& kind, const std::string& text);

    Count& count_;
    std::string& first_failure_;
    std::string what_;
};

}  // namespace ym::power_cut
