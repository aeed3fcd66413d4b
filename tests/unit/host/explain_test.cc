// Where a message would go and why, and the graph of all ways.
#include "host/explain.h"

#include "fixture.h"

namespace ym::host {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

MessageFields with_topic(const std::string& topic) {
    MessageFields message;
    message.topic = topic;
    return message;
}
MessageFields with_key(const std::string& key) {
    MessageFields message;
    message.key = key;
    return message;
}
MessageFields with_header(const std::string& name, const std::string& value) {
    MessageFields message;
    message.headers[name] = value;
    return message;
}

class Explain : public ::testing::Test {
  protected:
    void read(const std::string& more) {
        const std::string text = "yardmaster: 1\nlisteners: {main: {bind: [\"ipc:///nowhere\"]}}\n" + more;
        config = settings::read_text(
            text, "x.yaml", [](const char*) -> const char* { return nullptr; }, problems);
        static_cast<void>(host->build(config, problems));
    }
    Step step(const std::string& more, const std::string& address, const MessageFields& message = {}) {
        read(more);
        EXPECT_THAT(lines_of(problems), IsEmpty());
        return host->explain(config, address, message);
    }
    /// "a taken 7, b no_match 8": each binding with its line.
    static std::string bindings(const Step& step) {
        std::string text;
        for (const Explained& one : step.bindings) {
            text += (text.empty() ? "" : ", ") + one.address + " " + std::string(name_of(one.verdict)) + " " +
                    std::to_string(one.place.line);
        }
        return text;
    }
    static std::vector<std::string> next(const Step& step) {
        std::vector<std::string> names;
        for (const Step& one : step.next) names.push_back(one.address + " " + std::string(name_of(one.outcome)));
        return names;
    }

    std::unique_ptr<Host> host = bundled();
    settings::Config config;
    settings::Problems problems;
};

constexpr const char* topics = R"(queues: {a: ~, b: ~, rest: ~}
pipelines:
  in:
    route:
      plugin: topic
      take: first
      bindings:
        - {match: "order.*.eu", to: a}
        - {match: "order.#", to: b}
        - {match: "audit.#", to: b}
        - {match: "#", to: rest}
)";

TEST_F(Explain, SaysWhichBindingTookAMessageAndWhyNotTheOthers) {
    const Step found = step(topics, "in", with_topic("order.new.eu"));
    EXPECT_EQ(found.outcome, Outcome::routed);
    EXPECT_EQ(found.take, "first");
    EXPECT_EQ(bindings(found), "a taken 10, b shadowed 11, b no_match 12, rest shadowed 13");
    EXPECT_EQ(found.bindings[0].label, "order.*.eu");
    EXPECT_THAT(next(found), ElementsAre("a queue"));
}

TEST_F(Explain, TellsTwoBindingsOfOneAddressApart) {
    EXPECT_EQ(bindings(step(topics, "in", with_topic("audit.x"))),
              "a no_match 10, b no_match 11, b taken 12, rest shadowed 13");
    std::string all = topics;
    all.replace(all.find("take: first"), 11, "take: all  ");
    EXPECT_EQ(bindings(step(all, "in", with_topic("order.x"))),
              "a no_match 10, b taken 11, b no_match 12, rest taken 13");
}

TEST_F(Explain, SaysWhatChanceDecides) {
    const Step found = step(
        "queues: {a: ~, b: ~, c: ~}\npipelines: {in: {route: {plugin: weighted, shares: "
        "{a: 90%, b: 10%, c: 0%}}}}\n",
        "in");
    EXPECT_EQ(bindings(found), "a chance 4, b chance 4, c not_chosen 4");
    EXPECT_NEAR(found.bindings[0].share, 0.9, 0.05);
    EXPECT_THAT(next(found), ElementsAre("a queue", "b queue"));
}

TEST_F(Explain, SaysWhereAKeyGoes) {
    const char* text =
        "queues: {a: ~, b: ~}\npipelines: {in: {route: {plugin: key_hash, to: [a, b], weights: {b: 2}}}}\n";
    const Step found = step(text, "in", with_key("customer 1"));
    ASSERT_EQ(found.next.size(), 1U);
    for (const Explained& one : found.bindings) {
        EXPECT_EQ(one.verdict, one.address == found.next[0].address ? Verdict::taken : Verdict::not_chosen);
    }
}

TEST_F(Explain, FollowsPipelinesAndTellsWhatIsOptional) {
    const Step found = step(R"(queues: {a: ~, b: ~}
pipelines:
  all: {route: {plugin: fanout, to: [in, a]}, optional: [a]}
  in: {route: {plugin: headers, bindings: [{all: {country: de}, to: b}]}, unmatched: a}
)",
                            "all", with_header("country", "fr"));
    EXPECT_THAT(next(found), ElementsAre("in forwarded", "a queue"));
    EXPECT_EQ(bindings(found), "in taken 5, a taken 5");
    EXPECT_TRUE(found.next[1].optional);
    EXPECT_EQ(bindings(found.next[0]), "b no_match 6");
    EXPECT_THAT(next(found.next[0]), ElementsAre("a queue"));
}

TEST_F(Explain, SaysWhatBecomesOfUnmatchedMessages) {
    const auto outcome = [&](const std::string& unmatched) {
        return step(
                   "queues: {a: ~}\npipelines:\n  in: {route: {plugin: topic, bindings: [{match: x, to: a}]}, "
                   "unmatched: " +
                       unmatched + "}\n  maybe: {route: {plugin: direct, to: in}, optional: [in]}\n",
                   "in")
            .outcome;
    };
    EXPECT_EQ(outcome("reject"), Outcome::rejected);
    EXPECT_EQ(outcome("drop"), Outcome::dropped);
    EXPECT_EQ(host->explain(config, "maybe", {}).next.at(0).outcome, Outcome::dropped);
}

TEST_F(Explain, FillsInWhatThePipelineSets) {
    const Step found = step(
        "queues: {a: ~, b: ~}\npipelines: {in: {set: {type: nightly}, route: {plugin: direct, to: next}}, "
        "next: {route: {plugin: weighted, by: type, shares: {a: 50%, b: 50%}}}}\n",
        "in");
    ASSERT_EQ(found.next.size(), 1U);
    EXPECT_EQ(found.next[0].next.size(), 1U) << "a type that is set leaves nothing to chance";
}

TEST_F(Explain, KnowsAddressesThatAreNoPipelines) {
    read(
        "queues: {a: ~, inner: {publish: pipeline}}\ncreate: {match: \"tmp.*\"}\n"
        "pipelines: {in: {route: {plugin: direct, to: inner}}}\n");
    EXPECT_EQ(host->explain(config, "a", {}).outcome, Outcome::queue);
    EXPECT_EQ(host->explain(config, "inner", {}).outcome, Outcome::not_direct);
    EXPECT_EQ(host->explain(config, "tmp.1", {}).outcome, Outcome::made_queue);
    EXPECT_EQ(host->explain(config, "nowhere", {}).outcome, Outcome::no_address);
}

TEST_F(Explain, DrawsTheGraphOfAllWays) {
    read(R"(queues: {a: {dead_letter: {to: rest}}, b: ~, "r\"e": ~, rest: ~}
create: {match: "tmp.*"}
pipelines:
  in:
    route: {plugin: topic, bindings: [{match: "order.*.eu", to: a}, {match: "#", to: tmp.1}]}
    unmatched: rest
  all: {route: {plugin: fanout, to: [in, "r\"e"]}, optional: ["r\"e"]}
  parts: {route: {plugin: weighted, shares: {a: 95%, b: 5%}}}
  keys: {route: {plugin: key_hash, to: [a, b], weights: {b: 7}}}
)");
    ASSERT_THAT(lines_of(problems), IsEmpty());
    const std::string graph = host->graph(config);
    for (const char* line :
         {"  \"in\" [shape=box, label=\"in\\n(topic)\"];\n", "  \"in\" -> \"a\" [label=\"order.*.eu\"];\n",
          "  \"tmp.1\" [shape=cylinder, style=dotted];\n", "  \"in\" -> \"tmp.1\" [label=\"#\"];\n",
          "  \"in\" -> \"rest\" [label=\"unmatched\", color=gray, fontcolor=gray];\n", "  \"all\" -> \"in\";\n",
          "  \"all\" -> \"r\\\"e\" [style=dashed];\n", "  \"parts\" -> \"b\" [label=\"5%\"];\n",
          "  \"a\" [shape=cylinder];\n", "  \"a\" -> \"rest\" [label=\"dead letters\", color=red, fontcolor=red];\n"}) {
        EXPECT_THAT(graph, HasSubstr(line));
    }
    EXPECT_THAT(graph, HasSubstr("  \"keys\" -> \"b\";\n"));
    EXPECT_THAT(graph, ::testing::Not(HasSubstr("\"7\""))) << "a weight is no further way";
}

TEST_F(Explain, RefusesAQueueThatNothingLeadsTo) {
    read(
        "queues:\n  a: {publish: pipeline, dead_letter: {to: b}}\n  b: {publish: pipeline}\n  c: {dead_letter: {to: "
        "d}}\n"
        "  d: {publish: pipeline}\n  e: {publish: pipeline}\npipelines: {in: {route: {plugin: direct, to: e}}}\n");
    EXPECT_THAT(lines_of(problems),
                ElementsAre("x.yaml:4:3: queues.a: found a queue that nothing leads to; expected a pipeline or "
                            "dead_letter.to that names it; name it somewhere, or let producers do: publish: direct "
                            "[address.unreachable]",
                            "x.yaml:5:3: queues.b: found a queue that nothing leads to; expected a pipeline or "
                            "dead_letter.to that names it; name it somewhere, or let producers do: publish: direct "
                            "[address.unreachable]"));
}

}  // namespace
}  // namespace ym::host
