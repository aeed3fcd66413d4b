// The books of each queue balance, with what is live counted by walking; and they say what the peers saw.
#include "checker.h"

namespace ym::simulation {
namespace {

class LedgerChecker final : public Checker {
  public:
    explicit LedgerChecker(Evidence& evidence) : Checker(evidence, "ledger") {}

    void inspect(const StatusReport& status) override {
        evidence_.coverage.count(Fault::balance_of_books_checked);
        for (const QueueStatus& q : status.queues) {
            if (q.ledger.in() != q.ledger.out() + q.live) {
                wrong("queue ", q.name, ": ", q.ledger.in(), " came in, ", q.ledger.out(), " went out, ", q.live,
                      " are there");
            }
            if (q.live != q.ready + q.waiting + q.in_flight) {
                wrong("queue ", q.name, ": ", q.live, " live are not ", q.ready, " ready, ", q.waiting, " waiting, ",
                      q.in_flight, " in flight");
            }
            const DeadLedger& dead = q.dead_letters;
            if (dead.in != dead.live + dead.dropped)
                wrong("queue ", q.name, ": the books of its dead letters do not balance");
            const std::size_t queue = book_.scene().find_queue(q.name);
            if (queue < book_.queues()) seen(q, book_.queue(queue));
        }
    }

    void end(const StatusReport& status) override {
        inspect(status);
        for (const QueueStatus& q : status.queues) {
            if (q.live != 0) wrong("queue ", q.name, " still holds ", q.live, " messages");
            count(Fault::oldest_dropped, q.ledger.dropped[static_cast<std::size_t>(DropReason::queue_full)]);
            count(Fault::optional_dropped, q.ledger.dropped[static_cast<std::size_t>(DropReason::optional_full)]);
            count(Fault::dead_by_count, q.dead_letters.in);
            count(Fault::moved_to_dead_queue, q.ledger.moved_in);
        }
        count(Fault::unmatched_dropped, status.dropped_unmatched);
    }

  private:
    void count(Fault fault, std::uint64_t n) {
        if (n > 0) evidence_.coverage.count(fault);
    }

    void seen(const QueueStatus& q, const QueueBook& book) {
        if (book.unsteady) return;
        if (q.in_flight != book.live_leases) {
            wrong("queue ", q.name, ": ", q.in_flight, " in flight, and workers hold ", book.live_leases);
        }
        if (q.ledger.acked != book.acked) {
            wrong("queue ", q.name, ": ", q.ledger.acked, " acked, and workers acked ", book.acked);
        }
        if (q.ledger.accepted < book.confirmed) {
            wrong("queue ", q.name, ": ", q.ledger.accepted, " accepted, and producers were told ", book.confirmed);
        }
        if (book.drops) return;
        if (q.ledger.dead != book.dead) {
            wrong("queue ", q.name, ": ", q.ledger.dead, " dead, and by the workers' answers ", book.dead);
        }
    }
};

}  // namespace

std::unique_ptr<Checker> make_ledger_checker(Evidence& evidence) {
    return std::make_unique<LedgerChecker>(evidence);
}

}  // namespace ym::simulation
