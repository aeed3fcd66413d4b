// What is done before the power goes, and what was promised at each moment of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "disk.h"
#include "stack.h"

namespace ym::power_cut {

/// In order of Act.
enum class Act : std::uint8_t {
    publish_one,
    publish_several,
    publish_to_all,
    publish_large,  // so large that the log goes on in another segment soon
    ack,            // and ask when it is durable
    ack_unasked,
    nack,
    reject_in_q,  // a dead letter that is kept
    reject_in_r,  // a dead letter that goes on in another queue
    pause,        // 60 ms
    count
};
[[nodiscard]] const char* name_of(Act act);

/// A moment: how many operations the disk had been asked for.
using Moment = std::size_t;
inline constexpr Moment never = ~Moment{0};

/// What is known of a message in one queue.
struct Fate {
    Moment ended = never;        // from here on it may be gone: somebody said so
    Moment settled = never;      // from here on it is: who said so was told
    bool dies = false;           // as a dead letter
    std::vector<Moment> failed;  // from here on one attempt more may be used up
    std::vector<Moment> told_failed;
};
struct Known {
    std::string address;
    std::size_t body = 0;
    Moment published = never;            // from here on it may be there
    Moment confirmed = never;            // from here on it is
    std::map<std::string, Fate> queues;  // that keep it
};

/// Everything that happened to one stack, and what its disk was asked for.
class History {
  public:
    /// Goes on from what `disk` holds; `known` is what is true of it.
    History(Image disk, std::map<Uid, Known> known, std::uint64_t boot);

    /// False: nothing to do it with.
    bool act(Act act);
    bool start();
    [[nodiscard]] const std::vector<Op>& ops() const { return ops_; }
    [[nodiscard]] const std::map<Uid, Known>& known() const { return known_; }
    [[nodiscard]] const MemoryDisk& disk() const { return disk_; }
    [[nodiscard]] Stack& stack() { return *stack_; }
    /// The same with all moments in the past, as another history may begin with it.
    [[nodiscard]] std::map<Uid, Known> as_past() const;

  private:
    void publish(const std::string& address, std::size_t count, std::size_t body);
    bool settle(const char* queue, wire::SettleCode code, bool tell);
    void look();
    [[nodiscard]] Moment now() const { return ops_.size(); }

    std::vector<Op> ops_;
    MemoryDisk disk_;
    std::unique_ptr<Stack> stack_;
    std::map<Uid, Known> known_;
    std::vector<Delivered> held_;
    std::map<std::uint64_t, Delivered> asked_;  // by tag
};

}  // namespace ym::power_cut
