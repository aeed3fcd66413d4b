// The script of `yardmaster probe producer`.
#include <algorithm>
#include <set>

#include "cli/probe_script.h"

namespace ym::cli::probe {

using wire::Field;
using wire::FrameWriter;
using wire::Status;
using wire::Verb;

const char* const producer_task =
    "The client has to publish at least 20 messages of 1 to 1,000 octets to the address `probe`, as fast as it may, "
    "wait for all\n"
    "answers, and leave. If it asks for replies it gets them, and rule 6 can be seen.";

const std::array<const char*, rules> producer_rules{
    "428: one HELLO, nothing until WELCOME, then all that is unanswered again, in order",
    "frames as the grammar has them, within frame-max and records-max of WELCOME",
    "windows in messages and octets are kept; what is refused with 429 comes again, not too soon",
    "heartbeats while there is nothing to say; after ten of silence another socket",
    "answers are final: 208 is taken, 4xx is not sent again",
    "the body of a reply may be a second ZeroMQ frame; a second reply is ignored",
    "BYE after all answers, and the socket stays open until BYE comes back",
};

namespace {

class ProducerScript final : public Script {
  public:
    ProducerScript(Stage& stage, Report& report) : Script(stage, report) {}

    void run() {
        if (!meet() || !windows() || !restart() || !silence()) return;
        rest_and_leave();
    }

  private:
    struct Message {
        bool wants_reply = false;
        Clock::time_point not_before;  // of a repetition
        bool due = false;              // it may be sent again, and has not been
    };

    void take(const Heard& heard) override {
        if (heard.verb != Verb::publish) return;
        check_limits(heard);
        for (const HeardRecord& record : heard.records) take_record(record, heard.at);
    }

    void take_record(const HeardRecord& record, Clock::time_point at) {
        const std::uint64_t sequence = record.id;
        if (sequence > window_) {
            report_.broken(3, text("sequence ", sequence), text("none above ", window_, ", the window"), "6");
        }
        if (bytes_ >= bytes_max_) {
            report_.broken(3, text("sequence ", sequence, " after ", bytes_, " octets of bodies"),
                           text("none once the sum since WELCOME is ", bytes_max_, " octets"), "6");
        }
        bytes_ += record.body_bytes;
        const auto known = open_.find(sequence);
        if (known == open_.end()) {
            take_new(sequence, record.code == wire::publish_wants_reply);
            return;
        }
        Message& message = known->second;
        if (!message.due) {
            report_.broken(3, text("sequence ", sequence, " again, and nothing asked for it"),
                           "again only after WELCOME, 429, 503 or 507", "5.2.4, 7.1");
        }
        if (at + 20ms < message.not_before) {
            report_.broken(3, text("sequence ", sequence, " again before its retry-after-ms was over"),
                           "not sooner than that", "3.3");
        }
        const auto first_due = std::find_if(open_.begin(), open_.end(), [](const auto& one) { return one.second.due; });
        if (message.due && first_due->first != sequence) {
            report_.broken(1, text("sequence ", sequence, " before ", first_due->first), "again in order of sequence",
                           "5.2.4");
        }
        message.due = false;
    }

    void take_new(std::uint64_t sequence, bool wants_reply) {
        if (answered_.contains(sequence)) {
            report_.broken(5, text("sequence ", sequence, " again, which had its answer"), "an answer is final",
                           "4.2, 5.2.4");
            return;
        }
        if (sequence <= highest_) {
            report_.broken(3, text("sequence ", sequence, " after ", highest_),
                           "new messages take the next sequence, rising", "6");
        }
        for (const auto& [other, message] : open_) {
            if (message.due && resuming_) {
                report_.broken(1, text("sequence ", sequence, ", a new one, before ", other),
                               "first all that is unanswered, in order", "5.2.4");
            }
        }
        highest_ = std::max(highest_, sequence);
        open_[sequence].wants_reply = wants_reply;
        requests_ += wants_reply ? 1 : 0;
    }

    void confirm(std::uint64_t first, std::uint64_t last, Status status, std::uint64_t retry_after_ms = 0) {
        stage_.send([&](FrameWriter& writer) {
            writer.begin(Verb::confirm, 0, {}, window_);
            writer.begin_record(static_cast<std::uint16_t>(status), first);
            if (last != first) writer.field(Field::through, last);
            if (retry_after_ms != 0) writer.field(Field::retry_after_ms, retry_after_ms);
        });
        for (std::uint64_t sequence = first; sequence <= last; ++sequence) {
            const auto found = open_.find(sequence);
            if (found == open_.end()) continue;
            if (status == Status::beyond_window) {
                found->second.due = true;
                found->second.not_before = Clock::now() + Milliseconds(retry_after_ms);
                continue;
            }
            if (found->second.wants_reply && status <= Status::duplicate) reply(sequence);
            answered_.insert(sequence);
            open_.erase(found);
        }
    }

    /// One part, then the last one as a second ZeroMQ frame, and that again.
    void reply(std::uint64_t sequence) {
        const auto send = [&](Status status, std::uint64_t index, std::uint8_t flags,
                              const std::optional<std::string>& body) {
            stage_.send(
                [&](FrameWriter& writer) {
                    writer.begin(Verb::reply, flags, {}, sequence);
                    writer.begin_record(static_cast<std::uint16_t>(status), index);
                },
                body);
        };
        send(Status::part, 0, 0, std::nullopt);
        send(Status::ok, 1, wire::flag_body_in_second_frame, "the probe's reply");
        send(Status::ok, 1, wire::flag_body_in_second_frame, "the probe's reply");
    }

    bool stop(const std::string& why) override {
        if (left_ && !open_.empty()) {
            report_.broken(7, text("BYE with ", open_.size(), " messages unanswered"), "BYE when all has its answer",
                           "5.4, 7.1");
        }
        return Script::stop(why);
    }

    bool meet() {
        Heard hello;
        const auto noise = [this] { confirm(1, 3, Status::ok); };
        if (!stage_.greet(1, stage_.patience(), false, noise, hello))
            return stop("no HELLO came; is the client at this endpoint?");
        answered_.clear();
        window_ = 8;
        stage_.welcome({.accepted = 0, .window = window_});
        return true;
    }

    bool windows() {
        if (!collect(stage_.patience(), [&] { return highest_ >= 8; })) {
            return stop(text("only ", highest_, " messages came: publish at least 20 to `probe`"));
        }
        watch(400ms);  // nothing may come beyond the window
        confirm(1, 3, Status::ok);
        confirm(4, 4, Status::beyond_window, 300);
        if (!collect(stage_.patience(), [&] { return !open_.contains(4) || !open_[4].due; })) {
            report_.broken(3, "sequence 4 was refused with 429, and did not come again", "again after retry-after-ms",
                           "4.2, 7.1");
            return stop("the script ends here");
        }
        window_ = 16;
        confirm(4, 5, Status::ok);
        if (!collect(stage_.patience(), [&] { return highest_ >= 16; })) {
            report_.broken(3, text("no sequence above ", highest_, " though the window is 16"),
                           "CONFIRM's number lets the window go on (or: the client has fewer than 20 messages)", "6");
            return stop("the script ends here");
        }
        report_.ok(2);
        report_.ok(3);
        return true;
    }

    /// Greets anew after 428 or silence, lets one message through by the window in octets, then all.
    bool resume(std::size_t rule, bool mute, const char* what) {
        Heard hello;
        if (!greet_again(rule, mute, what, hello)) return false;
        const std::uint64_t lowest = open_.empty() ? highest_ + 1 : open_.begin()->first;
        if (!hello.records.empty() && hello.records[0].id != lowest) {
            report_.broken(1, text("a HELLO with ", hello.records[0].id, " as the lowest sequence"),
                           text(lowest, ", the lowest unanswered"), "5.2.6");
        }
        for (auto& [sequence, message] : open_) message = {message.wants_reply, {}, true};
        resuming_ = true;
        bytes_ = 0;
        bytes_max_ = 1;
        stage_.welcome({.accepted = lowest - 1, .window = window_, .bytes = bytes_max_, .boot = mute ? 2U : 3U});
        watch(hold);
        bytes_max_ = std::uint64_t{1} << 30U;
        stage_.send([&](FrameWriter& writer) {
            writer.begin(Verb::confirm, 0, {}, window_);
            writer.begin_record(0, 0);
            writer.field(Field::bytes, bytes_max_);
        });
        const auto missing = [this] {
            return std::find_if(open_.begin(), open_.end(), [](const auto& one) { return one.second.due; });
        };
        if (!collect(stage_.patience(), [&] { return missing() == open_.end(); })) {
            report_.broken(rule, text("sequence ", missing()->first, " did not come again after WELCOME"),
                           "all that is unanswered, with its own sequence", "5.2.4");
            return stop("the script ends here");
        }
        resuming_ = false;
        return true;
    }

    bool restart() {
        if (!resume(1, false, "428")) return false;
        report_.ok(1);
        confirm(6, 6, Status::duplicate);
        confirm(7, 7, Status::no_address);
        confirm(8, 15, Status::ok);
        return true;
    }

    bool silence() {
        if (!listen_for_heartbeats()) return false;
        if (!resume(4, true, "ten heartbeats of silence")) return false;
        report_.ok(4);
        return true;
    }

    void rest_and_leave() {
        window_ = 1'000'000;
        const auto end = Clock::now() + stage_.patience();
        confirm(16, 16, Status::ok);
        while (!left_ && !gone_ && Clock::now() < end) {
            collect(20ms, [&] { return !open_.empty(); });
            while (!open_.empty()) confirm(open_.begin()->first, open_.begin()->first, Status::ok);
        }
        if (!left_) {
            report_.broken(7, "no BYE after all was answered", "BYE, when the application is done", "5.4");
            return;
        }
        report_.ok(5);
        if (requests_ > 0) report_.ok(6);
        watch(hold);
        if (!stage_.send(Verb::bye)) {
            report_.broken(7, text("the connection was closed within ", hold.count(), " ms of BYE"),
                           "the socket stays open until BYE comes back", "5.4");
            return;
        }
        report_.ok(7);
    }

    std::map<std::uint64_t, Message> open_;  // by sequence: without a final answer
    std::set<std::uint64_t> answered_;
    std::uint64_t highest_ = 0;
    std::uint64_t window_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t bytes_max_ = std::uint64_t{1} << 30U;
    std::uint64_t requests_ = 0;
    bool resuming_ = false;
};

}  // namespace

void probe_producer(Stage& stage, Report& report) {
    ProducerScript(stage, report).run();
}

}  // namespace ym::cli::probe
