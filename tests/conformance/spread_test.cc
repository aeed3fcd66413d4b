// Routing that spreads messages over addresses: how even it is, and how many messages go another way when addresses
// come or go.
#include <cmath>
#include <map>

#include "conformance/kit.h"

namespace ym::conformance {
namespace {

constexpr std::size_t keys = 20'000;

struct Field {
    std::string_view text;  // null data(): missing
    std::uint64_t random = 0;
};

/// The names of the addresses that each message goes to; empty: none.
std::vector<std::string> route(const std::string& plugin, const std::string& yaml, const std::vector<Field>& fields) {
    struct Sink final : RouteSink {
        void fail(std::uint32_t message) override { ADD_FAILURE() << "message " << message << " failed"; }
        void add(std::uint32_t message, AddressId to) override {
            EXPECT_TRUE(names.at(message).empty()) << "two addresses";
            names.at(message) = targets->at(to.value);
        }
        std::vector<std::string> names;
        const std::vector<std::string>* targets = nullptr;
    } sink;
    settings::Problems problems;
    const RoutingInstance made = make_routing(use_of(plugin, yaml), problems);
    EXPECT_TRUE(problems.empty()) << lines_of(problems).front();
    sink.targets = &made.targets;
    sink.names.resize(fields.size());
    std::vector<std::string_view> texts;
    std::vector<std::uint64_t> random;
    for (const Field& field : fields) {
        texts.push_back(field.text);
        random.push_back(field.random);
    }
    const std::vector<const std::string_view*> columns(made.policy->columns().size(), texts.data());
    RouteBatch batch;
    batch.count = static_cast<std::uint32_t>(fields.size());
    batch.columns = columns;
    batch.random = random.data();
    EXPECT_TRUE(made.policy->route(batch, sink));
    return sink.names;
}

const std::vector<Field>& many_keys() {
    static const std::vector<std::string> texts = [] {
        std::vector<std::string> made;
        for (std::size_t i = 0; i < keys; ++i) made.push_back("customer " + std::to_string(i));
        return made;
    }();
    static const std::vector<Field> fields = [] {
        std::vector<Field> made;
        for (const std::string& text : texts) made.push_back({text, 0});
        return made;
    }();
    return fields;
}

std::vector<Field> many_messages_without_key() {
    std::vector<Field> fields(keys);
    Prng prng(7);
    for (Field& field : fields) field.random = prng.next();
    return fields;
}

std::map<std::string, std::size_t> counts(const std::vector<std::string>& names) {
    std::map<std::string, std::size_t> counted;
    for (const std::string& name : names) ++counted[name];
    return counted;
}

/// Whether `count` of `keys` draws lies within 5 standard deviations of `share`.
void expect_share(std::size_t count, double share) {
    const double expected = share * static_cast<double>(keys);
    EXPECT_NEAR(static_cast<double>(count), expected, 5 * std::sqrt(expected * (1 - share)) + 1);
}

std::string list_of(std::size_t addresses) {
    std::string text = "{to: [";
    for (std::size_t i = 0; i < addresses; ++i) text += (i == 0 ? "q" : ", q") + std::to_string(i);
    return text + "]";
}

TEST(KeyHash, MovesNoMoreKeysThanAnAddedOrRemovedAddressHas) {
    for (const std::size_t n : {1U, 2U, 3U, 10U, 50U}) {
        const auto before = route("key_hash", list_of(n) + "}", many_keys());
        const auto after = route("key_hash", list_of(n + 1) + "}", many_keys());
        const std::string added = "q" + std::to_string(n);
        std::size_t moved = 0;
        for (std::size_t i = 0; i < keys; ++i) {
            if (before[i] == after[i]) continue;
            ++moved;
            ASSERT_EQ(after[i], added) << "a key moved between addresses that stayed";
        }
        // Read backwards, this is what happens when the last address is taken out.
        expect_share(moved, 1.0 / static_cast<double>(n + 1));
    }
}

TEST(KeyHash, SharesTheKeysEvenly) {
    for (const auto& [name, count] : counts(route("key_hash", list_of(10) + "}", many_keys()))) {
        expect_share(count, 0.1);
    }
}

TEST(KeyHash, LooksAtNamesAndNotAtTheirOrder) {
    EXPECT_EQ(route("key_hash", "{to: [a, b, c, d]}", many_keys()),
              route("key_hash", "{to: [d, b, a, c]}", many_keys()));
}

TEST(KeyHash, SharesByWeightAndMovesLittleWhenAWeightChanges) {
    const auto before = route("key_hash", "{to: [a, b, c], weights: {b: 2}}", many_keys());
    auto counted = counts(before);
    expect_share(counted["a"], 0.25);
    expect_share(counted["b"], 0.5);
    expect_share(counted["c"], 0.25);
    const auto after = route("key_hash", "{to: [a, b, c], weights: {b: 4}}", many_keys());
    expect_share(counts(after)["b"], 4.0 / 6);
    for (std::size_t i = 0; i < keys; ++i) {
        const bool gained = after[i] == "b";
        ASSERT_TRUE(before[i] == after[i] || gained) << "only b may gain";
    }
}

TEST(KeyHash, SpreadsMessagesWithoutTheFieldOrLeavesThemUnmatched) {
    for (const auto& [name, count] : counts(route("key_hash", list_of(4) + "}", many_messages_without_key()))) {
        expect_share(count, 0.25);
    }
    EXPECT_EQ(counts(route("key_hash", list_of(4) + ", without: unmatched}", many_messages_without_key()))[""], keys);
    std::vector<Field> empty(1);
    empty[0].text = "";
    EXPECT_NE(route("key_hash", list_of(4) + ", without: unmatched}", empty)[0], "") << "empty is not missing";
}

/// The answers must never change, or a new version would move every customer.
TEST(KeyHash, GivesTheAnswersThatItAlwaysGave) {
    const std::vector<Field> few(many_keys().begin(), many_keys().begin() + 12);
    const auto joined = [](const std::vector<std::string>& names) {
        std::string text;
        for (const std::string& name : names) text += name;
        return text;
    };
    EXPECT_EQ(joined(route("key_hash", "{to: [a, b, c, d]}", few)), "bbadadbaddda");
    EXPECT_EQ(joined(route("key_hash", "{to: [a, b, c, d], weights: {a: 3}}", few)), "abaaadaaaaaa");
    EXPECT_EQ(joined(route("weighted", "{by: key, shares: {a: 50%, b: 50%}}", few)), "aaabaaaaabaa");
}

TEST(Weighted, SharesByAFieldOrByChance) {
    for (const auto& fields : {many_keys(), many_messages_without_key()}) {
        auto counted = counts(route("weighted", "{by: key, shares: {a: 95%, b: 5%, c: 0%}}", fields));
        expect_share(counted["a"], 0.95);
        expect_share(counted["b"], 0.05);
        EXPECT_EQ(counted["c"], 0U);
    }
    auto drawn = counts(route("weighted", "{shares: {a: 30%, b: 70%}}", many_messages_without_key()));
    expect_share(drawn["a"], 0.3);
}

TEST(Weighted, MovesOnlyWhatAShareGains) {
    const auto before = route("weighted", "{by: key, shares: {old: 95%, new: 5%}}", many_keys());
    const auto after = route("weighted", "{by: key, shares: {old: 80%, new: 20%}}", many_keys());
    std::size_t moved = 0;
    for (std::size_t i = 0; i < keys; ++i) {
        if (before[i] == after[i]) continue;
        ++moved;
        ASSERT_EQ(after[i], "new");
    }
    expect_share(moved, 0.15);
}

TEST(Weighted, DrawsAnewWithASalt) {
    const auto one = route("weighted", "{by: key, shares: {a: 50%, b: 50%}}", many_keys());
    const auto other = route("weighted", "{by: key, shares: {a: 50%, b: 50%}, salt: second}", many_keys());
    std::size_t same = 0;
    for (std::size_t i = 0; i < keys; ++i) same += one[i] == other[i] ? 1 : 0;
    expect_share(same, 0.5);
}

TEST(Weighted, WantsAllOfTheMessages) {
    settings::Problems problems;
    EXPECT_EQ(make_routing(use_of("weighted", "{shares: {a: 95%, b: 6%}}"), problems).policy, nullptr);
    EXPECT_THAT(
        lines_of(problems),
        ::testing::ElementsAre("test.yaml:1:15: use.shares: found a map of 2; expected what the plugin weighted "
                               "takes; the shares have to be 100% together [plugin.refused]"));
    settings::Problems none;
    const std::string thirds = "{shares: {a: 33.3%, b: 33.3%, c: 33.4%}}";
    EXPECT_NE(make_routing(use_of("weighted", thirds), none).policy, nullptr);
}

}  // namespace
}  // namespace ym::conformance
