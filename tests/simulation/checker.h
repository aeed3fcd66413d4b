// A checker is shown each fact in order, before the book takes it in, and says what may not be.
#pragma once

#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "book.h"
#include "broker/event.h"
#include "broker/status.h"
#include "coverage.h"
#include "image.h"

namespace ym::simulation {

/// The first thing that may not be.
struct Violation {
    std::string checker;
    std::string text;
};

/// What all checkers look at.
struct Evidence {
    Book& book;
    Coverage& coverage;
    Image& image;  // of what the store has taken in, from the first batch on
    Instant now;
    WallTime wall;
    bool healing = false;  // faults have stopped
    std::vector<Violation> violations;
};

class Checker {
  public:
    Checker(Evidence& evidence, std::string name) : evidence_(evidence), book_(evidence.book), name_(std::move(name)) {}
    virtual ~Checker() = default;
    Checker(const Checker&) = delete;
    Checker& operator=(const Checker&) = delete;

    virtual void on(const WelcomeFact&) {}
    virtual void on(const PublishFact&) {}
    virtual void on(const AnswerFact&) {}
    virtual void on(const WindowFact&) {}
    virtual void on(const DeliverFact&) {}
    virtual void on(const SettleFact&) {}
    virtual void on(const LostFact&) {}
    virtual void on(const DurableFact&) {}
    virtual void on(const ReplyFact&) {}
    virtual void on(const ErrorFact&) {}
    virtual void on(const StrangerFact&) {}
    virtual void on(const FrameFact&) {}
    virtual void on(const GoneFact&) {}
    virtual void on(const RecordFact&) {}
    /// Batches up to `batch` are stored / the batch was refused.
    virtual void stored(std::uint64_t /*batch*/) {}
    virtual void not_stored(std::uint64_t /*batch*/) {}
    /// The store has the batch, whether it has told so or not.
    virtual void kept(std::uint64_t /*batch*/) {}
    /// What the batches say that the store has not given up.
    virtual void left(const Image& /*left*/) {}
    /// After all facts of a step.
    virtual void end_step() {}
    /// `next` is when the broker wants to be called again.
    virtual void after_step(Instant /*next*/) {}
    /// What the broker says its books are, at some moment between steps.
    virtual void inspect(const StatusReport& /*status*/) {}
    /// The broker is gone; what it held in memory is lost, and the image is what the next one will find.
    virtual void broker_ended() {}
    /// A broker has read back what the store has, and says what it made of it.
    virtual void recovered(const StatusReport& /*status*/) {}
    /// Nothing is under way any more.
    virtual void end(const StatusReport& /*status*/) {}

  protected:
    /// Says what may not be, as text of its parts.
    template <class... Part>
    void wrong(const Part&... parts) {
        std::ostringstream text;
        (text << ... << parts);
        evidence_.violations.push_back({name_, text.str()});
    }
    [[nodiscard]] Instant now() const { return evidence_.now; }

    Evidence& evidence_;
    Book& book_;

  private:
    std::string name_;
};

using Checkers = std::vector<std::unique_ptr<Checker>>;

/// All of them.
[[nodiscard]] Checkers make_checkers(Evidence& evidence);

std::unique_ptr<Checker> make_confirm_checker(Evidence& evidence);
std::unique_ptr<Checker> make_delivery_checker(Evidence& evidence);
std::unique_ptr<Checker> make_lease_checker(Evidence& evidence);
std::unique_ptr<Checker> make_settlement_checker(Evidence& evidence);
std::unique_ptr<Checker> make_credit_checker(Evidence& evidence);
std::unique_ptr<Checker> make_fence_checker(Evidence& evidence);
std::unique_ptr<Checker> make_order_checker(Evidence& evidence);
std::unique_ptr<Checker> make_reply_checker(Evidence& evidence);
std::unique_ptr<Checker> make_ledger_checker(Evidence& evidence);
std::unique_ptr<Checker> make_image_checker(Evidence& evidence);
std::unique_ptr<Checker> make_error_checker(Evidence& evidence);
std::unique_ptr<Checker> make_heartbeat_checker(Evidence& evidence);
std::unique_ptr<Checker> make_recovery_checker(Evidence& evidence);
std::unique_ptr<Checker> make_durable_checker(Evidence& evidence);
std::unique_ptr<Checker> make_history_checker(Evidence& evidence);

}  // namespace ym::simulation
