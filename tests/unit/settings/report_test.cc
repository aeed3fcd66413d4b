#include "settings/report.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "unit/settings/reading.h"

namespace ym::settings {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string sample = test::small_file(R"(
store: {plugin: log, dir: "${FOLDER}", "odd key": [a, [b, {c: ~}], {}, []], cost: "$$5 \"x\" \\ é\u0007"}
retries: {once: {plugin: none}, default: {attempts: 3, reasons: {reject: dead_letter}}}
templates: {fast: {durable: false, dead_letter: {to: hello}, limits: {messages: 1000}}}
plugins: {path: ["/a b", "#"], load: {example.com/x: {file: "null"}}}
create: {match: "*", like: fast}
queues:
  hello: ~
  quick: {like: fast, lease: 90s, dead_letter: {to: ~}, limits: {rate: 5000/s}}
  "it's: {odd}": {like: fast}
pipelines:
  in: {route: {plugin: topic, bindings: [{match: "a.*", to: hello}, {match: "#", to: quick}]}, optional: [quick],
       unmatched: drop, set: {priority: 3, key: "~", type: "a: b"}}
)");

TEST(Print, ReadsBackToTheSameConfig) {
    for (const char* name : {"quickstart.yaml", "reference.yaml", ""}) {
        std::ostringstream text;
        text << std::ifstream(std::string(YM_SOURCE "/config/") + name).rdbuf();
        const Config config = test::read_good(*name == '\0' ? sample : text.str());
        const std::string printed = print(config);
        const Config again = test::read_good(printed);
        EXPECT_EQ(test::describe(again), test::describe(config)) << printed;
    }
}

TEST(Print, SaysOfEachValueWhereItCameFrom) {
    const std::string printed = print(test::read_good(sample));
    const auto has_line = [&](const std::string& value, const std::string& from) {
        std::istringstream lines(printed);
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with(value) && line.ends_with("# " + from)) return true;
        return false;
    };
    EXPECT_TRUE(has_line("    lease: 90s ", "broker.yaml:11")) << printed;
    EXPECT_TRUE(has_line("    durable: false ", "template fast (broker.yaml:6)")) << printed;
    EXPECT_TRUE(has_line("      messages: 1k ", "template fast (broker.yaml:6)")) << printed;
    EXPECT_TRUE(has_line("      rate: 5k/s ", "broker.yaml:11")) << printed;
    EXPECT_TRUE(has_line("      to: ~ ", "broker.yaml:11")) << printed;
    EXPECT_TRUE(has_line("    weight: 1 ", "default")) << printed;
    EXPECT_TRUE(has_line("    attempts: 3 ", "broker.yaml:5")) << printed;
    EXPECT_TRUE(has_line("    factor: 2 ", "default")) << printed;
}

TEST(Report, TextHasALineForEachProblemAndCountsThem) {
    Problems problems;
    EXPECT_EQ(problems_as_text(problems, Colour::off), "");
    problems.add({"a.b", {"x.yaml", 2, 3}, "queues", "one\nline", "another", ""});
    EXPECT_EQ(problems_as_text(problems, Colour::off),
              "x.yaml:2:3: queues: found one\\nline; expected another [a.b]\n1 problem\n");
    problems.add({"a.c", {"x.yaml", 1, 1}, "", "\x1b[2J", "none", "do this"});
    EXPECT_EQ(problems_as_text(problems, Colour::off),
              "x.yaml:1:1: found \\x1b[2J; expected none; do this [a.c]\n"
              "x.yaml:2:3: queues: found one\\nline; expected another [a.b]\n"
              "2 problems\n");
    EXPECT_THAT(problems_as_text(problems, Colour::on), StartsWith("\x1b[1mx.yaml:1:1:\x1b[0m found"));
}

TEST(Report, JsonHoldsProblemsAndValues) {
    Problems problems;
    const Config config = test::read_good(sample);
    const auto good = nlohmann::json::parse(report_as_json(config, problems, true));
    EXPECT_TRUE(good["ok"]);
    EXPECT_TRUE(good["problems"].empty());
    const auto has_value = [&](const nlohmann::json& wanted) {
        for (const auto& value : good["values"])
            if (value == wanted) return true;
        return false;
    };
    EXPECT_TRUE(has_value({{"path", "queues.quick.lease"}, {"value", "90s"}, {"from", "broker.yaml:11"}}));
    EXPECT_TRUE(
        has_value({{"path", "queues.quick.durable"}, {"value", "false"}, {"from", "template fast (broker.yaml:6)"}}));
    EXPECT_TRUE(has_value({{"path", "queues.quick.dead_letter.to"}, {"value", nullptr}, {"from", "broker.yaml:11"}}));
    EXPECT_TRUE(has_value({{"path", "plugins.path[1]"}, {"value", "#"}, {"from", "broker.yaml:7"}}));

    problems.add({"a.b", {"x.yaml", 2, 3}, "queues", "cut \xc3", "text", "hint"});
    const auto bad = nlohmann::json::parse(report_as_json(config, problems, false));
    EXPECT_FALSE(bad["ok"]);
    EXPECT_EQ(bad["count"], 1);
    EXPECT_EQ(bad["problems"][0]["id"], "a.b");
    EXPECT_EQ(bad["problems"][0]["line"], 2);
    EXPECT_FALSE(bad.contains("values"));
}

TEST(Check, EndsWith78AndPrintsNothingWhenThereIsAProblem) {
    Problems problems;
    const Config config = test::read_good(sample);
    EXPECT_EQ(check_output(config, problems, {}).exit_code, 0);
    EXPECT_EQ(check_output(config, problems, {}).out, "broker.yaml: no problems\n");
    EXPECT_THAT(check_output(config, problems, {.print = true}).out, StartsWith("yardmaster: 1 "));
    problems.add({"a.b", {"x.yaml", 2, 3}, "queues", "this", "that", ""});
    const CheckOutput output = check_output(config, problems, {.print = true});
    EXPECT_EQ(output.exit_code, 78);
    EXPECT_EQ(output.out, "");
    EXPECT_THAT(output.err, HasSubstr("1 problem\n"));
    EXPECT_THAT(check_output(config, problems, {.json = true}).out, HasSubstr("\"ok\":false"));
}

}  // namespace
}  // namespace ym::settings
