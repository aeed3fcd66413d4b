// Plugins that are wrong: what the host says about those it cannot load, and how far the others can do harm.
#include <filesystem>
#include <fstream>

#include "conformance/kit.h"
#include "host/host.h"

namespace ym::conformance {
namespace {

using ::testing::ElementsAre;

const std::string folder = YM_BAD_PLUGINS "/";

std::string load(const std::string& name) {
    host::Registry fresh;
    const auto failed = fresh.load(folder + name, "");
    return failed ? failed->to_line() : "loaded";
}

TEST(BadLibrary, IsForAnOlderAbi) {
    EXPECT_EQ(load("bad_old_abi.so"),
              folder +
                  "bad_old_abi.so: found the symbol ym_plugin_0; expected the symbol ym_plugin_1; "
                  "build the plugin with the headers of this version of Yardmaster [plugin.abi]");
}

TEST(BadLibrary, IsForANewerAbi) {
    EXPECT_EQ(
        load("bad_new_abi.so"),
        folder +
            "bad_new_abi.so: found the symbol ym_plugin_2; expected the symbol ym_plugin_1; the plugin is for a newer "
            "Yardmaster; update Yardmaster, or build the plugin with the headers of this version [plugin.abi]");
}

TEST(BadLibrary, IsNoPlugin) {
    EXPECT_EQ(
        load("bad_no_symbol.so"),
        folder +
            "bad_no_symbol.so: found a shared library without it; expected the symbol ym_plugin_1; this is no plugin "
            "of Yardmaster, or its symbol is hidden: declare it with YM_EXPORT [plugin.symbol]");
}

TEST(BadLibrary, HoldsNoPlugin) {
    EXPECT_EQ(load("bad_empty.so"),
              folder +
                  "bad_empty.so: found no entry in ym_plugin_1; expected one plugin at least; correct "
                  "the plugin [plugin.damaged]");
}

TEST(BadLibrary, HoldsHalfAPlugin) {
    EXPECT_EQ(load("bad_no_get.so"),
              folder +
                  "bad_no_get.so: found entry 0 without all parts; expected size, id, version and "
                  "get() in each entry of ym_plugin_1; correct the plugin [plugin.damaged]");
}

TEST(BadLibrary, IsNoLibrary) {
    const std::string path = ::testing::TempDir() + "ym_text.so";
    std::ofstream(path) << "this is a text\n";
    host::Registry fresh;
    const auto failed = fresh.load(path, "");
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->id, "plugin.library");
    EXPECT_EQ(failed->found.find(path), std::string::npos) << "the path is told once";
    EXPECT_THAT(failed->to_line(),
                ::testing::EndsWith("; expected a shared library; is it built for this machine, and can "
                                    "it be read? [plugin.library]"));
    std::filesystem::remove(path);
}

TEST(BadLibrary, IsNotThere) {
    host::Host host;
    const auto in_path = host.load({"x", "no_such.so", false, {}}, {"/somewhere", "/else"});
    ASSERT_FALSE(in_path.ok());
    EXPECT_EQ(in_path.error().text,
              "no_such.so: found no such file in /somewhere, /else; expected a shared library; name its folder in "
              "plugins.path, or write a path with a slash [plugin.file]");
    const auto by_path = host.load({"x", "/somewhere/no_such.so", false, {}}, {});
    EXPECT_EQ(
        by_path.error().text,
        "/somewhere/no_such.so: found no file; expected a shared library; correct plugins.load.*.file [plugin.file]");
    const auto bundled = host.load_bundled("/no/such/folder");
    EXPECT_THAT(bundled.error().text, ::testing::HasSubstr("[plugin.folder]"));
}

TEST(BadLibrary, HoldsAnotherPlugin) {
    host::Host host;
    const auto loaded = host.load({"example.com/x", "bad_no_interface.so", false, {}}, {YM_BAD_PLUGINS});
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().text, folder +
                                       "bad_no_interface.so: found the plugin no-interface; expected the plugin "
                                       "example.com/x; name it under plugins.load as the library does [plugin.id]");
}

TEST(BadLibrary, HoldsAPluginThatAnotherFileHas) {
    const std::string copy = ::testing::TempDir() + "ym_copy.so";
    std::filesystem::copy_file(YM_PLUGINS "/ym_routing_direct.so", copy,
                               std::filesystem::copy_options::overwrite_existing);
    host::Registry fresh;
    EXPECT_FALSE(fresh.load(YM_PLUGINS "/ym_routing_direct.so", "").has_value());
    EXPECT_FALSE(fresh.load(YM_PLUGINS "/ym_routing_direct.so", "").has_value()) << "the same file twice is no mistake";
    const auto failed = fresh.load(copy, "");
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->to_line(),
              copy + ": found the plugin direct; expected a plugin of another name; the one in " YM_PLUGINS
                     "/ym_routing_direct.so has it [plugin.duplicate]");
    std::filesystem::remove(copy);
}

/// The plugins of bad/wrong.cc and others, in a host of its own.
class BadPlugin : public ::testing::Test {
  protected:
    BadPlugin() {
        for (const char* name : {"bad_wrong.so", "bad_no_interface.so", "bad_no_function.so", "bad_grown.so"}) {
            const auto failed = bad.load(folder + name, "");
            EXPECT_FALSE(failed.has_value()) << failed->to_line();
        }
        bad.on_log([this](std::int32_t level, std::string_view plugin, std::string_view line) {
            log.push_back(std::to_string(level) + " " + std::string(plugin) + ": " + std::string(line));
        });
        config.create.emplace();
        config.create->settings.match = "*";
    }

    std::unique_ptr<RoutingPolicy> routing(const std::string& id, const std::string& yaml = "{to: q}") {
        host::Addresses addresses(config);
        host::PipelineTargets targets(addresses, "pipeline");
        return bad.routing(use_of(id, yaml), targets, problems);
    }
    struct Sink final : RouteSink {
        void add(std::uint32_t message, AddressId to) override { rows.emplace_back(message, to.value); }
        void fail(std::uint32_t message) override { failed.push_back(message); }
        std::vector<std::pair<std::uint32_t, std::uint32_t>> rows;
        std::vector<std::uint32_t> failed;
    };
    static bool route_one(RoutingPolicy& policy, Sink& sink) {
        RouteBatch batch;
        batch.count = 1;
        return policy.route(batch, sink);
    }

    host::Registry bad;
    settings::Config config;
    settings::Problems problems;
    std::vector<std::string> log;
};

TEST_F(BadPlugin, ThatThrowsHasFailedThisCallOnly) {
    const auto policy = routing("throws");
    ASSERT_NE(policy, nullptr);
    Sink sink;
    EXPECT_FALSE(route_one(*policy, sink));
    EXPECT_FALSE(route_one(*policy, sink));
    EXPECT_THAT(log, ElementsAre("3 throws: thrown on purpose", "3 throws: a call failed with status 4",
                                 "3 throws: thrown on purpose", "3 throws: a call failed with status 4"));
}

TEST_F(BadPlugin, ThatThrowsThroughTheAbiHasFailedThisCallOnly) {
    const auto policy = routing("raw-throw");
    ASSERT_NE(policy, nullptr);
    Sink sink;
    EXPECT_FALSE(route_one(*policy, sink));
    EXPECT_THAT(log, ElementsAre("3 raw-throw: a call threw an exception, which no plugin may"));
}

TEST_F(BadPlugin, ThatNamesAnUnknownMessageHasFailedThisCall) {
    const auto policy = routing("wrong-message");
    ASSERT_NE(policy, nullptr);
    Sink sink;
    EXPECT_FALSE(route_one(*policy, sink));
    EXPECT_TRUE(sink.rows.empty());
    EXPECT_THAT(log, ElementsAre("3 wrong-message: named a message that there is not"));
}

TEST_F(BadPlugin, ThatNamesAnUnknownTargetHasFailedForThatMessageAlone) {
    const auto policy = routing("wrong-target");
    ASSERT_NE(policy, nullptr);
    RouteBatch batch;
    batch.count = 3;
    Sink sink;
    EXPECT_TRUE(policy->route(batch, sink));
    using Row = std::pair<std::uint32_t, std::uint32_t>;
    EXPECT_THAT(sink.rows, ElementsAre(Row(0, 0), Row(1, 0), Row(2, 0)));
    EXPECT_THAT(sink.failed, ElementsAre(1));
    EXPECT_THAT(log, ElementsAre("3 wrong-target: named a target that there is not"));
}

TEST_F(BadPlugin, ThatCannotBeMadeSaysWhy) {
    EXPECT_EQ(routing("throws-when-made"), nullptr);
    EXPECT_THAT(
        lines_of(problems),
        ElementsAre("test.yaml:1:6: use: found a map of 1; expected what the plugin throws-when-made takes; cannot be "
                    "made [plugin.refused]"));
}

TEST_F(BadPlugin, ThatReadsAFieldThatThereIsNotIsNotMade) {
    EXPECT_EQ(routing("wrong-column"), nullptr);
    EXPECT_THAT(lines_of(problems),
                ElementsAre("test.yaml:1:6: use: found a column header.; expected topic, type, key or header.NAME; the "
                            "fault lies in the plugin wrong-column [plugin.field]"));
}

TEST_F(BadPlugin, ThatFailsToPickIsReplacedByTurns) {
    const auto policy = bad.balance(use_of("picks-nobody-else", "{}"), problems);
    ASSERT_NE(policy, nullptr);
    const std::vector<WorkerView> workers = {{1, 0, {}, "0123456789abcdef", ""}, {2, 0, {}, "0123456789abcdeg", ""}};
    std::vector<std::uint32_t> picks(4, 9);
    policy->pick(workers, picks);
    EXPECT_THAT(picks, ElementsAre(0, 1, 1, BalancePolicy::nobody));
    policy->pick({}, picks);
    EXPECT_THAT(picks, ::testing::Each(BalancePolicy::nobody));
}

TEST_F(BadPlugin, ThatFailsToDecideMakesDeadLetters) {
    const auto policy = bad.retry(use_of("cannot-decide", "{}"), problems);
    ASSERT_NE(policy, nullptr);
    std::vector<FailedAttempt> failures(2);
    std::vector<Duration> waits(2);
    failures[1].attempt = 2;
    policy->decide(failures, waits);
    EXPECT_THAT(waits, ::testing::Each(RetryPolicy::dead_letter));
    failures[1].attempt = 1;
    policy->decide(failures, waits);
    EXPECT_THAT(waits, ::testing::Each(Duration(std::chrono::hours(24 * 365)))) << "an endless wait is cut";
}

TEST_F(BadPlugin, ThatHasAWrongSchemaIsNotMade) {
    EXPECT_EQ(bad.retry(use_of("wrong-schema", "{later: 1}"), problems), nullptr);
    EXPECT_THAT(
        lines_of(problems),
        ElementsAre("test.yaml:1:6: use: found the default soon of delay; expected a schema that this version of "
                    "Yardmaster knows; the fault lies in the plugin wrong-schema [plugin.schema]",
                    "test.yaml:1:14: use.later: found kind 99; expected a schema that this version of Yardmaster "
                    "knows; the fault lies in the plugin wrong-schema [plugin.schema]"));
}

TEST_F(BadPlugin, ThatLacksAnInterfaceSaysWhatItHas) {
    EXPECT_EQ(bad.retry(use_of("no-interface", "{}"), problems), nullptr);
    EXPECT_THAT(
        lines_of(problems),
        ElementsAre("test.yaml:1:6: use: found no-interface of " + folder +
                    "bad_no_interface.so with no interface of this version; expected a plugin for retry/1; those "
                    "loaded are cannot-decide, no-function, wrong-schema [plugin.interface]"));
}

TEST_F(BadPlugin, ThatLacksAFunctionIsNotMade) {
    EXPECT_EQ(bad.balance(use_of("no-function", "{}"), problems), nullptr);
    EXPECT_THAT(lines_of(problems),
                ElementsAre("test.yaml:1:6: use: found a table of no-function that lacks parts; expected "
                            "all functions of balance/1; the fault lies in the plugin [plugin.damaged]"));
}

TEST_F(BadPlugin, IsNotOneWhoseStructsHaveOnlyGrown) {
    const auto policy = routing("grown", "{first: a, second: b}");
    ASSERT_TRUE(problems.empty()) << lines_of(problems).front();
    Sink sink;
    EXPECT_TRUE(route_one(*policy, sink));
    EXPECT_THAT(sink.rows, ElementsAre(std::pair<std::uint32_t, std::uint32_t>(0, 1)));
}

/// A clock that goes on by `step` each time it is looked at.
Duration clock_now{0};
Duration clock_step{0};
Duration fake_clock() {
    clock_now += clock_step;
    return clock_now;
}

TEST_F(BadPlugin, ThatIsTooSlowIsNotAskedForAsLongAsItTook) {
    bad.limit_calls({fake_clock, 20ms});
    clock_now = Duration{0};
    const auto policy = routing("grown", "{first: a, second: b}");
    ASSERT_NE(policy, nullptr);
    Sink sink;
    clock_step = 20ms;
    EXPECT_TRUE(route_one(*policy, sink)) << "just in time, at 40 ms";
    clock_step = 30ms;
    EXPECT_FALSE(route_one(*policy, sink)) << "began at 70 ms, ended at 100 ms";
    clock_step = 10ms;
    EXPECT_FALSE(route_one(*policy, sink)) << "110 ms is too early";
    EXPECT_FALSE(route_one(*policy, sink)) << "120 ms is too early";
    EXPECT_TRUE(route_one(*policy, sink)) << "130 ms is not";
    const PolicyHealth health = policy->health();
    EXPECT_EQ(health.plugin, "grown");
    EXPECT_EQ(health.slow, 1U);
    EXPECT_EQ(health.spared, 2U);
    EXPECT_EQ(health.failed, 0U);
    EXPECT_THAT(log, ElementsAre("3 grown: a call took 30 ms; plugins.budget is 20 ms: its answer does not count, and "
                                 "the plugin is not asked for as long"));
}

TEST_F(BadPlugin, ThatDecidesLateIsToldButObeyed) {
    bad.limit_calls({fake_clock, 20ms});
    clock_step = 30ms;
    const auto policy = bad.retry(use_of("cannot-decide", "{}"), problems);
    ASSERT_NE(policy, nullptr);
    std::vector<FailedAttempt> failures(1);
    std::vector<Duration> waits(1);
    policy->decide(failures, waits);
    EXPECT_NE(waits[0], RetryPolicy::dead_letter) << "a slow plugin must not cost messages";
    EXPECT_EQ(policy->health().slow, 1U);
}

TEST_F(BadPlugin, IsToldOfOnlySoOften) {
    const auto policy = routing("raw-throw");
    Sink sink;
    for (int i = 0; i < 5'000; ++i) EXPECT_FALSE(route_one(*policy, sink));
    EXPECT_EQ(log.size(), 100U + 4U);
}

}  // namespace
}  // namespace ym::conformance
