// What the store has of failed attempts: each tells all that was told before it, up to a limit, and then what is new;
// an error is one that a worker wrote of that message. So it is when another broker goes on.
#include <map>
#include <set>
#include <vector>

#include "broker/history.h"
#include "checker.h"

namespace ym::simulation {
namespace {

class HistoryChecker final : public Checker {
  public:
    explicit HistoryChecker(Evidence& evidence) : Checker(evidence, "history") {}

    void on(const SettleFact& fact) override {
        const Lease* lease = book_.lease(fact.session, fact.tag);
        if (fact.bad || lease == nullptr || lease->copy == no_copy) return;
        const Copy& copy = book_.copy(lease->copy);
        written_[{copy.uid, book_.scene().queues[copy.queue].name}].insert(std::string(fact.error));
    }

    void on(const RecordFact& fact) override {
        if (is_note(fact.kind)) on_the_way_[fact.batch].push_back(fact);
    }
    void kept(std::uint64_t batch) override {
        const auto found = on_the_way_.find(batch);
        if (found == on_the_way_.end()) return;
        for (const RecordFact& fact : found->second) look_at(fact);
        on_the_way_.erase(found);
    }
    void not_stored(std::uint64_t batch) override { on_the_way_.erase(batch); }
    void broker_ended() override { on_the_way_.clear(); }

  private:
    struct Past {
        WallTime at;
        std::uint32_t attempt = 0;
        FailureReason reason{};
        std::string worker, error;
        friend bool operator==(const Past&, const Past&) = default;
    };
    using Pasts = std::vector<Past>;

    static Pasts read(const std::string& history) {
        Pasts pasts;
        HistoryCursor cursor(as_octets(history));
        PastAttempt past;
        while (cursor.next(past)) {
            pasts.push_back({past.at, past.attempt, past.reason, std::string(past.worker), std::string(past.error)});
        }
        return pasts;
    }

    /// Whether `after` tells the end of `before`, all of it if there is room, and then what is new.
    static bool goes_on(const Pasts& before, const Pasts& after) {
        for (std::size_t gone = 0; gone <= before.size(); ++gone) {
            if (gone > 0 && after.size() < Histories::attempts_max) return false;
            const std::size_t same = before.size() - gone;
            if (same > after.size()) continue;
            if (std::equal(after.begin(), after.begin() + static_cast<std::ptrdiff_t>(same),
                           before.begin() + static_cast<std::ptrdiff_t>(gone)))
                return true;
        }
        return false;
    }

    void look_at(const RecordFact& fact) {
        const Image::Key key{fact.message, fact.queues.front()};
        const auto copy = evidence_.image.copies().find(key);
        // What is said of one that is gone tells nothing; its history went with it.
        if (copy == evidence_.image.copies().end() || copy->second.state == Image::State::settled) return;
        const std::string& queue = evidence_.image.name_of(key.second);
        const Pasts now = read(fact.history);
        Pasts& before = told_[key];
        if (!goes_on(before, now)) {
            wrong("message ", copy->second.uid, " of queue ", queue, " had a history of ", before.size(),
                  " attempts, and what is told now of ", now.size(), " does not go on with it");
        }
        if (fact.attempt > 0 && now.empty())
            wrong("nothing is told of ", fact.attempt, " attempts at message ", copy->second.uid, " of queue ", queue);
        for (const Past& past : now) {
            if (past.error.empty()) continue;
            evidence_.coverage.count(Fault::error_told);
            if (!written_[{copy->second.uid, queue}].contains(past.error))
                wrong("message ", copy->second.uid, " of queue ", queue, " has the error '", past.error,
                      "', which no worker wrote");
        }
        before = now;
    }

    std::map<std::pair<Uid, std::string>, std::set<std::string>> written_;
    std::map<std::uint64_t, std::vector<RecordFact>> on_the_way_;  // by batch
    std::map<Image::Key, Pasts> told_;
};

}  // namespace

std::unique_ptr<Checker> make_history_checker(Evidence& evidence) {
    return std::make_unique<HistoryChecker>(evidence);
}

}  // namespace ym::simulation
