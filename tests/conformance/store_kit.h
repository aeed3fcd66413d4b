// What the suite of stores stands on: the stores under test, a folder for each case, instances whose answers are
// collected and checked against the rules that hold always, and a model of what a store has to keep.
#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "host/persistence.h"

namespace ym::conformance {

/// A store under test. In settings, DIR stands for the folder of the case.
struct Subject {
    std::string name;
    std::string plugin;
    std::string settings;
    // Settings that make the store misbehave within its contract; empty: it cannot be told to.
    std::string full{};     // refuses for want of room, at the latest after 16 MiB
    std::string unknown{};  // now and then cannot say whether an append or acquire was done
    std::string fenced{};   // loses the shard to another owner, at the latest after 1000 appends
    std::string failed{};   // breaks, at the latest after 1000 appends
    bool keeps = false;     // what it is given outlives it
    bool again = false;     // one that is under test already, with other settings: without the longest cases
};
/// Filled by main(), before tests are made of it.
std::vector<Subject>& subjects();
void PrintTo(const Subject& subject, std::ostream* out);

/// How long an answer may take before a case gives up.
Duration& patience();

/// A folder that is gone when the case ends.
class Ground {
  public:
    Ground();
    ~Ground();
    Ground(const Ground&) = delete;
    Ground& operator=(const Ground&) = delete;

    [[nodiscard]] std::string folder() const { return folder_.string(); }

  private:
    std::filesystem::path folder_;
};

/// A completion. What it lent is copied.
struct Told {
    bool came = false;
    StoreStatus status = StoreStatus::failed;
    std::uint64_t epoch = 0;
    std::uint64_t through = 0;
    std::vector<std::pair<std::uint64_t, std::optional<std::string>>> batches{};
    std::string why{};
    std::size_t order = 0;  // how many came before
};

/// One instance of a store, closed at the latest when this ends. Checks by itself: one completion a ticket, none of a
/// ticket that was not given, none after the one of close(); appends of a shard complete in order. The octets of an
/// append are spoilt as soon as it completes.
class Instance {
  public:
    using Ticket = std::uint64_t;

    Instance(const std::string& plugin, std::string settings, const std::string& folder);
    ~Instance();
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;

    /// False: the store refused to be made.
    [[nodiscard]] bool made() const { return store_ != nullptr; }
    [[nodiscard]] const std::string& problem() const { return problem_; }
    [[nodiscard]] host::StoreCaps caps() const { return store_->caps(); }
    [[nodiscard]] bool keeps() const { return caps().durability != host::Durability::none; }

    // Calls that do not wait for their answer.
    Ticket begin_acquire(std::uint32_t shard, std::string_view owner = "tester", Duration ttl = 60s);
    Ticket begin_append(std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, std::string octets,
                        Duration wait = 0s);
    Ticket begin_release(std::uint32_t shard, std::uint64_t epoch);

    /// The answer to a ticket; the case fails if there is none in time.
    Told wait(Ticket ticket);
    [[nodiscard]] bool answered(Ticket ticket);

    // Calls with their answers.
    Told acquire(std::uint32_t shard, std::string_view owner = "tester", Duration ttl = 60s);
    Told renew(std::uint32_t shard, std::uint64_t epoch, Duration ttl = 60s);
    Told release(std::uint32_t shard, std::uint64_t epoch);
    Told append(std::uint32_t shard, std::uint64_t epoch, std::uint64_t number, std::string octets, Duration wait = 0s);
    Told read(std::uint32_t shard, std::uint64_t from, std::uint64_t bytes_max);
    Told fetch(std::uint32_t shard, const std::vector<std::uint64_t>& numbers);
    Told reclaim(std::uint32_t shard, std::uint64_t epoch, std::uint64_t first, std::uint64_t last);

    /// Ends the instance; every call has its answer then.
    StoreStatus close(Duration deadline = 60s);

  private:
    struct Append {
        std::uint32_t shard = 0;
        std::string octets;
    };

    void take(const host::StoreCompletion& completion);
    void check_order(const Append& append, Ticket ticket);

    std::string problem_;
    std::unique_ptr<host::Persistence> store_;
    std::atomic<Ticket> ticket_{0};
    bool closed_ = false;

    std::mutex mutex_;
    std::condition_variable came_;
    std::map<Ticket, Told> told_;
    std::map<Ticket, Append> appends_;
    std::map<std::uint32_t, Ticket> last_append_;  // that completed, of a shard
    std::size_t count_ = 0;
    Ticket closing_ = 0;
};

/// `size` octets that are those of this batch alone. Another `version` is another batch of the same number.
std::string octets_of(std::uint32_t shard, std::uint64_t number, std::size_t size, std::uint64_t version = 0);

/// What a shard has to keep.
struct Kept {
    std::uint64_t epoch = 0;
    std::uint64_t through = 0;
    std::uint64_t reclaimed = 0;                   // these and older ones may be gone
    std::map<std::uint64_t, std::string> batches;  // all that were told to be kept, reclaimed ones too
    std::map<std::uint64_t, std::string> unknown;  // behind `through`, which may be there, up to a point

    /// What acquire() told is right: takes it over, and of the unknown ones those that are there.
    void acquired(const Told& told);
    /// The store has all that is kept and nothing that never was, by reads of `bytes_max` each.
    void check_read(Instance& store, std::uint32_t shard, std::uint64_t bytes_max) const;
    void check_fetch(Instance& store, std::uint32_t shard, const std::vector<std::uint64_t>& numbers) const;
};

/// The cases of the suite: a store, opened on a folder of its own.
class StoreCase : public ::testing::TestWithParam<Subject> {
  protected:
    /// Opens the store again, with its usual settings or others; what was open is closed first.
    Instance& open(const Subject& subject, const std::string& settings = {});

    Ground ground;
    std::unique_ptr<Instance> store;
};

/// One append after another, waited for: the batches behind `kept.through`, of these sizes.
void append_all(Instance& store, std::uint32_t shard, Kept& kept, const std::vector<std::size_t>& sizes);

/// For INSTANTIATE_TEST_SUITE_P.
std::vector<Subject> keeping_subjects();
std::vector<Subject> subjects_to_reopen();
std::vector<Subject> subjects_with(std::string Subject::*settings);
std::string subject_name(const ::testing::TestParamInfo<Subject>& info);

}  // namespace ym::conformance
