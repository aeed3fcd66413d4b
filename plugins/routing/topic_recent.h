// The targets of topics that came before: most topics come again soon, and one look here is cheaper than a walk.
#pragma once

#include <yardmaster/common.h>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace topic {

/// Remembers short topics with few targets, each in the one place that its octets choose; a later one with the same
/// place takes it. So it is bounded, and what it answers never depends on what it has forgotten.
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

    /// The entry of this topic, or null.
    [[nodiscard]] const Entry* find(std::string_view topic) const {
        const Entry& entry = entries_[place_of(topic)];
        const bool found = entry.size == topic.size() && std::memcmp(entry.topic, topic.data(), topic.size()) == 0;
        return found ? &entry : nullptr;
    }
    void remember(std::string_view topic, const std::vector<ym_target>& targets) {
        if (topic.empty() || topic.size() > size_max || targets.size() > targets_max) return;
        Entry& entry = entries_[place_of(topic)];
        std::memcpy(entry.topic, topic.data(), topic.size());
        entry.size = static_cast<std::uint16_t>(topic.size());
        entry.count = static_cast<std::uint16_t>(targets.size());
        for (std::size_t i = 0; i < targets.size(); ++i) entry.targets[i] = targets[i];
    }

  private:
    static constexpr std::uint16_t none = UINT16_MAX;
    static constexpr std::size_t places = 4096;  // 64 octets each

    static std::uint64_t load(const char* at, std::size_t size) {
        std::uint64_t value = 0;
        if (size == 8) {
            std::memcpy(&value, at, 8);
        } else {
            for (std::size_t i = 0; i < size; ++i) value = value << 8U | static_cast<unsigned char>(at[i]);
        }
        return value;
    }
    static std::size_t place_of(std::string_view topic) {
        const char* at = topic.data();
        std::size_t left = topic.size() > size_max ? size_max : topic.size();
        std::uint64_t hash = left;
        if (left < 8) return place_of_hash(mix(hash, load(at, left)));
        for (; left > 8; left -= 8, at += 8) {
            hash = mix(hash, load(at, 8));
            if (left < 16) return place_of_hash(mix(hash, load(at + left - 8, 8)));
        }
        return place_of_hash(mix(hash, load(at, 8)));
    }
    static std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
        const std::uint64_t product = (seed ^ value) * 0x9e3779b97f4a7c15ULL;
        return product ^ (product >> 32U);
    }
    static std::size_t place_of_hash(std::uint64_t hash) { return static_cast<std::size_t>(hash) & (places - 1); }

    std::vector<Entry> entries_ = std::vector<Entry>(places);
};

}  // namespace topic
