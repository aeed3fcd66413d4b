// Messages with the same key go to the same address, and when addresses come or go as few keys as possible move.
//
// Each address draws a number for each key, from the two names alone, and the highest takes the key (Thaler and
// Ravishankar, "A Name-Based Mapping Scheme for Rendezvous", 1996). An address that is added can only win keys, and one
// that leaves can only lose its own: about 1/n of all in both cases, in whatever order the file lists them. With
// weights the draw is stretched so that each wins its share (Schindler and Schomaker, "Weighted distributed hash
// tables", 2005).
#include <cmath>
#include <string>
#include <vector>
#include <yardmaster/routing.hpp>

#include "hash.h"

namespace {

class KeyHash {
  public:
    static constexpr ym_setting target[] = {{"*", YM_TARGET, nullptr, nullptr, "a queue or pipeline", nullptr}, {}};
    static constexpr ym_setting weight[] = {
        {"@", YM_NUMBER, nullptr, "0.001..1000", "how many times more keys than one of weight 1", nullptr}, {}};
    static constexpr ym_setting settings[] = {
        {"to", YM_LIST, nullptr, "1..1000", "the queues and pipelines that share the keys", target},
        {"by", YM_FIELD, "key", nullptr, "the field that is the key", nullptr},
        {"weights", YM_MAP, "{}", nullptr, "larger and smaller shares of the keys, by address; the others have 1",
         weight},
        {"without", YM_CHOICE, "spread", "spread|unmatched", "what happens to messages that lack the field", nullptr},
        {}};

    explicit KeyHash(ym::Settings given) : by_(given["by"].column()), spreads_(given["without"].text() == "spread") {
        for (const auto& [key, to] : given["to"]) {
            if (find(to.target()) != nullptr) to.refuse("it is in the list already");
            // From the name, not the place in the list: so the order does not matter.
            shares_.push_back({to.target(), routing::hash(to.text()), 1});
        }
        for (const auto& [address, weight_given] : given["weights"]) {
            Share* share = find(weight_given.target());
            if (share == nullptr) {
                weight_given.refuse("`to` does not name " + std::string(address));
            } else {
                share->weight = weight_given.number();
                is_weighted_ = is_weighted_ || share->weight != 1;
            }
        }
    }

    void route(ym::Batch batch, ym::Routes out) const {
        for (std::uint32_t i = 0; i < batch.count(); ++i) {
            const std::string_view key = batch.text(by_, i);
            if (key.data() != nullptr) {
                out.add(i, winner(routing::hash(key)));
            } else if (spreads_) {
                out.add(i, winner(batch.random(i)));
            }
        }
    }

  private:
    struct Share {
        ym_target to;
        std::uint64_t hash;
        double weight;
    };

    Share* find(ym_target to) {
        for (Share& share : shares_) {
            if (share.to == to) return &share;
        }
        return nullptr;
    }

    /// What an address draws for a key (the last step of MurmurHash3, by Austin Appleby, over both hashes).
    static std::uint64_t draw(std::uint64_t key, std::uint64_t address) {
        std::uint64_t mixed = key ^ address;
        mixed = (mixed ^ (mixed >> 33U)) * 0xff51afd7ed558ccdULL;
        mixed = (mixed ^ (mixed >> 33U)) * 0xc4ceb9fe1a85ec53ULL;
        return mixed ^ (mixed >> 33U);
    }

    [[nodiscard]] ym_target winner(std::uint64_t key) const {
        if (is_weighted_) return weighted_winner(key);
        const Share* best = &shares_.front();
        std::uint64_t highest = draw(key, best->hash);
        for (const Share& share : shares_) {
            const std::uint64_t drawn = draw(key, share.hash);
            if (drawn <= highest) continue;
            highest = drawn;
            best = &share;
        }
        return best->to;
    }

    /// A draw u of (0, 1) becomes ln(u) / weight: the highest of these is of each address as often as its weight says.
    [[nodiscard]] ym_target weighted_winner(std::uint64_t key) const {
        const Share* best = nullptr;
        double highest = 0;
        for (const Share& share : shares_) {
            const double drawn = std::log(routing::unit(draw(key, share.hash)) + 0x1p-54) / share.weight;
            if (best != nullptr && drawn <= highest) continue;
            highest = drawn;
            best = &share;
        }
        return best->to;
    }

    std::uint32_t by_;
    bool spreads_;
    bool is_weighted_ = false;
    std::vector<Share> shares_;
};

}  // namespace

YM_ROUTING(KeyHash, "key_hash", "1.0.0", "shares the keys among addresses, and moves few when addresses come or go")
