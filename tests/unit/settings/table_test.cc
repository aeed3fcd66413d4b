#include "settings/table.h"

#include <gmock/gmock.h>

#include "settings/value.h"

namespace ym::settings {
namespace {

std::size_t check(std::span<const Setting> settings) {
    std::size_t count = 0;
    for (const Setting& setting : settings) {
        ++count;
        const std::size_t dots = setting.range.find("..");
        if (dots != std::string_view::npos && setting.kind != Kind::version) {
            const auto low = number_of(setting.kind, setting.range.substr(0, dots));
            const auto high = number_of(setting.kind, setting.range.substr(dots + 2));
            EXPECT_TRUE(low && high && *low < *high) << setting.key << " " << setting.range;
        }
        const bool is_value = setting.inside.empty() && setting.kind != Kind::plugin;
        const bool has_default = !setting.otherwise.empty() && setting.otherwise != required;
        if (is_value && has_default) {
            EXPECT_FALSE(check_value(setting, std::string(setting.otherwise))) << setting.key;
        }
        EXPECT_FALSE(setting.doc.empty()) << setting.key;
        EXPECT_FALSE(setting.doc.ends_with('.')) << setting.key;
        count += check(setting.inside);
    }
    return count;
}

TEST(Table, EveryRangeAndDefaultIsOneThatTheKeyTakes) {
    EXPECT_GT(check(table()), 60U);
}

TEST(Table, DescribesWhatAValueMustBe) {
    const auto describe_key = [](std::string_view key, Kind kind, std::string_view otherwise, std::string_view range) {
        return describe({key, kind, otherwise, range, "", {}, NameKind::plain});
    };
    EXPECT_EQ(describe_key("a", Kind::duration, "1s", "1ms..1h"), "a duration from 1ms to 1h");
    EXPECT_EQ(describe_key("a", Kind::rate, none, "1/s..9/s"), "a rate from 1/s to 9/s, or none");
    EXPECT_EQ(describe_key("a", Kind::choice, "b", "b|c|d"), "b, c or d");
    EXPECT_EQ(describe_key("a", Kind::address, "reject", "reject|drop"),
              "reject, drop or the name of a queue or pipeline");
    EXPECT_EQ(describe_key("a", Kind::address, "", ""), "the name of a queue or pipeline");
}

}  // namespace
}  // namespace ym::settings
