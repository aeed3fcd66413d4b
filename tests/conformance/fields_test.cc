// A router that learns only at run time which fields it wants, and the SDK's own conformance kit.
#include <gtest/gtest.h>

#include <sstream>
#include <yardmaster/conformance.hpp>
#include <yardmaster/routing.hpp>

namespace {

/// Each line of its script is `FIELD VALUE ADDRESS`: the first whose field has the value takes the message.
class Scripted {
  public:
    static constexpr ym_setting field[] = {{"*", YM_FIELD, nullptr, nullptr, "a field", nullptr}, {}};
    static constexpr ym_setting address[] = {{"*", YM_TARGET, nullptr, nullptr, "an address", nullptr}, {}};
    static constexpr ym_setting settings[] = {
        {"fields", YM_LIST, "[topic]", nullptr, "the fields that the script may read", field},
        {"addresses", YM_LIST, nullptr, "1..", "the addresses that the script may name", address},
        {"script", YM_TEXT, nullptr, nullptr, "its lines, with ; between them", nullptr},
        {}};

    explicit Scripted(ym::Settings given) : fields_(given["fields"]), script_(given["script"].text()) {
        for (const auto& [key, to] : given["addresses"]) addresses_.emplace(to.text(), to.target());
    }

    void route(ym::Batch batch, ym::Routes out) const {
        for (std::uint32_t i = 0; i < batch.count(); ++i) {
            std::istringstream lines(script_);
            for (std::string line; std::getline(lines, line, ';');) {
                std::istringstream words(line);
                std::string name, value, to;
                words >> name >> value >> to;
                const std::uint32_t column = fields_.column(name);
                if (column == ym::Fields::none) throw std::runtime_error("`fields` does not list " + name);
                if (batch.text(column, i) != value) continue;
                out.add(i, addresses_.at(to));
                break;
            }
        }
    }

  private:
    ym::Fields fields_;
    std::string script_;
    std::map<std::string, ym_target> addresses_;
};

/// Answers by how often it was asked, which no router may.
class Counting {
  public:
    static constexpr ym_setting to[] = {{"*", YM_TARGET, nullptr, nullptr, nullptr, nullptr}, {}};
    static constexpr ym_setting settings[] = {{"to", YM_LIST, nullptr, nullptr, "addresses", to}, {}};
    explicit Counting(ym::Settings given) {
        for (const auto& [key, one] : given["to"]) targets_.push_back(one.target());
    }
    void route(ym::Batch batch, ym::Routes out) {
        ++calls_;
        for (std::uint32_t i = 0; i < batch.count(); ++i) out.add(i, targets_[calls_ % targets_.size()]);
    }

  private:
    std::vector<ym_target> targets_;
    std::size_t calls_ = 0;
};

}  // namespace

YM_PLUGINS(YM_ROUTING_ENTRY(Scripted, "scripted", "1", "a script"), YM_ROUTING_ENTRY(Counting, "counting", "1", ""))

namespace {

using Rows = std::vector<std::vector<std::string>>;
constexpr const char* script =
    "{fields: [type, header.country], addresses: [germany, refunds], script: 'header.country de germany;type refund "
    "refunds'}";

TEST(Fields, AreFoundByNameAtRunTime) {
    ym::fake::Routing routing(ym_plugin_1[0], script);
    EXPECT_EQ(routing.route({{{"header.country", "de"}}, {{"type", "refund"}}, {{"type", "order"}}, {}}),
              (Rows{{"germany"}, {"refunds"}, {}, {}}));
}

TEST(Fields, ThatTheSettingsDoNotListAreNotThere) {
    ym::fake::Routing routing(ym_plugin_1[0], "{addresses: [a], script: 'type refund a'}");
    EXPECT_THROW(routing.route({{}}), std::runtime_error);
    ASSERT_EQ(routing.host().lines.size(), 1U);
    EXPECT_EQ(routing.host().lines[0], "`fields` does not list type");
}

TEST(Kit, FindsNothingWrongWithAPluginThatKeepsTheRules) {
    EXPECT_EQ(ym::conformance::routing(ym_plugin_1[0], script), std::vector<std::string>());
}

TEST(Kit, SaysWhichRulesAPluginBreaks) {
    EXPECT_EQ(
        ym::conformance::routing(ym_plugin_1[1], "{to: [a, b]}"),
        (std::vector<std::string>{"the key * says nothing of itself",
                                  "two instances give the same answers, however the messages are cut into batches"}));
    EXPECT_EQ(ym::conformance::balance(ym_plugin_1[0], "{}"), std::vector<std::string>{"scripted has no balance/1"});
}

TEST(Kit, SaysWhyAPluginCannotBeMade) {
    const auto broken = ym::conformance::routing(ym_plugin_1[0], "{script: ''}");
    ASSERT_EQ(broken.size(), 3U);
    EXPECT_EQ(broken[2], "instances can be made and ended at any time: settings: no addresses");
}

}  // namespace
