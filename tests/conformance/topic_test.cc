// topic: against a matcher that is slow and plain, and with many bindings.
#include <algorithm>
#include <set>

#include "conformance/kit.h"

namespace ym::conformance {
namespace {

using Words = std::vector<std::string>;

Words split(const std::string& text) {
    Words words;
    if (text.empty()) return words;
    std::size_t at = 0;
    while (true) {
        const std::size_t dot = text.find('.', at);
        words.push_back(text.substr(at, dot == std::string::npos ? dot : dot - at));
        if (dot == std::string::npos) return words;
        at = dot + 1;
    }
}

/// The meaning of a pattern, word by word: what the trie must agree with.
bool matches(const Words& pattern, std::size_t p, const Words& topic, std::size_t t) {
    if (p == pattern.size()) return t == topic.size();
    if (pattern[p] == "#")
        return matches(pattern, p + 1, topic, t) || (t < topic.size() && matches(pattern, p, topic, t + 1));
    return t < topic.size() && (pattern[p] == "*" || pattern[p] == topic[t]) && matches(pattern, p + 1, topic, t + 1);
}

struct Binding {
    std::string match;
    std::string to;
};

class TopicRouting {
  public:
    TopicRouting(const std::vector<Binding>& bindings, const std::string& take) {
        settings::Problems problems;
        settings::PluginUse use = use_of("topic", "{take: " + take + ", bindings: []}");
        settings::Node& list = use.settings.entries.at(1).value;
        for (const Binding& binding : bindings) {
            settings::Node& map = list.items.emplace_back();
            map.kind = settings::NodeKind::map;
            add(map, "match", binding.match);
            add(map, "to", binding.to);
        }
        made_ = make_routing(use, problems);
        EXPECT_TRUE(problems.empty()) << lines_of(problems).front();
    }

    std::vector<std::set<std::string>> route(const std::vector<std::string>& topics) {
        struct Sink final : RouteSink {
            void fail(std::uint32_t message) override { ADD_FAILURE() << "message " << message << " failed"; }
            void add(std::uint32_t message, AddressId to) override {
                EXPECT_TRUE(rows.at(message).insert(targets->at(to.value)).second) << "the same target twice";
            }
            std::vector<std::set<std::string>> rows;
            const std::vector<std::string>* targets = nullptr;
        } sink;
        sink.rows.resize(topics.size());
        sink.targets = &made_.targets;
        const std::vector<std::string_view> views(topics.begin(), topics.end());
        const std::string_view* column = views.data();
        RouteBatch batch;
        batch.count = static_cast<std::uint32_t>(topics.size());
        batch.columns = {&column, 1};
        EXPECT_TRUE(made_.policy->route(batch, sink));
        return sink.rows;
    }
    std::set<std::string> route_one(const std::string& topic) { return route({topic}).front(); }

  private:
    static void add(settings::Node& map, const std::string& key, const std::string& text) {
        settings::Entry& entry = map.entries.emplace_back();
        entry.key = key;
        entry.value.kind = settings::NodeKind::scalar;
        entry.value.scalar = text;
    }

    RoutingInstance made_;
};

using Targets = std::set<std::string>;

TEST(Topic, TakesOneWordForAStarAndAnyNumberForAHash) {
    TopicRouting all({{"order.*.eu", "star"}, {"order.#", "hash"}, {"#", "every"}, {"order", "word"}}, "all");
    EXPECT_EQ(all.route_one("order.new.eu"), (Targets{"star", "hash", "every"}));
    EXPECT_EQ(all.route_one("order"), (Targets{"word", "hash", "every"}));
    EXPECT_EQ(all.route_one("order.eu"), (Targets{"hash", "every"}));
    EXPECT_EQ(all.route_one("order..eu"), (Targets{"star", "hash", "every"}));
    EXPECT_EQ(all.route_one(""), (Targets{"every"}));
    EXPECT_EQ(all.route_one("orders"), (Targets{"every"}));
}

TEST(Topic, TakesTheFirstBindingOfTheFileThatMatches) {
    TopicRouting first({{"#", "every"}, {"order.new", "new"}}, "first");
    EXPECT_EQ(first.route_one("order.new"), (Targets{"every"}));
    TopicRouting other({{"order.new", "new"}, {"order.*", "order"}, {"#", "every"}}, "first");
    EXPECT_EQ(other.route({"order.new", "order.old", "x", "order.new"}),
              (std::vector<Targets>{{"new"}, {"order"}, {"every"}, {"new"}}));
}

TEST(Topic, LeavesAMessageThatNothingMatchesWithoutTarget) {
    TopicRouting all({{"a.b", "q"}}, "all");
    EXPECT_EQ(all.route_one("a"), Targets{});
    EXPECT_EQ(all.route_one("a.b.c"), Targets{});
    EXPECT_EQ(all.route_one("a.b."), Targets{});
}

TEST(Topic, AgreesWithAPlainMatcherOnRandomPatterns) {
    const std::vector<std::string> words = {"a", "b", "longer-than-eight", "", "12345678", "*", "#"};
    std::size_t matched = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        Prng prng(seed);
        const auto text = [&](std::size_t vocabulary) {
            std::string out;
            const std::uint64_t count = 1 + prng.below(6);
            for (std::uint64_t i = 0; i < count; ++i) out += (i == 0 ? "" : ".") + words[prng.below(vocabulary)];
            return out;
        };
        std::vector<Binding> bindings;
        const std::uint64_t count = 1 + prng.below(40);
        for (std::uint64_t i = 0; i < count; ++i) {
            std::string match = text(words.size());
            if (match.empty()) match = "#";
            bindings.push_back({match, "q" + std::to_string(prng.below(20))});
        }
        std::vector<std::string> topics;
        for (int i = 0; i < 60; ++i) topics.push_back(text(words.size() - 2));

        TopicRouting all(bindings, "all");
        TopicRouting first(bindings, "first");
        const auto found_all = all.route(topics);
        const auto found_first = first.route(topics);
        for (std::size_t t = 0; t < topics.size(); ++t) {
            Targets expected_all;
            Targets expected_first;
            for (const Binding& binding : bindings) {
                if (!matches(split(binding.match), 0, split(topics[t]), 0)) continue;
                if (expected_first.empty()) expected_first.insert(binding.to);
                expected_all.insert(binding.to);
            }
            matched += expected_all.size();
            ASSERT_EQ(found_all[t], expected_all) << "seed " << seed << ", topic " << topics[t];
            ASSERT_EQ(found_first[t], expected_first) << "seed " << seed << ", topic " << topics[t];
        }
    }
    EXPECT_GT(matched, 10'000U);  // or the patterns were no test
}

TEST(Topic, RefusesAStarInsideAWord) {
    settings::Problems problems;
    const settings::PluginUse use =
        use_of("topic", "{bindings: [{match: 'a.b*', to: q}, {match: 'ok.*', to: q}, {match: '##', to: q}]}");
    EXPECT_EQ(make_routing(use, problems).policy, nullptr);
    EXPECT_THAT(
        lines_of(problems),
        ::testing::ElementsAre(
            "test.yaml:1:26: use.bindings[0].match: found a.b*; expected what the plugin topic takes; * and # "
            "stand for whole words, alone between two dots [plugin.refused]",
            "test.yaml:1:74: use.bindings[2].match: found ##; expected what the plugin topic takes; * and # stand "
            "for whole words, alone between two dots [plugin.refused]"));
}

TEST(Topic, StaysFastWithAHundredThousandBindings) {
    std::vector<Binding> bindings;
    for (int i = 0; i < 100'000; ++i) {
        bindings.push_back({"region." + std::to_string(i) + ".*", "q" + std::to_string(i % 100)});
    }
    TopicRouting all(bindings, "all");
    // A scan would compare 10^10 patterns here and run into the test's time limit.
    std::vector<std::string> topics;
    for (int i = 0; i < 100'000; ++i) topics.push_back("region." + std::to_string(i * 7 % 100'000) + ".x");
    const auto found = all.route(topics);
    for (std::size_t i = 0; i < topics.size(); ++i) EXPECT_EQ(found[i], Targets{"q" + std::to_string(i * 7 % 100)});
}

TEST(Topic, IsNotSlowedDownByManyHashes) {
    std::vector<Binding> bindings = {{"#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.b", "q"}, {"*.#.*.#.*.#.*.#.*.#.*.#.b", "q"}};
    TopicRouting all(bindings, "all");
    std::string topic = "a";
    for (int i = 0; i < 5'000; ++i) topic += ".a";
    // Trying every way to share these words among the hashes would take longer than the universe is old.
    EXPECT_EQ(all.route_one(topic), Targets{});
    EXPECT_EQ(all.route_one(topic + ".b"), Targets{"q"});
}

}  // namespace
}  // namespace ym::conformance
