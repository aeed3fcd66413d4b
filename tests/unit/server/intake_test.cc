#include "server/intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/server/wires.h"

namespace ym::server {
namespace {

using ::testing::ElementsAre;

class IntakeTest : public ::testing::Test {
  protected:
    IntakeTest() {
        sockets_.push_back(Socket::router(context_, {}));
        (void)sockets_[0].bind(folder_.endpoint("main"));
    }

    /// The parts of each message read until `count` came, or nothing more did for 5 s.
    std::vector<std::vector<std::string>> read(Intake& intake, std::size_t count) {
        std::vector<std::vector<std::string>> messages;
        while (messages.size() < count && wait_readable(sockets_[0])) {
            intake.read(sockets_[0], 0, peers_, outbox_);
            std::vector<Event> events;
            intake.add_events(events);
            turns_.push_back(events.size());
            for (const Event& event : events) {
                messages.emplace_back();
                for (const Octets part : std::get<FrameReceived>(event).parts) {
                    messages.back().emplace_back(as_text(part));
                }
            }
            intake.clear();
        }
        return messages;
    }

    Folder folder_;
    Context context_;
    std::vector<Socket> sockets_;
    Peers peers_{100, 1};
    Outbox outbox_{sockets_, peers_, {}};
    std::vector<std::size_t> turns_;
};

TEST_F(IntakeTest, HandsOverMessagesInOrderWithTheirParts) {
    Dealer dealer(folder_.endpoint("main"), "p");
    dealer.send({"one"});
    dealer.send({"two", std::string(100, 'b')});
    dealer.send({"", "MDPC01", "echo", "body"});
    Intake intake({});
    EXPECT_THAT(read(intake, 3), ElementsAre(ElementsAre("one"), ElementsAre("two", std::string(100, 'b')),
                                             ElementsAre("", "MDPC01", "echo", "body")));
}

TEST_F(IntakeTest, TakesNoMoreThanItsBoundInOneTurn) {
    Dealer dealer(folder_.endpoint("main"), "p");
    for (int number = 0; number < 20; ++number) dealer.send({std::to_string(number)});
    Intake intake({.messages = 3});
    const auto messages = read(intake, 20);
    ASSERT_EQ(messages.size(), 20U);
    EXPECT_EQ(messages[19][0], "19");
    EXPECT_LE(*std::max_element(turns_.begin(), turns_.end()), 3U);
}

TEST_F(IntakeTest, StopsATurnAtItsBoundOfOctets) {
    Dealer dealer(folder_.endpoint("main"), "p");
    for (int number = 0; number < 20; ++number) dealer.send({std::string(1000, 'x')});
    Intake intake({.bytes = 2500});
    EXPECT_EQ(read(intake, 20).size(), 20U);
    EXPECT_LE(*std::max_element(turns_.begin(), turns_.end()), 3U);
}

TEST_F(IntakeTest, DropsThePartsBehindTheBoundAndReadsTheNextMessageWhole) {
    Dealer dealer(folder_.endpoint("main"), "p");
    dealer.send(std::vector<std::string>(1000, "part"));
    dealer.send({"next"});
    Intake intake({.parts = 5});
    const auto messages = read(intake, 2);
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_EQ(messages[0].size(), 5U);
    EXPECT_THAT(messages[1], ElementsAre("next"));
}

TEST_F(IntakeTest, HandsOverTheProbeOfAConnectionSoThatItsPeerIsForgotten) {
    // ZMQ_PROBE_ROUTER sends an empty message. A peer that nobody hears of would keep its number for ever.
    Dealer dealer(folder_.endpoint("main"), "p");
    dealer.send({""});
    dealer.send({"real"});
    Intake intake({});
    EXPECT_THAT(read(intake, 2), ElementsAre(ElementsAre(""), ElementsAre("real")));
}

TEST_F(IntakeTest, CountsAndDropsMessagesOfPeersBeyondTheBound) {
    Peers few(1, 1);
    std::swap(few, peers_);
    Dealer first(folder_.endpoint("main"), "a");
    first.send({"first"});
    Intake intake({});
    EXPECT_EQ(read(intake, 1).size(), 1U);
    Dealer second(folder_.endpoint("main"), "b");
    second.send({"second", "body"});
    ASSERT_TRUE(wait_readable(sockets_[0]));
    intake.read(sockets_[0], 0, peers_, outbox_);
    EXPECT_EQ(intake.turned_away(), 1U);
    first.send({"again"});
    EXPECT_THAT(read(intake, 1), ElementsAre(ElementsAre("again")));
}

}  // namespace
}  // namespace ym::server
