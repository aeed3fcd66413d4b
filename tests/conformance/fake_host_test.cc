// The SDK's fake host: a plugin's own test, as its author would write it.
#include <gtest/gtest.h>

#include <yardmaster/fake_host.hpp>

namespace {

using Rows = std::vector<std::vector<std::string>>;

TEST(FakeHost, RoutesRowsByTheSettings) {
    ym::fake::Routing routing(ym_plugin_1[0],
                              R"({take: first, bindings: [{match: "order.*", to: orders}, {match: '#', to: rest}]})");
    EXPECT_EQ(routing.route({{{"topic", "order.new"}}, {{"topic", "x"}}, {}}), (Rows{{"orders"}, {"rest"}, {"rest"}}));
    EXPECT_EQ(routing.host().columns, std::vector<std::string>{"topic"});
}

TEST(FakeHost, FillsInDefaults) {
    ym::fake::Routing routing(ym_plugin_1[0], "{bindings: [{match: a, to: x}, {match: '#', to: y}]}");
    EXPECT_EQ(routing.route({{{"topic", "a"}}}), (Rows{{"x", "y"}}));
}

std::string why_not(const char* settings) {
    try {
        const ym::fake::Routing routing(ym_plugin_1[0], settings);
        return "made";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

TEST(FakeHost, SaysWhatIsWrong) {
    EXPECT_EQ(why_not("{take: all}"), "settings: no bindings");
    EXPECT_EQ(why_not("{bindings: [], take: all, speed: 1}"), "settings: unknown key speed");
    EXPECT_EQ(why_not("{bindings: [{match: 'a*', to: x}]}"),
              "a*: * and # stand for whole words, alone between two dots");
    EXPECT_EQ(why_not("{bindings: ["), "settings: expected a comma or ] before ``");
    EXPECT_THROW(ym::fake::Retry(ym_plugin_1[0], "{}"), std::runtime_error);
}

TEST(FakeHost, ReadsUnits) {
    static const ym_setting schema[] = {{"wait", YM_DURATION_NS, "1h30m", nullptr, "", nullptr},
                                        {"room", YM_BYTES, "64KiB", nullptr, "", nullptr},
                                        {"many", YM_INTEGER, "10k", nullptr, "", nullptr},
                                        {"some", YM_SHARE, "5%", nullptr, "", nullptr},
                                        {nullptr, 0, nullptr, nullptr, nullptr, nullptr}};
    ym::fake::Host host;
    const ym_value map = host.shape_map(schema, ym::fake::Reader::read("{many: 3}"));
    EXPECT_EQ(host.table.integer(host.table.get(&map, "wait")), 5'400'000'000'000);
    EXPECT_EQ(host.table.integer(host.table.get(&map, "room")), 65'536);
    EXPECT_EQ(host.table.integer(host.table.get(&map, "many")), 3);
    EXPECT_EQ(host.table.given(host.table.get(&map, "many")), 1);
    EXPECT_DOUBLE_EQ(host.table.number(host.table.get(&map, "some")), 0.05);
    EXPECT_EQ(host.table.given(host.table.get(&map, "some")), 0);
}

}  // namespace
