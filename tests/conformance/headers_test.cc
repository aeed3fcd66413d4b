// Routing by headers: what each kind of binding matches.
#include <algorithm>
#include <map>
#include <set>

#include "base/prng.h"
#include "conformance/kit.h"

namespace ym::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Message = std::map<std::string, std::string>;

/// The addresses of one message with these headers, in the order of the file.
std::vector<std::string> route(const std::string& yaml, const Message& headers) {
    struct Sink final : RouteSink {
        void fail(std::uint32_t message) override { ADD_FAILURE() << "message " << message << " failed"; }
        void add(std::uint32_t /*message*/, AddressId to) override { found.push_back(to.value); }
        std::vector<std::uint32_t> found;
    } sink;
    settings::Problems problems;
    const RoutingInstance made = make_routing(use_of("headers", yaml), problems);
    EXPECT_TRUE(problems.empty()) << lines_of(problems).front();
    std::vector<std::string_view> texts;
    for (const std::string& column : made.policy->columns()) {
        const auto found = headers.find(column.substr(std::string("header.").size()));
        texts.push_back(found == headers.end() ? std::string_view() : found->second);
    }
    std::vector<const std::string_view*> columns;
    for (const std::string_view& text : texts) columns.push_back(&text);
    RouteBatch batch;
    batch.count = 1;
    batch.columns = columns;
    EXPECT_TRUE(made.policy->route(batch, sink));
    std::vector<std::string> names;
    for (const std::uint32_t to : sink.found) names.push_back(made.targets.at(to));
    return names;
}

TEST(Headers, MatchesWhenAllOfThemHaveTheirValue) {
    const std::string yaml = "{bindings: [{all: {country: de, tier: gold}, to: a}]}";
    EXPECT_THAT(route(yaml, {{"country", "de"}, {"tier", "gold"}, {"more", "x"}}), ElementsAre("a"));
    EXPECT_THAT(route(yaml, {{"country", "de"}, {"tier", "golden"}}), IsEmpty());
    EXPECT_THAT(route(yaml, {{"country", "de"}}), IsEmpty());
}

TEST(Headers, MatchesWhenAnyOfThemHasItsValue) {
    const std::string yaml = "{bindings: [{any: {country: de, tier: gold}, to: a}]}";
    EXPECT_THAT(route(yaml, {{"country", "de"}}), ElementsAre("a"));
    EXPECT_THAT(route(yaml, {{"country", "fr"}, {"tier", "gold"}}), ElementsAre("a"));
    EXPECT_THAT(route(yaml, {{"country", "fr"}}), IsEmpty());
    EXPECT_THAT(route(yaml, {}), IsEmpty());
}

TEST(Headers, WantsBothWhenABindingHasBoth) {
    const std::string yaml = "{bindings: [{all: {tier: gold}, any: {country: de, lang: de}, to: a}]}";
    EXPECT_THAT(route(yaml, {{"tier", "gold"}, {"lang", "de"}}), ElementsAre("a"));
    EXPECT_THAT(route(yaml, {{"tier", "gold"}}), IsEmpty());
    EXPECT_THAT(route(yaml, {{"lang", "de"}}), IsEmpty());
}

TEST(Headers, TakesAnyValueForAStar) {
    const std::string yaml = R"({bindings: [{all: {trace: "*"}, to: a}]})";
    EXPECT_THAT(route(yaml, {{"trace", "17"}}), ElementsAre("a"));
    EXPECT_THAT(route(yaml, {{"trace", ""}}), ElementsAre("a")) << "empty is not missing";
    EXPECT_THAT(route(yaml, {}), IsEmpty());
}

TEST(Headers, TakesAllBindingsThatMatchOrTheFirst) {
    const std::string bindings = "bindings: [{all: {a: x}, to: one}, {all: {b: x}, to: two}, {to: rest}]";
    EXPECT_THAT(route("{" + bindings + "}", {{"a", "x"}, {"b", "x"}}), ElementsAre("one", "two", "rest"));
    EXPECT_THAT(route("{take: first, " + bindings + "}", {{"a", "x"}, {"b", "x"}}), ElementsAre("one"));
    EXPECT_THAT(route("{take: first, " + bindings + "}", {{"b", "x"}}), ElementsAre("two"));
    EXPECT_THAT(route("{take: first, " + bindings + "}", {}), ElementsAre("rest"));
}

TEST(Headers, AgreesWithAPlainSearchOnRandomBindings) {
    const std::vector<std::string> names = {"a", "b", "c"};
    const std::vector<std::string> values = {"x", "y", "z", "*"};
    const auto holds = [](const Message& message, const std::pair<std::string, std::string>& wanted) {
        const auto found = message.find(wanted.first);
        return found != message.end() && (wanted.second == "*" || wanted.second == found->second);
    };
    std::size_t matched = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        Prng prng(seed);
        const auto draw = [&](std::size_t vocabulary) {
            Message drawn;
            for (const std::string& name : names) {
                if (prng.below(3) == 0) drawn[name] = values[prng.below(vocabulary)];
            }
            return drawn;
        };
        const auto yaml_of = [](const Message& map) {
            std::string text = "{";
            for (const auto& [name, value] : map) text += (text.size() > 1 ? ", " : "") + name + ": '" + value + "'";
            return text + "}";
        };
        std::vector<std::pair<Message, Message>> bindings;
        std::string yaml = "bindings: [";
        for (std::uint64_t i = 0, count = 1 + prng.below(12); i < count; ++i) {
            const auto& [all, any] = bindings.emplace_back(draw(values.size()), draw(values.size()));
            yaml += (i == 0 ? "" : ", ") + ("{all: " + yaml_of(all)) + ", any: " + yaml_of(any) + ", to: q" +
                    std::to_string(i) + "}";
        }
        for (int m = 0; m < 10; ++m) {
            const Message message = draw(values.size() - 1);
            std::vector<std::string> expected;
            for (std::size_t i = 0; i < bindings.size(); ++i) {
                const auto& [all, any] = bindings[i];
                const auto is_so = [&](const auto& wanted) { return holds(message, wanted); };
                if (!std::all_of(all.begin(), all.end(), is_so)) continue;
                if (any.empty() || std::any_of(any.begin(), any.end(), is_so)) {
                    expected.push_back("q" + std::to_string(i));
                }
            }
            matched += expected.size();
            ASSERT_EQ(route("{" + yaml + "]}", message), expected) << "seed " << seed << ": " << yaml;
            if (expected.size() > 1) expected.resize(1);
            ASSERT_EQ(route("{take: first, " + yaml + "]}", message), expected) << "seed " << seed << ": " << yaml;
        }
    }
    EXPECT_GT(matched, 2000U);  // or the bindings were no test
}

}  // namespace
}  // namespace ym::conformance
