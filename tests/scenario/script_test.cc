// The player of scripts itself: it sees a wrong golden line, and never freezes a script that it does not understand.
#include <gtest/gtest.h>

#include "scenario/line.h"
#include "scenario/script.h"

namespace ym::scenario {
namespace {

const std::string opening =
    "settings:\n"
    "  queues: {orders: {durable: false}}\n"
    "---\n"
    "producer p\n";

TEST(Script, GoldenLinesAreWhatTheBrokerSaid) {
    EXPECT_EQ(play(opening + "publish p orders \"one\"\n"), opening + "publish p orders \"one\"\n> p: confirmed 1\n");
}

TEST(Script, AWrongGoldenLineIsSeen) {
    const std::string wrong = opening + "publish p orders \"one\"\n> p: confirmed 2\n";
    const std::string right = play(wrong);
    EXPECT_NE(right, wrong);
    EXPECT_NE(difference(wrong, right).find("- > p: confirmed 2\n+ > p: confirmed 1\n"), std::string::npos);
}

TEST(Script, WhatIsNotUnderstoodIsAnErrorWithItsLine) {
    for (const std::string line : {"dance p", "publish p", "publish q orders \"one\"", "publish p orders \"one",
                                   "advance 5", "credit p many", "publish p orders \"one\" sequence", "bye p now"}) {
        try {
            (void)play(opening + line + "\n");
            ADD_FAILURE() << line << " was understood";
        } catch (const ScriptError& error) {
            EXPECT_TRUE(std::string(error.what()).starts_with("line 5: ")) << error.what();
        }
    }
}

TEST(Script, SettingsThatDoNotWorkAreAnError) {
    EXPECT_THROW((void)play("settings:\n  queues: {orders: {leese: 3s}}\n---\n"), ScriptError);
}

}  // namespace
}  // namespace ym::scenario
