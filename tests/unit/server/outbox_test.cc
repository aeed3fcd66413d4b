#include "server/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/endpoint.h"
#include "unit/server/wires.h"

namespace ym::server {
namespace {

using ::testing::ElementsAre;

class OutboxTest : public ::testing::Test {
  protected:
    OutboxTest() { (void)sockets_[0].bind(folder_.endpoint("main")); }

    /// The number of a peer that has said something.
    PeerId meet(Dealer& dealer) {
        dealer.send({"hello"});
        Message message;
        EXPECT_TRUE(wait_readable(sockets_[0]));
        EXPECT_TRUE(sockets_[0].receive(message));
        const PeerId peer = *peers_.find_or_add(0, message.octets());
        while (message.more()) (void)sockets_[0].receive(message);
        return peer;
    }
    /// Flushes until nothing is parked, at most 5 s.
    void flush_all(Outbox& outbox) {
        for (int tries = 0; tries < 500 && !outbox.idle(); ++tries) {
            (void)sockets_[0].readable();
            outbox.flush();
            zmq_pollitem_t item{nullptr, sockets_[0].descriptor(), ZMQ_POLLIN, 0};
            zmq_poll(&item, 1, 10);
        }
    }

    Folder folder_;
    Context context_;
    std::vector<Socket> sockets_ = one_router(context_);
    Peers peers_{100, 1};

  private:
    static std::vector<Socket> one_router(Context& context) {
        std::vector<Socket> sockets;
        sockets.push_back(Socket::router(context, {.send_messages_max = 4}));
        return sockets;
    }
};

TEST_F(OutboxTest, SendsAtOnceWhatThePeerCanTake) {
    Dealer dealer(folder_.endpoint("main"), "w1");
    const PeerId peer = meet(dealer);
    Outbox outbox(sockets_, peers_, {});
    outbox.send(peer, as_octets("first"));
    outbox.send(peer, as_octets("second"));
    EXPECT_THAT(dealer.receive(), ElementsAre("first"));
    EXPECT_THAT(dealer.receive(), ElementsAre("second"));
    EXPECT_TRUE(outbox.idle());
}

TEST_F(OutboxTest, ParksWhatAFullPeerCannotTakeAndKeepsTheOrder) {
    Dealer dealer(folder_.endpoint("main"), "w1", 1);
    const PeerId peer = meet(dealer);
    Outbox outbox(sockets_, peers_, {});
    const std::string padding(20'000, 'x');
    constexpr int count = 400;
    for (int number = 0; number < count; ++number) {
        outbox.send(peer, as_octets(std::to_string(number) + " " + padding));
    }
    ASSERT_FALSE(outbox.idle());
    EXPECT_GT(outbox.parked_bytes(), 0U);
    EXPECT_TRUE(outbox.unreachable().empty());
    for (int number = 0; number < count; ++number) {
        outbox.flush();
        const std::vector<std::string> got = dealer.receive();
        ASSERT_EQ(got.size(), 1U);
        ASSERT_EQ(got[0].substr(0, got[0].find(' ')), std::to_string(number));
        (void)sockets_[0].readable();
    }
    flush_all(outbox);
    EXPECT_TRUE(outbox.idle());
    EXPECT_EQ(outbox.parked_bytes(), 0U);
}

TEST_F(OutboxTest, TellsOfAPeerBeyondTheBoundOnceAndDropsWhatItParked) {
    Dealer dealer(folder_.endpoint("main"), "w1", 1);
    const PeerId peer = meet(dealer);
    Outbox outbox(sockets_, peers_, {.peer_bytes_max = 100'000});
    const std::string padding(20'000, 'x');
    for (int number = 0; number < 500; ++number) outbox.send(peer, as_octets(padding));
    EXPECT_THAT(outbox.unreachable(), ElementsAre(peer));
    EXPECT_TRUE(outbox.idle());
    EXPECT_EQ(outbox.parked_bytes(), 0U);
}

TEST_F(OutboxTest, AmongAllParkedTheOneWithTheMostMakesRoom) {
    Dealer never(folder_.endpoint("main"), "never", 1);
    Dealer full(folder_.endpoint("main"), "full", 1);
    const PeerId never_reads = meet(never);
    const PeerId full_for_a_moment = meet(full);
    Outbox outbox(sockets_, peers_, {.peer_bytes_max = 1 << 20, .bytes_max = 1 << 20});
    const std::string kilobytes(10'000, 'x');
    const auto park = [&](PeerId peer, std::uint64_t bytes) {
        const std::uint64_t before = outbox.parked_bytes();
        while (outbox.unreachable().empty() && outbox.parked_bytes() < before + bytes)
            outbox.send(peer, as_octets(kilobytes));
    };
    park(never_reads, 1'000'000);
    park(full_for_a_moment, 100'000);
    EXPECT_THAT(outbox.unreachable(), ElementsAre(never_reads));
    EXPECT_FALSE(outbox.idle());
    EXPECT_LE(outbox.parked_bytes(), std::uint64_t{100'000});
}

TEST_F(OutboxTest, TellsOfAPeerThatIsGoneOnceAndSendsAgainWhenItIsHeard) {
    const PeerId peer = *peers_.find_or_add(0, as_octets("w1"));
    Outbox outbox(sockets_, peers_, {});
    outbox.send(peer, as_octets("lost"));
    outbox.send(peer, as_octets("lost"));
    EXPECT_THAT(outbox.unreachable(), ElementsAre(peer));
    outbox.clear_unreachable();
    Dealer dealer(folder_.endpoint("main"), "w1");
    ASSERT_EQ(meet(dealer), peer);
    outbox.heard(peer);
    outbox.send(peer, as_octets("found"));
    EXPECT_THAT(dealer.receive(), ElementsAre("found"));
    EXPECT_TRUE(outbox.unreachable().empty());
}

TEST_F(OutboxTest, AFullPeerDoesNotHoldUpAnother) {
    Dealer slow(folder_.endpoint("main"), "slow", 1);
    Dealer quick(folder_.endpoint("main"), "quick");
    const PeerId slow_peer = meet(slow);
    const PeerId quick_peer = meet(quick);
    Outbox outbox(sockets_, peers_, {});
    const std::string padding(20'000, 'x');
    for (int number = 0; number < 400; ++number) outbox.send(slow_peer, as_octets(padding));
    ASSERT_FALSE(outbox.idle());
    outbox.send(quick_peer, as_octets("at once"));
    EXPECT_THAT(quick.receive(), ElementsAre("at once"));
}

TEST_F(OutboxTest, ForgetsWhatWasParkedForAPeer) {
    Dealer dealer(folder_.endpoint("main"), "w1", 1);
    const PeerId peer = meet(dealer);
    Outbox outbox(sockets_, peers_, {});
    const std::string padding(20'000, 'x');
    for (int number = 0; number < 400; ++number) outbox.send(peer, as_octets(padding));
    ASSERT_FALSE(outbox.idle());
    outbox.forget(peer);
    EXPECT_TRUE(outbox.idle());
    EXPECT_EQ(outbox.parked_bytes(), 0U);
}

}  // namespace
}  // namespace ym::server
