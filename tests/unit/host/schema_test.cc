// Settings against a schema: every kind of value right and wrong, with its place in the file.
#include "host/schema.h"

#include "fixture.h"
#include "host/scalar.h"

namespace ym::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr ym_setting limit_keys[] = {{"low", YM_INTEGER, "1", nullptr, "the lower end", nullptr},
                                     {"high", YM_INTEGER, nullptr, nullptr, "the upper end", nullptr},
                                     {}};
constexpr ym_setting wait_item[] = {{"*", YM_DURATION_NS, nullptr, "1ms..1h", "a wait", nullptr}, {}};
constexpr ym_setting share_item[] = {{"*", YM_SHARE, nullptr, nullptr, "a share", nullptr}, {}};
constexpr ym_setting target_item[] = {{"*", YM_TARGET, nullptr, nullptr, "an address", nullptr}, {}};
constexpr ym_setting schema[] = {{"text", YM_TEXT, "hello", "2..5", "a text", nullptr},
                                 {"integer", YM_INTEGER, "10k", "-5..20k", "an integer", nullptr},
                                 {"number", YM_NUMBER, "1.5", "0..", "a number", nullptr},
                                 {"bool", YM_BOOL, "true", nullptr, "a switch", nullptr},
                                 {"duration", YM_DURATION_NS, "1h30m", "1s..1d", "a time", nullptr},
                                 {"bytes", YM_BYTES, "64KiB", "..1GiB", "a size", nullptr},
                                 {"share", YM_SHARE, "20%", "1%..50%", "a share", nullptr},
                                 {"choice", YM_CHOICE, "first", "all|first", "a word", nullptr},
                                 {"field", YM_FIELD, "header.country", nullptr, "a field", nullptr},
                                 {"target", YM_TARGET, "~", nullptr, "an address", nullptr},
                                 {"waits", YM_LIST, "[1s, 10s]", "1..3", "waits", wait_item},
                                 {"shares", YM_MAP, "{}", nullptr, "shares by name", share_item},
                                 {"targets", YM_MAP, "~", nullptr, "addresses by name", target_item},
                                 {"limits", YM_MAP, "off", "off|unlimited", "limits", limit_keys},
                                 {}};

/// Knows the addresses `here` and `there`.
class TwoTargets final : public TargetSource {
  public:
    std::optional<ym_target> number(const settings::Node& at, settings::Problems& problems) override {
        if (at.scalar == "here") return 7;
        if (at.scalar == "there") return 8;
        problems.add("address.unknown", at, at.scalar, "here or there");
        return std::nullopt;
    }
};

class Settings : public ::testing::Test {
  protected:
    bool check(const std::string& yaml) {
        node = tree("use: " + yaml);
        value = {};
        host.begin_create(value, problems);
        return check_settings("it", {schema, sizeof(ym_setting)}, *node.find("use"), &targets, problems, value);
    }
    /// What is said about one wrong setting.
    std::string wrong(const std::string& yaml) {
        problems = {};
        EXPECT_FALSE(check(yaml));
        const std::vector<std::string> lines = lines_of(problems);
        return lines.size() == 1 ? lines.front() : std::to_string(lines.size()) + " problems";
    }
    const ym_value* at(const char* key) { return host.table().get(&value, key); }
    std::string text(const char* key) {
        const ym_text found = host.table().text(at(key));
        return {found.data, found.size};
    }

    settings::Node node;
    ym_value value;
    TwoTargets targets;
    settings::Problems problems;
    InstanceHost host{"it", nullptr};
};

TEST_F(Settings, AreTheDefaultsWhereNothingIsGiven) {
    ASSERT_TRUE(check("{}")) << lines_of(problems).front();
    const ym_host& table = host.table();
    EXPECT_EQ(text("text"), "hello");
    EXPECT_EQ(table.integer(at("integer")), 10'000);
    EXPECT_DOUBLE_EQ(table.number(at("number")), 1.5);
    EXPECT_EQ(table.integer(at("bool")), 1);
    EXPECT_EQ(table.integer(at("duration")), 5'400'000'000'000);
    EXPECT_EQ(table.integer(at("bytes")), 65'536);
    EXPECT_DOUBLE_EQ(table.number(at("share")), 0.2);
    EXPECT_EQ(text("choice"), "first");
    EXPECT_EQ(text("field"), "header.country");
    EXPECT_EQ(table.kind(at("target")), YM_NOTHING);
    ASSERT_EQ(table.count(at("waits")), 2U);
    EXPECT_EQ(table.integer(table.at(at("waits"), 1, nullptr)), 10'000'000'000);
    EXPECT_EQ(table.kind(at("shares")), YM_MAP);
    EXPECT_EQ(table.count(at("shares")), 0U);
    EXPECT_EQ(table.kind(at("limits")), YM_CHOICE);
    EXPECT_EQ(text("limits"), "off");
    EXPECT_EQ(table.given(at("limits")), 0);
}

TEST_F(Settings, AreWhatTheFileSays) {
    ASSERT_TRUE(
        check("{text: '10', integer: -5, number: 2, bool: false, duration: 2s, bytes: 1KiB, share: 1%, choice: all, "
              "field: key, target: there, waits: [1m], shares: {b: 5%, a: 0.5%}, targets: {x: here}, "
              "limits: {high: 3}}"))
        << lines_of(problems).front();
    const ym_host& table = host.table();
    EXPECT_EQ(text("text"), "10");
    EXPECT_EQ(table.integer(at("integer")), -5);
    EXPECT_EQ(table.integer(at("bool")), 0);
    EXPECT_EQ(table.integer(at("duration")), 2'000'000'000);
    EXPECT_EQ(table.target(at("target")), 8U);
    EXPECT_EQ(table.given(at("target")), 1);
    ym_text key{};
    EXPECT_DOUBLE_EQ(table.number(table.at(at("shares"), 0, &key)), 0.05);
    EXPECT_EQ(std::string(key.data, key.size), "b") << "in the order of the file";
    EXPECT_EQ(table.target(table.at(at("targets"), 0, nullptr)), 7U);
    EXPECT_EQ(table.kind(at("limits")), YM_MAP);
    EXPECT_EQ(table.integer(table.get(at("limits"), "low")), 1);
    EXPECT_EQ(table.integer(table.get(at("limits"), "high")), 3);
    EXPECT_EQ(table.kind(table.get(at("limits"), "no such key")), YM_NOTHING);
    EXPECT_EQ(table.kind(table.at(at("waits"), 9, nullptr)), YM_NOTHING);
}

TEST_F(Settings, AreTheDefaultsForATilde) {
    ASSERT_TRUE(check("{text: ~, waits: ~, limits: ~, target: ~}"));
    EXPECT_EQ(text("text"), "hello");
    EXPECT_EQ(host.table().count(at("waits")), 2U);
}

TEST_F(Settings, OfAWrongUnitOrForm) {
    EXPECT_EQ(
        wrong("{duration: 30}"),
        "test.yaml:1:17: use.duration: found 30; expected a duration from 1s to 1d; write 30s or 30ms [duration.unit]");
    EXPECT_EQ(wrong("{duration: soon}"),
              "test.yaml:1:17: use.duration: found soon; expected a duration from 1s to 1d; write "
              "whole numbers with ms, s, m, h or d, as in 1h30m [duration.syntax]");
    EXPECT_EQ(wrong("{bytes: 64}"),
              "test.yaml:1:14: use.bytes: found 64; expected a size up to 1GiB; write 64B or 64MiB [bytes.unit]");
    EXPECT_EQ(wrong("{bytes: 64K}"),
              "test.yaml:1:14: use.bytes: found 64K; expected a size up to 1GiB; write a whole number "
              "with B, KiB, MiB or GiB, as in 64MiB [bytes.syntax]");
    EXPECT_EQ(wrong("{share: 20}"),
              "test.yaml:1:14: use.share: found 20; expected a share from 1% to 50%; write 20% [share.unit]");
    EXPECT_EQ(wrong("{integer: 2.5}"),
              "test.yaml:1:16: use.integer: found 2.5; expected a count from -5 to 20k; write a whole "
              "number, as in 2000, 10k (thousand) or 1M (million) [count.syntax]");
    EXPECT_EQ(wrong("{number: two}"),
              "test.yaml:1:15: use.number: found two; expected a number from 0; write a number, as in 2 "
              "or 2.5 [number.syntax]");
    EXPECT_EQ(wrong("{number: nan}"),
              "test.yaml:1:15: use.number: found nan; expected a number from 0; write a number, as in 2 "
              "or 2.5 [number.syntax]");
    EXPECT_EQ(wrong("{bool: yes}"), "test.yaml:1:13: use.bool: found yes; expected true or false [bool.syntax]");
    EXPECT_EQ(
        wrong("{field: body}"),
        "test.yaml:1:14: use.field: found body; expected a field: topic, type, key or header.NAME [field.unknown]");
    EXPECT_EQ(
        wrong("{field: header.}"),
        "test.yaml:1:14: use.field: found header.; expected a field: topic, type, key or header.NAME [field.unknown]");
    EXPECT_EQ(wrong("{choice: frist}"),
              "test.yaml:1:15: use.choice: found frist; expected all or first; did you mean first? [choice.unknown]");
}

TEST_F(Settings, OutsideTheirRange) {
    EXPECT_EQ(wrong("{text: toolong}"),
              "test.yaml:1:13: use.text: found toolong; expected a text from 2 to 5 octets long [text.range]");
    EXPECT_EQ(wrong("{integer: 20001}"),
              "test.yaml:1:16: use.integer: found 20001; expected a count from -5 to 20k [count.range]");
    EXPECT_EQ(wrong("{integer: -6}"),
              "test.yaml:1:16: use.integer: found -6; expected a count from -5 to 20k [count.range]");
    EXPECT_EQ(wrong("{number: -1}"), "test.yaml:1:15: use.number: found -1; expected a number from 0 [number.range]");
    EXPECT_EQ(wrong("{duration: 25h}"),
              "test.yaml:1:17: use.duration: found 25h; expected a duration from 1s to 1d [duration.range]");
    EXPECT_EQ(wrong("{bytes: 2GiB}"),
              "test.yaml:1:14: use.bytes: found 2GiB; expected a size up to 1GiB [bytes.range]");
    EXPECT_EQ(wrong("{share: 51%}"),
              "test.yaml:1:14: use.share: found 51%; expected a share from 1% to 50% [share.range]");
    EXPECT_EQ(wrong("{waits: []}"),
              "test.yaml:1:14: use.waits: found a list of 0; expected a list of 1..3 items [list.count]");
    EXPECT_EQ(wrong("{waits: [1s, 2h]}"),
              "test.yaml:1:19: use.waits[1]: found 2h; expected a duration from 1ms to 1h [duration.range]");
}

TEST_F(Settings, OfAnotherKind) {
    EXPECT_EQ(wrong("{text: [a]}"),
              "test.yaml:1:13: use.text: found a list; expected a text from 2 to 5 octets long [scalar.expected]");
    EXPECT_EQ(wrong("{waits: 1s}"), "test.yaml:1:14: use.waits: found 1s; expected a list; write [1s] [list.expected]");
    EXPECT_EQ(wrong("{shares: 5%}"), "test.yaml:1:15: use.shares: found 5%; expected a map [map.expected]");
    EXPECT_EQ(wrong("{limits: never}"),
              "test.yaml:1:15: use.limits: found never; expected off or unlimited [choice.unknown]");
    EXPECT_EQ(wrong("{limits: [off]}"),
              "test.yaml:1:15: use.limits: found a list; expected a map, or off or unlimited [map.expected]");
    EXPECT_EQ(wrong("{shares: {a: {b: c}}}"),
              "test.yaml:1:19: use.shares.a: found a map; expected a share [scalar.expected]");
    EXPECT_EQ(wrong("{shares: {a: ~}}"),
              "test.yaml:1:19: use.shares.a: found no value; expected a share [scalar.expected]");
}

TEST_F(Settings, WithUnknownAndMissingKeys) {
    EXPECT_EQ(wrong("{limits: {low: 1}}"),
              "test.yaml:1:15: use.limits.high: found no key high; expected a count; the upper "
              "end [key.missing]");
    EXPECT_EQ(wrong("{limits: {hihg: 1, high: 2}}"),
              "test.yaml:1:16: use.limits.hihg: found the unknown key hihg; expected one "
              "of low, high; did you mean high? [key.unknown]");
    EXPECT_EQ(wrong("{targets: {x: nowhere}}"),
              "test.yaml:1:20: use.targets.x: found nowhere; expected here or there [address.unknown]");
}

TEST_F(Settings, TellAllTheirProblemsAtOnce) {
    problems = {};
    EXPECT_FALSE(check("{duration: 30, bytes: 64, shares: {a: 5}, nothing: 1}"));
    EXPECT_EQ(problems.count(), 4U);
}

TEST_F(Settings, PassOverWhatWasToldAlready) {
    node = tree("use: {duration: 30}");
    node.entries[0].value.entries[0].value.broken = true;
    EXPECT_FALSE(check_settings("it", {schema, sizeof(ym_setting)}, *node.find("use"), &targets, problems, value));
    EXPECT_THAT(lines_of(problems), IsEmpty());
}

TEST_F(Settings, CutWhatIsTooLongToShow) {
    const std::string line = wrong("{choice: " + std::string(500, 'x') + "}");
    EXPECT_THAT(line, ::testing::HasSubstr("found " + std::string(80, 'x') + "...; expected"));
}

TEST(Schema, ThatNestsWithoutEndIsAFaultOfThePlugin) {
    static ym_setting endless[] = {{"again", YM_MAP, "{}", nullptr, "itself", nullptr}, {}};
    endless[0].inside = endless;
    const settings::Node node = tree("use: {}");
    settings::Problems problems;
    ym_value value;
    EXPECT_FALSE(check_settings("it", {endless, sizeof(ym_setting)}, *node.find("use"), nullptr, problems, value));
    ASSERT_EQ(problems.count(), 1U);
    EXPECT_THAT(lines_of(problems).front(), ::testing::HasSubstr("found nested beyond 32 levels"));
}

TEST(Schema, ThatNamesATargetBelongsToARoutingPlugin) {
    const settings::Node node = tree("use: {to: here}");
    constexpr ym_setting to[] = {{"to", YM_TARGET, nullptr, nullptr, "", nullptr}, {}};
    settings::Problems problems;
    ym_value value;
    EXPECT_FALSE(check_settings("it", {to, sizeof(ym_setting)}, *node.find("use"), nullptr, problems, value));
    EXPECT_THAT(lines_of(problems),
                ElementsAre("test.yaml:1:11: use.to: found a target, which only a routing plugin can have; "
                            "expected a schema that this version of Yardmaster knows; the fault lies in "
                            "the plugin it [plugin.schema]"));
}

}  // namespace
}  // namespace ym::host
