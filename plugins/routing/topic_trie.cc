#include "topic_trie.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace topic {
namespace {

template <class T>
std::uint64_t load(const char* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

/// Words are short: a few loads that overlap read all of one without a loop over its letters.
std::uint64_t hash_of(std::string_view word) {
    const char* at = word.data();
    std::size_t left = word.size();
    std::uint64_t hash = left;
    for (; left > 8; left -= 8, at += 8) hash = mix(hash, load<std::uint64_t>(at));
    if (left == 8) return mix(hash, load<std::uint64_t>(at));
    if (left >= 4) return mix(hash, load<std::uint32_t>(at) << 32U | load<std::uint32_t>(at + left - 4));
    if (left == 0) return mix(hash, 0);
    const auto octet = [&](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(at[i])}; };
    return mix(hash, octet(0) << 16U | octet(left / 2) << 8U | octet(left - 1));
}

}  // namespace

std::size_t Dictionary::slot_of(std::string_view word, std::uint64_t hash) const {
    const auto tag = static_cast<std::uint32_t>(hash >> 32U);
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at].number != none && (slots_[at].hash != tag || words_[slots_[at].number] != word)) {
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
    slots_[at] = {static_cast<std::uint32_t>(hash >> 32U), number};
    words_.emplace_back(word);
    if (words_.size() * 2 > slots_.size()) grow();
    return number;
}

void Dictionary::grow() {
    slots_.assign(slots_.size() * 2, Slot{});
    for (std::uint32_t i = 0; i < words_.size(); ++i) {
        const std::uint64_t hash = hash_of(words_[i]);
        slots_[slot_of(words_[i], hash)] = {static_cast<std::uint32_t>(hash >> 32U), i};
    }
}

void Edges::add(std::uint32_t node, std::uint32_t word, std::uint32_t to) {
    const auto put = [](std::vector<Slot>& slots, const Slot& slot) {
        std::size_t at = mix(0, slot.key) & (slots.size() - 1);
        while (slots[at].to != none) at = (at + 1) & (slots.size() - 1);
        slots[at] = slot;
    };
    if (++used_ * 2 > slots_.size()) {
        std::vector<Slot> bigger(slots_.size() * 2);
        for (const Slot& slot : slots_) {
            if (slot.to != none) put(bigger, slot);
        }
        slots_.swap(bigger);
    }
    put(slots_, {std::uint64_t{node} << 32U | word, to});
}

std::uint32_t Trie::child(std::uint32_t node, std::string_view word) {
    const bool is_star = word == "*";
    const bool is_hash = word == "#";
    const std::uint32_t number = is_star || is_hash ? none : words_.add(word);
    const std::uint32_t found = is_star ? nodes_[node].star : is_hash ? nodes_[node].hash : edges_.find(node, number);
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
        edges_.add(node, number, made);
    }
    return made;
}

void Trie::add(std::string_view pattern) {
    std::uint32_t node = 0;
    std::size_t at = 0;
    while (at <= pattern.size() && !pattern.empty()) {
        const std::size_t stop = std::min(pattern.find('.', at), pattern.size());
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
    entered_.assign(nodes_.size(), 0);
    here_.reserve(nodes_.size());
    next_.reserve(nodes_.size());
}

void Trie::take_word(std::string_view word) {
    ++step_;
    next_.clear();
    const std::uint32_t number = words_.find(word);
    for (const std::uint32_t node : here_) {
        const Node& from = nodes_[node];
        if (number != none && from.has_words) enter(edges_.find(node, number));
        enter(from.star);
        if (from.is_hash) enter(node);
    }
    here_.swap(next_);
}

}  // namespace topic
