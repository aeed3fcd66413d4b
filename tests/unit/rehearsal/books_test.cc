// A broker with planted bugs: what a scenario looks at without being asked finds them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "broker/mutants.h"
#include "host/host.h"
#include "rehearsal/play.h"

namespace ym::rehearsal {
namespace {

const char* const scenario = R"(test: 1
config: {queues: {orders: {retry: once, lease: 10s}}, retries: {once: {plugin: none}}}
given: {workers: {alice: {takes: orders, does: nack}}}
steps:
  - send: {to: orders, body: one}
  - expect: {messages: {one: {is: dead, because: nack}}}
)";

class Books : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "scenario-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        file_ = (folder_ / "one.yaml").string();
        std::ofstream(file_) << scenario;
        ASSERT_TRUE(host_.load_bundled(YM_PLUGINS).ok());
    }
    void TearDown() override {
        mutants::active = mutants::Name::none;
        std::filesystem::remove_all(folder_);
    }
    Outcome play_it() {
        settings::Problems problems;
        bool has_test = false;
        const auto none = [](const char*) -> const char* { return nullptr; };
        const Script script = read_script(file_, none, problems, has_test);
        EXPECT_TRUE(problems.empty() && has_test);
        return play(script, [&](const settings::Config& config) { return host_.build(config, problems); });
    }

    std::filesystem::path folder_;
    std::string file_;
    host::Host host_;
};

TEST_F(Books, BalanceWhenTheBrokerCountsRight) {
    EXPECT_TRUE(play_it().unmet.empty());
}

TEST_F(Books, AreToldNotToBalanceWhenTheBrokerForgetsToCount) {
    mutants::active = mutants::Name::dead_uncounted;
    const Outcome outcome = play_it();
    ASSERT_FALSE(outcome.unmet.empty());
    EXPECT_EQ(outcome.unmet.front().path, "ledger of orders");
}

TEST_F(Books, AreTheSameInEachRun) {
    const Outcome once = play_it();
    const Outcome again = play_it();
    EXPECT_EQ(once.timeline, again.timeline);
    EXPECT_EQ(once.steps, again.steps);
}

}  // namespace
}  // namespace ym::rehearsal
