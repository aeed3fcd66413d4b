// The plugin's own test: no broker, no library to load.
#include <gtest/gtest.h>

#include <yardmaster/fake_host.hpp>

using Rows = std::vector<std::vector<std::string>>;

TEST(ByCountry, RoutesByTheCodeAndTheRestToOther) {
    ym::fake::Routing routing(ym_plugin_1[0], "{countries: {de: germany, fr: france}, other: world}");
    EXPECT_EQ(routing.route({{{"header.country", "de"}}, {{"header.country", "nl"}}, {}}),
              (Rows{{"germany"}, {"world"}, {"world"}}));
}

TEST(ByCountry, RefusesACodeThatIsNone) {
    EXPECT_THROW(ym::fake::Routing(ym_plugin_1[0], "{countries: {deu: germany}, other: world}"), std::runtime_error);
}
