// A broker that starts has what the store has, and nothing else: the messages of each queue, its dead letters, and its
// books, to the last term.
#include <map>
#include <set>

#include "checker.h"

namespace ym::simulation {
namespace {

class RecoveryChecker final : public Checker {
  public:
    explicit RecoveryChecker(Evidence& evidence) : Checker(evidence, "recovery") {}

    void recovered(const StatusReport& status) override {
        const Image& image = evidence_.image;
        std::map<std::string, Found> found;
        for (const auto& [key, copy] : image.copies()) {
            Found& in = found[image.name_of(key.second)];
            if (copy.state == Image::State::live) {
                ++in.live;
                const bool waits = copy.not_before > evidence_.wall;
                in.waiting += waits ? 1 : 0;
                count(waits ? Fault::recovered_waiting : Fault::recovered_ready);
            }
            if (copy.state == Image::State::dead) {
                ++in.dead;
                count(Fault::recovered_dead);
            }
        }
        std::set<std::string> there;
        for (const QueueStatus& q : status.queues) {
            there.insert(q.name);
            if (q.orphan && q.live > 0) count(Fault::recovered_orphan);
            if (q.created && q.live > 0) count(Fault::recovered_on_demand);
            compare(q, found[q.name]);
        }
        for (const auto& [name, what] : found) {
            if (!there.contains(name) && what.live + what.dead > 0)
                wrong("queue ", name, " is not there, and the store has ", what.live, " messages of it, and ",
                      what.dead, " dead letters");
        }
        for (std::size_t i = 0; i < 3; ++i) {
            const std::uint64_t now[] = {status.duplicates, status.refused, status.dropped_unmatched};
            if (now[i] < image.totals()[i]) wrong("a total of the shard was ", image.totals()[i], ", and is ", now[i]);
        }
    }

  private:
    struct Found {
        std::uint64_t live = 0;
        std::uint64_t waiting = 0;
        std::uint64_t dead = 0;
    };

    void count(Fault fault) { evidence_.coverage.count(fault); }

    void compare(const QueueStatus& q, const Found& found) {
        const auto differs = [&](const char* what, std::uint64_t told, std::uint64_t stored) {
            if (told != stored) wrong("queue ", q.name, " has ", told, " ", what, ", and the store ", stored);
        };
        differs("messages", q.live, found.live);
        differs("messages in flight", q.in_flight, 0);
        differs("messages to be stored", q.storing, 0);
        differs("messages that wait", q.waiting, found.waiting);
        differs("dead letters", q.dead_letters.live, found.dead);
        if (evidence_.image.is_unsteady(q.name)) return;
        const Image::Books stored = evidence_.image.books_of(q.name);
        differs("accepted", q.ledger.accepted, stored.ledger.accepted);
        differs("moved in", q.ledger.moved_in, stored.ledger.moved_in);
        differs("acked", q.ledger.acked, stored.ledger.acked);
        differs("dead", q.ledger.dead, stored.ledger.dead);
        differs("expired", q.ledger.expired, stored.ledger.expired);
        differs("deleted", q.ledger.deleted, stored.ledger.deleted);
        differs("moved out", q.ledger.moved_out, stored.ledger.moved_out);
        for (std::size_t i = 0; i < drop_reason_count; ++i) {
            differs("dropped", q.ledger.dropped[i], stored.ledger.dropped[i]);
        }
        differs("dead letters in", q.dead_letters.in, stored.dead_in);
        differs("dead letters dropped", q.dead_letters.dropped, stored.dead_dropped);
    }
};

}  // namespace

std::unique_ptr<Checker> make_recovery_checker(Evidence& evidence) {
    return std::make_unique<RecoveryChecker>(evidence);
}

}  // namespace ym::simulation
