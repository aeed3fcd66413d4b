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

/// A word that can be compared at once: the octets of a short one, the number of a long one.
struct Word {
    static constexpr std::size_t short_max = 8;
    static constexpr std::uint32_t is_long = 15;

    std::uint64_t value = 0;
    std::uint32_t size = 0;  // in octets, or is_long
};

/// Takes a topic apart. Short words, which are most, cost one load each.
class Splitter {
  public:
    explicit Splitter(std::string_view topic)
        : begin_(topic.data()), at_(topic.data()), end_(at_ + topic.size()), has_more_(!topic.empty()) {}

    /// False at the end. A word longer than Word::short_max is in `text`, and `word.size` is is_long.
    bool next(Word& word, std::string_view& text);

  private:
    [[nodiscard]] std::uint64_t load_rest() const;

    const char* begin_;
    const char* at_;
    const char* end_;
    bool has_more_;
};

/// Long words and their numbers: 0, 1, 2, ...
class Dictionary {
  public:
    std::uint32_t add(std::string_view word);
    /// `none` if it was never added.
    [[nodiscard]] std::uint32_t find(std::string_view word) const;

  private:
    struct Slot {
        std::uint64_t hash = 0;
        std::uint32_t number = none;
    };
    [[nodiscard]] std::size_t slot_of(std::string_view word, std::uint64_t hash) const;
    void grow();

    std::vector<std::string> words_;
    std::vector<Slot> slots_ = std::vector<Slot>(64);  // a power of two, at most half full
};

/// Which node a word leads to from another node, of all nodes together: one look-up, whatever the number of patterns.
class Edges {
  public:
    /// There are fewer than 2^28 nodes.
    void add(std::uint32_t node, Word word, std::uint32_t to);
    /// `none` if there is no such edge.
    [[nodiscard]] std::uint32_t find(std::uint32_t node, Word word) const {
        const std::uint32_t from = node << 4U | word.size;
        for (std::size_t at = home(word.value, from);; at = (at + 1) & mask_) {
            const Slot& slot = slots_[at];
            if (slot.value == word.value && slot.from == from) return slot.to;
            if (slot.to == none) return none;
        }
    }

  private:
    struct Slot {
        std::uint64_t value = 0;
        std::uint32_t from = none;
        std::uint32_t to = none;
    };
    /// From the highest bits of the product, which depend on all octets of the word; lower ones would not depend on its
    /// last octets, in which `c000001` and `c000002` differ.
    [[nodiscard]] std::size_t home(std::uint64_t value, std::uint32_t from) const {
        const std::uint64_t product = (value ^ from * 0x9e3779b97f4a7c15ULL) * 0xbf58476d1ce4e5b9ULL;
        return static_cast<std::size_t>(product >> shift_);
    }
    void put(const Slot& slot);

    std::vector<Slot> slots_ = std::vector<Slot>(64);  // a power of two, at most half full
    std::size_t mask_ = 63;
    unsigned shift_ = 64 - 6;  // leaves a number up to mask_
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
    void match(std::string_view topic, const Found& found) {
        walk(topic);
        for (std::size_t i = 0; i < next_size_; ++i) {
            const Node& last = nodes_[next_[i]];
            if (last.begin != last.end) found(numbers_.data() + last.begin, numbers_.data() + last.end);
        }
    }

  private:
    struct Node {
        std::uint32_t star = none;  // where `*` leads
        std::uint32_t hash = none;  // where `#` leads
        std::uint32_t begin = 0;    // its patterns, in numbers_
        std::uint32_t end = 0;
        std::uint32_t entered = 0;  // of one reached by `#`: the step that entered it last
        bool is_hash = false;       // reached by `#`: any word leads back to itself
        bool has_words = false;     // has edges
    };

    std::uint32_t child(std::uint32_t node, std::string_view word);
    /// Fills `next_` with the nodes that all words of `topic` lead to.
    void walk(std::string_view topic);
    void begin_step();
    /// Adds a node, and what `#` behind it leads to without a word, to `next_`.
    void enter(std::uint32_t node);
    void enter_hash(std::uint32_t node);

    Dictionary words_;
    Edges edges_;
    std::vector<Node> nodes_;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ends_;  // node and pattern, while adding
    std::vector<std::uint32_t> numbers_;
    std::uint32_t patterns_ = 0;
    // The nodes that the words so far lead to. A set, so that a topic costs its words times the nodes at most, however
    // many ways `#` opens. Only a node reached by `#` can be entered in two ways by one word: all others have one
    // parent, which is in the set once.
    std::vector<std::uint32_t> here_;
    std::vector<std::uint32_t> next_;  // of next_size_; both have room for all nodes
    std::size_t next_size_ = 0;
    std::uint32_t step_ = 0;
};

}  // namespace topic
