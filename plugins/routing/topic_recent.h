// The targets of topics that came before: most topics come again soon, and one look here is cheaper than a walk.
#pragma once

#include <yardmaster/common.h>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace topic {

/// Remembers short topics with few targets, each in the place that its octets choose, or the one beside it; later ones
/// with the same place take it. So it is bounded, and what it answers never depends on what it has forgotten.
class Recent {
  public:
    static constexpr std::size_t size_max = 44;  // octets of a topic
    static constexpr std::size_t targets_max = 4;

    struct alignas(64) Entry {
        char topic[size_max];
        std::uint16_t size = none;
        std::uint16_t count = 0;
        ym_target targets[targets_max];
    };

    /// As many places as `patterns` ask for: with many of them, as many topics come.
    explicit Recent(std::size_t patterns) {
        while (places_bits_ < places_bits_max && (std::size_t{1} << places_bits_) < 2 * patterns) ++places_bits_;
        entries_.resize(std::size_t{1} << places_bits_);
    }

    /// Before each run of topics, with how many there are. False: look for none of them, and remember none. Topics that
    /// hardly ever come again (they name a customer, an order) are not worth the looks; it is tried again now and then.
    [[nodiscard]] bool begin(std::uint32_t topics) {
        seen_ += topics;
        if (seen_ >= 4 * entries_.size()) {  // enough to fill the places and find something in them
            const bool pays = found_ * 8 >= seen_;
            rests_ = rests_ > 0 ? rests_ - 1 : (pays ? 0 : rests_max);
            seen_ = found_ = 0;
        }
        return rests_ == 0;
    }
    /// The place of this topic, which is on its way to the cache from then on.
    [[nodiscard]] std::uint32_t place_of(std::string_view topic) const {
        const std::uint32_t place = place_of_hash(hash_of(topic));
        __builtin_prefetch(&entries_[place]);
        return place;
    }
    /// The entry of this topic, or null.
    [[nodiscard]] const Entry* find(std::uint32_t place, std::string_view topic) {
        const Entry* entry = &entries_[place];
        if (!holds(*entry, topic)) entry = &entries_[place ^ 1U];
        if (!holds(*entry, topic)) return nullptr;
        ++found_;
        return entry;
    }
    void remember(std::uint32_t place, std::string_view topic, const std::vector<ym_target>& targets) {
        if (topic.empty() || topic.size() > size_max || targets.size() > targets_max) return;
        Entry& entry = entries_[place];
        if (entry.size != none) entries_[place ^ 1U] = entry;
        std::memcpy(entry.topic, topic.data(), topic.size());
        entry.size = static_cast<std::uint16_t>(topic.size());
        entry.count = static_cast<std::uint16_t>(targets.size());
        for (std::size_t i = 0; i < targets.size(); ++i) entry.targets[i] = targets[i];
    }

  private:
    static constexpr std::uint16_t none = UINT16_MAX;
    static constexpr unsigned places_bits_max = 18;  // of 64 octets each
    static constexpr std::uint32_t rests_max = 15;   // spans without a look behind one that did not pay

    static bool holds(const Entry& entry, std::string_view topic) {
        return entry.size == topic.size() && std::memcmp(entry.topic, topic.data(), topic.size()) == 0;
    }
    static std::uint64_t load(const char* at, std::size_t size) {
        std::uint64_t value = 0;
        if (size == 8) {
            std::memcpy(&value, at, 8);
        } else {
            for (std::size_t i = 0; i < size; ++i) value = value << 8U | static_cast<unsigned char>(at[i]);
        }
        return value;
    }
    static std::uint64_t hash_of(std::string_view topic) {
        const char* at = topic.data();
        std::size_t left = topic.size() > size_max ? size_max : topic.size();
        std::uint64_t hash = left;
        if (left < 8) return mix(hash, load(at, left));
        for (; left > 8; left -= 8, at += 8) {
            hash = mix(hash, load(at, 8));
            if (left < 16) return mix(hash, load(at + left - 8, 8));
        }
        return mix(hash, load(at, 8));
    }
    static std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
        const std::uint64_t product = (seed ^ value) * 0x9e3779b97f4a7c15ULL;
        return product ^ (product >> 32U);
    }
    /// From the highest bits of a product, which depend on all octets. Its low bits would not: the last octets of a
    /// topic, in which many topics differ and no others, are the highest of a word.
    [[nodiscard]] std::uint32_t place_of_hash(std::uint64_t hash) const {
        return static_cast<std::uint32_t>((hash * 0xbf58476d1ce4e5b9ULL) >> (64U - places_bits_));
    }

    unsigned places_bits_ = 12;
    std::vector<Entry> entries_;
    std::uint64_t seen_ = 0;  // topics, and how many of them were found
    std::uint64_t found_ = 0;
    std::uint32_t rests_ = 0;
};

}  // namespace topic
