// Messages with the same key go to the same worker, for as long as it lives.
#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>
#include <yardmaster/balance.hpp>

namespace {

class Sticky {
  public:
    static constexpr ym_setting settings[] = {
        {"by", YM_FIELD, "key", nullptr, "the field that is the key", nullptr},
        {"keys", YM_INTEGER, "100k", "1..100M",
         "keys that are remembered; beyond it the one unused longest is forgotten", nullptr},
        {"when_busy", YM_CHOICE, "wait", "wait|move",
         "while a key's worker takes nothing more, its messages and those behind them wait, or the key moves on",
         nullptr},
        {}};

    explicit Sticky(ym::Settings given)
        : by_(given["by"].column()),
          keys_max_(static_cast<std::size_t>(given["keys"].integer())),
          waits_(given["when_busy"].text() == "wait") {}

    void pick(ym::Workers workers, ym::Picks picks) {
        begin(workers);
        for (std::uint32_t m = 0; m < picks.count(); ++m) {
            const std::string_view key = picks.text(by_, m);
            const std::uint32_t worker = key.data() == nullptr ? next_in_turn() : worker_of(key);
            if (worker == YM_NOBODY) return;
            --credit_[worker];
            picks.give(m, worker);
        }
    }

    void gone(std::string_view session) {
        const auto found = workers_.find(std::string(session));
        if (found == workers_.end()) return;
        // A key of a number that is not known any more has no worker; it is found out when the key comes again.
        shown_as_.erase(found->second);
        workers_.erase(found);
    }

  private:
    /// A worker, for as long as it lives. Numbers are never used again.
    using Number = std::uint64_t;
    struct Key {
        std::string text;
        Number worker;
    };

    /// Notes which workers are shown, and under which index.
    void begin(ym::Workers workers) {
        credit_.clear();
        numbers_.clear();
        turn_ = 0;
        for (auto& [number, index] : shown_as_) index = YM_NOBODY;
        for (std::uint32_t w = 0; w < workers.count(); ++w) {
            const auto [found, is_new] = workers_.emplace(std::string(workers.session(w)), next_number_);
            if (is_new) ++next_number_;
            shown_as_[found->second] = w;
            numbers_.push_back(found->second);
            credit_.push_back(workers.credit(w));
        }
    }

    /// The next worker that takes one more. The host begins with the one after the last that was served.
    std::uint32_t next_in_turn() {
        const auto count = static_cast<std::uint32_t>(credit_.size());
        for (std::uint32_t i = 0; i < count; ++i) {
            const std::uint32_t worker = (turn_ + i) % count;
            if (credit_[worker] == 0) continue;
            turn_ = worker + 1;
            return worker;
        }
        return YM_NOBODY;
    }

    std::uint32_t worker_of(std::string_view key) {
        const auto found = keys_.find(key);
        if (found == keys_.end()) return give_to_new(key);
        used_.splice(used_.begin(), used_, found->second);
        const auto shown = shown_as_.find(found->second->worker);
        const bool lives = shown != shown_as_.end();
        const std::uint32_t index = lives ? shown->second : YM_NOBODY;
        if (index != YM_NOBODY && credit_[index] > 0) {
            turn_ = index + 1;
            return index;
        }
        if (lives && waits_) return YM_NOBODY;
        const std::uint32_t worker = next_in_turn();
        if (worker != YM_NOBODY) found->second->worker = numbers_[worker];
        return worker;
    }

    std::uint32_t give_to_new(std::string_view key) {
        const std::uint32_t worker = next_in_turn();
        if (worker == YM_NOBODY) return worker;
        used_.push_front({std::string(key), numbers_[worker]});
        keys_.emplace(used_.front().text, used_.begin());
        if (keys_.size() > keys_max_) {
            keys_.erase(used_.back().text);
            used_.pop_back();
        }
        return worker;
    }

    std::uint32_t by_;
    std::size_t keys_max_;
    bool waits_;
    std::list<Key> used_;  // the one used last first
    std::unordered_map<std::string_view, std::list<Key>::iterator> keys_;
    std::unordered_map<std::string, Number> workers_;     // by session
    std::unordered_map<Number, std::uint32_t> shown_as_;  // the index in this call, or YM_NOBODY
    Number next_number_ = 0;

    // Of this call, by index.
    std::vector<std::uint64_t> credit_;
    std::vector<Number> numbers_;
    std::uint32_t turn_ = 0;
};

}  // namespace

YM_BALANCE(Sticky, "sticky", "1.0.0", "serves messages of the same key by the same worker while it lives")
