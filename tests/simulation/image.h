// What batches say, read one behind the other as FORMAT.md has it, without the broker: which copies of which messages
// there are, what was done to them, which sequences were taken, and what the books are.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "broker/status.h"
#include "facts.h"

namespace ym::simulation {

/// Majordomo peers have no session of their own: the broker makes one up for each, and nobody comes back to it.
inline constexpr SessionNumber first_unowned_session = 0x40000000U;

class Image {
  public:
    enum class State : std::uint8_t { live, dead, settled };
    struct Copy {
        Uid uid = no_uid;
        std::uint8_t priority = 0;
        WallTime accepted;
        State state = State::live;
        Outcome outcome{};           // settled
        std::uint32_t attempts = 0;  // used up
        WallTime not_before;         // with `attempts`
        WallTime since;              // dead
        FailureReason reason{};      // dead
    };
    struct Books {
        Ledger ledger;
        std::uint64_t dead_in = 0;
        std::uint64_t dead_dropped = 0;
    };
    struct Window {
        std::uint64_t floor = 0;
        std::uint64_t highest = 0;
        std::set<std::uint64_t> taken;
        [[nodiscard]] bool knows(std::uint64_t sequence) const { return sequence <= floor || taken.contains(sequence); }
    };
    using Key = std::pair<std::uint64_t, std::uint32_t>;  // message and queue, as the broker numbers them

    /// `late`: what a full store did not take comes again behind what it took meanwhile (decision 0009).
    /// `partial`: the oldest batches are not there.
    explicit Image(bool late, bool partial = false) : late_(late), partial_(partial) {}

    /// Takes in a record. What is wrong with it goes to faults().
    void read(const RecordFact& fact);
    [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }
    void clear_faults() { faults_.clear(); }

    [[nodiscard]] const std::map<Key, Copy>& copies() const { return copies_; }
    [[nodiscard]] const std::map<std::uint32_t, Books>& books() const { return books_; }
    /// Of the queue that has this name now.
    [[nodiscard]] Books books_of(const std::string& queue) const;
    /// Of a queue, by the number that the store knows it by; empty if no batch tells it.
    [[nodiscard]] const std::string& name_of(std::uint32_t number) const;
    [[nodiscard]] const std::map<SessionNumber, Window>& windows() const { return windows_; }
    /// The copy of a message of ours in a queue; nullptr if there is none.
    [[nodiscard]] const Copy* find(Uid uid, const std::string& queue) const;
    /// Whether it was ever stored for the queue.
    [[nodiscard]] bool had(Uid uid, const std::string& queue) const { return had_.contains({uid, queue}); }
    [[nodiscard]] std::uint64_t next_message() const { return next_message_; }
    [[nodiscard]] const std::array<std::uint64_t, 3>& totals() const { return totals_; }

    /// The first thing that `left`, the same batches without some of the oldest, does not say as this does; empty if
    /// there is none.
    [[nodiscard]] std::string difference(const Image& left) const;
    /// What queues, made on demand or taken out of settings, have in their books may begin anew.
    void set_unsteady(std::set<std::string> names) { unsteady_ = std::move(names); }
    [[nodiscard]] bool is_unsteady(const std::string& queue) const { return unsteady_.contains(queue); }

  private:
    void named(const RecordFact& fact);
    void accepted(const RecordFact& fact);
    void relocated(const RecordFact& fact);
    void moved(const RecordFact& fact);
    void settled(const RecordFact& fact);
    void attempted(const RecordFact& fact);
    void dead(const RecordFact& fact);
    void ledger(const RecordFact& fact);
    void window(const RecordFact& fact);
    void totals(const RecordFact& fact);
    void add(std::uint64_t message, std::uint32_t queue, const RecordFact& fact);
    /// The copy; or what is said of one whose message comes later, as its older record was given up.
    Copy* find(const RecordFact& fact, const char* what);
    [[nodiscard]] std::string copies_differ(const Image& left) const;
    [[nodiscard]] std::string windows_differ(const Image& left) const;
    [[nodiscard]] std::string text_of(const Key& key) const;
    template <class... Part>
    void wrong(const Part&... parts);

    bool late_;
    bool partial_;
    std::vector<std::string> faults_;
    std::map<std::uint32_t, std::string> names_;
    std::map<Key, Copy> copies_;
    std::map<Key, Copy> to_come_;
    std::set<std::tuple<std::uint64_t, std::uint32_t, std::uint32_t, std::int64_t>> said_;  // attempts and times
    std::map<std::pair<Uid, std::uint32_t>, std::uint64_t> by_uid_;  // message, by ours and its queue
    std::set<std::pair<Uid, std::string>> had_;
    std::map<std::uint32_t, Books> books_;
    std::map<SessionNumber, Window> windows_;
    std::set<std::uint64_t> messages_;
    std::set<std::string> unsteady_;
    std::uint64_t next_message_ = 1;
    std::array<std::uint64_t, 3> totals_{};
};

}  // namespace ym::simulation
