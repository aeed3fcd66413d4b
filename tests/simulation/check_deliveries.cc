// Nothing is delivered that was not published to that queue, and intact; attempts grow; one message is never two.
#include "checker.h"

namespace ym::simulation {
namespace {

class DeliveryChecker final : public Checker {
  public:
    explicit DeliveryChecker(Evidence& evidence) : Checker(evidence, "deliveries") {}

    void on(const DeliverFact& fact) override {
        if (fact.uid == no_uid) {
            wrong("a body was delivered that nobody published, tag ", fact.tag, " of session ", fact.session);
            return;
        }
        if (!fact.fields_intact) wrong("fields of message ", fact.uid, " were changed on their way");
        const CopyId id = fact.queue < book_.queues() ? book_.find(fact.uid, fact.queue) : no_copy;
        if (id == no_copy) {
            wrong("message ", fact.uid, " was delivered from queue ", fact.queue_name, ", which it was not sent to");
            return;
        }
        const Copy& copy = book_.copy(id);
        state(fact, copy);
        attempt(fact, copy);
        // The store keeps times in whole milliseconds.
        if (now() + 2ms < copy.not_before) {
            wrong("message ", fact.uid, " was delayed by an earlier broker, and comes ", to_ms(copy.not_before - now()),
                  "ms before its time");
        }
        if (fact.attempt > 1) evidence_.coverage.count(Fault::redelivered);
        const QueueScene& queue = book_.scene().queues[fact.queue];
        if (!fact.majordomo && fact.lease != queue.lease)
            wrong("a lease of queue ", queue.name, " is not as long as its settings say");
    }

  private:
    void state(const DeliverFact& fact, const Copy& copy) {
        switch (copy.state) {
            case CopyState::refused: wrong("message ", fact.uid, " was refused, and is delivered"); break;
            case CopyState::acked: wrong("message ", fact.uid, " was acked, and is delivered again"); break;
            case CopyState::dead:
            case CopyState::moved: wrong("message ", fact.uid, " is dead, and is delivered again"); break;
            case CopyState::gone: wrong("message ", fact.uid, " was dropped, and is delivered"); break;
            default: break;
        }
    }

    void attempt(const DeliverFact& fact, const Copy& copy) {
        if (copy.gave_back && fact.attempt == copy.attempt) return;
        if (fact.attempt != copy.attempt + 1 || (copy.gave_back && copy.attempt > 0)) {
            wrong("message ", fact.uid, " is delivered as attempt ", fact.attempt, " after attempt ", copy.attempt);
        }
        const QueueScene& queue = book_.scene().queues[fact.queue];
        if (fact.attempt > book_.scene().retries[queue.retry].attempts) {
            wrong("message ", fact.uid, " is delivered ", fact.attempt, " times, more than its queue allows");
        }
    }
};

}  // namespace

std::unique_ptr<Checker> make_delivery_checker(Evidence& evidence) {
    return std::make_unique<DeliveryChecker>(evidence);
}

}  // namespace ym::simulation
