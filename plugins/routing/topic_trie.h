// Patterns of dot-separated words, and all that match a topic. `*` stands for one word, `#` for any number of words,
// none included. The empty topic has no words; two dots side by side have an empty word between them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace topic {

inline constexpr std::uint32_t none = UINT32_MAX;

/// Mixes a word into `seed` so that low bits of the result depend on all of both.
inline std::uint64_t mix(std::uint64_t seed, std::uint64_t word) {
    const std::uint64_t product = (seed ^ word) * 0x9e3779b97f4a7c15ULL;
    return product ^ (product >> 32U);
}

/// Words and their numbers: 0, 1, 2, ...
class Dictionary {
  public:
    std::uint32_t add(std::string_view word);
    /// `none` if it was never added.
    [[nodiscard]] std::uint32_t find(std::string_view word) const;

  private:
    struct Slot {
        std::uint32_t hash = 0;
        std::uint32_t number = none;
    };
    [[nodiscard]] std::size_t slot_of(std::string_view word, std::uint64_t hash) const;
    void grow();

    std::vector<std::string> words_;
    std::vector<Slot> slots_ = std::vector<Slot>(64);  // a power of two, at most half full
};

/// Which node a word leads to from another node, of all nodes together.
class Edges {
  public:
    void add(std::uint32_t node, std::uint32_t word, std::uint32_t to);
    /// `none` if there is no such edge.
    [[nodiscard]] std::uint32_t find(std::uint32_t node, std::uint32_t word) const {
        const std::uint64_t key = std::uint64_t{node} << 32U | word;
        for (std::size_t at = mix(0, key) & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
            if (slots_[at].key == key) return slots_[at].to;
            if (slots_[at].to == none) return none;
        }
    }

  private:
    struct Slot {
        std::uint64_t key = UINT64_MAX;
        std::uint32_t to = none;
    };
    std::vector<Slot> slots_ = std::vector<Slot>(64);  // a power of two, at most half full
    std::size_t used_ = 0;
};

class Trie {
  public:
    Trie() : nodes_(1) {}

    /// Adds a pattern. Its number is how many were added before.
    void add(std::string_view pattern);
    /// After the last add(): makes match() possible.
    void finish();
    /// Calls `found(begin, end)` for runs of pattern numbers, ascending within a run, that together are all that match
    /// `topic`, each once. Takes no memory.
    template <class Found>
    void match(std::string_view topic, const Found& found);

  private:
    struct Node {
        std::uint32_t star = none;  // where `*` leads
        std::uint32_t hash = none;  // where `#` leads
        bool is_hash = false;       // reached by `#`: any word leads back to itself
        bool has_words = false;     // has edges
        std::uint32_t begin = 0;    // its patterns, in numbers_
        std::uint32_t end = 0;
    };

    std::uint32_t child(std::uint32_t node, std::string_view word);
    /// Adds a node, and those behind it that need no word, to the next set, once.
    void enter(std::uint32_t node) {
        while (node != none && entered_[node] != step_) {
            entered_[node] = step_;
            next_.push_back(node);
            node = nodes_[node].hash;
        }
    }
    void take_word(std::string_view word);

    Dictionary words_;
    Edges edges_;
    std::vector<Node> nodes_;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ends_;  // node and pattern, while adding
    std::vector<std::uint32_t> numbers_;
    std::uint32_t patterns_ = 0;
    // The nodes that the words so far lead to: a set, so that a topic costs its words times the nodes at most,
    // however many ways `#` opens.
    std::vector<std::uint32_t> here_;
    std::vector<std::uint32_t> next_;
    std::vector<std::uint64_t> entered_;  // by node: the step that entered it last
    std::uint64_t step_ = 0;
};

template <class Found>
void Trie::match(std::string_view topic, const Found& found) {
    ++step_;
    next_.clear();
    enter(0);
    here_.swap(next_);
    const char* at = topic.data();
    const char* const end = at + topic.size();
    while (at != nullptr && topic.size() > 0) {
        const char* stop = at;
        while (stop != end && *stop != '.') ++stop;
        take_word({at, static_cast<std::size_t>(stop - at)});
        if (here_.empty()) return;
        at = stop == end ? nullptr : stop + 1;
    }
    for (const std::uint32_t node : here_) {
        const Node& last = nodes_[node];
        if (last.begin != last.end) found(numbers_.data() + last.begin, numbers_.data() + last.end);
    }
}

}  // namespace topic
