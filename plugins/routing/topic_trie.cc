#include "topic_trie.h"

#include <algorithm>
#include <cstring>

namespace topic {
namespace {

constexpr char dot = '.';
constexpr std::uint64_t each_octet = 0x0101010101010101ULL;

/// The octets at `at` as a number whose lowest octet is the first.
std::uint64_t load8(const char* at) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/// The first `size` octets of `value`; size is at most 8.
std::uint64_t low(std::uint64_t value, std::size_t size) {
    return size >= 8 ? value : value & ((std::uint64_t{1} << (8 * size)) - 1);
}

/// How many octets of `value` stand before its first dot; 8 if there is none.
std::size_t before_dot(std::uint64_t value) {
    // The classical search for a zero octet: the lowest bit that it sets is right.
    const std::uint64_t zeros = value ^ (each_octet * static_cast<unsigned char>(dot));
    const std::uint64_t found = (zeros - each_octet) & ~zeros & (each_octet << 7U);
    return found == 0 ? 8 : static_cast<std::size_t>(__builtin_ctzll(found)) / 8;
}

std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
    const std::uint64_t product = (seed ^ value) * 0x9e3779b97f4a7c15ULL;
    return product ^ (product >> 32U);
}

/// Of a word longer than Word::short_max.
std::uint64_t hash_of(std::string_view word) {
    std::uint64_t hash = word.size();
    std::size_t at = 0;
    for (; at + 8 < word.size(); at += 8) hash = mix(hash, load8(word.data() + at));
    return mix(hash, load8(word.data() + word.size() - 8));
}

}  // namespace

std::uint64_t Splitter::load_rest() const {
    const auto left = static_cast<std::size_t>(end_ - at_);
    if (end_ - begin_ >= 8) return left == 0 ? 0 : load8(end_ - 8) >> (8 * (8 - left));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < left; ++i) value |= std::uint64_t{static_cast<unsigned char>(at_[i])} << (8 * i);
    return value;
}

bool Splitter::next(Word& word, std::string_view& text) {
    if (!has_more_) return false;
    const auto left = static_cast<std::size_t>(end_ - at_);
    const std::uint64_t value = left >= 8 ? load8(at_) : load_rest();
    std::size_t size = std::min(before_dot(value), left);
    if (size == 8 && left > 8 && at_[8] != dot) {
        const void* found = std::memchr(at_ + 9, dot, left - 9);
        size = found == nullptr ? left : static_cast<std::size_t>(static_cast<const char*>(found) - at_);
        text = {at_, size};
        word.size = Word::is_long;
    } else {
        word = {low(value, size), static_cast<std::uint32_t>(size)};
    }
    has_more_ = size < left;
    at_ += size + (has_more_ ? 1 : 0);
    return true;
}

std::size_t Dictionary::slot_of(std::string_view word, std::uint64_t hash) const {
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at].number != none && (slots_[at].hash != hash || words_[slots_[at].number] != word)) {
        at = (at + 1) & (slots_.size() - 1);
    }
    return at;
}

std::uint32_t Dictionary::find(std::string_view word) const {
    return slots_[slot_of(word, hash_of(word))].number;
}

std::uint32_t Dictionary::add(std::string_view word) {
    const std::uint64_t hash = hash_of(word);
    const std::size_t at = slot_of(word, hash);
    if (slots_[at].number != none) return slots_[at].number;
    const auto number = static_cast<std::uint32_t>(words_.size());
    slots_[at] = {hash, number};
    words_.emplace_back(word);
    if (words_.size() * 2 > slots_.size()) grow();
    return number;
}

void Dictionary::grow() {
    slots_.assign(slots_.size() * 2, Slot{});
    for (std::uint32_t i = 0; i < words_.size(); ++i) {
        const std::uint64_t hash = hash_of(words_[i]);
        slots_[slot_of(words_[i], hash)] = {hash, i};
    }
}

void Edges::put(const Slot& slot) {
    std::size_t at = home(slot.value, slot.from);
    while (slots_[at].to != none) at = (at + 1) & mask_;
    slots_[at] = slot;
}

void Edges::add(std::uint32_t node, Word word, std::uint32_t to) {
    if (++used_ * 2 > slots_.size()) {
        std::vector<Slot> old(slots_.size() * 2);
        old.swap(slots_);
        mask_ = slots_.size() - 1;
        --shift_;
        for (const Slot& slot : old) {
            if (slot.to != none) put(slot);
        }
    }
    put({word.value, node << 4U | word.size, to});
}

std::uint32_t Trie::child(std::uint32_t node, std::string_view text) {
    const bool is_star = text == "*";
    const bool is_hash = text == "#";
    Word word;
    if (text.size() > Word::short_max) {
        word = {words_.add(text), Word::is_long};
    } else {
        std::string_view unused;
        Splitter(text).next(word, unused);
    }
    const std::uint32_t found = is_star ? nodes_[node].star : is_hash ? nodes_[node].hash : edges_.find(node, word);
    if (found != none) return found;
    const auto made = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
    nodes_[made].is_hash = is_hash;
    if (is_star) {
        nodes_[node].star = made;
    } else if (is_hash) {
        nodes_[node].hash = made;
    } else {
        nodes_[node].has_words = true;
        edges_.add(node, word, made);
    }
    return made;
}

void Trie::add(std::string_view pattern) {
    std::uint32_t node = 0;
    std::size_t at = 0;
    while (at <= pattern.size() && !pattern.empty()) {
        const std::size_t stop = std::min(pattern.find(dot, at), pattern.size());
        const std::string_view word = pattern.substr(at, stop - at);
        // `#.#` is `#`: a second one would only make more ways to the same place.
        if (word != "#" || !nodes_[node].is_hash) node = child(node, word);
        at = stop + 1;
    }
    ends_.emplace_back(node, patterns_++);
}

void Trie::finish() {
    std::sort(ends_.begin(), ends_.end());
    numbers_.clear();
    for (const auto& [node, pattern] : ends_) {
        if (nodes_[node].begin == nodes_[node].end) nodes_[node].begin = static_cast<std::uint32_t>(numbers_.size());
        numbers_.push_back(pattern);
        nodes_[node].end = static_cast<std::uint32_t>(numbers_.size());
    }
    ends_.clear();
    here_.resize(nodes_.size());
    next_.resize(nodes_.size());
}

void Trie::begin_step() {
    next_size_ = 0;
    if (++step_ != 0) return;
    // After 2^32 steps the numbers begin anew, so that none of the old ones may be left.
    for (Node& node : nodes_) node.entered = 0;
    step_ = 1;
}

inline void Trie::enter(std::uint32_t node) {
    next_[next_size_++] = node;
    const std::uint32_t hash = nodes_[node].hash;
    if (hash != none) enter_hash(hash);
}

inline void Trie::enter_hash(std::uint32_t node) {
    if (nodes_[node].entered == step_) return;
    nodes_[node].entered = step_;
    next_[next_size_++] = node;
}

void Trie::walk(std::string_view topic) {
    begin_step();
    enter(0);
    Splitter words(topic);
    Word word;
    std::string_view text;
    while (next_size_ > 0 && words.next(word, text)) {
        here_.swap(next_);
        const std::size_t here_size = next_size_;
        begin_step();
        if (word.size == Word::is_long) word.value = words_.find(text);
        for (std::size_t i = 0; i < here_size; ++i) {
            const Node& from = nodes_[here_[i]];
            if (from.has_words) {
                const std::uint32_t to = edges_.find(here_[i], word);
                if (to != none) enter(to);
            }
            if (from.star != none) enter(from.star);
            if (from.is_hash) enter_hash(here_[i]);
        }
    }
}

}  // namespace topic
