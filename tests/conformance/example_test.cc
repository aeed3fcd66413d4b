// The example of plugins/README.md, loaded and used as its settings there say.
#include "conformance/kit.h"
#include "host/host.h"
#include "settings/config.h"

namespace ym::conformance {
namespace {

constexpr const char* settings_head = R"(yardmaster: 1
listeners: {main: {bind: ["ipc:///nowhere"]}}
queues: {germany: ~, world: ~}
plugins:
  path: [)" YM_EXAMPLE_PLUGINS R"(]
  load: {example.com/by-country: {file: by_country.so, on_failure: unmatched}}
pipelines:
  in: {route: {plugin: example.com/by-country, countries: {)";

class ExamplePlugin : public ::testing::Test {
  protected:
    std::unique_ptr<Topology> build(const std::string& country) {
        const auto none = [](const char*) -> const char* { return nullptr; };
        const std::string text = settings_head + country + ": germany}, other: world}}\n";
        const settings::Config config = settings::read_text(text, "test.yaml", none, problems);
        EXPECT_TRUE(host.load_bundled(YM_PLUGINS).ok());
        return host.build(config, problems);
    }

    host::Host host;
    settings::Problems problems;
};

TEST_F(ExamplePlugin, RoutesAsItsSettingsSay) {
    const auto topology = build("de");
    ASSERT_NE(topology, nullptr) << lines_of(problems).front();
    PipelineSettings& in = topology->pipelines.at(0);
    EXPECT_TRUE(in.failure_is_unmatched);
    EXPECT_THAT(in.route->columns(), ::testing::ElementsAre("header.country"));

    struct Sink final : RouteSink {
        void fail(std::uint32_t message) override { ADD_FAILURE() << "message " << message << " failed"; }
        void add(std::uint32_t message, AddressId to) override { rows.emplace_back(message, to.value); }
        std::vector<std::pair<std::size_t, std::size_t>> rows;
    } sink;
    const std::string_view countries[] = {"fr", "de"};
    const std::string_view* column = countries;
    RouteBatch batch;
    batch.count = 2;
    batch.columns = {&column, 1};
    ASSERT_TRUE(in.route->route(batch, sink));
    ASSERT_EQ(sink.rows.size(), 2U);
    EXPECT_EQ(in.targets.at(sink.rows[0].second), "world");
    EXPECT_EQ(in.targets.at(sink.rows[1].second), "germany");
}

TEST_F(ExamplePlugin, ShowsWhereAValueStandsThatItRefuses) {
    EXPECT_EQ(build("deu"), nullptr);
    EXPECT_THAT(
        lines_of(problems),
        ::testing::ElementsAre("test.yaml:8:65: pipelines.in.route.countries.deu: found germany; expected what the "
                               "plugin example.com/by-country takes; a country code has two letters [plugin.refused]"));
}

}  // namespace
}  // namespace ym::conformance
