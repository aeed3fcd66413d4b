// Addresses take fixed shares of the messages: 95 % here, 5 % there.
//
// A message's place from 0 to 1 comes from a field, so that equal values stay together, or from the message's own
// random number. The shares stand one behind the other, in the order of the file: when a share at the end grows, only
// what it gains moves.
#include <cmath>
#include <vector>
#include <yardmaster/routing.hpp>

#include "hash.h"

namespace {

class Weighted {
  public:
    static constexpr ym_setting share[] = {
        {"@", YM_SHARE, nullptr, "0%..100%", "how much of the messages this address takes", nullptr}, {}};
    static constexpr ym_setting settings[] = {
        {"shares", YM_MAP, nullptr, nullptr, "what each queue or pipeline takes, 100% in all", share},
        {"by", YM_FIELD, "~", nullptr, "equal values of this field go the same way; without it each message is drawn",
         nullptr},
        {"salt", YM_TEXT, "~", "1..255", "another text draws anew, for routes that follow one another", nullptr},
        {}};

    explicit Weighted(ym::Settings given) : seed_(routing::hash(given["salt"].text())) {
        has_field_ = static_cast<bool>(given["by"]);
        if (has_field_) by_ = given["by"].column();
        double sum = 0;
        for (const auto& [address, share_given] : given["shares"]) {
            sum += share_given.number();
            ends_.push_back({sum, share_given.target()});
        }
        constexpr double rounding = 1e-9;
        if (std::abs(sum - 1) > rounding) given["shares"].refuse("the shares have to be 100% together");
    }

    void route(ym::Batch batch, ym::Routes out) const {
        for (std::uint32_t i = 0; i < batch.count(); ++i) {
            const std::string_view value = has_field_ ? batch.text(by_, i) : std::string_view();
            const std::uint64_t random = batch.random(i);
            const std::string_view drawn(reinterpret_cast<const char*>(&random), sizeof random);
            out.add(i, at(routing::unit(routing::hash(value.data() == nullptr ? drawn : value, seed_))));
        }
    }

  private:
    struct End {
        double at;
        ym_target to;
    };

    /// The share that `place` lies in; what rounding left out belongs to the last share that is not empty.
    [[nodiscard]] ym_target at(double place) const {
        double before = 0;
        ym_target last = ends_.front().to;
        for (const End& end : ends_) {
            if (end.at > before) last = end.to;
            if (place < end.at) return end.to;
            before = end.at;
        }
        return last;
    }

    std::uint64_t seed_;
    bool has_field_ = false;
    std::uint32_t by_ = 0;
    std::vector<End> ends_;
};

}  // namespace

YM_ROUTING(Weighted, "weighted", "1.0.0", "gives each address a share of the messages")
