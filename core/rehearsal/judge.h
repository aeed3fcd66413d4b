// Compares what a scenario expects with what there is.
#pragma once

#include "rehearsal/cast.h"
#include "rehearsal/play.h"

namespace ym::rehearsal {

class Judge {
  public:
    Judge(Cast& cast, Outcome& outcome) : cast_(cast), outcome_(outcome) {}

    void look(const Expectation& expectation, const settings::Place& place);
    /// Every queue's books, and those of its dead letters.
    void look_at_books(const settings::Place& place);

  private:
    /// One copy of a message in words, by the keys that may be expected of it.
    using Words = std::map<std::string, std::string>;

    void compare(const Wanted& wanted, const std::string& found);
    void unmet(const settings::Place& place, const std::string& path, std::string expected, std::string found);
    void look_at_message(const WantedMessage& wanted);
    void compare_copy(const WantedMap& wanted, const Words& found, const std::string& all);
    [[nodiscard]] std::vector<Words> copies_of(const Told& told);
    void look_at_deliveries(const WantedList& wanted);
    void look_at_worker(const WantedWorker& wanted);
    void look_at_queue(const std::string& name, const WantedMap& wanted, const StatusReport& report);
    void look_at_reply(const std::string& name, const WantedMap& wanted, const std::optional<WantedList>& parts);
    void look_at_broker(const WantedMap& wanted, const StatusReport& report);
    void compare_lists(const settings::Place& place, const std::string& path, const std::vector<std::string>& expected,
                       const std::vector<std::string>& found);

    Cast& cast_;
    Outcome& outcome_;
    std::size_t deliveries_seen_ = 0;
};

}  // namespace ym::rehearsal
