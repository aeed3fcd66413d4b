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
        times(fact, copy);
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

    void end_step() override { wall_most_ = std::max(wall_most_, wall_ms()); }

  private:
    [[nodiscard]] std::uint64_t wall_ms() const {
        return static_cast<std::uint64_t>(evidence_.wall.since_epoch.count());
    }

    /// Not before its time, and not when its time is over. Both are left behind by what dies.
    void times(const DeliverFact& fact, const Copy& copy) {
        const Message& message = book_.messages()[fact.uid];
        if (copy.dead_letter) return;
        end_step();
        // The clock may have been set back since the message was ready.
        if (message.not_before_ms > wall_most_) {
            wrong("message ", fact.uid, " is delivered ", message.not_before_ms - wall_most_, "ms before its time");
        }
        const Duration queue_ttl = book_.scene().queues[fact.queue].ttl;
        const std::uint64_t ttl = message.ttl_ms != 0 ? message.ttl_ms : to_ms(queue_ttl);
        if (message.not_before_ms != 0) evidence_.coverage.count(Fault::delayed);
        if (ttl == 0 || fact.accepted_ms == 0) return;
        evidence_.coverage.count(Fault::delivered_in_time);
        const std::uint64_t expires = std::max(fact.accepted_ms, message.not_before_ms) + ttl;
        if (expires <= wall_ms()) {
            wrong("message ", fact.uid, " is delivered ", wall_ms() - expires, "ms after its time was over");
        }
    }

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

    std::uint64_t wall_most_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_delivery_checker(Evidence& evidence) {
    return std::make_unique<DeliveryChecker>(evidence);
}

}  // namespace ym::simulation
