// The outside checker: reads the ledgers of a fault run, and says what was promised and not kept. It asks no broker.
//
// usage: fault_check FOLDER [--ack-ms MS] [--way-ms MS]     prints one JSON object; exits 1 when it has found anything
//
// Numbers: attempted, confirmed, refused, acked, dead, recovered (nobody knew what became of it, and it came),
// deliveries, duplicates (deliveries of a message beyond its first, without those that a nack asked for) and why each
// was: restart, lease, death; late_acks (refused, the lease had ended); acks_again (acked before the broker was killed,
// and delivered again) and the age of the oldest.
//
// Findings, each a list of examples and a count:
//   lost            a confirm promised it, and nobody has acked it
//   early_confirm   lost with a later end of the broker; or confirmed before a sync that began behind its attempt
//   early_settled   an ack told to be durable before a sync that began behind it
//   unexpected      delivered and never attempted, or with a wrong body; confirmed and never attempted
//   refused_came    refused for good, and delivered
//   overlapping     delivered again while another worker held it: no nack, lease's end, death or restart was between
//   settled_twice   two acks of one message are told to be durable, or one of a message that is a dead letter as well
//   after_settled   delivered with a higher fence than a delivery whose ack is durable
//   fence           not rising within a worker's deliveries, or given twice
//   forgotten_ack   acked long before the broker was killed, and delivered again
//   undrained       the broker still had messages at the end, or nobody looked
//   unreadable      lines that no ledger should have
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "books.h"

namespace ym::faults {
namespace {

constexpr std::size_t examples_max = 5;

class Judge {
  public:
    Judge(const Books& books, std::uint64_t ack_us, std::uint64_t way_us)
        : books_(books), ack_us_(ack_us), way_us_(way_us) {
        for (const char* name : {"lost", "early_confirm", "early_settled", "unexpected", "refused_came", "overlapping",
                                 "settled_twice", "after_settled", "fence", "forgotten_ack", "undrained", "unreadable"})
            findings_[name];
        for (const char* name :
             {"attempted", "confirmed", "refused", "acked", "dead", "recovered", "deliveries", "duplicates", "nacked",
              "restart", "lease", "death", "acks_again", "oldest_ack_ms", "late_acks"})
            counts_[name] = 0;
    }

    void judge() {
        judge_frame();
        judge_fences();
        judge_syncs();
        sort();
        std::size_t next = 0;
        for (std::uint32_t producer = 0; producer < books_.producers.size(); ++producer) {
            const Producer& of = books_.producers[producer];
            for (std::uint64_t sequence = 1; sequence < of.fates.size(); ++sequence) {
                const std::size_t first = next;
                next = end_of(next, producer, sequence);
                judge_message(producer, sequence, first, next);
            }
            // Beyond all that was attempted.
            for (; next < order_.size() && at(next).producer == producer; ++next) unexpected(at(next));
        }
        for (; next < order_.size(); ++next) unexpected(at(next));
    }

    [[nodiscard]] bool print() const {
        bool clean = true;
        std::printf("{");
        for (const auto& [name, count] : counts_) std::printf("\"%s\": %llu, ", name.c_str(), count);
        std::printf("\"findings\": {");
        const char* comma = "";
        for (const auto& [name, found] : findings_) {
            clean = clean && found.count == 0;
            std::printf("%s\"%s\": {\"count\": %llu, \"examples\": [", comma, name.c_str(), found.count);
            comma = ", ";
            for (std::size_t i = 0; i < found.examples.size(); ++i)
                std::printf("%s\"%s\"", i == 0 ? "" : ", ", found.examples[i].c_str());
            std::printf("]}");
        }
        std::printf("}}\n");
        return clean;
    }

  private:
    using Count = unsigned long long;
    struct Found {
        Count count = 0;
        std::vector<std::string> examples;
    };

    void find(const char* name, const std::function<std::string()>& example) {
        Found& found = findings_[name];
        if (++found.count <= examples_max) found.examples.push_back(example());
    }
    void unexpected(const Delivery& one) {
        find("unexpected",
             [&] { return one.sequence == 0 ? "a wrong body" : books_.name(one) + " was never attempted"; });
    }

    [[nodiscard]] const Delivery& at(std::size_t place) const { return books_.deliveries[order_[place]]; }

    /// By message, and for each by fence. Wrong bodies are told and left out.
    void sort() {
        counts_["deliveries"] = books_.deliveries.size();
        for (std::size_t i = 0; i < books_.deliveries.size(); ++i) {
            if (books_.deliveries[i].sequence == 0) {
                unexpected(books_.deliveries[i]);
            } else {
                order_.push_back(i);
            }
        }
        std::sort(order_.begin(), order_.end(), [this](std::size_t a, std::size_t b) {
            const Delivery& x = books_.deliveries[a];
            const Delivery& y = books_.deliveries[b];
            return std::tie(x.producer, x.sequence, x.fence) < std::tie(y.producer, y.sequence, y.fence);
        });
    }

    [[nodiscard]] std::size_t end_of(std::size_t place, std::uint32_t producer, std::uint64_t sequence) const {
        while (place < order_.size() && at(place).producer == producer && at(place).sequence == sequence) ++place;
        return place;
    }

    void judge_frame() {
        if (books_.left != 0)
            find("undrained", [&] {
                return books_.left == never ? "nobody looked" : std::to_string(books_.left) + " messages were left";
            });
        for (const std::string& line : books_.wrong) find("unreadable", [&] { return line; });
    }

    void judge_fences() {
        std::map<std::string, std::uint64_t> last;  // by worker
        std::vector<std::uint64_t> all;
        all.reserve(books_.deliveries.size());
        for (const Run& run : books_.runs) {
            std::uint64_t& highest = last[run.worker];
            for (std::size_t i = run.first; i < run.first + run.count; ++i) {
                const Delivery& one = books_.deliveries[i];
                all.push_back(one.fence);
                if (one.fence <= highest)
                    find("fence", [&] {
                        return run.worker + " got " + std::to_string(one.fence) + " behind " + std::to_string(highest);
                    });
                highest = std::max(highest, one.fence);
            }
        }
        std::sort(all.begin(), all.end());
        for (std::size_t i = 1; i < all.size(); ++i)
            if (all[i] == all[i - 1]) find("fence", [&] { return std::to_string(all[i]) + " was given twice"; });
    }

    /// For each sync that began at a time or later: the earliest end of any of them.
    void judge_syncs() {
        for (const Sync& sync : books_.syncs) longest_sync_ = std::max(longest_sync_, sync.end - sync.begin);
        counts_["longest_sync_ms"] = longest_sync_ / 1000;
        ends_.resize(books_.syncs.size());
        std::uint64_t end = never;
        for (std::size_t i = books_.syncs.size(); i-- > 0;) ends_[i] = end = std::min(end, books_.syncs[i].end);
    }

    /// Whether a good sync has begun and ended between.
    [[nodiscard]] bool synced(std::uint64_t after, std::uint64_t before) const {
        if (!books_.has_syncs) return true;
        const auto first = std::lower_bound(books_.syncs.begin(), books_.syncs.end(), after,
                                            [](const Sync& sync, std::uint64_t time) { return sync.begin < time; });
        return first != books_.syncs.end() && ends_[static_cast<std::size_t>(first - books_.syncs.begin())] <= before;
    }

    void judge_message(std::uint32_t producer, std::uint64_t sequence, std::size_t first, std::size_t end) {
        const Fate& fate = books_.producers[producer].fates[sequence];
        const auto name = [&] { return books_.producers[producer].name + " " + std::to_string(sequence); };
        bool acked = false;
        bool dead = false;
        Count durable = 0;
        for (std::size_t i = first; i < end; ++i) {
            const Delivery& one = at(i);
            const bool good = one.acked != never && one.lost == never;
            acked = acked || (good && !one.dead && may_count(one));
            counts_["late_acks"] += one.acked != never && one.lost != never;
            dead = dead || one.dead;
            if (good && one.settled != never) {
                ++durable;
                if (!synced(one.acked, one.settled)) find("early_settled", name);
            }
            if (i + 1 < end) judge_pair(one, at(i + 1));
        }
        if (durable > 1 || (durable > 0 && dead && acked)) find("settled_twice", name);
        counts_["acked"] += acked;
        counts_["dead"] += dead;
        if (fate.attempted == never) {
            if (first < end) unexpected(at(first));
            if (fate.confirmed != never)
                find("unexpected", [&] { return name() + " was confirmed and never attempted"; });
            return;
        }
        ++counts_["attempted"];
        counts_["refused"] += fate.refused;
        counts_["confirmed"] += fate.confirmed != never;
        if (fate.refused && first < end) find("refused_came", name);
        if (fate.confirmed == never) {
            counts_["recovered"] += first < end && !fate.refused;
            return;
        }
        if (fate.durable && !synced(fate.attempted, fate.confirmed)) find("early_confirm", name);
        if (acked || dead || (!fate.durable && ends_after(fate.confirmed))) return;
        find("lost", name);
        if (fate.durable && ends_after(fate.confirmed)) find("early_confirm", name);
    }

    /// Whether the broker that handed it out can have had the ack. One that is settled has had it.
    [[nodiscard]] bool may_count(const Delivery& one) const {
        if (one.settled != never) return true;
        const Life* life = life_at(one.since);
        return life == nullptr || life != life_at(one.time) || one.acked <= life->gone;
    }

    [[nodiscard]] const Life* life_at(std::uint64_t time) const {
        const auto next = std::upper_bound(books_.lives.begin(), books_.lives.end(), time,
                                           [](std::uint64_t at, const Life& life) { return at < life.started; });
        return next == books_.lives.begin() ? nullptr : &*(next - 1);
    }

    [[nodiscard]] bool ends_after(std::uint64_t time) const {
        return std::any_of(books_.lives.begin(), books_.lives.end(), [&](const Life& life) {
            return (life.killed != never && life.killed >= time) || life.started > time;
        });
    }

    /// Two deliveries of one message, one behind the other: the second needs a reason.
    void judge_pair(const Delivery& a, const Delivery& b) {
        const auto name = [&] {
            return books_.name(a) + " held by " + books_.runs[a.run].worker + " and " + books_.runs[b.run].worker;
        };
        if (b.dead && !a.dead) return;  // not a second delivery: it was given up
        if (a.acked != never && a.settled != never && a.lost == never) find("after_settled", name);
        if (a.nacked != never && a.nacked <= b.time) {
            ++counts_["nacked"];
            return;
        }
        ++counts_["duplicates"];
        // When it was handed out, at the earliest.
        const std::uint64_t granted = a.since - std::min(a.since, way_us_);
        const Life* before = ended_between(a.time, b.time);
        if (before == nullptr) before = ended_between(granted, b.time);
        if (before != nullptr) {
            ++counts_["restart"];
            if (a.acked != never && a.lost == never) judge_ack(a, *before, name);
        } else if (b.time >= granted + std::uint64_t{a.lease_ms} * 1000) {
            ++counts_["lease"];
        } else if (books_.runs[a.run].ended <= b.time) {
            ++counts_["death"];
        } else {
            find("overlapping", name);
        }
    }

    /// The broker's process before the first one that has begun between two times.
    [[nodiscard]] const Life* ended_between(std::uint64_t after, std::uint64_t until) const {
        for (std::size_t i = 1; i < books_.lives.size(); ++i)
            if (books_.lives[i].started > after && books_.lives[i].started <= until) return &books_.lives[i - 1];
        return nullptr;
    }

    /// An ack that the broker has forgotten with its end.
    void judge_ack(const Delivery& a, const Life& life, const std::function<std::string()>& name) {
        const std::uint64_t killed = std::min(life.killed, life.gone);  // in order: it was not killed
        if (killed == never || a.acked >= killed) return;
        ++counts_["acks_again"];
        if (a.sent >= killed) return;
        const Count age = (killed - a.sent) / 1000;
        counts_["oldest_ack_ms"] = std::max(counts_["oldest_ack_ms"], age);
        // Written within 5 ms and synced within 50; but behind a sync that is under way, which may take its time.
        const std::uint64_t grace = ack_us_ + (life.power ? 50'000 + 2 * longest_sync_ : 5'000 + longest_sync_);
        if (a.sent + grace < killed)
            find("forgotten_ack", [&] { return name() + ", acked " + std::to_string(age) + " ms before the end"; });
    }

    const Books& books_;
    std::uint64_t ack_us_;
    std::uint64_t way_us_;
    std::vector<std::size_t> order_;
    std::vector<std::uint64_t> ends_;
    std::uint64_t longest_sync_ = 0;
    std::map<std::string, Count> counts_;
    std::map<std::string, Found> findings_;
};

}  // namespace
}  // namespace ym::faults

int main(int argc, char** argv) {
    std::uint64_t ack_ms = 250;  // the way of an ack through a busy machine to the broker
    std::uint64_t way_ms = 1000;
    const char* folder = nullptr;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--ack-ms" && i + 1 < argc) {
            ack_ms = std::strtoull(argv[++i], nullptr, 10);
        } else if (word == "--way-ms" && i + 1 < argc) {
            way_ms = std::strtoull(argv[++i], nullptr, 10);
        } else {
            folder = argv[i];
        }
    }
    if (folder == nullptr) {
        std::fprintf(stderr, "usage: fault_check FOLDER [--ack-ms MS] [--way-ms MS]\n");
        return 2;
    }
    const ym::faults::Books books = ym::faults::read_books(folder);
    ym::faults::Judge judge(books, ack_ms * 1000, way_ms * 1000);
    judge.judge();
    return judge.print() ? 0 : 1;
}
