// The plugin's own test: no broker, no library to load, no test framework.
#include <cstdio>
#include <yardmaster/conformance.hpp>
#include <yardmaster/fake_host.hpp>

namespace {

constexpr const char* settings = "{countries: {de: germany, fr: france}, other: world}";

bool check(bool holds, const char* what) {
    if (!holds) std::fprintf(stderr, "FAILED: %s\n", what);
    return holds;
}

bool routes_by_the_code_and_the_rest_to_other() {
    ym::fake::Routing routing(ym_plugin_1[0], settings);
    const auto to = routing.route({{{"header.country", "de"}}, {{"header.country", "nl"}}, {}});
    return to == std::vector<std::vector<std::string>>{{"germany"}, {"world"}, {"world"}};
}

bool refuses_a_code_that_is_none() {
    try {
        ym::fake::Routing(ym_plugin_1[0], "{countries: {deu: germany}, other: world}");
    } catch (const std::runtime_error&) {
        return true;
    }
    return false;
}

bool keeps_the_rules_of_all_plugins() {
    bool kept = true;
    for (const std::string& broken : ym::conformance::routing(ym_plugin_1[0], settings)) {
        kept = check(false, broken.c_str());
    }
    return kept;
}

}  // namespace

int main() {
    const bool good[] = {
        check(routes_by_the_code_and_the_rest_to_other(), "routes by the code, and the rest to other"),
        check(refuses_a_code_that_is_none(), "refuses a code that is none"),
        check(keeps_the_rules_of_all_plugins(), "keeps the rules of all plugins"),
    };
    for (const bool one : good) {
        if (!one) return 1;
    }
    return 0;
}
