// What holds for every plugin of every kind.
#include <cstdio>
#include <functional>

#include "conformance/kit.h"

namespace ym::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// "routing/1 topic": an interface and a plugin that has it.
std::vector<std::string> all_uses() {
    std::vector<std::string> uses;
    for (const char* interface_id : {YM_ROUTING_1, YM_BALANCE_1, YM_RETRY_1, YM_PERSISTENCE_1}) {
        for (const std::string& id : ids_with(interface_id)) uses.push_back(std::string(interface_id) + " " + id);
    }
    return uses;
}

class AnyPlugin : public ::testing::TestWithParam<std::string> {
  protected:
    AnyPlugin()
        : interface_id(GetParam().substr(0, GetParam().find(' '))), id(GetParam().substr(interface_id.size() + 1)) {}

    /// Makes an instance from `yaml` and ends it; gives the problems.
    std::vector<std::string> problems_of(const std::string& yaml) const {
        settings::Problems problems;
        const settings::PluginUse use = use_of(id, yaml);
        bool made = false;
        if (interface_id == YM_ROUTING_1) made = make_routing(use, problems).policy != nullptr;
        if (interface_id == YM_BALANCE_1) made = registry().balance(use, problems) != nullptr;
        if (interface_id == YM_RETRY_1) made = registry().retry(use, problems) != nullptr;
        if (interface_id == YM_PERSISTENCE_1) made = registry().persistence(use, problems) != nullptr;
        EXPECT_EQ(made, problems.empty());
        return lines_of(problems);
    }

    std::string interface_id;
    std::string id;
};

TEST_P(AnyPlugin, IsMadeFromItsRequiredKeysAlone) {
    EXPECT_THAT(problems_of(schema_of(interface_id, id).sample(false)), IsEmpty());
}

TEST_P(AnyPlugin, IsMadeFromItsDefaultsWrittenOut) {
    EXPECT_THAT(problems_of(schema_of(interface_id, id).sample(true)), IsEmpty());
}

TEST_P(AnyPlugin, RefusesAKeyThatItDoesNotHave) {
    std::string yaml = schema_of(interface_id, id).sample(false);
    yaml.insert(1, yaml == "{}" ? "no_such_key: 1" : "no_such_key: 1, ");
    EXPECT_THAT(problems_of(yaml), ElementsAre(::testing::HasSubstr("[key.unknown]")));
}

TEST_P(AnyPlugin, AsksForEachRequiredKey) {
    std::vector<std::string> expected;
    for (const ym_setting* setting = schema_of(interface_id, id).settings; setting->key != nullptr; ++setting) {
        if (setting->otherwise != nullptr || std::string_view(setting->key) == "*") continue;
        expected.push_back("use." + std::string(setting->key) + ": found no key");
    }
    const std::vector<std::string> problems = problems_of("{}");
    ASSERT_EQ(problems.size(), expected.size());
    for (std::size_t i = 0; i < problems.size(); ++i) EXPECT_THAT(problems[i], ::testing::HasSubstr(expected[i]));
}

TEST_P(AnyPlugin, SaysWhatEachKeyIsFor) {
    const std::function<void(const ym_setting*, int)> look = [&](const ym_setting* setting, int depth) {
        for (; depth < 8 && setting != nullptr && setting->key != nullptr; ++setting) {
            EXPECT_NE(setting->doc, nullptr) << setting->key;
            EXPECT_EQ(setting->inside != nullptr, setting->kind == YM_LIST || setting->kind == YM_MAP) << setting->key;
            look(setting->inside, depth + 1);
        }
    };
    look(schema_of(interface_id, id).settings, 0);
}

TEST_P(AnyPlugin, ExportsOneSymbol) {
    std::string kind = interface_id.substr(0, interface_id.find('/'));
    const std::string command = "nm -D --defined-only --format=posix " YM_PLUGINS "/ym_" + kind + "_" + id + ".so";
    std::FILE* pipe = popen(command.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string out;
    char line[256];
    while (std::fgets(line, sizeof line, pipe) != nullptr)
        out += std::string(line).substr(0, std::string(line).find(' ')) + "\n";
    ASSERT_EQ(pclose(pipe), 0);
    EXPECT_EQ(out, "ym_plugin_1\n");
}

INSTANTIATE_TEST_SUITE_P(Bundled, AnyPlugin, ::testing::ValuesIn(all_uses()), [](const auto& one) {
    std::string name = one.param;
    for (char& c : name) c = c == ' ' || c == '/' ? '_' : c;
    return name;
});

}  // namespace
}  // namespace ym::conformance
