// The script of `yardmaster probe worker`.
#include <algorithm>
#include <cstdio>
#include <set>

#include "cli/probe_script.h"

namespace ym::cli::probe {

using wire::Field;
using wire::FrameWriter;
using wire::SettleCode;
using wire::Status;
using wire::Verb;

const char* const worker_task =
    "The client has to work on the queue `probe` with a credit of 4 to 100, take its messages one by one, spend 200 ms "
    "on each,\n"
    "and ack it (with a reply or without). When the probe says so, end it in its ordinary way (Ctrl-C or SIGTERM).";

const std::array<const char*, rules> worker_rules{
    "428: one HELLO, nothing until WELCOME; what last-tag says is resumed, released or forgotten",
    "frames as the grammar has them, within frame-max and records-max of WELCOME",
    "credit is absolute, follows WELCOME and what is settled; only tags that are held are settled, once",
    "heartbeats while there is nothing to say; after ten of silence another socket",
    "leases of what waits are extended; after LOST a tag is let go",
    "the body of a delivery may be a second ZeroMQ frame",
    "BYE at the end, after the last SETTLE, and the socket stays open until BYE comes back",
};

namespace {

constexpr Milliseconds lease = 1000ms;
constexpr std::uint64_t lot = 8;  // deliveries of a lot: enough that some must wait longer than half a lease

bool is_final(std::uint16_t code) {
    return code <= static_cast<std::uint16_t>(SettleCode::release);
}

class WorkerScript final : public Script {
  public:
    WorkerScript(Stage& stage, Report& report) : Script(stage, report) {
        stage_.on_tick([this](Clock::time_point now) { end_leases(now); });
        // A settlement that was on its way to a broker that has forgotten the worker may be lost for good (5.2.7).
        stage_.on_ignored([this](const Heard& heard) {
            if (heard.verb != Verb::settle) return;
            for (const HeardRecord& record : heard.records) {
                const std::uint64_t last = record.number(Field::through, record.id);
                for (auto one = held_.lower_bound(record.id); one != held_.end() && one->first <= last;) {
                    lost_on_the_way_.insert(one->first);
                    one = is_final(record.code) ? held_.erase(one) : std::next(one);
                }
            }
        });
    }

    void run() {
        if (!meet() || !first_lot() || !losses() || !restart() || !forgotten() || !silence()) return;
        leave();
    }

  private:
    void end_leases(Clock::time_point now) {
        for (auto one = held_.begin(); one != held_.end();) {
            if (now < one->second + 150ms) {
                ++one;
                continue;
            }
            report_.broken(5,
                           text("tag ", one->first, " was neither settled nor extended within its lease of ",
                                lease.count(), " ms"),
                           "SETTLE extend at half a lease for what waits in the client", "7.2, 8");
            lost_[one->first] = now;
            tell_lost(one->first, Status::timeout);
            one = held_.erase(one);
        }
    }

    void tell_lost(std::uint64_t tag, Status status) {
        stage_.send([&](FrameWriter& writer) {
            writer.begin(Verb::lost, 0, {}, 0);
            writer.begin_record(static_cast<std::uint16_t>(status), tag);
        });
    }

    void take(const Heard& heard) override {
        check_limits(heard);
        switch (heard.verb) {
            case Verb::credit: credit_ = std::max(credit_, heard.number); break;
            case Verb::settle:
                credit_ = std::max(credit_, heard.number);
                for (const HeardRecord& record : heard.records) settle(record, heard);
                break;
            default: break;
        }
    }

    void settle(const HeardRecord& record, const Heard& heard) {
        const std::uint64_t last = record.number(Field::through, record.id);
        for (std::uint64_t tag = record.id; tag <= last && tag - record.id < 1000; ++tag)
            settle(tag, record.code, heard);
    }

    void settle(std::uint64_t tag, std::uint16_t code, const Heard& heard) {
        const bool ends = is_final(code);
        const bool told = (heard.flags & wire::flag_tell_durable) != 0;
        const auto held = held_.find(tag);
        if (held != held_.end()) {
            if (code == static_cast<std::uint16_t>(SettleCode::extend)) {
                held->second = Clock::now() + lease;
                ++extended_;
            }
            if (!ends) return;
            held_.erase(held);
            settled_[tag] = era_;
            if (told) {
                stage_.send([&](FrameWriter& writer) {
                    writer.begin(Verb::confirm, 0, {}, 0);
                    writer.begin_record(wire::confirm_settled, tag);
                });
            }
            return;
        }
        if (ends && to_release_.erase(tag) != 0) return;
        if (ends && lost_on_the_way_.erase(tag) != 0) {
            if (told) tell_lost(tag, Status::stale_tag);
            return;
        }
        blame(tag, heard, told);
        tell_lost(tag, Status::stale_tag);
    }

    /// Why a tag is settled that is not held, and whether that is a fault.
    void blame(std::uint64_t tag, const Heard& heard, bool told) {
        const auto lost = lost_.find(tag);
        const auto settled = settled_.find(tag);
        if (lost != lost_.end()) {
            // What was under way when LOST left is no fault.
            if (heard.at < lost->second + 150ms) return;
            report_.broken(5, text("tag ", tag, " was settled after LOST had said that it is not held"),
                           "nothing at all for this tag", "4.3, 7.2");
        } else if (settled != settled_.end()) {
            // A worker that asks to be told sends again after WELCOME what had no answer.
            if (told && settled->second < era_) return;
            report_.broken(3, text("tag ", tag, " was settled twice"), "each tag is settled once", "8");
        } else if (tag > highest_ && forgotten_) {
            report_.broken(1, text("tag ", tag, " was settled after a WELCOME with last-tag 0"),
                           "all that was held is stale, and tags begin at 1 again", "5.2.5");
        } else {
            report_.broken(3, text("tag ", tag, " was settled, which was never delivered in this session"),
                           "tags of DELIVER only", "4.1");
        }
    }

    /// Hands out `count` messages in one frame; the last one's body as a second ZeroMQ frame, if wanted. The worker has
    /// credit for them, or the script ends.
    bool deliver(std::uint64_t count, bool second_frame = false) {
        if (!collect(stage_.patience(), [&] { return credit_ >= highest_ + count; })) {
            report_.broken(
                3, text("credit up to tag ", credit_, " after tag ", highest_, ", with ", held_.size(), " held"),
                text("credit for ", count, " more: the highest tag, and what is free of a capacity of 4 at least"),
                "6, 5.2.6");
            return stop("the script ends here");
        }
        send_deliveries(highest_ + 1, count, second_frame);
        for (std::uint64_t i = 0; i < count; ++i) held_[++highest_] = Clock::now() + lease;
        return true;
    }

    void send_deliveries(std::uint64_t first, std::uint64_t count, bool second_frame) {
        stage_.send(
            [&](FrameWriter& writer) {
                writer.begin(Verb::deliver, second_frame ? wire::flag_body_in_second_frame : std::uint8_t{0}, "probe",
                             static_cast<std::uint64_t>(lease.count()));
                for (std::uint64_t tag = first; tag < first + count; ++tag) {
                    writer.begin_record(1, tag);
                    writer.field(Field::fence, ++fence_);
                    writer.field(Field::first_accepted_ms, std::uint64_t{1'760'000'000'000});
                    if (!second_frame || tag + 1 < first + count) writer.body(as_octets("a message of the probe"));
                }
            },
            second_frame ? std::optional<std::string>("a body in a frame of its own") : std::nullopt);
    }

    bool finish(const char* what, std::size_t rule = 3) {
        if (collect(stage_.patience(), [this] { return held_.empty(); })) return true;
        report_.broken(rule, text(held_.size(), " messages were not settled", what), "each is settled, here by ack",
                       "3.2, 7.2");
        return stop("the script ends here");
    }

    bool meet() {
        Heard hello;
        // A delivery before WELCOME belongs to nobody.
        const auto noise = [this] { send_deliveries(1, 1, false); };
        if (!stage_.greet(1, stage_.patience(), false, noise, hello))
            return stop("no HELLO came; is the client at this endpoint?");
        const std::vector<std::string> queues =
            hello.records.empty() ? std::vector<std::string>{} : hello.records[0].queues;
        if (std::find(queues.begin(), queues.end(), "probe") == queues.end())
            return stop("HELLO does not name the queue `probe`");
        credit_ = hello.number;
        stage_.welcome({});
        watch(2 * heartbeat);
        if (!settled_.empty() || report_.is_broken(3)) {
            report_.broken(1, "a tag was settled that was delivered before WELCOME",
                           "all but WELCOME is ignored until it comes", "5.1.1");
        }
        return true;
    }

    bool first_lot() {
        if (!collect(stage_.patience(), [&] { return credit_ >= 4; }))
            return stop("the client gives credit for less than 4 messages");
        if (!deliver(std::min(credit_, lot)) || !finish("")) return false;
        extended_before_losses_ = extended_;
        return true;
    }

    bool losses() {
        if (!deliver(4)) return false;
        for (std::uint64_t tag = highest_ - 1; tag <= highest_; ++tag) {
            held_.erase(tag);
            lost_[tag] = Clock::now();
            tell_lost(tag, Status::stale_tag);
        }
        if (!finish(" though only the other half was LOST")) return false;
        watch(3 * heartbeat);
        if (!deliver(2, true) || !finish(", the last one with its body in a second ZeroMQ frame", 6)) return false;
        report_.ok(6);
        return true;
    }

    /// A new greeting; the client resumes, so its HELLO gives no credit.
    bool resume(std::size_t rule, bool mute, const char* what) {
        // Leases run on meanwhile, and nobody could be blamed for what it cannot say.
        for (auto& [tag, deadline] : held_) deadline += patience_for(mute) + 10s;
        Heard hello;
        if (!greet_again(rule, mute, what, hello)) return false;
        if (hello.number != 0) {
            report_.broken(3, text("a HELLO that resumes, with credit ", hello.number),
                           "number 0: CREDIT follows WELCOME", "5.2.6");
        }
        credit_ = 0;
        ++era_;
        return true;
    }

    bool restart() {
        if (!deliver(4) || !resume(1, false, "428")) return false;
        // Two more were sent in vain, as the client will learn from last-tag.
        to_release_ = {highest_ + 1, highest_ + 2};
        highest_ += 2;
        for (auto& [tag, deadline] : held_) deadline = Clock::now() + lease;
        stage_.welcome({.last_tag = highest_, .boot = 1});
        if (!finish(" of a session that was resumed")) return false;
        if (!collect(stage_.patience(), [this] { return to_release_.empty(); })) {
            report_.broken(1, text("tags ", highest_ - 1, " and ", highest_, " of last-tag were not released"),
                           "SETTLE release for what was lost on the way", "5.2.5");
        }
        return true;
    }

    bool forgotten() {
        if (!deliver(4) || !resume(1, false, "428")) return false;
        held_.clear();
        settled_.clear();
        lost_.clear();
        lost_on_the_way_.clear();
        highest_ = 0;
        forgotten_ = true;
        stage_.welcome({.last_tag = 0, .boot = 2});
        if (!deliver(2) || !finish(" of those that a new broker delivered")) return false;
        watch(2 * heartbeat);
        report_.ok(1);
        report_.ok(3);
        return true;
    }

    bool silence() {
        if (!listen_for_heartbeats()) return false;
        if (!resume(4, true, "ten heartbeats of silence")) return false;
        stage_.welcome({.last_tag = highest_, .boot = 2});
        report_.ok(4);
        return true;
    }

    void leave() {
        if (!deliver(3)) return;
        std::fprintf(stderr, "probe: now end the worker in its ordinary way (Ctrl-C or SIGTERM)\n");
        if (!collect(stage_.patience(), [this] { return left_; })) {
            report_.broken(7, "no BYE", "BYE when the application is done", "5.4");
            return;
        }
        report_.ok(2);
        if (extended_before_losses_ > 0) report_.ok(5);
        // Whatever comes behind BYE is too late to count.
        const auto until = Clock::now() + hold;
        while (const auto heard = stage_.hear(until)) {
            if (heard->verb != Verb::settle) continue;
            report_.broken(7, "a SETTLE behind BYE", "first what is settled, then BYE", "5.4");
        }
        if (!stage_.send(Verb::bye)) {
            report_.broken(7, text("the connection was closed within ", hold.count(), " ms of BYE"),
                           "the socket stays open until BYE comes back: LINGER 0 alone loses the last SETTLE", "5.4");
            return;
        }
        report_.ok(7);
    }

    std::map<std::uint64_t, Clock::time_point> held_;  // tag: when its lease ends
    std::map<std::uint64_t, Clock::time_point> lost_;
    std::map<std::uint64_t, int> settled_;  // tag: in which era
    std::set<std::uint64_t> to_release_;
    std::set<std::uint64_t> lost_on_the_way_;
    std::uint64_t highest_ = 0;
    std::uint64_t credit_ = 0;
    std::uint64_t fence_ = 0;
    std::uint64_t extended_ = 0;
    std::uint64_t extended_before_losses_ = 0;
    int era_ = 0;
    bool forgotten_ = false;
};

}  // namespace

void probe_worker(Stage& stage, Report& report) {
    WorkerScript(stage, report).run();
    stage.on_tick(nullptr);
    stage.on_ignored(nullptr);
}

}  // namespace ym::cli::probe
