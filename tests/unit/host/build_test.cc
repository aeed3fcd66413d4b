// A settings file becomes a topology: plugins made, names resolved, ways that never end refused.
#include <map>

#include "fixture.h"
#include "host/addresses.h"

namespace ym::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A Config of queues and pipelines written as YAML, without core/settings' own checks.
class Build : public ::testing::Test {
  protected:
    Build() {
        config.retries.push_back({"default", use_of("backoff")});
        config.templates["default"].balance = use_of("round_robin");
    }

    settings::Queue& queue(const std::string& name, const std::string& dead_to = "") {
        settings::Queue& made = config.queues.emplace_back();
        made.settings.name = name;
        made.settings.dead_to = dead_to;
        made.dead_to_place = {"test.yaml", 7, 7};
        made.balance = use_of("round_robin");
        return made;
    }
    settings::Pipeline& pipeline(const std::string& name, const std::string& route) {
        settings::Pipeline& made = config.pipelines.emplace_back();
        made.settings.name = name;
        made.route = use_of(*tree("route: " + route).find("route"));
        return made;
    }
    std::unique_ptr<Topology> build() { return host->build(config, problems); }

    std::unique_ptr<Host> host = bundled();
    settings::Config config;
    settings::Problems problems;
};

class Routed final : public RouteSink {
  public:
    void fail(std::uint32_t message) override { ADD_FAILURE() << "message " << message << " failed"; }
    void add(std::uint32_t message, AddressId to) override { to_.emplace_back(message, to.value); }
    std::vector<std::pair<std::uint32_t, std::uint32_t>> to_;
};

TEST_F(Build, GivesEveryQueueAndPipelineItsPlugins) {
    queue("a");
    queue("b");
    pipeline("both", "{plugin: fanout, to: [b, a]}");
    const auto topology = build();
    ASSERT_THAT(lines_of(problems), IsEmpty());
    ASSERT_NE(topology, nullptr);
    EXPECT_NE(topology->queues.at(0).balance, nullptr);
    EXPECT_NE(topology->retries.at(0).policy, nullptr);
    EXPECT_THAT(topology->pipelines.at(0).targets, ElementsAre("b", "a"));

    RouteBatch batch;
    batch.count = 2;
    Routed routed;
    ASSERT_TRUE(topology->pipelines.at(0).route->route(batch, routed));
    using At = std::pair<std::uint32_t, std::uint32_t>;
    EXPECT_THAT(routed.to_, ElementsAre(At{0, 0}, At{0, 1}, At{1, 0}, At{1, 1}));
}

TEST_F(Build, NamesTheNearestAddressOfOneThatThereIsNot) {
    queue("orders");
    pipeline("in", "{plugin: direct, to: oders}");
    EXPECT_EQ(build(), nullptr);
    EXPECT_THAT(lines_of(problems),
                ElementsAre("test.yaml:1:29: route.to: found oders; expected the name of a queue or "
                            "pipeline; did you mean orders? [address.unknown]"));
}

TEST_F(Build, TakesANameThatQueuesAreMadeFor) {
    config.create.emplace();
    config.create->settings.match = "tmp.*";
    config.create->like = "default";
    pipeline("in", "{plugin: fanout, to: [tmp.1, temp.1]}");
    EXPECT_EQ(build(), nullptr);
    EXPECT_THAT(lines_of(problems),
                ElementsAre("test.yaml:1:37: route.to[1]: found temp.1; expected the name of a queue "
                            "or pipeline; declare it under queues: or pipelines: [address.unknown]"));
}

TEST_F(Build, MakesAQueueOnDemandAfterTheHostAndTheSettingsAreGone) {
    config.create.emplace();
    config.create->settings.match = "*";
    config.create->like = "default";
    config.templates["default"].settings.lease = 3s;
    const auto topology = build();
    ASSERT_NE(topology, nullptr);
    host.reset();
    config = {};
    const QueueSettings made = topology->create->make("fresh");
    EXPECT_EQ(made.name, "fresh");
    EXPECT_EQ(made.lease, 3s);
    EXPECT_NE(made.balance, nullptr);
}

TEST_F(Build, LetsPipelinesLeadToPipelines) {
    queue("end");
    pipeline("first", "{plugin: direct, to: second}");
    pipeline("second", "{plugin: direct, to: end}");
    EXPECT_NE(build(), nullptr);
    EXPECT_THAT(lines_of(problems), IsEmpty());
}

TEST_F(Build, RefusesPipelinesThatLeadBackToThemselves) {
    pipeline("a", "{plugin: direct, to: b}");
    pipeline("b", "{plugin: fanout, to: [c, a]}");
    queue("c");
    EXPECT_EQ(build(), nullptr);
    EXPECT_THAT(
        lines_of(problems),
        ElementsAre("test.yaml:1:33: route.to[1]: found a -> b -> a; expected a way that ends at a queue; take one "
                    "of these steps out [address.cycle]"));
}

TEST_F(Build, RefusesAPipelineWhoseUnmatchedMessagesComeBack) {
    queue("q");
    settings::Pipeline& in = pipeline("in", "{plugin: direct, to: q}");
    in.settings.unmatched = Unmatched::forward;
    in.settings.unmatched_to = "in";
    in.unmatched_place = {"test.yaml", 3, 4};
    EXPECT_EQ(build(), nullptr);
    EXPECT_THAT(lines_of(problems), ElementsAre("test.yaml:3:4: pipelines.in.unmatched: found in -> in; expected a way "
                                                "that ends at a queue; take one of these steps out [address.cycle]"));
}

TEST_F(Build, TakesAsManyChainedPipelinesAsTheBrokerFollowsAndNotOneMore) {
    queue("q");
    pipeline("p0", "{plugin: direct, to: q}");
    for (int i = 1; i < pipelines_chained_max; ++i) {
        pipeline("p" + std::to_string(i), "{plugin: direct, to: p" + std::to_string(i - 1) + "}");
    }
    EXPECT_NE(build(), nullptr);
    ASSERT_THAT(lines_of(problems), IsEmpty());
    pipeline("long", "{plugin: direct, to: p15}");
    pipeline("longer", "{plugin: direct, to: long}");
    EXPECT_EQ(build(), nullptr);
    EXPECT_THAT(
        lines_of(problems),
        ElementsAre("test.yaml:1:29: route.to: found a way through 17 pipelines, from long; expected at most 16 "
                    "one behind the other; lead messages to their queues by fewer steps [address.chain]"));
}

TEST_F(Build, RefusesDeadLettersThatComeBack) {
    queue("a", "b");
    queue("b", "c");
    queue("c", "a");
    EXPECT_EQ(build(), nullptr);
    EXPECT_THAT(lines_of(problems),
                ElementsAre("test.yaml:7:7: queues.c.dead_letter.to: found a -> b -> c -> a; expected a way that ends "
                            "at a queue; take one of these steps out [address.cycle]"));
}

TEST_F(Build, RefusesDeadLettersForAPipeline) {
    queue("a", "graves");
    pipeline("graves", "{plugin: direct, to: b}");
    queue("b");
    EXPECT_EQ(build(), nullptr);
    EXPECT_THAT(lines_of(problems),
                ElementsAre("test.yaml:7:7: queues.a.dead_letter.to: found graves, a pipeline; expected the name of a "
                            "queue; name one of the queues that it sends to [address.pipeline]"));
}

TEST_F(Build, RefusesAnUnknownAddressOfDeadLetters) {
    queue("a", "nowhere");
    EXPECT_EQ(build(), nullptr);
    EXPECT_THAT(lines_of(problems),
                ElementsAre("test.yaml:7:7: queues.a.dead_letter.to: found nowhere; expected the name of "
                            "a queue or pipeline; declare it under queues: or pipelines: "
                            "[address.unknown]"));
}

TEST_F(Build, RefusesAQueueOnDemandThatIsItsOwnGraveyard) {
    config.create.emplace();
    config.create->settings.match = "*";
    config.create->like = "default";
    config.templates["default"].settings.dead_to = "graves";
    config.templates["default"].dead_to_place = {"test.yaml", 5, 6};
    EXPECT_EQ(build(), nullptr);
    EXPECT_THAT(
        lines_of(problems),
        ElementsAre("test.yaml:5:6: templates.default.dead_letter.to: found a queue made on demand -> a queue made "
                    "on demand; expected a way that ends at a queue; take one of these steps out [address.cycle]"));
}

TEST_F(Build, TakesOnlyTargetsAsOptional) {
    queue("a");
    queue("b");
    settings::Pipeline& in = pipeline("in", "{plugin: direct, to: a}");
    in.settings.optional = {"a", "b"};
    in.optional_places = {{"test.yaml", 2, 1}, {"test.yaml", 2, 4}};
    EXPECT_EQ(build(), nullptr);
    EXPECT_THAT(lines_of(problems),
                ElementsAre("test.yaml:2:4: pipelines.in.optional: found b; expected one of the addresses "
                            "that its route names; it names a [optional.target]"));
}

TEST_F(Build, TellsAWrongTemplateOnceForAllItsQueues) {
    const settings::Node balance = tree("balance: {plugin: round_robin, speed: 3}");
    for (const char* name : {"a", "b", "c"}) queue(name).balance = use_of(*balance.find("balance"));
    EXPECT_EQ(build(), nullptr);
    EXPECT_THAT(lines_of(problems),
                ElementsAre("test.yaml:1:32: balance.speed: found the unknown key speed; expected no keys, "
                            "round_robin has no settings [key.unknown]"));
}

TEST_F(Build, SaysWhichPluginsThereAreForAnUnknownOne) {
    queue("a");
    pipeline("in", "{plugin: direkt, to: a}");
    pipeline("out", "{plugin: backoff}");
    EXPECT_EQ(build(), nullptr);
    EXPECT_THAT(
        lines_of(problems),
        ElementsAre("test.yaml:1:17: route: found direkt; expected a plugin for routing/1; did you mean direct? "
                    "[plugin.unknown]",
                    "test.yaml:1:17: route: found backoff of " YM_PLUGINS
                    "/ym_retry_backoff.so with retry/1; expected a plugin for routing/1; those loaded are direct, "
                    "fanout, headers, key_hash, topic, weighted [plugin.interface]"));
}

TEST_F(Build, TellsOfAPluginThatCannotBeLoadedOnce) {
    config.plugins.push_back({"example.com/x", "x.so", false, {"test.yaml", 2, 2}});
    queue("a");
    pipeline("in", "{plugin: example.com/x, to: a}");
    EXPECT_EQ(build(), nullptr);
    EXPECT_THAT(
        lines_of(problems),
        ElementsAre("test.yaml:2:2: plugins.load.\"example.com/x\": found x.so: no folder to look in; expected a "
                    "shared library; name its folder in plugins.path, or write a path with a slash [plugin.file]"));
}

}  // namespace
}  // namespace ym::host
