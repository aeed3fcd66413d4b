#include "settings/config.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "settings/endpoint.h"
#include "unit/settings/reading.h"

namespace ym::settings {
namespace {

using test::lines_of;
using test::read_good;
using test::small_file;
using testing::ElementsAre;
using testing::IsEmpty;

const Queue& queue(const Config& config, const std::string& name) {
    for (const Queue& queue : config.queues)
        if (queue.settings.name == name) return queue;
    throw std::out_of_range(name);
}

TEST(Config, TheSmallestFileTakesAllDefaults) {
    const Config config = read_good(small_file("queues: {hello: ~}\n"));
    Config defaults;
    Listener listener;  // its limits are those of the state machine
    listener.name = "main";
    listener.bind = {"tcp://127.0.0.1:5555"};
    defaults.listeners.push_back(listener);
    defaults.admin_bind = default_admin_endpoint(test::variable);
    defaults.log_level = "info";
    defaults.log_format = "text";
    const Topology topology;
    defaults.drain = topology.drain;
    defaults.memory_max = topology.memory_max;
    defaults.queues_max = topology.queues_max;
    defaults.plugin_budget = 1s;
    defaults.store.plugin = "log";
    defaults.store.settings.kind = NodeKind::map;
    defaults.retries.push_back({"default", config.retries.at(0).use});
    const auto add = [](Queue& made, const std::string& name) {
        made.settings.name = name;
        made.balance.plugin = "round_robin";
        made.balance.settings.kind = NodeKind::map;
    };
    add(defaults.templates["default"], "default");
    add(defaults.queues.emplace_back(), "hello");
    EXPECT_EQ(test::describe(config), test::describe(defaults));
}

TEST(Config, ARetryNamedDefaultExistsUnwritten) {
    const Config config = read_good(small_file());
    ASSERT_EQ(config.retries.size(), 1U);
    EXPECT_EQ(config.retries[0].name, "default");
    EXPECT_EQ(config.retries[0].use.plugin, "backoff");
    EXPECT_EQ(config.retries[0].use.place.line, 0U);
    EXPECT_EQ(config.retries[0].use.settings.find("initial")->scalar, "500ms");
    EXPECT_EQ(config.retries[0].use.settings.find("age")->scalar, "1d");
}

TEST(Config, WhatARetryNamedDefaultDoesNotSayStays) {
    const Config config = read_good(small_file("retries: {default: {attempts: 3}}\n"));
    const Node& settings = config.retries.at(0).use.settings;
    EXPECT_EQ(settings.find("attempts")->scalar, "3");
    EXPECT_EQ(settings.find("attempts")->place.line, 3U);
    EXPECT_EQ(settings.find("jitter")->scalar, "20%");
}

TEST(Config, AMapThatNamesItsPluginReplacesWhatItWouldInherit) {
    const Config config = read_good(small_file(R"(
retries: {default: {plugin: fixed, delay: 1s}}
templates: {t: {balance: {plugin: sticky, key: a}}}
queues:
  same: {like: t, balance: {key: b}}
  other: {like: t, balance: {plugin: round_robin}}
)"));
    EXPECT_EQ(config.retries.at(0).use.settings.entries.size(), 1U);
    EXPECT_EQ(queue(config, "same").balance.plugin, "sticky");
    EXPECT_EQ(queue(config, "same").balance.settings.find("key")->scalar, "b");
    EXPECT_EQ(queue(config, "other").balance.plugin, "round_robin");
    EXPECT_EQ(queue(config, "other").balance.settings.find("key"), nullptr);
}

TEST(Config, TemplatesBeginWithDefaultAndMapsMerge) {
    const Config config = read_good(small_file(R"(
retries: {once: {plugin: none}}
templates:
  default: {lease: 10s, limits: {messages: 1k}}
  fast: {durable: false, limits: {bytes: 1MiB}}
  faster: {like: fast, lease: 1s, dead_letter: {to: other}}
queues:
  plain: ~
  quick: {like: faster, limits: {when_full: drop_oldest}, retry: once, dead_letter: {to: ~}}
  other: {like: faster, dead_letter: {to: plain, max: 3}}
)"));
    EXPECT_EQ(queue(config, "plain").settings.lease, 10s);
    EXPECT_EQ(queue(config, "plain").settings.limits.messages, 1000U);
    const QueueSettings& quick = queue(config, "quick").settings;
    EXPECT_EQ(quick.lease, 1s);
    EXPECT_FALSE(quick.durable);
    EXPECT_EQ(quick.limits.messages, 1000U);
    EXPECT_EQ(quick.limits.bytes, 1U << 20U);
    EXPECT_EQ(quick.limits.when_full, WhenFull::drop_oldest);
    EXPECT_EQ(quick.retry, "once");
    EXPECT_EQ(quick.dead_to, "");
    EXPECT_EQ(queue(config, "other").settings.dead_to, "plain");
    EXPECT_EQ(queue(config, "other").settings.dead_max, 3U);
    EXPECT_EQ(config.templates.at("faster").settings.dead_to, "other");
}

TEST(Config, EveryKeyReachesItsMember) {
    const Config config = read_good(R"(yardmaster: 1
listeners:
  main:
    bind: ["tcp://*:5555", "ipc:///tmp/ym.sock"]
    heartbeat: {every: 3s, rate: 30/s, missed: 4, grace: 5s}
    limits: {peers: 6, frame: 7KiB, records: 8, unconfirmed: 9, replies: 10}
  pirates: {protocol: ppp, bind: ["ipc:///a"], bind_workers: ["ipc:///b"], to: q}
admin: {bind: "ipc://${FOLDER}/admin"}
log: {level: debug, format: json}
shutdown: {drain: 11s}
limits: {memory: 12MiB, queues: 13}
plugins: {path: [/a, /b], budget: 16ms, load: {example.com/x: {file: x.so, on_failure: unmatched}, example.com/y: {file: ./y.so}}}
create: {match: "tmp-*", like: t, max: 14, idle: 15s}
majordomo: {services: {Old Name: q}, busy_max: 29s, on_refused: reply}
store: {plugin: log, dir: /data}
retries: {r: {plugin: fixed, delay: 1s}}
templates: {t: ~}
queues:
  q:
    durable: false
    retry: r
    lease: 16s
    lease_max: 17s
    limits: {messages: 18, bytes: 19KiB, in_flight: 20, rate: 21/s, when_full: dead_letter}
    balance: {plugin: least_loaded}
    weight: 22
    dead_letter: {keep: 23s, max: 24, to: p}
    publish: pipeline
pipelines:
  p:
    route: {plugin: direct, to: q}
    unmatched: q
    optional: [q]
    reply: {timeout: 25s, keep: 26s, max: 27}
    set: {priority: 28, key: "a b", type: c}
  d: {route: {plugin: direct, to: q}, unmatched: drop}
)");
    EXPECT_EQ(test::describe(config),
              R"(listener main tcp://*:5555 ipc:///tmp/ym.sock 6 7168 8 9 10 3000000000 30 4 5000000000
listener pirates ipc:///a 10000 16777216 10000 2000 200000 1000000000 2000 10 2000000000 ppp ipc:///b to q
admin ipc:///var/lib/yardmaster/admin
log debug json
drain 11000000000
limits 12582912 13
plugins /a /b budget 16000000 example.com/x=x.so,1 example.com/y=./y.so,0
store = log {dir '/data'}
retry default = backoff {initial '500ms'}{factor '2'}{max '5m'}{jitter '20%'}{attempts '8'}{age '1d'}
retry r = fixed {delay '1s'}
template default 1 default 30000000000 43200000000000 10000000 10737418240 18446744073709551615 18446744073709551615 0 2592000000000000 1000000  1 1
  balance = round_robin
template t 1 default 30000000000 43200000000000 10000000 10737418240 18446744073709551615 18446744073709551615 0 2592000000000000 1000000  1 1
  balance = round_robin
queue q 0 r 16000000000 17000000000 18 19456 20 21 2 23000000000 24 p 22 0
  balance = least_loaded
pipeline p 2 q optional q reply 25000000000 26000000000 27 set 28 a b c
  route = direct {to 'q'}
pipeline d 1  optional reply 30000000000 300000000000 10000 set - - -
  route = direct {to 'q'}
majordomo 29000000000 1 Old Name=q
create tmp-* t 14 15000000000
)");
}

TEST(Config, PlacesPointAtWhatIsWritten) {
    const Config config = read_good(small_file(R"(queues:
  hello: {retry: default, dead_letter: {to: other}}
  other: ~
pipelines:
  in: {route: {plugin: direct, to: hello}, unmatched: other, optional: [hello]}
)"));
    const auto at = [](const Place& place) { return std::to_string(place.line) + ":" + std::to_string(place.column); };
    EXPECT_EQ(at(queue(config, "hello").place), "4:3");
    EXPECT_EQ(at(queue(config, "hello").retry_place), "4:18");
    EXPECT_EQ(at(queue(config, "hello").dead_to_place), "4:45");
    EXPECT_EQ(queue(config, "other").retry_place.line, 0U);
    const Pipeline& pipeline = config.pipelines.at(0);
    EXPECT_EQ(at(pipeline.place), "7:3");
    EXPECT_EQ(at(pipeline.route.place), "7:24");
    EXPECT_EQ(at(pipeline.unmatched_place), "7:55");
    EXPECT_EQ(at(pipeline.optional_places.at(0)), "7:73");
    EXPECT_EQ(pipeline.route.settings.find("to")->path, "pipelines.in.route.to");
}

TEST(Config, ColumnsCountCharactersAndLineEndsMayBeThoseOfWindows) {
    Problems problems;
    static_cast<void>(
        read_text("\xef\xbb\xbfyardmaster: 1\r\nlisteners: {m: {bind: [\"ipc://x\"]}}\r\n"
                  "queues: {größe: {lease: 0s}}\r\n",
                  "b.yaml", test::variable, problems));
    EXPECT_THAT(lines_of(problems),
                ElementsAre("b.yaml:3:25: queues.\"größe\".lease: found 0s; expected a duration from "
                            "1ms to 30d [duration.range]"));
}

TEST(Config, VariablesAreReplacedInValuesOnly) {
    const Config config = read_good(small_file(R"(
plugins: {path: ["${FOLDER}/${UNSET:-a:-b}", '$$FOLDER', "a $5 $FOLDER $", "${EMPTY:-x}${EMPTY}y"]}
queues: {"${FOLDER}": ~}
)"));
    EXPECT_THAT(config.plugin_path, ElementsAre("/var/lib/yardmaster/a:-b", "$FOLDER", "a $5 $FOLDER $", "xy"));
    EXPECT_EQ(config.queues.at(0).settings.name, "${FOLDER}");
}

TEST(Config, AnAddressThatCreateMakesIsKnown) {
    read_good(small_file("create: {match: \"tmp.*\"}\nqueues: {hello: {dead_letter: {to: tmp.dead}}}\n"));
    Problems problems;
    static_cast<void>(read_text(small_file("create: {match: \"tmp.*\"}\nqueues: {hello: {dead_letter: {to: tmp}}}\n"),
                                "b.yaml", test::variable, problems));
    EXPECT_THAT(lines_of(problems), ElementsAre(testing::HasSubstr("[address.unknown]")));
}

TEST(Config, BeyondAThousandProblemsAreOnlyCounted) {
    std::string text = small_file("queues:\n");
    for (int i = 0; i < 1500; ++i) text += "  q" + std::to_string(i) + ": {lease: 1}\n";
    Problems problems;
    static_cast<void>(read_text(text, "b.yaml", test::variable, problems));
    EXPECT_EQ(problems.count(), 1500U);
    EXPECT_EQ(problems.sorted().size(), Problems::max);
}

TEST(AdminEndpoint, LiesInTheUsersRuntimeFolderOrInTmp) {
    const std::string behind = "/yardmaster-" + std::to_string(getuid()) + "/admin.sock";
    EXPECT_EQ(default_admin_endpoint([](const char*) -> const char* { return "/run/user/7"; }),
              "ipc:///run/user/7" + behind);
    EXPECT_EQ(default_admin_endpoint([](const char*) -> const char* { return nullptr; }), "ipc:///tmp" + behind);
    EXPECT_EQ(default_admin_endpoint([](const char*) -> const char* { return "here"; }), "ipc:///tmp" + behind);
    static const std::string long_folder = "/" + std::string(100, 'x');
    EXPECT_EQ(default_admin_endpoint([](const char*) -> const char* { return long_folder.c_str(); }),
              "ipc:///tmp" + behind);
}

}  // namespace
}  // namespace ym::settings
