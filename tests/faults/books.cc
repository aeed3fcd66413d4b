#include "books.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>

namespace ym::faults {
namespace {

/// The words of one line; what is missing is empty, or 0.
class Words {
  public:
    explicit Words(std::string_view line) : rest_(line) {}
    std::string_view word() {
        const std::string_view word = rest_.substr(0, rest_.find(' '));
        rest_.remove_prefix(std::min(rest_.size(), word.size() + 1));
        return word;
    }
    std::uint64_t number() {
        const std::string_view text = word();
        std::uint64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        good_ = good_ && error == std::errc() && end == text.data() + text.size();
        return number;
    }
    /// All numbers were some, and nothing else follows but the end of the line.
    [[nodiscard]] bool good() const { return good_ && rest_ == "."; }

  private:
    std::string_view rest_;
    bool good_ = true;
};

class Reader {
  public:
    void read(const std::filesystem::path& path);
    Books finish();

  private:
    bool read_line(std::string_view line);
    bool start(std::uint64_t time, Words& words);
    bool outcome(std::string_view kind, std::uint64_t time, Words& words);
    bool deliver(std::uint64_t time, Words& words);
    bool settle(std::string_view kind, std::uint64_t time, Words& words);
    bool driver(std::string_view kind, std::uint64_t time, Words& words);
    void end_run(std::uint64_t time) {
        if (run_ != nullptr) run_->ended = std::min(run_->ended, time);
    }
    std::uint32_t producer(std::string_view name);
    Fate& fate(Producer& of, std::uint64_t sequence) {
        if (of.fates.size() <= sequence) of.fates.resize(std::max<std::size_t>(sequence + 1, of.fates.size() * 2));
        return of.fates[sequence];
    }

    Books books_;
    std::map<std::string, std::uint32_t, std::less<>> producers_;
    std::multimap<std::string, std::uint64_t> deaths_;  // of workers, as the driver saw them
    // Of the ledger that is read.
    std::uint32_t producer_ = 0;
    bool durable_ = false;
    bool dead_ = false;
    Run* run_ = nullptr;
    std::set<std::uint64_t> failed_;  // files of which a sync has failed in this life
};

std::uint32_t Reader::producer(std::string_view name) {
    const auto found = producers_.find(name);
    if (found != producers_.end()) return found->second;
    const auto number = static_cast<std::uint32_t>(books_.producers.size());
    producers_.emplace(name, number);
    books_.producers.push_back({std::string(name), {}});
    return number;
}

void Reader::read(const std::filesystem::path& path) {
    run_ = nullptr;
    std::ifstream file(path);
    // A kill may cut a line, which then stands before a `start`, or at the end.
    std::string cut;
    for (std::string line; std::getline(file, line);) {
        const bool starts = line.rfind("start ", 0) == 0;
        if (!cut.empty() && !starts) books_.wrong.push_back(cut);
        cut.clear();
        if (line.empty()) continue;
        if (line.size() < 2 || line.substr(line.size() - 2) != " .") {
            cut = line;
        } else if (!read_line(line)) {
            books_.wrong.push_back(line);
        }
    }
}

bool Reader::read_line(std::string_view line) {
    Words words(line);
    const std::string_view kind = words.word();
    const std::uint64_t time = words.number();
    if (kind == "start") return start(time, words);
    if (kind == "attempt" || kind == "confirm" || kind == "refused" || kind == "unknown")
        return outcome(kind, time, words);
    if (kind == "deliver") return deliver(time, words);
    if (kind == "wrong" || kind == "ack" || kind == "nack" || kind == "sent" || kind == "settled" || kind == "lost")
        return settle(kind, time, words);
    if (kind == "leave" || kind == "end") {
        end_run(time);
        return words.good();
    }
    return driver(kind, time, words);
}

bool Reader::start(std::uint64_t time, Words& words) {
    const std::string_view role = words.word();
    const std::string_view name = words.word();
    const std::string_view what = words.word();
    end_run(time);
    if (role == "producer") {
        producer_ = producer(name);
        durable_ = what == "durable";
    } else if (role == "worker") {
        dead_ = what == "dead";
        books_.runs.push_back({std::string(name), time, never, books_.deliveries.size(), 0});
        run_ = &books_.runs.back();
    } else if (role == "syncs") {
        books_.has_syncs = true;
        failed_.clear();
    } else {
        return false;
    }
    return words.good();
}

bool Reader::outcome(std::string_view kind, std::uint64_t time, Words& words) {
    if (kind != "attempt") words.number();  // the status
    const std::uint64_t first = words.number();
    const std::uint64_t last = words.number();
    if (!words.good() || first == 0 || first > last || producer_ >= books_.producers.size()) return false;
    for (std::uint64_t sequence = first; sequence <= last; ++sequence) {
        Fate& one = fate(books_.producers[producer_], sequence);
        if (kind == "attempt") {
            one.attempted = time;
        } else if (kind == "confirm") {
            one.confirmed = time;
            one.durable = durable_;
        } else if (kind == "refused") {
            one.refused = true;
        }
    }
    return true;
}

bool Reader::deliver(std::uint64_t time, Words& words) {
    if (run_ == nullptr) return false;
    Delivery one;
    one.producer = producer(words.word());
    one.sequence = words.number();
    const std::uint64_t last = words.number();
    const std::uint64_t number = words.number();
    one.fence = words.number();
    words.number();  // the attempt
    one.lease_ms = static_cast<std::uint32_t>(words.number());
    one.since = words.number();
    one.time = time;
    one.dead = dead_;
    one.run = static_cast<std::uint32_t>(books_.runs.size() - 1);
    if (!words.good() || one.sequence > last || number != run_->count + 1) return false;
    for (; one.sequence <= last; ++one.sequence, ++one.fence, ++run_->count) books_.deliveries.push_back(one);
    return true;
}

bool Reader::settle(std::string_view kind, std::uint64_t time, Words& words) {
    if (run_ == nullptr) return false;
    if (kind == "lost") words.number();  // the status
    const std::uint64_t first = words.number();
    const std::uint64_t last = words.number();
    if (!words.good()) return false;
    if (kind == "wrong") {  // the numbers are that of the delivery, and its fence
        if (first != run_->count + 1) return false;
        Delivery one;
        one.fence = last;
        one.time = one.since = time;
        one.run = static_cast<std::uint32_t>(books_.runs.size() - 1);
        books_.deliveries.push_back(one);
        ++run_->count;
        return true;
    }
    if (first == 0 || first > last || last > run_->count) return false;
    for (std::size_t at = run_->first + first - 1; at < run_->first + last; ++at) {
        Delivery& one = books_.deliveries[at];
        (kind == "ack"       ? one.acked
         : kind == "sent"    ? one.sent
         : kind == "nack"    ? one.nacked
         : kind == "settled" ? one.settled
                             : one.lost) = time;
    }
    return true;
}

bool Reader::driver(std::string_view kind, std::uint64_t time, Words& words) {
    if (kind == "broker_start") {
        books_.lives.push_back({time, never, never, false});
    } else if (kind == "broker_kill" || kind == "broker_power") {
        if (books_.lives.empty()) return false;
        books_.lives.back().killed = time;
        books_.lives.back().power = kind == "broker_power";
    } else if (kind == "broker_gone") {
        if (books_.lives.empty()) return false;
        books_.lives.back().gone = time;
    } else if (kind == "worker_kill") {
        deaths_.emplace(words.word(), time);
    } else if (kind == "fault") {
        words.word();
    } else if (kind == "drained") {
        books_.left = words.number();
    } else if (kind == "sync") {
        const std::uint64_t begin = words.number();
        const bool good = words.number() == 0;
        const std::uint64_t file = words.number();
        if (!good) failed_.insert(file);
        if (!failed_.contains(file)) books_.syncs.push_back({begin, time});
    } else {
        return false;
    }
    return words.good();
}

Books Reader::finish() {
    for (Run& run : books_.runs) {
        const auto [first, last] = deaths_.equal_range(run.worker);
        for (auto death = first; death != last; ++death) {
            if (death->second >= run.started) run.ended = std::min(run.ended, death->second);
        }
    }
    std::sort(books_.syncs.begin(), books_.syncs.end(), [](const Sync& a, const Sync& b) { return a.begin < b.begin; });
    return std::move(books_);
}

}  // namespace

Books read_books(const std::string& folder) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().extension() == ".ledger") paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    Reader reader;
    for (const auto& path : paths) reader.read(path);
    return reader.finish();
}

}  // namespace ym::faults
