#include <cstdio>
#include <yardmaster/conformance.hpp>
#include <yardmaster/fake_host.hpp>

int main() {
    constexpr const char* settings = "{prefix: vip., special: fast, to: slow}";
    int failed = 0;
    ym::fake::Routing routing(ym_plugin_1[0], settings);
    const auto to = routing.route({{{"key", "vip.7"}}, {{"key", "7"}}, {}});
    if (to != std::vector<std::vector<std::string>>{{"fast"}, {"slow"}, {"slow"}}) failed = std::puts("wrong way");
    for (const std::string& broken : ym::conformance::routing(ym_plugin_1[0], settings))
        failed = std::puts(broken.c_str());
    return failed == 0 ? 0 : 1;
}
