// Messages go where the patterns that match their topic lead. See topic_trie.h for what matches.
#include <algorithm>
#include <array>
#include <optional>
#include <yardmaster/routing.hpp>

#include "topic_recent.h"
#include "topic_trie.h"

namespace {

class Topic {
  public:
    static constexpr ym_setting binding[] = {
        {"match", YM_TEXT, nullptr, "1..65535", "words with dots between; * is one word, # any number of words",
         nullptr},
        {"to", YM_TARGET, nullptr, nullptr, "the queue or pipeline of the messages that match", nullptr},
        {}};
    static constexpr ym_setting item[] = {{"*", YM_MAP, nullptr, nullptr, "one binding", binding}, {}};
    static constexpr ym_setting settings[] = {
        {"bindings", YM_LIST, nullptr, "1..", "which topics lead to which address", item},
        {"take", YM_CHOICE, "all", "all|first", "all bindings that match, or the first one in the order of the file",
         nullptr},
        {}};

    explicit Topic(ym::Settings given) : topic_(given.column("topic")), takes_first_(given["take"].text() == "first") {
        ym_target highest = 0;
        for (const auto& [key, binding_given] : given["bindings"]) {
            const ym::Settings match = binding_given["match"];
            check(match);
            trie_.add(match.text());
            targets_.push_back(binding_given["to"].target());
            if (targets_.back() > highest) highest = targets_.back();
        }
        trie_.finish();
        recent_.emplace(targets_.size());
        added_.assign(std::size_t{highest} + 1, 0);
        found_.reserve(added_.size());
    }

    void route(ym::Batch batch, ym::Routes out) {
        if (!recent_->begin(batch.count())) {
            for (std::uint32_t i = 0; i < batch.count(); ++i) {
                find(batch.text(topic_, i));
                for (const ym_target to : found_) out.add(i, to);
            }
            return;
        }
        // A few at a time, so that the places of all of them come from memory at once.
        for (std::uint32_t first = 0; first < batch.count(); first += together) {
            const std::uint32_t end = std::min(first + together, batch.count());
            for (std::uint32_t i = first; i < end; ++i) places_[i - first] = recent_->place_of(batch.text(topic_, i));
            for (std::uint32_t i = first; i < end; ++i) route_one(batch.text(topic_, i), places_[i - first], i, out);
        }
    }

  private:
    static void check(ym::Settings match) {
        const std::string_view pattern = match.text();
        for (std::size_t at = pattern.find_first_of("*#"); at != std::string_view::npos;
             at = pattern.find_first_of("*#", at + 1)) {
            const bool begins = at == 0 || pattern[at - 1] == '.';
            const bool ends = at + 1 == pattern.size() || pattern[at + 1] == '.';
            if (!begins || !ends) return match.refuse("* and # stand for whole words, alone between two dots");
        }
    }

    void route_one(std::string_view topic, std::uint32_t place, std::uint32_t message, ym::Routes out) {
        if (const topic::Recent::Entry* recent = recent_->find(place, topic)) {
            for (std::uint32_t t = 0; t < recent->count; ++t) out.add(message, recent->targets[t]);
            return;
        }
        find(topic);
        for (const ym_target to : found_) out.add(message, to);
        recent_->remember(place, topic, found_);
    }

    /// Fills `found_` with the targets of `topic`, each once.
    void find(std::string_view topic) {
        found_.clear();
        if (takes_first_) {
            std::uint32_t first = topic::none;
            trie_.match(topic, [&](const std::uint32_t* begin, const std::uint32_t* /*end*/) {
                if (*begin < first) first = *begin;
            });
            if (first != topic::none) found_.push_back(targets_[first]);
            return;
        }
        ++topics_;
        trie_.match(topic, [&](const std::uint32_t* begin, const std::uint32_t* end) {
            for (; begin != end; ++begin) {
                const ym_target to = targets_[*begin];
                if (added_[to] == topics_) continue;
                added_[to] = topics_;
                found_.push_back(to);
            }
        });
    }

    std::uint32_t topic_;
    bool takes_first_;
    topic::Trie trie_;
    std::vector<ym_target> targets_;    // by binding
    std::vector<std::uint64_t> added_;  // by target: the topic that found it last
    std::uint64_t topics_ = 0;
    std::vector<ym_target> found_;
    static constexpr std::uint32_t together = 32;
    std::optional<topic::Recent> recent_;  // made when the patterns are known
    std::array<std::uint32_t, together> places_{};
};

}  // namespace

YM_ROUTING(Topic, "topic", "1.0.0", "matches the topic with patterns of words")
