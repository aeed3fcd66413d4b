// Routing by headers: what each kind of binding matches.
#include <map>
#include <set>

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

}  // namespace
}  // namespace ym::conformance
