#include <algorithm>

#include "fuzz/one_input.h"
#include "log/answers.h"
#include "log/log.h"
#include "power/sim_disk.h"

namespace ym::fuzz {
namespace {

using namespace ym::disklog;

/// What a start on a disk came to.
struct Start {
    std::string why;
    std::uint64_t epoch = 0;
    std::uint64_t through = 0;
    std::vector<std::uint64_t> numbers;
    std::size_t notes = 0;
};

Start start(SimDisk& disk) {
    Start made;
    Log log(disk, {0, segment_bytes_min, 0, ""});
    bool held = false;
    made.why = log.recover(held).what;
    if (!made.why.empty()) return made;
    made.epoch = log.epoch();
    made.through = log.next_number() - 1;
    made.notes = log.notes().size();
    Answer answer;
    made.why = read_batches(log.index(), 1, UINT32_MAX, answer).what;
    made.numbers = answer.numbers;
    return made;
}

}  // namespace

const char* fuzz_one_log(const std::uint8_t* data, std::size_t size, LogCounts& counts) {
    auto octets = std::make_shared<std::vector<std::byte>>(segment_bytes_min);
    std::copy_n(reinterpret_cast<const std::byte*>(data), std::min(size, octets->size()), octets->begin());
    SimDisk disk(Image{{segment_name(1), octets}});
    const Start first = start(disk);
    if (!first.why.empty()) {
        ++counts.refused;
        return first.why.find("cannot") != std::string::npos ? "what a start took can be read" : nullptr;
    }
    ++counts.started;
    counts.batches += first.numbers.size();
    counts.cut += first.notes > 0 ? 1 : 0;
    if (!std::is_sorted(first.numbers.begin(), first.numbers.end(), std::less_equal<>())) return "numbers ascend";
    if (!first.numbers.empty() && first.numbers.back() > first.through) return "the last batch is not behind the end";
    const Start second = start(disk);
    if (!second.why.empty()) return "what was started once starts again";
    if (second.numbers != first.numbers || second.through != first.through) return "a second start finds the same";
    if (second.epoch <= first.epoch) return "epochs ascend";
    return nullptr;
}

}  // namespace ym::fuzz
